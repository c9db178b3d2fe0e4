// The run over time, for the charts: counted as events come, in bins of a fixed width; bounded, whatever comes.
import type { TraceEvent } from '#wire/event.ts';
import { PAGE_SERIES_BINS, PAGE_SERIES_BIN_MS } from '#wire/limits.ts';
import { ByProcess } from './by-process.ts';
import { NumberRows } from './number-rows.ts';

const BIN_NS = PAGE_SERIES_BIN_MS * 1e6;

/** One stretch of time. */
export interface Bin {
  /** Which one: its beginning in bin widths since the run began. */
  at: number;
  /** Replies the server wrote. */
  replied: number;
  /** Connections accepted and not closed: at the end of the bin, and the most in it. */
  live: number;
  liveMost: number;
  /** Longest accept queue seen in it, and the last; null where nobody looked. */
  queueMost: number | null;
  queueLast: number | null;
  /** How late the replies were after their holds, in nanoseconds: the sum, the count and the worst. */
  lateNs: number;
  lateCount: number;
  lateMostNs: number;
}

/** One point of each chart. */
export interface SeriesPoint {
  /** Beginning of the stretch, in seconds since the run began. */
  atS: number;
  exchangesPerS: number;
  live: number;
  queue: number | null;
  /** Milliseconds; null where no hold ended. */
  lateMeanMs: number | null;
  lateMostMs: number | null;
}

export class Series {
  /** Ascending, only those in which something happened. */
  readonly bins: Bin[] = [];
  /** Grows with each change. */
  revision = 0;
  #live = 0;
  #lastSeq = 0;
  /** By process and socket: those accepted and not closed, each with its row of the moment when its hold is over (null: not held). */
  #open = new ByProcess<number>();
  #dues = new NumberRows(1);

  clear(): void {
    this.bins.length = 0;
    this.#forgetOpen();
    this.#lastSeq = 0;
    this.revision += 1;
  }

  /** Takes events in the order of their numbers. */
  apply(events: readonly TraceEvent[]): void {
    for (const event of events) this.#applyOne(event, true);
    this.revision += 1;
  }

  /** Goes on from a snapshot: what it tells of the past was counted, or is lost; who is open now is known from it. */
  resume(seq: number, events: Iterable<TraceEvent>): void {
    const known = this.#lastSeq;
    this.#forgetOpen();
    for (const event of events) this.#applyOne(event, event.seq > known);
    this.#lastSeq = seq;
    this.revision += 1;
  }

  #applyOne(event: TraceEvent, counted: boolean): void {
    this.#lastSeq = event.seq;
    if (event.kind === 'accept-queue') {
      if (!counted) return;
      const bin = this.#bin(event.atNs);
      bin.queueMost = Math.max(bin.queueMost ?? 0, event.length);
      bin.queueLast = event.length;
    } else if (event.kind === 'process') {
      if (event.change === 'exited' && event.process === 'increment-server') this.#exited(event.pid, event.atNs);
    } else if (event.process === 'increment-server' && event.pid !== undefined && 'socket' in event) {
      if (event.kind === 'hold') {
        const row = this.#open.get(event.pid, event.socket);
        if (row !== null) this.#dues.set(row, 0, event.atNs + event.holdMs * 1e6);
      } else if (event.kind === 'call') this.#call(event, event.socket, counted);
    }
  }

  #call(event: TraceEvent & { kind: 'call' }, socket: number, counted: boolean): void {
    const { pid } = event;
    if (event.call === 'accept4' && event.returned >= 0) {
      this.#open.set(pid, socket, this.#dues.take());
      this.#setLive(this.#live + 1, event.atNs, counted);
    } else if (event.call === 'close') {
      const row = this.#open.get(pid, socket);
      if (row === null) return;
      this.#open.delete(pid, socket);
      this.#dues.free(row);
      this.#setLive(this.#live - 1, event.atNs, counted);
    } else if (event.call === 'write' && event.returned === 1 && counted) {
      const bin = this.#bin(event.atNs);
      bin.replied += 1;
      const row = this.#open.get(pid, socket);
      const dueNs = row === null ? null : this.#dues.get(row, 0);
      if (dueNs === null) return;
      const lateNs = event.atNs - dueNs;
      bin.lateNs += lateNs;
      bin.lateCount += 1;
      bin.lateMostNs = Math.max(bin.lateMostNs, lateNs);
    }
  }

  #exited(pid: number, atNs: number): void {
    const ended = this.#open.deleteAll(pid);
    for (const row of ended) this.#dues.free(row);
    this.#setLive(this.#live - ended.length, atNs, true);
  }

  #forgetOpen(): void {
    this.#open = new ByProcess();
    this.#dues = new NumberRows(1);
    this.#live = 0;
  }

  #setLive(live: number, atNs: number, counted: boolean): void {
    this.#live = live;
    if (!counted) return;
    const bin = this.#bin(atNs);
    bin.live = live;
    bin.liveMost = Math.max(bin.liveMost, live);
  }

  /** The bin of a moment; events of several processes come nearly in order, so it is one of the last few. */
  #bin(atNs: number): Bin {
    const { bins } = this;
    const at = Math.floor(atNs / BIN_NS);
    let place = bins.length;
    while (place > 0 && (bins[place - 1]?.at ?? 0) > at) place -= 1;
    const known = bins[place - 1];
    if (known?.at === at) return known;
    const live = known?.live ?? this.#live;
    const bin: Bin = { at, replied: 0, live, liveMost: live, queueMost: null, queueLast: null, lateNs: 0, lateCount: 0, lateMostNs: 0 };
    bins.splice(place, 0, bin);
    if (bins.length > PAGE_SERIES_BINS) bins.shift();
    return bin;
  }
}

/** The points of `fromS` … `toS` (seconds since the run began, whole), one for each `stepS`; where nothing happened, what was goes on. */
export function points(bins: readonly Bin[], fromS: number, toS: number, stepS = 1): SeriesPoint[] {
  const perStep = (stepS * 1e9) / BIN_NS;
  const found: SeriesPoint[] = [];
  let place = 0;
  let live = 0;
  let queue: number | null = null;
  const skipTo = Math.floor(fromS / stepS) * perStep;
  for (let bin = bins[place]; bin !== undefined && bin.at < skipTo; bin = bins[place]) {
    live = bin.live;
    queue = bin.queueLast ?? queue;
    place += 1;
  }
  for (let atS = Math.floor(fromS / stepS) * stepS; atS <= toS; atS += stepS) {
    const before = (atS / stepS + 1) * perStep;
    let replied = 0;
    let most = live;
    let lateNs = 0;
    let lateCount = 0;
    let lateMostNs = 0;
    let queueMost: number | null = queue;
    for (let bin = bins[place]; bin !== undefined && bin.at < before; bin = bins[place]) {
      replied += bin.replied;
      most = Math.max(most, bin.liveMost);
      live = bin.live;
      if (bin.queueMost !== null) queueMost = Math.max(queueMost ?? 0, bin.queueMost);
      queue = bin.queueLast ?? queue;
      lateNs += bin.lateNs;
      lateCount += bin.lateCount;
      lateMostNs = Math.max(lateMostNs, bin.lateMostNs);
      place += 1;
    }
    found.push({
      atS,
      exchangesPerS: replied / stepS,
      live: most,
      queue: queueMost,
      lateMeanMs: lateCount === 0 ? null : lateNs / lateCount / 1e6,
      lateMostMs: lateCount === 0 ? null : lateMostNs / 1e6,
    });
  }
  return found;
}
