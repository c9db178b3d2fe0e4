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
export function isOver({ client, server, outcome }: Connection): boolean {
  if (server !== null && !server.isClosed) return false;
  return client.ours ? client.isClosed && outcome !== null : server !== null || client.isClosed;
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
