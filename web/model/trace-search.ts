// Looking through the log for what a query asks: each frame only what is new, and never longer than a frame allows.
import type { TraceEvent } from '#wire/event.ts';
import type { Connection } from './connection.ts';
import type { EventLog } from './event-log.ts';
import { matches, type TraceQuery } from './trace-query.ts';

/** Events looked at between two glances at the clock. */
const STRIDE = 256;

/** What a search needs beside the log. */
export interface SearchContext {
  connectionOf(event: TraceEvent): Connection | null;
  /** How the trace prints what is no call. */
  line(event: TraceEvent): string;
  /** Milliseconds that only go forward. */
  now(): number;
}

export class TraceSearch {
  readonly #query: TraceQuery;
  readonly #context: SearchContext;
  /** Places of the events found, ascending. */
  #found: number[] = [];
  /** How many at its front are of events that the log no longer holds; and how many such there were, ever. */
  #gone = 0;
  #forgotten = 0;
  /** Places of those that cannot be judged yet. */
  #unsure: number[] = [];
  #next = 0;
  #generation = -1;

  constructor(query: TraceQuery, context: SearchContext) {
    this.#query = query;
    this.#context = context;
  }

  /** Events found and still held. */
  get count(): number {
    return this.#found.length - this.#gone;
  }

  /** How many found have been forgotten with their events. */
  get gone(): number {
    return this.#forgotten;
  }

  /** The place in the log of the n-th found. */
  placeAt(n: number): number | undefined {
    return this.#found[this.#gone + n];
  }

  /** Which of those found stands at `place` or first after it. */
  indexOf(place: number): number {
    let low = this.#gone;
    let high = this.#found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#found[middle] ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    return low - this.#gone;
  }

  /** Looks on for `budgetMs` at most; returns how much of the log has been looked at, 0 to 1. */
  look(log: EventLog, budgetMs: number): number {
    if (log.generation !== this.#generation) {
      this.#generation = log.generation;
      this.#found = [];
      this.#unsure = [];
      this.#gone = 0;
      this.#forgotten = 0;
      this.#next = 0;
    }
    this.#forget(log.first);
    this.#askAgain(log);
    const untilMs = this.#context.now() + budgetMs;
    this.#next = Math.max(this.#next, log.first);
    const { end } = log;
    while (this.#next < end) {
      const stop = Math.min(end, this.#next + STRIDE);
      for (let place = this.#next; place < stop; place += 1) {
        const verdict = this.#ask(log, place);
        if (verdict === true) this.#found.push(place);
        else if (verdict === 'unsure') this.#unsure.push(place);
      }
      this.#next = stop;
      if (this.#context.now() >= untilMs) break;
    }
    return log.length === 0 ? 1 : (this.#next - log.first) / log.length;
  }

  #ask(log: EventLog, place: number): ReturnType<typeof matches> {
    const event = log.at(place);
    return (
      event !== undefined &&
      matches(
        this.#query,
        event,
        (one) => this.#context.connectionOf(one),
        (one) => this.#context.line(one),
      )
    );
  }

  #forget(first: number): void {
    while (this.#gone < this.#found.length && (this.#found[this.#gone] ?? first) < first) {
      this.#gone += 1;
      this.#forgotten += 1;
    }
    if (this.#gone > this.#found.length / 2 && this.#gone > STRIDE) {
      this.#found = this.#found.slice(this.#gone);
      this.#gone = 0;
    }
  }

  /** A client's first calls come before its port is known: they are judged when it is. */
  #askAgain(log: EventLog): void {
    if (this.#unsure.length === 0) return;
    this.#unsure = this.#unsure.filter((place) => {
      const verdict = this.#ask(log, place);
      if (verdict === true) this.#found.splice(this.#gone + this.indexOf(place), 0, place);
      return verdict === 'unsure' && log.at(place) !== undefined;
    });
  }
}
