// Connections in the order in which they came to where they are; each is in one such list at most, and knows its neighbours itself.
import type { Connection } from './connection.ts';

export class PhaseList implements Iterable<Connection> {
  #first: Connection | null = null;
  #last: Connection | null = null;
  size = 0;

  add(connection: Connection): void {
    connection.before = this.#last;
    if (this.#last === null) this.#first = connection;
    else this.#last.after = connection;
    this.#last = connection;
    this.size += 1;
  }

  /** Only of one that is in it. */
  delete(connection: Connection): void {
    const { before, after } = connection;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    connection.before = null;
    connection.after = null;
    this.size -= 1;
  }

  *[Symbol.iterator](): Generator<Connection> {
    for (let one = this.#first; one !== null; one = one.after) yield one;
  }
}
