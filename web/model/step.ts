// The story of one connection, step by step: the calls of both ends in order of time, and between them what follows from them.
import type { CallEvent, TcpStateEvent, TraceEvent } from '#wire/event.ts';
import type { Evidence } from '#wire/vocabulary.ts';
import type { Connection, SocketEnd } from './connection.ts';
import { statesOf, stretches } from './seen-states.ts';

export type Side = 'client' | 'server' | 'network';
export type Segment = 'SYN' | 'SYN ACK' | 'ACK' | 'FIN' | 'RST' | 'byte' | 'reply';

export interface Step {
  /** Its place in the story, from 0. */
  id: number;
  /** Null where nobody saw it: it follows from the others. */
  event: TraceEvent | null;
  side: Side;
  atNs: number;
  durationNs: number;
  evidence: Evidence;
  /** Others who saw the same; of states only. */
  alsoSeenBy: Evidence[];
  /** Of the network's steps: what crossed, which way, and when it was there. */
  segment: Segment | null;
  toServer: boolean;
  arrivedNs: number;
  byte: number | null;
}

/** Which steps a story has. */
export interface StoryOptions {
  /** Segments that nobody captured. */
  inferred: boolean;
  /** Calls that serve the watching, not the conversation: TCP_INFO, epoll_ctl. */
  routine: boolean;
}

/** From this length on a call was waiting, and that is part of the story. */
const WAITING_FROM_NS = 10e6;

/** True for calls that a server needs to watch its sockets and a student need not see first. */
export function isRoutine(event: CallEvent): boolean {
  if (event.call === 'epoll_wait') return event.durationNs < WAITING_FROM_NS;
  return event.call === 'epoll_ctl' || (event.call === 'getsockopt' && event.args.option === 'TCP_INFO');
}

/** The steps of a connection in order of time; a cause stands before what it causes. */
export function steps(connection: Connection, options: StoryOptions): Step[] {
  const story: Omit<Step, 'id'>[] = [];
  for (const [side, end] of [
    ['client', connection.client],
    ['server', connection.server],
  ] as const) {
    for (const call of end?.calls ?? []) if (options.routine || !isRoutine(call)) story.push(ofEvent(call, side, call.durationNs));
  }
  for (const note of connection.notes) {
    if (note.kind === 'socket-owner' || note.kind === 'tcp-state') continue;
    story.push(ofEvent(note, sideOf(note, connection), note.kind === 'foreign-call' ? note.durationNs : 0));
  }
  story.push(...stateSteps(connection, 'client'), ...stateSteps(connection, 'server'));
  if (options.inferred) story.push(...inferredSegments(connection));
  story.sort((a, b) => a.atNs - b.atNs);
  return story.map((step, id) => ({ ...step, id }));
}

/** Where an end was first seen in a state: one step for each, whoever else saw it too. */
function stateSteps(connection: Connection, side: 'client' | 'server'): Omit<Step, 'id'>[] {
  const states = statesOf(connection, side);
  const bySeq = new Map(states.map((state) => [state.seq, state]));
  const local = side === 'client' ? connection.client.local : (connection.server?.local ?? connection.target);
  const remote = side === 'client' ? connection.target : connection.client.local;
  const found: Omit<Step, 'id'>[] = [];
  let before: string | null = null;
  for (const { state: to, seen, seqs, evidences } of stretches(states, 0)) {
    const first = bySeq.get(seqs[0] ?? -1);
    if (!seen || first === undefined || to === before) continue;
    before = to;
    const event: TcpStateEvent = { ...first, kind: 'tcp-state', local: local ?? '', remote: remote ?? '' };
    found.push({ ...ofEvent(event, side, 0), alsoSeenBy: evidences.filter((evidence) => evidence !== first.evidence) });
  }
  return found;
}

function ofEvent(event: TraceEvent, side: Side, durationNs: number): Omit<Step, 'id'> {
  return {
    event,
    side,
    atNs: event.atNs,
    durationNs,
    evidence: event.evidence,
    alsoSeenBy: [],
    segment: null,
    toServer: false,
    arrivedNs: event.atNs,
    byte: null,
  };
}

function sideOf(event: TraceEvent, connection: Connection): Side {
  if ('local' in event) return event.local === connection.client.local ? 'client' : 'server';
  return event.process === 'increment-server' ? 'server' : 'client';
}

function find(end: SocketEnd | null, wanted: (call: CallEvent) => boolean): CallEvent | undefined {
  return end?.calls.find(wanted);
}

const endOf = (call: CallEvent): number => call.atNs + call.durationNs;

/** The earliest moment at which the handshake is known to have been complete. */
function firstSignNs(client: SocketEnd, server: SocketEnd | null, connectDone: CallEvent): number {
  const accept = find(server, (call) => call.call === 'accept4');
  const established = client.states.find((state) => state.to === 'ESTABLISHED');
  return Math.min(connectDone.atNs, accept === undefined ? Infinity : endOf(accept), established?.atNs ?? Infinity);
}

/** What must have crossed the network for the calls to have returned what they did. */
function inferredSegments({ client, server, byte, reply, errno, outcome }: Connection): Omit<Step, 'id'>[] {
  const segments: Omit<Step, 'id'>[] = [];
  const add = (segment: Segment, toServer: boolean, leftNs: number, arrivedNs: number, value: number | null = null): void => {
    const arrived = Math.max(leftNs, arrivedNs);
    segments.push({
      event: null,
      side: 'network',
      atNs: leftNs,
      durationNs: arrived - leftNs,
      evidence: 'inferred',
      alsoSeenBy: [],
      segment,
      toServer,
      arrivedNs: arrived,
      byte: value,
    });
  };
  const connect = find(client, (call) => call.call === 'connect' && (call.returned === 0 || call.errno === 'EINPROGRESS'));
  const connectDone = find(client, (call) => call.call === 'getsockopt' && call.args.option === 'SO_ERROR');
  if (connect !== undefined && connectDone !== undefined) {
    // All three lie between connect()'s beginning and the first sign that the handshake was done; where exactly, nobody saw.
    const from = connect.atNs;
    const third = (firstSignNs(client, server, connectDone) - from) / 4;
    if (errno === 'ECONNREFUSED') {
      add('SYN', true, from + third, from + 2 * third);
      add('RST', false, from + 2 * third, from + 3 * third);
    } else if (connectDone.returned === 0 && outcome !== 'timed-out') {
      add('SYN', true, from + third / 2, from + third);
      add('SYN ACK', false, from + 1.5 * third, from + 2 * third);
      add('ACK', true, from + 2.5 * third, from + 3 * third);
    }
  }
  const clientWrite = find(client, (call) => call.call === 'write' && call.returned === 1);
  const serverRead = find(server, (call) => call.call === 'read' && call.returned > 0);
  if (serverRead !== undefined) add('byte', true, clientWrite === undefined ? serverRead.atNs : endOf(clientWrite), serverRead.atNs, byte);
  const serverWrite = find(server, (call) => call.call === 'write' && call.returned === 1);
  const clientRead = find(client, (call) => call.call === 'read' && call.returned > 0);
  if (serverWrite !== undefined) add('reply', false, endOf(serverWrite), clientRead?.atNs ?? endOf(serverWrite), reply);
  for (const [end, other, toServer] of [
    [client, server, true],
    [server, client, false],
  ] as const) {
    const farewell = find(end, (call) => call.call === 'shutdown' && call.returned === 0) ?? find(end, (call) => call.call === 'close');
    if (farewell === undefined || end === null) continue;
    const reset = toServer
      ? find(server, (call) => call.errno === 'ECONNRESET') !== undefined ||
        find(client, (call) => call.call === 'setsockopt' && call.args.option === 'SO_LINGER') !== undefined
      : find(client, (call) => call.errno === 'ECONNRESET') !== undefined;
    if (errno === 'ECONNREFUSED' || (end === client && connectDone === undefined)) continue;
    const heard = find(other, (call) => call.call === 'read' && (reset ? call.errno === 'ECONNRESET' : call.returned === 0));
    if (heard === undefined && !reset && other?.ours === true && other.calls.length > 0) continue;
    add(reset ? 'RST' : 'FIN', toServer, endOf(farewell), heard?.atNs ?? endOf(farewell));
  }
  return segments;
}
