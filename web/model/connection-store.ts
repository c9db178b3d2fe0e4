// Where the connections of one book keep what is small and many: numbers in rows, lists in one pool, texts that they share.
import type { TraceEvent } from '#wire/event.ts';
import type { EventLog } from './event-log.ts';
import { NumberRows } from './number-rows.ts';
import { TimedLists, type TimedList } from './timed-lists.ts';

/** Texts remembered as shared: addresses of servers and names of programs are few. */
const SHARED_TEXTS_MAX = 256;

export class ConnectionStore {
  readonly log: EventLog;
  /** Columns as in connection.ts and in socket-end.ts. */
  readonly connections: NumberRows;
  readonly ends: NumberRows;
  readonly lists = new TimedLists();
  readonly #texts = new Map<string, string>();

  constructor(log: EventLog, connectionColumns: number, endColumns: number) {
    this.log = log;
    this.connections = new NumberRows(connectionColumns);
    this.ends = new NumberRows(endColumns);
  }

  /** One string for all that say the same: each event brings its own. */
  shared(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size < SHARED_TEXTS_MAX) this.#texts.set(text, text);
    return text;
  }

  /** The events whose places in the log a list has; worded anew each time, so to be asked for once. */
  eventsIn(list: TimedList): TraceEvent[] {
    const events: TraceEvent[] = [];
    for (let node = this.lists.first(list); node !== 0; node = this.lists.next(list, node)) {
      const event = this.log.kept(this.lists.value(node));
      if (event !== undefined) events.push(event);
    }
    return events;
  }

  /** The list of places is no more, and the log need not keep them for it. */
  freePlaces(list: TimedList): void {
    for (let node = this.lists.first(list); node !== 0; node = this.lists.next(list, node)) this.log.release(this.lists.value(node));
    this.lists.free(list);
  }
}
