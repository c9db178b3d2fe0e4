// The parent side of one engine process: spawns it, hears its frames, gives it orders, and is sure that it ends.
import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { Compile } from 'typebox/compile';
import {
  EngineReport,
  type ClientOptions,
  type ClientOrder,
  type ServerOptions,
  type ServerOrder,
  type TapOptions,
  type TapOrder,
} from '../wire/engine-message.ts';
import { FrameReader, jsonFrame, type Frame } from '../wire/frame.ts';
import { ENGINE_STOP_GRACE_MS, ORDER_TIMEOUT_MS, ORDERS_PENDING_MAX } from '../wire/limits.ts';
import type { OurProcess } from '../wire/vocabulary.ts';
import { recordsProblem } from './record-check.ts';

/** An engine's heap is small: collecting it alone costs less than waking threads for it, which would take a processor from those being served. */
const ENGINE_FLAGS = ['--single-threaded-gc'];

/** Descriptors of the child: see server/engine/engine-process.ts, its other side. */
const ORDERS_FD = 3;
const REPORTS_FD = 4;

const engineReport = Compile(EngineReport);

type ReportOf<T extends EngineReport['type']> = Extract<EngineReport, { type: T }>;
export type Ready = ReportOf<'ready'>;
export type Beat = ReportOf<'beat'>;
export type Answer = ReportOf<'answer'>;
export type StartFailure = ReportOf<'failed'>['failure'];

// Omit<> on a union would keep only what its members share.
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type Order = WithoutId<ServerOrder | ClientOrder | TapOrder>;

/** How a process ended; `problem` says why where it could not start, or was ended for talking nonsense. */
export interface EngineExit {
  code: number | null;
  signal: string | null;
  problem: string | null;
}

/** Whoever owns the child hears of it in this order: records and reports as they come, one exit at the end. */
export interface EngineListener {
  /** Whole records, checked; a view that is valid until the call returns. `droppedBefore` events are missing just before them. */
  onRecords(records: Uint8Array, droppedBefore: number): void;
  onReady(ready: Ready): void;
  onFailed(failure: StartFailure): void;
  onBeat(beat: Beat): void;
  onExit(exit: EngineExit): void;
}

/** An order was not carried out, because its engine is gone or does not answer. */
export class EngineUnavailable extends Error {
  override name = 'EngineUnavailable';
}

interface PendingOrder {
  resolve(answer: Answer): void;
  reject(error: EngineUnavailable): void;
  timer: NodeJS.Timeout;
}

export class EngineChild {
  readonly process: OurProcess;
  /** Settles when the process has ended and all it said has been heard. */
  readonly exited: Promise<EngineExit>;
  readonly #child: ChildProcess;
  readonly #listener: EngineListener;
  readonly #frames = new FrameReader();
  readonly #orders = new Map<number, PendingOrder>();
  #lastOrder = 0;
  #problem: string | null = null;
  #exit: EngineExit | null = null;
  #stopTimer: NodeJS.Timeout | undefined;
  #stopTaken: Promise<unknown> = Promise.resolve();

  /** Spawns `entry` with `options` as JSON in its first argument. Never throws: what goes wrong is an exit. */
  constructor(name: OurProcess, entry: string, options: ServerOptions | ClientOptions | TapOptions, listener: EngineListener) {
    this.process = name;
    this.#listener = listener;
    this.#child = spawn(process.execPath, [...ENGINE_FLAGS, entry, JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'] });
    const reports = this.#pipe(REPORTS_FD) as Readable | null;
    // A write after the child's death says EPIPE: its exit tells more.
    this.#ordersPipe?.on('error', () => undefined);
    reports?.on('error', () => undefined);
    reports?.on('data', (chunk: Buffer) => {
      this.#hear(chunk);
    });
    this.exited = new Promise((resolve) => {
      const ended = (exit: EngineExit): void => {
        if (this.#exit !== null) return;
        this.#end(exit);
        resolve(exit);
      };
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) ended({ code: null, signal: null, problem: `cannot spawn ${name}: ${error.message}` });
      });
      // 'close', not 'exit': only then has everything on its pipes been read.
      this.#child.once('close', (code, signal) => {
        ended({ code, signal, problem: this.#problem });
      });
    });
  }

  /** Null where it could not even be spawned. */
  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  get alive(): boolean {
    return this.#exit === null;
  }

  /** Gives an order; resolves with the engine's answer, rejects with EngineUnavailable when it dies or does not answer in time. */
  order(order: Order): Promise<Answer> {
    if (this.#exit !== null) return Promise.reject(new EngineUnavailable(`the ${this.process} process has ended`));
    if (this.#orders.size >= ORDERS_PENDING_MAX)
      return Promise.reject(new EngineUnavailable(`the ${this.process} process has ${this.#orders.size} orders to answer`));
    this.#lastOrder += 1;
    const id = this.#lastOrder;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#orders.delete(id);
        reject(new EngineUnavailable(`the ${this.process} process did not answer within ${ORDER_TIMEOUT_MS} ms`));
      }, ORDER_TIMEOUT_MS);
      this.#orders.set(id, { resolve, reject, timer });
      this.#ordersPipe?.write(jsonFrame({ id, ...order }));
    });
  }

  /** The orderly stop; killed when it is not over `drainTimeoutMs` and a grace later. Resolves with the exit. */
  stop(drainTimeoutMs: number): Promise<EngineExit> {
    if (this.#exit === null && this.#stopTimer === undefined) {
      this.#stopTimer = setTimeout(() => {
        this.kill();
      }, drainTimeoutMs + ENGINE_STOP_GRACE_MS);
      this.#stopTaken = this.order({ type: 'stop' }).catch(() => undefined);
    }
    return this.exited;
  }

  /** Resolves once the process has begun its stop (a server's listener is closed by then), has ended, or did not answer in time. */
  async stopBegun(): Promise<void> {
    await this.#stopTaken;
  }

  /** Ends it at once, SIGKILL; `problem` says why, where it is the engine's own fault. */
  kill(problem: string | null = null): void {
    this.#problem ??= problem;
    if (this.#exit === null) this.#child.kill('SIGKILL');
  }

  get #ordersPipe(): Writable | null {
    return this.#pipe(ORDERS_FD) as Writable | null;
  }

  /** Null where there was no descriptor left to make pipes with: Node then leaves `stdio` undefined, whatever its type says. */
  #pipe(fd: number): ChildProcess['stdio'][number] | null {
    return (this.#child.stdio as ChildProcess['stdio'] | undefined)?.[fd] ?? null;
  }

  #hear(chunk: Uint8Array): void {
    if (this.#problem !== null) return;
    let frames: Frame[];
    try {
      frames = this.#frames.push(chunk);
    } catch (error) {
      this.kill(`malformed output: ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    for (const frame of frames) {
      const problem =
        frame.type === 'records' ? recordsProblem(frame.records, this.process) : engineReport.Check(frame.value) ? null : 'a report of no known kind';
      if (problem !== null) {
        this.kill(`malformed output: ${problem}`);
        return;
      }
      if (frame.type === 'records') this.#listener.onRecords(frame.records, frame.droppedBefore);
      else this.#report(frame.value as EngineReport);
    }
  }

  #report(report: EngineReport): void {
    switch (report.type) {
      case 'ready':
        this.#listener.onReady(report);
        break;
      case 'failed':
        this.#listener.onFailed(report.failure);
        break;
      case 'beat':
        this.#listener.onBeat(report);
        break;
      case 'answer': {
        const order = this.#orders.get(report.id);
        this.#orders.delete(report.id);
        clearTimeout(order?.timer);
        order?.resolve(report);
        break;
      }
    }
  }

  #end(exit: EngineExit): void {
    this.#exit = exit;
    clearTimeout(this.#stopTimer);
    for (const order of this.#orders.values()) {
      clearTimeout(order.timer);
      order.reject(new EngineUnavailable(`the ${this.process} process ended before it answered`));
    }
    this.#orders.clear();
    this.#ordersPipe?.destroy();
    this.#listener.onExit(exit);
  }
}
