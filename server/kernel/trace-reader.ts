// Reads the ring buffers of one tracing instance, every CPU's, without waiting, and hands on the records that somebody wants.
import { closeSync, constants, openSync, readdirSync } from 'node:fs';
import { errnoName, type Errno } from '../wire/errno.ts';
import * as sys from './syscalls.ts';
import type { TraceFormat } from './trace-format.ts';
import { readPage, type RecordHandler } from './trace-page.ts';
import type { TraceInstance } from './tracefs.ts';

/** What is done with the records of one event. */
export interface TraceKind {
  readonly format: TraceFormat;
  /** Looks at a record while it is still in its page: false leaves it out, unseen by anybody else. */
  wanted(view: DataView, at: number): boolean;
}

/** A record that was wanted, with the page it stands in. */
export interface TraceRecord {
  /** CLOCK_MONOTONIC in nanoseconds since the run began. */
  readonly atNs: number;
  readonly kind: TraceKind;
  readonly view: DataView;
  readonly at: number;
}

/** What one reading came to. */
export interface ReadEnd {
  readonly records: number;
  readonly wanted: number;
  /** Records that the kernel overwrote before they were read. */
  readonly lost: number;
  /** Pages and records that could not be understood. */
  readonly malformed: number;
  /** Up to this time every record has been handed on; Infinity where all buffers were read to their end. */
  readonly completeToNs: number;
}

export class TraceReader {
  /** One descriptor per CPU; epoll says EPOLLIN when its buffer holds something, because the instance's buffer_percent is 0. */
  readonly fds: readonly number[];
  readonly #instance: TraceInstance;
  readonly #originNs: bigint;
  /** By event number; the numbers of a kernel's events stay below a few thousand. */
  readonly #kinds: (TraceKind | undefined)[] = [];
  readonly #lastNs: number[] = [];
  #page: Uint8Array;
  #view: DataView;

  private constructor(instance: TraceInstance, fds: readonly number[], originNs: bigint) {
    this.#instance = instance;
    this.fds = fds;
    this.#originNs = originNs;
    this.#page = new Uint8Array(instance.layout.pageBytes);
    this.#view = new DataView(this.#page.buffer);
  }

  /** Opens trace_pipe_raw of every CPU; the errno where one cannot be opened. `originNs`: CLOCK_MONOTONIC when the run began. */
  static open(instance: TraceInstance, originNs: bigint): TraceReader | { readonly errno: Errno } {
    const fds: number[] = [];
    try {
      for (const cpu of readdirSync(`${instance.path}/per_cpu`))
        fds.push(openSync(`${instance.path}/per_cpu/${cpu}/trace_pipe_raw`, constants.O_RDONLY | constants.O_NONBLOCK));
    } catch (error) {
      for (const fd of fds) closeSync(fd);
      return { errno: errnoName(-((error as NodeJS.ErrnoException).errno ?? 0)) };
    }
    // Where the file is missing (before 5.0) a buffer wakes its readers at every event anyway.
    instance.write('buffer_percent', '0');
    return new TraceReader(instance, fds, originNs);
  }

  /** From now on records of this event are looked at; those of others are passed over. */
  add(kind: TraceKind): void {
    this.#kinds[kind.format.id] = kind;
  }

  /** Reads at most `pages` pages and adds the wanted records to `into`, in order of time for each CPU. */
  read(into: TraceRecord[], pages: number): ReadEnd {
    let records = 0;
    let lost = 0;
    let malformed = 0;
    let completeToNs = Infinity;
    const before = into.length;
    let cpu = 0;
    const onRecord: RecordHandler = (atNs, view, at, length) => {
      this.#lastNs[cpu] = atNs;
      // Every record of every event begins with its number, common_type.
      const kind = length < 2 ? undefined : this.#kinds[view.getUint16(at, true)];
      if (kind === undefined) return;
      if (length < kind.format.bytes) malformed += 1;
      else if (kind.wanted(view, at)) into.push({ atNs, kind, view, at });
    };
    const pagesEach = Math.max(1, Math.floor(pages / this.fds.length));
    for (; cpu < this.fds.length; cpu += 1) {
      const fd = this.fds[cpu] ?? -1;
      for (let page = 0; ; page += 1) {
        if (page === pagesEach) {
          completeToNs = Math.min(completeToNs, this.#lastNs[cpu] ?? 0);
          break;
        }
        const wantedBefore = into.length;
        // 0 or -EAGAIN: empty.
        const bytes = sys.read(fd, this.#page, this.#page.length);
        if (bytes <= 0) break;
        const end = readPage(this.#view, bytes, this.#instance.layout, this.#originNs, onRecord);
        records += end.records;
        if (end.malformed !== null) malformed += 1;
        // Where the page tells only the fact, it is one at the least.
        lost += Math.abs(end.lost);
        if (into.length > wantedBefore) {
          this.#page = new Uint8Array(this.#instance.layout.pageBytes);
          this.#view = new DataView(this.#page.buffer);
        }
      }
    }
    return { records, wanted: into.length - before, lost, malformed, completeToNs };
  }

  close(): void {
    for (const fd of this.fds) closeSync(fd);
  }
}
