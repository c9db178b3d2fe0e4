// What the kernel or a tool of its saw of our sockets, from outside: joined to the connections it belongs to, and never more than was seen.
import type { TcpStateEvent, TraceEvent } from '#wire/event.ts';
import type { Connection } from './connection.ts';
import type { ConnectionBook } from './connection-book.ts';
import type { ServerModel } from './server-model.ts';
import type { SocketEnd } from './socket-end.ts';

type SeenEvent = Extract<TraceEvent, { local: string }>;

/** Joins what was seen of a socket to its connection: by process and socket where they are known, else by 4-tuple and time. */
export function applySeen(event: SeenEvent, place: number, book: ConnectionBook, server: ServerModel): void {
  const owned = event.pid === undefined ? null : book.bySocket(event.pid, event.socket);
  const known = owned ?? book.byEndpoints(event.local, event.remote, event.atNs);
  const connection = known === null || (owned === null && beginsAnew(event, known)) ? firstSeen(event, book, server) : known;
  if (event.kind === 'retransmit' && event.segment === 'SYN') server.noteSynAgain(event, connection?.startNs ?? null);
  if (connection === null) return;
  const { client } = connection;
  const ofClient = owned === null ? client.local === event.local : client.pid === event.pid && client.socket === event.socket;
  const end = ofClient ? client : connection.server;
  connection.changed();
  if (event.kind !== 'tcp-state') connection.keepNote(event.atNs, place);
  else if (end === null) connection.keepUnacceptedState(event);
  else end.keepState(event);
  // A foreign connection began when somebody first saw anything of it, however late that is told.
  if (!client.ours && event.atNs < connection.startNs) connection.startNs = event.atNs;
  if (end === null) {
    // Of a client on another machine the server's end is all that tells that the handshake is done.
    if (!client.ours && client.lastState === undefined && event.kind === 'tcp-state' && event.to === 'ESTABLISHED') connection.connectedNs ??= event.atNs;
    book.settle(connection);
    return;
  }
  if (end.ours) return;
  if (event.process !== undefined) {
    end.process = book.shared(event.process);
    end.pid = event.pid ?? null;
  }
  if (event.kind === 'foreign-call') {
    end.fd = event.fd;
    if (ofClient && event.call === 'connect' && event.errno === undefined) connection.connectedNs ??= event.atNs + event.durationNs;
  } else if (event.kind === 'tcp-state') foreignState(event, connection, end, book);
}

function foreignState(event: TcpStateEvent, connection: Connection, end: SocketEnd, book: ConnectionBook): void {
  if (event.to === 'ESTABLISHED') connection.connectedNs ??= event.atNs;
  else if (event.to === 'CLOSED') end.closedNs ??= event.atNs;
  book.settle(connection);
}

/** A connection that the kernel knows and our server has not accepted yet: somebody foreign waits in its queue. */
function firstSeen(event: SeenEvent, book: ConnectionBook, server: ServerModel): Connection | null {
  const listening = server.startCalls.find((call) => call.call === 'bind');
  if (listening?.call !== 'bind' || event.kind !== 'tcp-state' || !OF_THE_QUEUED.has(event.to)) return null;
  const port = `:${server.port ?? listening.args.address.port}`;
  const client = event.local.endsWith(port) ? event.remote : event.remote.endsWith(port) ? event.local : null;
  if (client === null || client.endsWith(':0')) return null;
  const end = book.newEnd(false, '');
  end.local = client;
  const connection = book.create(`k${event.seq}`, end, null, event.atNs);
  connection.target = book.shared(client === event.local ? event.remote : event.local);
  book.settle(connection);
  return connection;
}

/** States in which one is that has not been accepted; whatever else is seen first is the end of a connection that was here before. */
const OF_THE_QUEUED = new Set(['SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED', 'CLOSE-WAIT']);

/** States in which only a connection that is not over can be. */
const OF_THE_LIVING = new Set(['SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED']);

/** Ports are reused: a living state after the end is another connection's. TIME-WAIT after it is this one's. */
function beginsAnew(event: SeenEvent, known: Connection): boolean {
  return event.kind === 'tcp-state' && known.endNs !== null && event.atNs > known.endNs && OF_THE_LIVING.has(event.to);
}
