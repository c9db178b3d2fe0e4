// The segments that must have crossed the network for the calls to have returned what they did: nobody captured them, so all of them are inferred.
import type { CallEvent } from '#wire/event.ts';
import { callsOf, type Connection } from './connection.ts';
import type { SocketEnd } from './socket-end.ts';
import { statesOf } from './seen-states.ts';

export type Segment = 'SYN' | 'SYN unanswered' | 'SYN ACK' | 'ACK' | 'FIN' | 'RST' | 'byte' | 'reply';

export interface InferredSegment {
  segment: Segment;
  toServer: boolean;
  /** Not before this, and not after `arrivedNs`. */
  leftNs: number;
  arrivedNs: number;
  /** What it carried; null for none. */
  byte: number | null;
}

/** When a call ran, whoever made it: of ours it was returned to us, of a foreign process the kernel's tracepoint told. */
interface Ran {
  fromNs: number;
  toNs: number;
}

/** The kernel waits a second before it sends a SYN again: a handshake that took nearly as long was not answered at once. */
const UNANSWERED_FROM_NS = 0.8e9;
/** Where an answered handshake that came late is drawn: shortly before it was done. */
const SHORTLY_NS = 40_000;

export function inferredSegments(connection: Connection): InferredSegment[] {
  return [...handshake(connection), ...bytes(connection), ...farewells(connection)];
}

function segment(name: Segment, toServer: boolean, leftNs: number, arrivedNs: number, byte: number | null = null): InferredSegment {
  return { segment: name, toServer, leftNs, arrivedNs: Math.max(leftNs, arrivedNs), byte };
}

function handshake(connection: Connection): InferredSegment[] {
  const { client, server, errno, outcome } = connection;
  const connect = clientRan(connection, ['connect'], (returned, error) => returned === 0 || error === 'EINPROGRESS');
  const answer = find(client, (call) => call.call === 'getsockopt' && call.args.option === 'SO_ERROR');
  const doneNs = Math.min(firstSignNs(client, server, answer), errno === 'ECONNREFUSED' ? refusedNs(connection) : Infinity);
  if (connect === null || doneNs === Infinity) return [];
  // connect() itself sends the SYN. All else lies between it and the first sign that the handshake was done; where exactly, nobody saw.
  const leftNs = (connect.fromNs + Math.min(connect.toNs, doneNs)) / 2;
  const late = doneNs - leftNs >= UNANSWERED_FROM_NS;
  const found = late ? [segment('SYN unanswered', true, leftNs, leftNs)] : [];
  const fromNs = late ? doneNs - SHORTLY_NS : leftNs;
  const quarter = (doneNs - fromNs) / 4;
  const at = (count: number): number => fromNs + count * quarter;
  if (errno === 'ECONNREFUSED') return [...found, segment('SYN', true, at(0), at(1)), segment('RST', false, at(2), at(3))];
  if (outcome === 'timed-out' && server === null) return found;
  return [...found, segment('SYN', true, at(0), at(1)), segment('SYN ACK', false, at(1), at(2)), segment('ACK', true, at(2), at(3))];
}

/** The earliest moment at which the handshake is known to have been over; Infinity where nothing tells. */
function firstSignNs(client: SocketEnd, server: SocketEnd | null, answer: CallEvent | undefined): number {
  const accept = find(server, (call) => call.call === 'accept4');
  const established = client.states.find((state) => state.to === 'ESTABLISHED');
  return Math.min(answer?.atNs ?? Infinity, accept === undefined ? Infinity : endOf(accept), established?.atNs ?? Infinity);
}

/** The earliest moment at which the refusal is known to have come. */
function refusedNs({ client, notes }: Connection): number {
  const closed = client.states.find((state) => state.to === 'CLOSED');
  const reset = notes.find((note) => note.kind === 'reset' && note.direction === 'received');
  return Math.min(closed?.atNs ?? Infinity, reset?.atNs ?? Infinity);
}

function bytes(connection: Connection): InferredSegment[] {
  const { server, byte, reply } = connection;
  const found: InferredSegment[] = [];
  const sent = clientRan(connection, ['write', 'send', 'sendto', 'sendmsg'], (returned) => returned > 0);
  const read = find(server, (call) => call.call === 'read' && call.returned > 0);
  if (read !== undefined) found.push(segment('byte', true, sent === null ? read.atNs : Math.min(sent.toNs, read.atNs), read.atNs, byte));
  const write = find(server, (call) => call.call === 'write' && call.returned === 1);
  const received = clientRan(connection, ['read', 'recv', 'recvfrom', 'recvmsg'], (returned) => returned > 0);
  if (write !== undefined) {
    const byNs = received?.toNs ?? endOf(write);
    found.push(segment('reply', false, Math.min(endOf(write), Math.max(write.atNs, received?.fromNs ?? Infinity)), byNs, reply));
  }
  return found;
}

function farewells(connection: Connection): InferredSegment[] {
  const { client, server, errno } = connection;
  const connected = client.ours ? find(client, (call) => call.call === 'getsockopt' && call.args.option === 'SO_ERROR') !== undefined : true;
  if (errno === 'ECONNREFUSED' || !connected) return [];
  return [...farewell(connection, client, server, true), ...farewell(connection, server, client, false)];
}

/** What `end` told `other` when it was done: FIN, or RST where either shows it. */
function farewell(connection: Connection, end: SocketEnd | null, other: SocketEnd | null, toServer: boolean): InferredSegment[] {
  if (end === null) return [];
  const reset =
    find(other, (call) => call.errno === 'ECONNRESET') !== undefined ||
    find(end, (call) => call.call === 'setsockopt' && call.args.option === 'SO_LINGER') !== undefined;
  const heard = find(other, (call) => call.call === 'read' && (reset ? call.errno === 'ECONNRESET' : call.returned === 0));
  const said = find(end, (call) => call.call === 'shutdown' && call.returned === 0) ?? find(end, (call) => call.call === 'close');
  const name = reset ? 'RST' : 'FIN';
  if (said !== undefined) {
    const deaf = heard === undefined && !reset && other?.ours === true && other.hasCalls;
    return deaf ? [] : [segment(name, toServer, Math.max(said.atNs, Math.min(endOf(said), heard?.atNs ?? Infinity)), heard?.atNs ?? endOf(said))];
  }
  // A foreign end: only that it was heard is known, and that the other's socket knew it before.
  if (end.ours || heard === undefined) return [];
  const known = statesOf(connection, toServer ? 'server' : 'client').find((state) => state.to === 'CLOSE-WAIT');
  const byNs = Math.min(heard.atNs, known?.atNs ?? Infinity);
  return [segment(name, toServer, byNs, byNs)];
}

function clientRan(connection: Connection, names: readonly string[], wanted: (returned: number, errno: string | undefined) => boolean): Ran | null {
  const { client } = connection;
  const call = find(client, (one) => names.includes(one.call) && wanted(one.returned, one.errno));
  if (call !== undefined) return { fromNs: call.atNs, toNs: endOf(call) };
  for (const note of connection.notes) {
    if (note.kind !== 'foreign-call' || note.local !== client.local || !names.includes(note.call) || !wanted(note.returned, note.errno)) continue;
    return { fromNs: note.atNs, toNs: note.atNs + note.durationNs };
  }
  return null;
}

function find(end: SocketEnd | null, wanted: (call: CallEvent) => boolean): CallEvent | undefined {
  return callsOf(end).find(wanted);
}

function endOf(call: CallEvent): number {
  return call.atNs + call.durationNs;
}
