// How fast the trace grows, and whether that is faster than any page could follow: then wording it would only take time from those who make it.
import { FEED_BURST_EVENTS, FEED_LIVE_EVENTS_PER_SECOND } from '../wire/limits.ts';

/** A leaky bucket that holds one burst; one more that flowed over is remembered, so that calm lasts a moment before it counts, and returns soon. */
export class Pace {
  #level = 0;
  #seq = 0;
  #lookedMs: number;

  constructor(nowMs: number, lastSeq: number) {
    this.#lookedMs = nowMs;
    this.#seq = lastSeq;
  }

  /** The trace ends at `lastSeq` now; true where more came of late than a page is sent event by event. */
  tooFast(lastSeq: number, nowMs: number): boolean {
    const leaked = ((nowMs - this.#lookedMs) / 1e3) * FEED_LIVE_EVENTS_PER_SECOND;
    this.#level = Math.min(2 * FEED_BURST_EVENTS, Math.max(0, this.#level - leaked) + lastSeq - this.#seq);
    this.#seq = lastSeq;
    this.#lookedMs = nowMs;
    return this.#level > FEED_BURST_EVENTS;
  }
}
