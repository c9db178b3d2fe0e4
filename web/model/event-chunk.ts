// A stretch of the log: events as the bytes they came in, 104 each; as objects, hundreds of thousands would keep the page from its frames while garbage is collected.
import type { EventKind, TraceEvent } from '#wire/event.ts';
import { RECORD_BYTES } from '#wire/limits.ts';
import { RecordBatch } from '#wire/record.ts';
import { wholeNumber, type NumberedRecords } from '#wire/record-frame.ts';
import { freeBuffer } from './free-buffer.ts';

export class EventChunk {
  readonly #buffer: ArrayBuffer;
  readonly #records: RecordBatch;
  readonly #seqs: Float64Array;
  /** How many connections keep the event. */
  readonly #uses: Uint16Array;
  /** Of a chunk that holds no longer every event: the slots of those it has, ascending. */
  readonly #slots: Uint16Array | null;
  /** What came in JSON, by its index; most chunks have none. */
  #worded: TraceEvent[] | null = null;
  /** Events that somebody keeps. */
  used = 0;

  /** For `capacity` events, or for those at `slots` (ascending) only. */
  constructor(capacity: number, slots: readonly number[] | null = null) {
    // One piece of memory, so that it can be given back as one: records, then numbers, uses and slots.
    const seqsFrom = capacity * RECORD_BYTES;
    const usesFrom = seqsFrom + capacity * Float64Array.BYTES_PER_ELEMENT;
    const slotsFrom = usesFrom + capacity * Uint16Array.BYTES_PER_ELEMENT;
    // Records are looked at as numbers of eight bytes too, from the buffer's beginning to its end.
    this.#buffer = new ArrayBuffer(Math.ceil((slotsFrom + (slots?.length ?? 0) * Uint16Array.BYTES_PER_ELEMENT) / 8) * 8);
    this.#records = new RecordBatch(capacity, this.#buffer);
    this.#seqs = new Float64Array(this.#buffer, seqsFrom, capacity);
    this.#uses = new Uint16Array(this.#buffer, usesFrom, capacity);
    this.#slots = slots === null ? null : new Uint16Array(this.#buffer, slotsFrom, slots.length);
    this.#slots?.set(slots ?? []);
  }

  /** How many events it has room for. */
  get capacity(): number {
    return this.#uses.length;
  }

  /** True while it has a place for each event that came. */
  get isWhole(): boolean {
    return this.#slots === null;
  }

  /** Gives its memory back; nobody may look at it any more. */
  free(): void {
    freeBuffer(this.#buffer);
  }

  /** Empty again, to be filled from its beginning. */
  clear(): void {
    this.#uses.fill(0);
    this.#worded = null;
    this.used = 0;
  }

  /** Takes `count` records from the one at `from` on. */
  putRecords({ bytes, seqs }: NumberedRecords, from: number, count: number, slot: number): void {
    this.#records.bytes.set(bytes.subarray(from * RECORD_BYTES, (from + count) * RECORD_BYTES), slot * RECORD_BYTES);
    this.#seqs.set(seqs.subarray(from, from + count), slot);
  }

  putEvent(event: TraceEvent, slot: number): void {
    this.#worded ??= [];
    this.#worded[slot] = event;
    this.#seqs[slot] = event.seq;
  }

  event(slot: number): TraceEvent | undefined {
    const index = this.#indexOf(slot);
    if (index < 0) return undefined;
    return this.#worded?.[index] ?? this.#records.event(index, wholeNumber(this.#seqs[index] ?? 0));
  }

  seq(slot: number): number {
    return this.#seqs[this.#indexOf(slot)] ?? 0;
  }

  kind(slot: number): EventKind | undefined {
    const index = this.#indexOf(slot);
    return this.#worded?.[index]?.kind ?? this.#records.kind(index);
  }

  keep(slot: number): void {
    const index = this.#indexOf(slot);
    const uses = this.#uses[index] ?? 0;
    if (uses === 0) this.used += 1;
    this.#uses[index] = uses + 1;
  }

  release(slot: number): void {
    const index = this.#indexOf(slot);
    const uses = this.#uses[index] ?? 0;
    if (uses === 1) this.used -= 1;
    this.#uses[index] = uses - 1;
  }

  /** A chunk of those events only that somebody keeps. */
  compacted(): EventChunk {
    const indexes: number[] = [];
    this.#uses.forEach((uses, index) => {
      if (uses > 0) indexes.push(index);
    });
    const compact = new EventChunk(
      indexes.length,
      indexes.map((index) => this.#slots?.[index] ?? index),
    );
    indexes.forEach((index, next) => {
      const event = this.#worded?.[index];
      if (event === undefined) compact.#records.copyRecord(this.#records, index, next);
      else compact.putEvent(event, next);
      compact.#seqs[next] = this.#seqs[index] ?? 0;
      compact.#uses[next] = this.#uses[index] ?? 0;
    });
    compact.used = indexes.length;
    return compact;
  }

  #indexOf(slot: number): number {
    const slots = this.#slots;
    if (slots === null) return slot;
    let low = 0;
    let high = slots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((slots[middle] ?? 0) < slot) low = middle + 1;
      else high = middle;
    }
    return slots[low] === slot ? low : -1;
  }
}
