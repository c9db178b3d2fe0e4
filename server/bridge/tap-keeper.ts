// The kernel tap as the bridge sees it: told what to watch, asked for the socket table; serving never waits for it.
import type { TapTotals } from '../wire/engine-message.ts';
import type { EvidenceRung, SamplerStatus, SocketsAnswer } from '../wire/message.ts';
import { SOCKET_ROWS_PER_ANSWER, SOCKETS_ANSWER_TIMEOUT_MS, WATCH_UPDATE_MS } from '../wire/tap-limits.ts';
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
const NOT_YET = 'the kernel-tap process has not said yet what it sees';
const BY_TAP = ['sock_diag', 'procfs', 'tracefs'] as const;
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
    const missing = this.#absence();
    if (this.totals !== null) return [...ALWAYS, ...this.totals.evidence];
    return [...ALWAYS, ...BY_TAP.map((evidence) => ({ evidence, available: false, missing: missing ?? NOT_YET }))];
  }

  /** Why no tap can be asked now; null where one runs. */
  #absence(): string | null {
    switch (this.supervisor?.state) {
      case 'running':
        return null;
      case 'starting':
        return NOT_YET;
      case 'unresponsive':
        return 'the kernel-tap process does not respond';
      case 'gave-up':
        return 'the kernel-tap process ended again and again, and is not started any more';
      case 'crashed':
        return 'the kernel-tap process has ended, and is being started again';
      default:
        return ABSENT;
    }
  }

  get sampler(): SamplerStatus {
    return this.totals?.sampler ?? { intervalMs: null, rows: 0, slowed: false };
  }

  /** The last that was heard; null where no tap runs, or none that answers. */
  get totals(): TapTotals | null {
    return this.#absence() === null ? this.#totals : null;
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
    // One that does not respond is not waited for.
    if (this.supervisor?.state !== 'running') throw new EngineUnavailable(this.#absence() ?? ABSENT);
    const parts: SocketsAnswer[] = [];
    for (let offset = 0, total = 1; offset < Math.min(limit, total); offset += SOCKET_ROWS_PER_ANSWER) {
      const { sockets } = await this.#soon(this.supervisor.order({ type: 'sockets', offset, limit: Math.min(SOCKET_ROWS_PER_ANSWER, limit - offset) }));
      if (sockets === undefined) return null;
      parts.push(sockets);
      total = sockets.total;
    }
    const first = parts[0];
    return first === undefined ? null : { ...first, rows: parts.flatMap((part) => part.rows) };
  }

  /** An answer that comes too late is none: whoever asks for sockets wants them as they are now. */
  #soon<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new EngineUnavailable(this.#absence() ?? `the kernel-tap process did not answer within ${SOCKETS_ANSWER_TIMEOUT_MS} ms`));
      }, SOCKETS_ANSWER_TIMEOUT_MS);
      answer.then(resolve, reject).finally(() => {
        clearTimeout(timer);
      });
    });
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
