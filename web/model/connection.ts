// One TCP connection as the page knows it: two ends, what each told, and what came of it.
import type { CallEvent, TraceEvent } from '#wire/event.ts';
import type { ConnectionStore } from './connection-store.ts';
import { keepState, lastOf, statesIn, type SeenState } from './seen-state-list.ts';
import type { SocketEnd } from './socket-end.ts';
import { EMPTY, type TimedList } from './timed-lists.ts';

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

/** Columns of its row. */
const [START, END, HELD, CONNECTED, ACCEPTED, REPLIED, HOLD_MS, BYTE, REPLY, REVISION, NOTES, UNACCEPTED] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
export const CONNECTION_COLUMNS = 12;

export class Connection {
  /** Stable for the run: the client's name where it is ours, else the server's process and socket. */
  key = '';
  /** Order of appearance, from 1. */
  number = 0;
  client: SocketEnd;
  /** Null: refused, or not accepted yet. */
  server: SocketEnd | null = null;
  /** Where the client went: '127.0.0.1:9736'. */
  target: string | null = null;
  phase: Phase = 'connecting';
  /** Null while it lives. */
  outcome: Outcome | null = null;
  errno: string | null = null;
  /** The one that used this client port before, as far as it is still known. */
  earlier: Connection | null = null;
  /** The key it had as long as only its other end was known. */
  otherKey: string | null = null;
  /** Its neighbours in the list of its phase. */
  before: Connection | null = null;
  after: Connection | null = null;
  readonly #store: ConnectionStore;
  readonly #row: number;

  constructor(store: ConnectionStore, client: SocketEnd) {
    this.#store = store;
    this.#row = store.connections.take();
    this.client = client;
  }

  /** From here on it is a new one, of which only this is known; whoever saw it before sees by its revision that it changed. */
  begin(key: string, number: number, client: SocketEnd, server: SocketEnd | null, startNs: number): void {
    const revision = this.revision;
    this.#store.connections.clear(this.#row);
    this.#store.connections.set(this.#row, REVISION, revision + 1);
    this.key = key;
    this.number = number;
    this.client = client;
    this.server = server;
    this.target = null;
    this.phase = 'connecting';
    this.outcome = null;
    this.errno = null;
    this.otherKey = null;
    this.startNs = startNs;
  }

  /** The first thing known of it, and its end. */
  get startNs(): number {
    return this.#store.connections.get(this.#row, START) ?? 0;
  }

  set startNs(atNs: number) {
    this.#store.connections.set(this.#row, START, atNs);
  }

  get endNs(): number | null {
    return this.#store.connections.get(this.#row, END);
  }

  set endNs(atNs: number | null) {
    this.#store.connections.set(this.#row, END, atNs);
  }

  get holdFromNs(): number | null {
    return this.#store.connections.get(this.#row, HELD);
  }

  set holdFromNs(atNs: number | null) {
    this.#store.connections.set(this.#row, HELD, atNs);
  }

  /** Moments the waterfall draws: handshake done, accepted, answered. */
  get connectedNs(): number | null {
    return this.#store.connections.get(this.#row, CONNECTED);
  }

  set connectedNs(atNs: number | null) {
    this.#store.connections.set(this.#row, CONNECTED, atNs);
  }

  get acceptedNs(): number | null {
    return this.#store.connections.get(this.#row, ACCEPTED);
  }

  set acceptedNs(atNs: number | null) {
    this.#store.connections.set(this.#row, ACCEPTED, atNs);
  }

  get repliedNs(): number | null {
    return this.#store.connections.get(this.#row, REPLIED);
  }

  set repliedNs(atNs: number | null) {
    this.#store.connections.set(this.#row, REPLIED, atNs);
  }

  get isConnected(): boolean {
    return this.#store.connections.has(this.#row, CONNECTED);
  }

  get isAccepted(): boolean {
    return this.#store.connections.has(this.#row, ACCEPTED);
  }

  /** Its hold has begun. */
  get isHeld(): boolean {
    return this.#store.connections.has(this.#row, HELD);
  }

  get isReplied(): boolean {
    return this.#store.connections.has(this.#row, REPLIED);
  }

  get holdMs(): number | null {
    return this.#store.connections.get(this.#row, HOLD_MS);
  }

  set holdMs(holdMs: number | null) {
    this.#store.connections.set(this.#row, HOLD_MS, holdMs);
  }

  get byte(): number | null {
    return this.#store.connections.get(this.#row, BYTE);
  }

  set byte(byte: number | null) {
    this.#store.connections.set(this.#row, BYTE, byte);
  }

  get reply(): number | null {
    return this.#store.connections.get(this.#row, REPLY);
  }

  set reply(byte: number | null) {
    this.#store.connections.set(this.#row, REPLY, byte);
  }

  /** Grows with each change, and when it begins anew. */
  get revision(): number {
    return this.#store.connections.get(this.#row, REVISION) ?? 0;
  }

  changed(): void {
    this.#store.connections.set(this.#row, REVISION, this.revision + 1);
  }

  /** What happened to it and is no call, as it came; worded anew each time. */
  get notes(): TraceEvent[] {
    return this.#store.eventsIn(this.#notes);
  }

  /** The states the server's end was seen in before accept(), in order of time. */
  get unacceptedStates(): SeenState[] {
    return statesIn(this.#store.lists, this.#unaccepted);
  }

  get lastUnacceptedState(): SeenState | undefined {
    return lastOf(this.#store.lists, this.#unaccepted);
  }

  keepNote(atNs: number, place: number): void {
    this.#store.log.keep(place);
    this.#notes = this.#store.lists.append(this.#notes, atNs, place);
  }

  keepUnacceptedState(state: SeenState): void {
    this.#unaccepted = keepState(this.#store.lists, this.#unaccepted, state);
  }

  /** accept() has given the server's end its descriptor. */
  accept(server: SocketEnd): void {
    this.server = server;
    server.adoptStates(this.#unaccepted);
    this.#unaccepted = EMPTY;
  }

  /** What was told of `other`, taken for a foreign client's, is this one's; nothing of it is left to give back but its client's end. */
  absorb(other: Connection): void {
    this.server = other.server;
    this.holdMs = other.holdMs;
    this.holdFromNs = other.holdFromNs;
    this.byte ??= other.byte;
    this.reply ??= other.reply;
    this.acceptedNs = other.acceptedNs;
    this.repliedNs ??= other.repliedNs;
    this.errno ??= other.errno;
    this.otherKey = other.key;
    const { lists } = this.#store;
    this.#notes = lists.concat(this.#notes, other.#notes);
    lists.free(this.#unaccepted);
    this.#unaccepted = other.#unaccepted;
    for (const state of other.client.states) this.client.keepState(state);
    other.server = null;
    other.#notes = EMPTY;
    other.#unaccepted = EMPTY;
  }

  /** Gives back what it kept, but for its ends, once nothing leads to it any more. */
  free(): void {
    this.#store.freePlaces(this.#notes);
    this.#store.lists.free(this.#unaccepted);
    this.#notes = EMPTY;
    this.#unaccepted = EMPTY;
  }

  /** Where the log keeps what happened to it and is no call (holds, cuts, resets, retransmits, foreign calls), as it came. */
  get #notes(): TimedList {
    return this.#store.connections.get(this.#row, NOTES) ?? EMPTY;
  }

  set #notes(list: TimedList) {
    this.#store.connections.set(this.#row, NOTES, list);
  }

  /** States of the server's end, seen before accept() gave it a descriptor. */
  get #unaccepted(): TimedList {
    return this.#store.connections.get(this.#row, UNACCEPTED) ?? EMPTY;
  }

  set #unaccepted(list: TimedList) {
    this.#store.connections.set(this.#row, UNACCEPTED, list);
  }
}

/** The calls of an end, where there is one. */
export function callsOf(end: SocketEnd | null | undefined): CallEvent[] {
  return end?.calls ?? [];
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
