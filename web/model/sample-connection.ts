// A connection for tests, as it is without a trace to tell of it.
import { ConnectionBook } from './connection-book.ts';
import type { Connections } from './connection-list.ts';
import type { Connection } from './connection.ts';
import { EventLog } from './event-log.ts';

/** One of `process` that begins at `startNs`, with `more` as it stands. */
export function sampleConnection(more: Partial<Connection>, process = 'tcp-client'): Connection {
  const book = new ConnectionBook(new EventLog());
  return Object.assign(book.create(more.key ?? 'c1', book.newEnd(true, process), null, more.startNs ?? 0), more);
}

/** All of them, oldest first, as an array. */
export function listed(connections: Connections): Connection[] {
  const found: Connection[] = [];
  connections.forEach((connection) => found.push(connection));
  return found;
}
