// The increment server as the bridge sees it: its status, its settings, and its totals over every process of the run.
import { errnoHint } from '../wire/errno-hint.ts';
import { DRAIN_TIMEOUT_DEFAULT_MS, HEARTBEAT_STALE_MS } from '../wire/limits.ts';
import type { ServerStatus, ServerTotals } from '../wire/message.ts';
import type { Answer } from './engine-child.ts';
import type { Journal } from './journal.ts';
import { lastWords } from './last-words.ts';
import type { RunClock } from './run-clock.ts';
import { Supervisor, type Log, type StartResult } from './supervisor.ts';

export interface ServerSettings {
  entry: string;
  tcpHost: string;
  tcpPort: number;
  backlog: number;
  holdMs: number;
  drainTimeoutMs?: number;
}

const NO_TOTALS: ServerTotals = { accepted: 0, replied: 0, closedWithoutByte: 0, reset: 0, lost: 0, live: 0, held: 0 };

export class ServerKeeper {
  readonly supervisor: Supervisor;
  readonly #journal: Journal;
  readonly #tcpHost: string;
  readonly #drainTimeoutMs: number;
  #tcpPort: number;
  #backlog: number;
  #holdMs: number;
  #fd: number | null = null;
  /** Of the processes that have ended, and of the one that lives. */
  #past = NO_TOTALS;
  #present = NO_TOTALS;

  constructor(settings: ServerSettings, journal: Journal, clock: RunClock, log: Log) {
    this.#journal = journal;
    this.#tcpHost = settings.tcpHost;
    this.#tcpPort = settings.tcpPort;
    this.#backlog = settings.backlog;
    this.#holdMs = settings.holdMs;
    this.#drainTimeoutMs = settings.drainTimeoutMs ?? DRAIN_TIMEOUT_DEFAULT_MS;
    this.supervisor = new Supervisor(
      {
        process: 'increment-server',
        entry: settings.entry,
        options: () => ({
          runStartNs: String(clock.runStartNs),
          tcpHost: this.#tcpHost,
          tcpPort: this.#tcpPort,
          backlog: this.#backlog,
          holdMs: this.#holdMs,
          drainTimeoutMs: this.#drainTimeoutMs,
        }),
        onReady: (ready) => {
          // Port 0 was the kernel's choice; the next process of this run takes the same.
          this.#tcpPort = ready.port;
          this.#fd = ready.fd;
        },
        onBeat: (beat) => {
          if (beat.server !== undefined) this.#present = beat.server;
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

  get status(): ServerStatus {
    const { state, pid, failure } = this.supervisor;
    return {
      state: state === 'running' ? 'listening' : state,
      tcpHost: this.#tcpHost,
      tcpPort: this.#tcpPort,
      pid,
      fd: pid === null ? null : this.#fd,
      holdMs: this.#holdMs,
      backlog: this.#backlog,
      failure: failure === null ? null : { ...failure, message: errnoHint(failure.errno, failure.call) },
    };
  }

  /** Over all processes of the run: accepted = replied + closedWithoutByte + reset + lost + live. */
  get totals(): ServerTotals {
    return sum(this.#past, this.#present);
  }

  /** Where our own clients find it, listening or not. */
  get address(): { ip: string; port: number } {
    return { ip: this.#tcpHost === '0.0.0.0' ? '127.0.0.1' : this.#tcpHost, port: this.#tcpPort };
  }

  /** It listens, and its loop has said so within HEARTBEAT_STALE_MS. */
  get healthy(): boolean {
    const ageMs = this.supervisor.heartbeatAgeMs;
    return this.supervisor.state === 'running' && ageMs !== null && ageMs < HEARTBEAT_STALE_MS;
  }

  get holdMs(): number {
    return this.#holdMs;
  }

  start(): Promise<StartResult> {
    return this.supervisor.start();
  }

  /** The orderly stop, bounded by the drain timeout. */
  stop(): Promise<void> {
    return this.supervisor.stop(this.#drainTimeoutMs);
  }

  /** The orderly stop too, but resolves as soon as nobody can connect any more. */
  stopListening(): Promise<void> {
    return this.supervisor.beginStop(this.#drainTimeoutMs);
  }

  /** The hold of bytes read from now on; where no process lives, of the next one. */
  async setHold(holdMs: number): Promise<void> {
    if (this.#takesOrders) await this.supervisor.order({ type: 'set-hold', holdMs });
    this.#holdMs = holdMs;
  }

  /** The backlog; where no process lives, of the next one. The failure of listen(2), where it failed. */
  async setBacklog(backlog: number): Promise<Answer['failure']> {
    if (this.#takesOrders) {
      const answer = await this.supervisor.order({ type: 'set-backlog', backlog });
      if (answer.failure !== undefined) return answer.failure;
    }
    this.#backlog = backlog;
    return undefined;
  }

  /** Stops accepting for `pauseMs`; false where nothing listens. */
  async pauseAccept(pauseMs: number): Promise<boolean> {
    if (!this.#takesOrders) return false;
    await this.supervisor.order({ type: 'pause-accept', pauseMs });
    return true;
  }

  get #takesOrders(): boolean {
    return this.supervisor.pid !== null && this.supervisor.state !== 'stopping';
  }

  /**
   * A process ended. After an orderly stop its last beat left nobody live. Else its totals are as old as that beat (≤ 250 ms),
   * so the events it told of after it complete them: what it accepted, what it replied. Whoever is left is lost; one whose
   * connection ended without a reply in those 250 ms counts as lost too, because nobody knows better.
   */
  #settle(beatSeq: number): void {
    const last = this.#present;
    const since = lastWords(this.#journal.read(beatSeq, this.#journal.capacity), 'increment-server');
    const open = last.live + since.accepted;
    const replied = Math.min(open, since.replied);
    this.#past = sum(this.#past, {
      ...last,
      accepted: last.accepted + since.accepted,
      replied: last.replied + replied,
      lost: last.lost + open - replied,
      live: 0,
      held: 0,
    });
    this.#present = NO_TOTALS;
    this.#fd = null;
  }
}

function sum(a: ServerTotals, b: ServerTotals): ServerTotals {
  return {
    accepted: a.accepted + b.accepted,
    replied: a.replied + b.replied,
    closedWithoutByte: a.closedWithoutByte + b.closedWithoutByte,
    reset: a.reset + b.reset,
    lost: a.lost + b.lost,
    live: a.live + b.live,
    held: a.held + b.held,
  };
}
