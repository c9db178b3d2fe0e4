// The newest events, by place: bounded, and honest about what it no longer holds.
import type { TraceEvent } from '#wire/event.ts';
import { PAGE_LOG_EVENTS } from '#wire/limits.ts';

let made = 0;

export class EventLog {
  #events: TraceEvent[] = [];
  /** Events thrown away at the front that still stand in the array; cut off in one go. */
  #start = 0;
  /** Place of the oldest event held. A place is counted from the log's beginning, and stays an event's own when earlier ones are thrown away. */
  first = 0;
  /** Each log has another: places of another generation mean nothing. */
  readonly generation = (made += 1);

  /** The place behind the newest. */
  get end(): number {
    return this.first + this.length;
  }

  push(event: TraceEvent): void {
    this.#events.push(event);
    if (this.#events.length - this.#start > PAGE_LOG_EVENTS) {
      this.#start += 1;
      this.first += 1;
    }
    if (this.#start > PAGE_LOG_EVENTS / 2) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
  }

  /** The oldest first. */
  *[Symbol.iterator](): Generator<TraceEvent> {
    for (let at = this.#start; at < this.#events.length; at += 1) {
      const event = this.#events[at];
      if (event !== undefined) yield event;
    }
  }

  get length(): number {
    return this.#events.length - this.#start;
  }

  /** The event at a place; undefined where it is not held (any more). */
  at(place: number): TraceEvent | undefined {
    return place < this.first ? undefined : this.#events[this.#start + place - this.first];
  }

  /** The place of the event with number `seq`, or of the first after it; numbers ascend, but need not be dense. */
  placeOf(seq: number): number {
    let low = this.first;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.at(middle)?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
