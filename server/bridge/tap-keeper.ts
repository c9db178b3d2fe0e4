// The kernel tap as the bridge sees it: told what to watch, asked for the socket table; serving never waits for it.
import type { TapTotals } from '../wire/engine-message.ts';
import type { EvidenceRung, SamplerStatus, SocketsAnswer } from '../wire/message.ts';
import { SOCKET_ROWS_PER_ANSWER, WATCH_UPDATE_MS } from '../wire/tap-limits.ts';
import type { OurProcess } from '../wire/vocabulary.ts';
import { EngineUnavailable } from './engine-child.ts';
import type { Journal } from './journal.ts';
import type { RunClock } from './run-clock.ts';
import { Supervisor, type Log } from './supervisor.ts';

/** What the tap is to watch now. */
export interface TapWatch {
  ports: number[];
  own: { name: OurProcess; pid: number }[];
  alive: boolean;
  watched: boolean;
}

const STOP_TIMEOUT_MS = 0;
const ABSENT = 'the kernel-tap process is not running';
const ALWAYS: readonly EvidenceRung[] = [
  { evidence: 'returned', available: true, missing: '' },
  { evidence: 'tcp_info', available: true, missing: '' },
];

export class TapKeeper {
  /** Null where there is no entry to run. */
  readonly supervisor: Supervisor | null;
  readonly #watch: () => TapWatch;
  #told = '';
  #timer: NodeJS.Timeout | undefined;
  #totals: TapTotals | null = null;
  #lostBefore = 0;
  /** Answers are made one after the other: each has one table for all its parts. */
  #asking: Promise<unknown> = Promise.resolve();

  constructor(entry: string | undefined, journal: Journal, clock: RunClock, log: Log, watch: () => TapWatch) {
    this.#watch = watch;
    this.supervisor =
      entry === undefined
        ? null
        : new Supervisor(
            {
              process: 'kernel-tap',
              entry,
              options: () => ({ runStartNs: String(clock.runStartNs) }),
              onReady: () => {
                this.#told = '';
                this.#update();
              },
              onBeat: (beat) => {
                this.#totals = beat.tap ?? this.#totals;
              },
              onEnded: () => {
                this.#lostBefore += this.#totals?.lost ?? 0;
                this.#totals = null;
              },
            },
            journal,
            clock,
            log,
          );
  }

  start(): void {
    if (this.supervisor === null) return;
    void this.supervisor.start();
    this.#timer ??= setInterval(() => {
      this.#update();
    }, WATCH_UPDATE_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.supervisor?.stop(STOP_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    clearInterval(this.#timer);
    await this.supervisor?.kill();
  }

  /** From what nobody needs a privilege for to what only root sees. */
  get evidence(): EvidenceRung[] {
    const seen = this.#totals?.evidence ?? (['sock_diag', 'procfs', 'tracefs'] as const).map((evidence) => ({ evidence, available: false, missing: ABSENT }));
    return [...ALWAYS, ...seen];
  }

  get sampler(): SamplerStatus {
    return this.#totals?.sampler ?? { intervalMs: null, rows: 0, slowed: false };
  }

  /** The last that was heard; null where no tap runs. */
  get totals(): TapTotals | null {
    return this.#totals;
  }

  /** Records the kernel overwrote before they were read, over all processes of the run. */
  get lost(): number {
    return this.#lostBefore + (this.#totals?.lost ?? 0);
  }

  /** The kernel's socket table, read afresh, at most `limit` rows. Rejects with EngineUnavailable; null where the kernel gave none. */
  sockets(limit: number): Promise<SocketsAnswer | null> {
    const answer = this.#asking.then(() => this.#ask(limit));
    this.#asking = answer.catch(() => undefined);
    return answer;
  }

  async #ask(limit: number): Promise<SocketsAnswer | null> {
    if (this.supervisor === null) throw new EngineUnavailable(ABSENT);
    const parts: SocketsAnswer[] = [];
    for (let offset = 0, total = 1; offset < Math.min(limit, total); offset += SOCKET_ROWS_PER_ANSWER) {
      const { sockets } = await this.supervisor.order({ type: 'sockets', offset, limit: Math.min(SOCKET_ROWS_PER_ANSWER, limit - offset) });
      if (sockets === undefined) return null;
      parts.push(sockets);
      total = sockets.total;
    }
    const first = parts[0];
    return first === undefined ? null : { ...first, rows: parts.flatMap((part) => part.rows) };
  }

  /** Tells the tap what to watch, where that has changed. */
  #update(): void {
    if (this.supervisor?.state !== 'running') return;
    const watch = this.#watch();
    const text = JSON.stringify(watch);
    if (text === this.#told) return;
    this.#told = text;
    // Its end tells more than an order that was not answered.
    this.supervisor.order({ type: 'watch', ...watch }).catch(() => undefined);
  }
}
