// One engine's life over all its processes: started, watched by its heartbeat, started again after a crash, stopped in order; each change told in the journal.
import type { ClientOptions, ServerOptions, TapOptions } from '../wire/engine-message.ts';
import { ENGINE_START_TIMEOUT_MS, HEARTBEAT_DEAD_MS, HEARTBEAT_INTERVAL_MS, HEARTBEAT_STALE_MS } from '../wire/limits.ts';
import type { Status } from '../wire/message.ts';
import { OUR_PROCESSES, type OurProcess } from '../wire/vocabulary.ts';
import { EngineChild, EngineUnavailable, type Answer, type Beat, type EngineExit, type Order, type Ready, type StartFailure } from './engine-child.ts';
import type { Journal } from './journal.ts';
import { droppedRecord, processRecord, type ProcessChange } from './own-record.ts';
import { RestartPolicy } from './restart-policy.ts';
import type { RunClock } from './run-clock.ts';

export type EngineState = 'stopped' | 'starting' | 'running' | 'unresponsive' | 'failed' | 'stopping' | 'crashed' | 'gave-up';

/** What came of a start: ready, a call that failed, or a process that ended before it could say. */
export type StartResult = { ok: true } | { ok: false; failure: StartFailure | null };

/** What a supervisor needs to know of its engine. */
export interface EngineKind {
  process: OurProcess;
  entry: string;
  /** The options of the next process. */
  options(): ServerOptions | ClientOptions | TapOptions;
  onReady(ready: Ready): void;
  onBeat(beat: Beat): void;
  /** The process ended; `beatSeq` is the last event it had told of when it last beat. */
  onEnded(beatSeq: number): void;
}

/** A line for the log of the operator. */
export type Log = (level: 'info' | 'warn' | 'error', message: string) => void;

export class Supervisor {
  readonly #kind: EngineKind;
  readonly #journal: Journal;
  readonly #clock: RunClock;
  readonly #log: Log;
  readonly #policy = new RestartPolicy();
  #state: EngineState = 'stopped';
  #child: EngineChild | null = null;
  #pid = 0;
  #failure: StartFailure | null = null;
  #restarts = 0;
  #dropped = 0;
  #spawnedMs = 0;
  #beatMs: number | null = null;
  #beatSeq = 0;
  #watchedMs = 0;
  #watch: NodeJS.Timeout | undefined;
  #restart: NodeJS.Timeout | undefined;
  #starting: { promise: Promise<StartResult>; resolve(result: StartResult): void } | null = null;

  constructor(kind: EngineKind, journal: Journal, clock: RunClock, log: Log) {
    this.#kind = kind;
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
  }

  get state(): EngineState {
    return this.#state;
  }

  /** The process that lives now; null where none does. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** The call of the last start that failed. */
  get failure(): StartFailure | null {
    return this.#failure;
  }

  /** Events that its processes dropped because we read too slowly. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Milliseconds since its loop last said that it turns; null before the first beat. */
  get heartbeatAgeMs(): number | null {
    return this.#child === null || this.#beatMs === null ? null : Math.max(0, Math.round(performance.now() - this.#beatMs));
  }

  get status(): Status['processes'][number] {
    return { name: this.#kind.process, pid: this.pid, heartbeatAgeMs: this.heartbeatAgeMs, restarts: this.#restarts, dropped: this.#dropped };
  }

  /** Starts a process unless one lives; resolves when it is ready, or it is clear that it will not be. */
  start(): Promise<StartResult> {
    if (this.#starting !== null) return this.#starting.promise;
    if (this.#child !== null) return Promise.resolve({ ok: true });
    if (this.#state !== 'crashed') this.#policy.forget();
    return this.#spawn();
  }

  /** Ends the process in order, or killed after `drainTimeoutMs` and a grace; no restart follows. Resolves when it is gone. */
  async stop(drainTimeoutMs: number): Promise<void> {
    clearTimeout(this.#restart);
    if (this.#child === null) {
      if (this.#state !== 'failed') this.#state = 'stopped';
      return;
    }
    this.#state = 'stopping';
    await this.#child.stop(drainTimeoutMs);
  }

  /** `stop`, but resolves as soon as it has begun: a server listens no more, and answers those it has. */
  async beginStop(drainTimeoutMs: number): Promise<void> {
    const child = this.#child;
    void this.stop(drainTimeoutMs);
    await child?.stopBegun();
  }

  /** Ends the process at once; no restart follows. */
  async kill(): Promise<void> {
    clearTimeout(this.#restart);
    const child = this.#child;
    this.#state = child === null ? 'stopped' : 'stopping';
    child?.kill();
    await child?.exited;
  }

  /** Gives an order to the living process; rejects with EngineUnavailable where none lives or answers. */
  order(order: Order): Promise<Answer> {
    return this.#child === null ? Promise.reject(new EngineUnavailable(`no ${this.#kind.process} process is running`)) : this.#child.order(order);
  }

  #spawn(): Promise<StartResult> {
    // Somebody may be quicker than the restart that was planned.
    clearTimeout(this.#restart);
    let settle: (result: StartResult) => void = () => undefined;
    const promise = new Promise<StartResult>((resolve) => {
      settle = resolve;
    });
    this.#starting = { promise, resolve: settle };
    this.#state = 'starting';
    this.#failure = null;
    this.#beatMs = null;
    this.#beatSeq = this.#journal.lastSeq;
    this.#spawnedMs = performance.now();
    this.#watchedMs = this.#spawnedMs;
    this.#child = new EngineChild(this.#kind.process, this.#kind.entry, this.#kind.options(), {
      onRecords: (records, droppedBefore) => {
        this.#take(records, droppedBefore);
      },
      onReady: (ready) => {
        this.#ready(ready);
      },
      onFailed: (failure) => {
        this.#failure = failure;
      },
      onBeat: (beat) => {
        this.#beat(beat);
      },
      onExit: (exit) => {
        this.#ended(exit);
      },
    });
    this.#pid = this.#child.pid ?? 0;
    if (this.#pid !== 0) this.#tell({ change: 'started' });
    this.#watch = setInterval(() => {
      this.#look();
    }, HEARTBEAT_INTERVAL_MS);
    return promise;
  }

  #take(records: Uint8Array, droppedBefore: number): void {
    if (droppedBefore > 0) {
      this.#dropped += droppedBefore;
      // The time of the event behind the hole: the trace does not run backwards.
      const atNs = records.length === 0 ? this.#clock.nowNs() : new DataView(records.buffer, records.byteOffset).getFloat64(0, true);
      this.#journal.append(droppedRecord(this.#kind.process, this.#pid, droppedBefore, atNs));
    }
    this.#journal.append(records);
  }

  #ready(ready: Ready): void {
    if (this.#state === 'starting') this.#state = 'running';
    this.#kind.onReady(ready);
    this.#tell({ change: 'ready' });
    this.#settleStart({ ok: true });
  }

  #beat(beat: Beat): void {
    this.#beatMs = performance.now();
    this.#beatSeq = this.#journal.lastSeq;
    if (this.#state === 'unresponsive') {
      this.#state = 'running';
      this.#tell({ change: 'responsive' });
    }
    this.#kind.onBeat(beat);
  }

  /** Judges the heartbeat. Where we ourselves were stopped or busy, the beats still wait in the pipe: hear them first. */
  #look(): void {
    const nowMs = performance.now();
    const sleptMs = nowMs - this.#watchedMs - HEARTBEAT_INTERVAL_MS;
    this.#watchedMs = nowMs;
    if (sleptMs > HEARTBEAT_INTERVAL_MS) {
      this.#spawnedMs += sleptMs;
      if (this.#beatMs !== null) this.#beatMs += sleptMs;
      return;
    }
    const silentMs = nowMs - (this.#beatMs ?? this.#spawnedMs);
    if (this.#state === 'starting' && silentMs > ENGINE_START_TIMEOUT_MS) this.#child?.kill(`not ready after ${ENGINE_START_TIMEOUT_MS} ms`);
    if (this.#state === 'running' && silentMs > HEARTBEAT_STALE_MS) {
      this.#state = 'unresponsive';
      this.#tell({ change: 'unresponsive' });
    }
    if (this.#state === 'unresponsive' && silentMs > HEARTBEAT_DEAD_MS) this.#child?.kill(`no heartbeat for ${HEARTBEAT_DEAD_MS} ms`);
  }

  #ended(exit: EngineExit): void {
    clearInterval(this.#watch);
    this.#child = null;
    const exited = { change: 'exited', exitCode: exit.code, signal: exit.signal } as const;
    const expected = this.#state === 'stopping';
    const delayMs = expected || this.#failure !== null ? null : this.#policy.crashed(performance.now());
    this.#state = expected ? 'stopped' : this.#failure !== null ? 'failed' : delayMs === null ? 'gave-up' : 'crashed';
    this.#journal.processEnded(OUR_PROCESSES.indexOf(this.#kind.process));
    this.#kind.onEnded(this.#beatSeq);
    this.#tell(delayMs === null ? exited : { ...exited, restartMs: delayMs });
    if (this.#state === 'gave-up') this.#tell({ change: 'gave-up' });
    const why = exit.problem ?? exit.signal ?? `exit code ${exit.code}`;
    if (!expected)
      this.#log('error', `the ${this.#kind.process} process ${this.#pid} ended: ${why}${delayMs === null ? '' : `; starting it again in ${delayMs} ms`}`);
    if (delayMs !== null) {
      this.#restart = setTimeout(() => {
        this.#restarts += 1;
        void this.#spawn();
      }, delayMs);
    }
    this.#settleStart({ ok: false, failure: this.#failure });
  }

  #settleStart(result: StartResult): void {
    this.#starting?.resolve(result);
    this.#starting = null;
  }

  #tell(change: Omit<ProcessChange, 'process' | 'pid'>): void {
    this.#journal.append(processRecord({ ...change, process: this.#kind.process, pid: this.#pid }, this.#clock.nowNs()));
  }
}
