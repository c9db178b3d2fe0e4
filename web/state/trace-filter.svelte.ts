// What is looked for in the trace, kept while the panel is closed, and the search for it.
import type { TraceEvent } from '#wire/event.ts';
import { readQuery } from '../model/trace-query.ts';
import { TraceSearch } from '../model/trace-search.ts';
import type { Session } from './session.svelte.ts';

/** Of each frame; the rest is for drawing. */
const LOOK_BUDGET_MS = 6;

/** The lines on show: all of the log, or those found. Rows are counted from the oldest. */
export interface Listing {
  count: number;
  /** How many rows have gone at the front since the list began: by so much the others moved up. */
  gone: number;
  /** How much of the log has been looked at, 0 to 1. */
  share: number;
  eventAt(row: number): TraceEvent | undefined;
  /** The row of an event, -1 where it is not among them. */
  rowOf(seq: number): number;
}

export class TraceFilter {
  text = $state('');
  /** How the trace prints what is no call; given by the view, which knows the language. */
  line: (event: TraceEvent) => string = (event) => event.kind;
  readonly #session: Session;
  /** Grows while a search goes on although nothing new came. */
  #turn = $state(0);
  #frame = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  readonly query = $derived(readQuery(this.text));

  readonly #search = $derived.by(() =>
    this.query.terms.length === 0
      ? null
      : new TraceSearch(this.query, {
          connectionOf: (event) => this.#session.model.ofEvent(event),
          line: (event) => this.line(event),
          now: () => performance.now(),
        }),
  );

  readonly listing = $derived.by((): Listing => {
    void this.#session.drawn.lines;
    void this.#turn;
    const { log } = this.#session.model;
    const search = this.#search;
    if (search === null) {
      const { first, length } = log;
      return {
        count: length,
        gone: first,
        share: 1,
        eventAt: (row) => log.at(first + row),
        rowOf: (seq) => (log.at(log.placeOf(seq))?.seq === seq ? log.placeOf(seq) - first : -1),
      };
    }
    const share = search.look(log, LOOK_BUDGET_MS);
    if (share < 1 && this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#turn += 1;
      });
    }
    return {
      count: search.count,
      gone: search.gone,
      share,
      eventAt: (row) => log.at(search.placeAt(row) ?? -1),
      rowOf: (seq) => {
        const row = search.indexOf(log.placeOf(seq));
        return log.at(search.placeAt(row) ?? -1)?.seq === seq ? row : -1;
      },
    };
  });

  /** Puts a word into the query, or takes it out where it stands. */
  toggle(word: string): void {
    const words = this.text.split(/\s+/).filter((one) => one !== '');
    this.text = (words.includes(word) ? words.filter((one) => one !== word) : [...words, word]).join(' ');
  }

  has(word: string): boolean {
    return this.text.split(/\s+/).includes(word);
  }
}
