// A copy of some of the journal's records, taken in one moment, to be worded at leisure while the journal goes on.
import { setImmediate as loopTurns } from 'node:timers/promises';
import type { TraceEvent } from '../wire/event.ts';
import { RECORD_BYTES, WORDING_SLICE_EVENTS } from '../wire/limits.ts';
import { recordFrame } from '../wire/record-frame.ts';
import { RecordBatch } from '../wire/record.ts';

export class Excerpt {
  readonly count: number;
  readonly #records: RecordBatch;
  readonly #seqs: Float64Array;

  constructor(count: number) {
    this.count = count;
    this.#records = new RecordBatch(count);
    this.#seqs = new Float64Array(count);
  }

  put(index: number, seq: number, record: Uint8Array): void {
    this.#seqs[index] = seq;
    this.#records.bytes.set(record, index * RECORD_BYTES);
  }

  seq(index: number): number {
    return this.#seqs[index] ?? 0;
  }

  /** One word of a record, by its place in record.ts, for those who only count. */
  word(index: number, field: number): number {
    return this.#records.word(index, field);
  }

  event(index: number): TraceEvent {
    return this.#records.event(index, this.seq(index));
  }

  /** All of them, worded at once: for tests and short excerpts. */
  events(): TraceEvent[] {
    return Array.from({ length: this.count }, (_, index) => this.event(index));
  }

  /** All of them as frames of the type 'snapshot-part', of at most WORDING_SLICE_EVENTS records each. */
  frames(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let from = 0; from < this.count; from += WORDING_SLICE_EVENTS) {
      const to = Math.min(this.count, from + WORDING_SLICE_EVENTS);
      const { frame, seqs } = recordFrame('snapshot-part', to - from);
      frame.set(this.#records.bytes.subarray(from * RECORD_BYTES, to * RECORD_BYTES));
      seqs.set(this.#seqs.subarray(from, to));
      frames.push(frame);
    }
    return frames;
  }

  /** The events in slices; between two of them the loop turns, so that a long answer holds up nobody. */
  async *slices(): AsyncGenerator<TraceEvent[]> {
    for (let from = 0; from < this.count; from += WORDING_SLICE_EVENTS) {
      if (from > 0) await loopTurns();
      const slice: TraceEvent[] = [];
      for (let index = from; index < Math.min(this.count, from + WORDING_SLICE_EVENTS); index += 1) slice.push(this.event(index));
      yield slice;
    }
  }
}
