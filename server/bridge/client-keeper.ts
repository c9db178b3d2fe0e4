// Our own TCP clients as the bridge sees them: numbered over the whole run, counted over every process, never more alive than the bound.
import { CLIENT_PATIENCE_MS, FIRST_BYTE_TIMEOUT_MS, LIVE_CLIENTS_MAX } from '../wire/limits.ts';
import type { ClientTotals } from '../wire/message.ts';
import { clientIdText } from '../wire/record-event.ts';
import type { ClientPlan, EndWay } from '../wire/vocabulary.ts';
import { EngineUnavailable } from './engine-child.ts';
import type { Journal } from './journal.ts';
import { lastWords } from './last-words.ts';
import type { RunClock } from './run-clock.ts';
import { Supervisor, type Log } from './supervisor.ts';

/** What clients are to do; `ip` dotted, `holdMs` the hold they may expect. */
export interface Spawn {
  count: number;
  byte: number;
  ip: string;
  port: number;
  plan: ClientPlan;
  afterMs: number;
  holdMs: number;
}

const NO_TOTALS: ClientTotals = { started: 0, replied: 0, failed: 0, ended: 0, live: 0 };
const STOP_TIMEOUT_MS = 0;

export class ClientKeeper {
  readonly supervisor: Supervisor;
  readonly #journal: Journal;
  #past = NO_TOTALS;
  #present = NO_TOTALS;
  #lastClient = 0;
  /** Ordered of the process that lives now, which is the `#generation`th. */
  #ordered = 0;
  #generation = 0;

  constructor(entry: string, journal: Journal, clock: RunClock, log: Log) {
    this.#journal = journal;
    this.supervisor = new Supervisor(
      {
        process: 'tcp-client',
        entry,
        options: () => ({ runStartNs: String(clock.runStartNs) }),
        onReady: () => undefined,
        onBeat: (beat) => {
          if (beat.clients !== undefined) this.#present = beat.clients;
        },
        onEnded: (beatSeq) => {
          this.#settle(beatSeq);
        },
      },
      journal,
      clock,
      log,
    );
  }

  /** Over all processes of the run: started = replied + failed + ended + live. */
  get totals(): ClientTotals {
    return sum(this.#past, this.#present);
  }

  /** How many more may be alive: those ordered count as alive until a heartbeat says that they are done. */
  get room(): number {
    const done = this.#present.replied + this.#present.failed + this.#present.ended;
    return LIVE_CLIENTS_MAX - (this.#ordered - done);
  }

  /** Starts clients, and their process first where none lives; gives their ids. Rejects with EngineUnavailable. */
  async spawn(spawn: Spawn): Promise<string[]> {
    const { count, byte, ip, port, plan, afterMs, holdMs } = spawn;
    // Reserved before the first await, so that two commands at once cannot both take the last places.
    this.#ordered += count;
    const firstClient = this.#lastClient + 1;
    this.#lastClient += count;
    const generation = this.#generation;
    const patienceMs = plan === 'silent' ? FIRST_BYTE_TIMEOUT_MS : holdMs;
    try {
      const started = await this.supervisor.start();
      if (!started.ok) throw new EngineUnavailable('the tcp-client process could not be started');
      await this.supervisor.order({ type: 'spawn', firstClient, count, byte, ip, port, plan, afterMs, timeoutMs: patienceMs + CLIENT_PATIENCE_MS });
    } catch (error) {
      if (generation === this.#generation) this.#ordered -= count;
      throw error;
    }
    return Array.from({ length: count }, (_, index) => clientIdText(firstClient + index));
  }

  /** Ends a living client; false where no such client lives. Rejects with EngineUnavailable. */
  async end(clientId: string, how: EndWay): Promise<boolean> {
    const digits = /^c([1-9]\d{0,14})$/.exec(clientId)?.[1];
    if (digits === undefined || Number(digits) > this.#lastClient) return false;
    const answer = await this.supervisor.order({ type: 'end-client', client: Number(digits), how });
    return answer.unknownClient !== true;
  }

  /** Ends all clients and their process. */
  stop(): Promise<void> {
    return this.supervisor.stop(STOP_TIMEOUT_MS);
  }

  /** As with the server's: the last beat, completed by the events told since; whoever was still alive has failed. */
  #settle(beatSeq: number): void {
    const last = this.#present;
    const since = lastWords(this.#journal.read(beatSeq, this.#journal.capacity), 'tcp-client');
    const open = last.live + since.clientsStarted;
    const replied = Math.min(open, since.clientsReplied);
    const ended = Math.min(open - replied, since.clientsEnded);
    this.#past = sum(this.#past, {
      started: last.started + since.clientsStarted,
      replied: last.replied + replied,
      ended: last.ended + ended,
      failed: last.failed + open - replied - ended,
      live: 0,
    });
    this.#present = NO_TOTALS;
    this.#ordered = 0;
    this.#generation += 1;
  }
}

function sum(a: ClientTotals, b: ClientTotals): ClientTotals {
  return { started: a.started + b.started, replied: a.replied + b.replied, failed: a.failed + b.failed, ended: a.ended + b.ended, live: a.live + b.live };
}
