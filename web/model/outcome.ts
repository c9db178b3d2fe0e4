// What became of a connection, and how far it has come: both follow from the calls of its two ends.
import type { Connection, Outcome, Phase } from './connection.ts';

/** How far a connection has come that is not over. */
export function phaseOf(connection: Connection): Phase {
  const { server } = connection;
  if (server === null) return connection.isConnected && !connection.isAccepted ? 'queued' : 'connecting';
  if (server.isClosed || server.shutDown) return 'closing';
  if (connection.isReplied) return 'replying';
  return connection.isHeld ? 'held' : 'reading';
}

/** True when every end that we hear of is closed. */
export function isOver(connection: Connection): boolean {
  const { client, server, outcome } = connection;
  if (server !== null && !server.isClosed) return false;
  return client.ours ? client.isClosed && outcome !== null : server !== null || client.isClosed || unacceptedEnd(connection) !== null;
}

/** When the last that is heard of a connection ended: the closes of its two ends. */
export function endOf(connection: Connection): number {
  const { client, server } = connection;
  return Math.max(client.closedNs ?? unacceptedEnd(connection) ?? 0, server?.closedNs ?? 0);
}

/** States to which only the server's FIN brings a client's own end; who sends one has accepted, whether that is told here or not. */
const AFTER_SERVERS_FIN = new Set(['CLOSE-WAIT', 'LAST-ACK']);

/**
 * When a foreign client of which no accept() is told was over: with the server's FIN, where its own end is seen; of one on another machine, whose own
 * end nobody here sees, when the server's end was gone.
 */
function unacceptedEnd({ client, server, lastUnacceptedState }: Connection): number | null {
  if (server !== null) return null;
  const last = client.lastState;
  if (last !== undefined) return AFTER_SERVERS_FIN.has(last.to) ? last.atNs : null;
  return lastUnacceptedState?.to === 'CLOSED' ? lastUnacceptedState.atNs : null;
}

/** What came of it: the client's own word where it has one, but a reset or a loss that the server saw is said. */
export function outcomeOf({ client, server, outcome }: Connection): Outcome {
  const serverReset = server?.gotReset ?? false;
  if (client.ours && outcome !== null) return outcome === 'ended' && serverReset ? 'reset' : outcome;
  if (outcome === 'lost') return 'lost';
  if (server?.sentByte === true) return 'replied';
  if (serverReset) return 'reset';
  // Gone before anybody accepted it: the kernel told of it, our server never did.
  if (server === null) return 'ended';
  return server.gotByte ? 'lost' : 'closed-without-byte';
}
