// The events a page holds: the newest, bounded, and of those before them what connections keep; honest about what it no longer holds.
import type { EventKind, TraceEvent } from '#wire/event.ts';
import { PAGE_LOG_EVENTS } from '#wire/limits.ts';
import type { NumberedRecords } from '#wire/record-frame.ts';
import { EventChunk } from './event-chunk.ts';

/** Events of one chunk, a power of two. */
const CHUNK_EVENTS = 1_024;
/** Emptied chunks that wait to be filled again: new ones all the time would call for the garbage collector all the time. */
const SPARE_CHUNKS_MAX = 4;

let made = 0;

export class EventLog {
  /** By number: a chunk's places begin at its number times CHUNK_EVENTS. */
  readonly #chunks = new Map<number, EventChunk>();
  readonly #spare: EventChunk[] = [];
  /** Chunks of which something was released since they were last looked at. */
  readonly #loosened = new Set<number>();
  /** The oldest chunk that is held whole. */
  #firstChunk = 0;
  /** Place of the oldest of the newest events. A place is counted from the log's beginning, and stays an event's own when earlier ones are thrown away. */
  first = 0;
  /** The place behind the newest. */
  end = 0;
  /** Each log has another: places of another generation mean nothing. */
  readonly generation = (made += 1);

  get length(): number {
    return this.end - this.first;
  }

  /** Takes events, of which `records` are the bytes they came in; returns the place of the first. */
  add(events: readonly TraceEvent[], records?: NumberedRecords): number {
    const place = this.end;
    for (let from = 0; from < events.length;) {
      const slot = this.end % CHUNK_EVENTS;
      const count = Math.min(events.length - from, CHUNK_EVENTS - slot);
      const chunk = slot === 0 ? this.#newChunk() : this.#chunkOf(this.end);
      if (records !== undefined) chunk?.putRecords(records, from, count, slot);
      else events.slice(from, from + count).forEach((event, i) => chunk?.putEvent(event, slot + i));
      from += count;
      this.end += count;
    }
    this.#forget();
    return place;
  }

  /** The event at a place; undefined where it is not among the newest (any more). */
  at(place: number): TraceEvent | undefined {
    return place < this.first || place >= this.end ? undefined : this.#chunkOf(place)?.event(place % CHUNK_EVENTS);
  }

  /** What kind of event stands at a place: to ask costs less than `at`. */
  kindAt(place: number): EventKind | undefined {
    return place < this.first || place >= this.end ? undefined : this.#chunkOf(place)?.kind(place % CHUNK_EVENTS);
  }

  /** The oldest first. */
  *[Symbol.iterator](): Generator<TraceEvent> {
    for (let place = this.first; place < this.end; place += 1) {
      const event = this.at(place);
      if (event !== undefined) yield event;
    }
  }

  /** The place of the event with number `seq`, or of the first after it; numbers ascend, but need not be dense. */
  placeOf(seq: number): number {
    let low = this.first;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunkOf(middle)?.seq(middle % CHUNK_EVENTS) ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** From here on the event at `place` is held, until it is released as often as it was kept. */
  keep(place: number): void {
    this.#chunkOf(place)?.keep(place % CHUNK_EVENTS);
  }

  /** The event at `place` is kept once less; its memory comes back with `tidy`. */
  release(place: number): void {
    this.#chunkOf(place)?.release(place % CHUNK_EVENTS);
    this.#loosened.add(Math.floor(place / CHUNK_EVENTS));
  }

  /** Gives back the memory of what was released; to be called when much was, since each look may copy what stays. */
  tidy(): void {
    for (const number of this.#loosened) {
      const chunk = this.#chunks.get(number);
      if (chunk !== undefined && number < this.#firstChunk && chunk.used * 2 <= chunk.capacity) this.#compact(number, chunk);
    }
    this.#loosened.clear();
  }

  /** The event at a place that is kept. */
  kept(place: number): TraceEvent | undefined {
    return this.#chunkOf(place)?.event(place % CHUNK_EVENTS);
  }

  #chunkOf(place: number): EventChunk | undefined {
    return this.#chunks.get(Math.floor(place / CHUNK_EVENTS));
  }

  #newChunk(): EventChunk {
    const chunk = this.#spare.pop() ?? new EventChunk(CHUNK_EVENTS);
    this.#chunks.set(this.end / CHUNK_EVENTS, chunk);
    return chunk;
  }

  #forget(): void {
    this.first = Math.max(this.first, this.end - PAGE_LOG_EVENTS);
    for (; (this.#firstChunk + 1) * CHUNK_EVENTS <= this.first; this.#firstChunk += 1) {
      const chunk = this.#chunks.get(this.#firstChunk);
      if (chunk !== undefined) this.#compact(this.#firstChunk, chunk);
    }
  }

  #compact(number: number, chunk: EventChunk): void {
    if (chunk.used === 0) this.#chunks.delete(number);
    else this.#chunks.set(number, chunk.compacted());
    if (chunk.isWhole && this.#spare.length < SPARE_CHUNKS_MAX) {
      chunk.clear();
      this.#spare.push(chunk);
    } else chunk.free();
  }
}
