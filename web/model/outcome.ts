// What became of a connection, and how far it has come: both follow from the calls of its two ends.
import type { CallEvent } from '#wire/event.ts';
import type { Connection, Outcome, Phase, SocketEnd } from './connection.ts';

/** How far a connection has come that is not over. */
export function phaseOf({ server, connectedNs, holdFromNs, repliedNs, acceptedNs }: Connection): Phase {
  if (server !== null) {
    if (server.closedNs !== null || server.shutDown) return 'closing';
    if (repliedNs !== null) return 'replying';
    return holdFromNs === null ? 'reading' : 'held';
  }
  return connectedNs !== null && acceptedNs === null ? 'queued' : 'connecting';
}

/** True when every end that we hear of is closed. */
export function isOver({ client, server, outcome }: Connection): boolean {
  const clientDone = client.ours ? client.closedNs !== null && outcome !== null : server !== null || client.closedNs !== null;
  return clientDone && server?.closedNs !== null;
}

/** Takes from one more call of an end what its connection's phase and outcome follow from. */
export function noteCall(end: SocketEnd, call: CallEvent): void {
  if (call.call === 'read') end.gotByte ||= call.returned > 0;
  else if (call.call === 'write') end.sentByte ||= call.returned === 1;
  else if (call.call === 'shutdown') end.shutDown = true;
  end.gotReset ||= tellsOfReset(call);
}

/** A reset is told by the errno of a call, or by SO_ERROR where the peer's FIN came before its RST. */
function tellsOfReset(call: CallEvent): boolean {
  return call.errno === 'ECONNRESET' || call.errno === 'EPIPE' || (call.call === 'getsockopt' && call.args.option === 'SO_ERROR' && call.args.value !== 0);
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
