// The newest events, by number: bounded, and honest about what it no longer holds.
import type { TraceEvent } from '#wire/event.ts';
import { PAGE_LOG_EVENTS } from '#wire/limits.ts';

export class EventLog {
  #events: TraceEvent[] = [];
  /** Events thrown away at the front that still stand in the array; cut off in one go. */
  #start = 0;
  /** Grows with each change. */
  revision = 0;

  push(event: TraceEvent): void {
    this.#events.push(event);
    this.revision += 1;
    if (this.#events.length - this.#start > PAGE_LOG_EVENTS) this.#start += 1;
    if (this.#start > PAGE_LOG_EVENTS / 2) {
      this.#events = this.#events.slice(this.#start);
      this.#start = 0;
    }
  }

  clear(): void {
    this.#events = [];
    this.#start = 0;
    this.revision += 1;
  }

  get length(): number {
    return this.#events.length - this.#start;
  }

  /** The event at a place, 0 being the oldest held. */
  at(index: number): TraceEvent | undefined {
    return this.#events[this.#start + index];
  }

  /** All events held, oldest first. */
  all(): TraceEvent[] {
    return this.#events.slice(this.#start);
  }

  /** The place of the event with number `seq`, or of the first after it; numbers ascend, but need not be dense. */
  indexOf(seq: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.at(middle)?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
