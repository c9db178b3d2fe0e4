// Finding a connection again: by the port that one client after another used.
import { describe, expect, it } from 'vitest';
import { PAGE_CONNECTIONS, PAGE_FORGET_CONNECTIONS } from '#wire/limits.ts';
import { ConnectionBook } from './connection-book.ts';
import type { Connection } from './connection.ts';
import { EventLog } from './event-log.ts';

const LOCAL = '127.0.0.1:43902';
const SERVER = '127.0.0.1:9736';

/** One that used the port from `startNs` on, for 10 ns. */
function user(book: ConnectionBook, startNs: number): Connection {
  const client = book.newEnd(false, 'nc');
  client.local = LOCAL;
  client.closedNs = startNs + 10;
  const connection = book.create(`k${startNs}`, client, null, startNs);
  connection.endNs = startNs + 10;
  return connection;
}

describe('a client port used again', () => {
  it.each([[[100, 200, 300]], [[300, 200, 100]], [[200, 300, 100]]])('tells its users apart by time, heard of in the order %j', (order) => {
    const book = new ConnectionBook(new EventLog());
    for (const startNs of order) user(book, startNs);
    expect([150, 205, 1e9].map((atNs) => book.byEndpoints(SERVER, LOCAL, atNs)?.startNs)).toEqual([200, 200, 300]);
    expect(book.byEndpoints(LOCAL, SERVER, 105)?.startNs).toBe(100);
    expect(book.byClientEndpoint(LOCAL)?.startNs).toBe(300);
  });

  it('remembers four users, and of them only those that are not forgotten', () => {
    const book = new ConnectionBook(new EventLog());
    const [, , third, fourth, fifth, sixth] = [100, 200, 300, 400, 500, 600].map((startNs) => user(book, startNs));
    expect(book.byEndpoints(LOCAL, SERVER, 105)).toBe(third);
    book.merge(fifth!, fourth!);
    expect(book.byEndpoints(LOCAL, SERVER, 405)).toBe(fifth);
    book.merge(fifth!, sixth!);
    expect(book.byClientEndpoint(LOCAL)).toBe(fifth);
    expect(book.byEndpoints(LOCAL, SERVER, 1)).toBe(third);
  });
});

describe('an ended connection that is forgotten', () => {
  it('is found by nothing any more, and what takes its memory begins anew', () => {
    const book = new ConnectionBook(new EventLog());
    const ended = (number: number): Connection => {
      const client = book.newEnd(true, 'tcp-client');
      client.pid = 7;
      client.socket = number;
      client.fd = number;
      const connection = book.create(`c${number}`, client, null, number);
      book.own(connection, 7, number);
      book.openDescriptor(connection, 7, number);
      connection.outcome = 'refused';
      connection.holdMs = 5_000;
      client.closedNs = number + 1;
      book.settle(connection);
      return connection;
    };
    const first = ended(1);
    for (let number = 2; number <= PAGE_CONNECTIONS + 6 * PAGE_FORGET_CONNECTIONS; number += 1) ended(number);
    book.prune();
    expect([book.byKey('c1'), book.bySocket(7, 1), book.byDescriptor(7, 1)]).toEqual([null, null, null]);
    expect(book.connections).toHaveLength(PAGE_CONNECTIONS);
    // Whoever still shows it sees what it was.
    expect([first.startNs, first.holdMs, first.outcome]).toEqual([1, 5_000, 'refused']);
    const { revision } = first;
    let again = 0;
    for (let i = 0; i < 10_000; i += 1) {
      const client = book.newEnd(false, 'nc');
      const connection = book.create(`k${i}`, client, null, 1e9);
      expect([connection.holdMs, connection.endNs, connection.errno, client.pid, client.gotByte, client.calls]).toEqual([null, null, null, null, false, []]);
      client.closedNs = 2e9;
      book.settle(connection);
      book.prune();
      if (connection !== first) continue;
      again += 1;
      expect(first.revision).toBeGreaterThan(revision);
    }
    expect(again).toBeGreaterThan(0);
  });
});
