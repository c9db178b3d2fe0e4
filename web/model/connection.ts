// One TCP connection as the page knows it: two ends, what each told, and what came of it.
import type { CallEvent, TraceEvent } from '#wire/event.ts';
import type { EventLog } from './event-log.ts';
import type { SeenStateList } from './seen-state-list.ts';
import { added, NONE } from './short-list.ts';

/** One socket of a connection, as our process or the kernel told of it. */
export interface SocketEnd {
  /** 'increment-server', 'tcp-client', or a foreign program's name; '' where it is not known. */
  process: string;
  /** False: a foreign process, whose calls we do not make. */
  ours: boolean;
  pid: number | null;
  fd: number | null;
  /** The process's own number of the socket. */
  socket: number | null;
  clientId: string | null;
  /** Its own address: '127.0.0.1:43902'. */
  local: string | null;
  /** Where the log keeps its calls, in order of time: see `callsOf`. */
  callPlaces: number[];
  readonly log: EventLog;
  /** What of its calls the connection's phase and outcome follow from: a byte was read, one was written, shutdown() was called, a reset was told of. */
  gotByte: boolean;
  sentByte: boolean;
  shutDown: boolean;
  gotReset: boolean;
  states: SeenStateList;
  /** End of its close(). */
  closedNs: number | null;
}

export type Phase = 'connecting' | 'queued' | 'reading' | 'held' | 'replying' | 'closing' | 'ended';

export type Outcome =
  | 'replied'
  | 'refused'
  | 'reset'
  | 'timed-out'
  | 'closed-without-byte'
  | 'closed-without-reply'
  | 'no-local-port'
  | 'no-descriptor'
  | 'ended'
  | 'lost'
  | 'failed';

export interface Connection {
  /** Stable for the run: the client's name where it is ours, else the server's process and socket. */
  key: string;
  /** Order of appearance, from 1. */
  number: number;
  client: SocketEnd;
  /** Null: refused, or not accepted yet. */
  server: SocketEnd | null;
  /** Where the client went: '127.0.0.1:9736'. */
  target: string | null;
  /** The first thing known of it, and its end. */
  startNs: number;
  endNs: number | null;
  phase: Phase;
  /** Null while it lives. */
  outcome: Outcome | null;
  errno: string | null;
  byte: number | null;
  reply: number | null;
  holdMs: number | null;
  holdFromNs: number | null;
  /** Moments the waterfall draws: handshake done, accepted, answered. */
  connectedNs: number | null;
  acceptedNs: number | null;
  repliedNs: number | null;
  /** Where the log keeps what happened to it and is no call (holds, cuts, resets, retransmits, foreign calls), as it came: see `notesOf`. */
  notePlaces: number[];
  /** States of the server's end, seen before accept() gave it a descriptor; in order of time. */
  unacceptedStates: SeenStateList;
  /** The one that used this client port before, as far as it is still known. */
  earlier: Connection | null;
  /** Grows with each change. */
  revision: number;
}

/** The connection keeps what happened to it and is no call. */
export function keepNote(connection: Connection, place: number): void {
  connection.client.log.keep(place);
  connection.notePlaces = added(connection.notePlaces, [place]);
}

/** An end of which nothing is known yet. */
export function unknownEnd(log: EventLog, ours: boolean, process: string): SocketEnd {
  return {
    process,
    ours,
    pid: null,
    fd: null,
    socket: null,
    clientId: null,
    local: null,
    callPlaces: NONE,
    log,
    gotByte: false,
    sentByte: false,
    shutDown: false,
    gotReset: false,
    states: NONE,
    closedNs: null,
  };
}

/** The calls of an end, in order of time; worded anew each time, so to be asked for once. */
export function callsOf(end: SocketEnd | null | undefined): CallEvent[] {
  return end == null ? [] : (eventsAt(end.log, end.callPlaces) as CallEvent[]);
}

/** What happened to a connection and is no call, as it came; worded anew each time. */
export function notesOf({ client, notePlaces }: Connection): TraceEvent[] {
  return eventsAt(client.log, notePlaces);
}

function eventsAt(log: EventLog, places: readonly number[]): TraceEvent[] {
  const events: TraceEvent[] = [];
  for (const place of places) {
    const event = log.kept(place);
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** How long the hold has still to go, in milliseconds; null where none is under way. The clock of a page that draws a rush may be behind the hold's beginning. */
export function holdLeftMs(
  { holdMs, holdFromNs, repliedNs, endNs }: Pick<Connection, 'holdMs' | 'holdFromNs' | 'repliedNs' | 'endNs'>,
  nowNs: number,
): number | null {
  if (holdMs === null || holdFromNs === null || repliedNs !== null || endNs !== null) return null;
  return Math.min(holdMs, Math.max(0, holdMs - (nowNs - holdFromNs) / 1e6));
}

/** True for what a page counts as failed: the client wanted a reply and did not get one. */
export function isFailure(outcome: Outcome | null): boolean {
  return outcome !== null && outcome !== 'replied' && outcome !== 'ended' && outcome !== 'closed-without-byte';
}

/** The port of an endpoint, ':43902', or '' where it is not known. */
export function portText(endpoint: string | null): string {
  return endpoint === null ? '' : endpoint.slice(endpoint.lastIndexOf(':'));
}
