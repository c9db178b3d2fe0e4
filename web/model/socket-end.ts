// One socket of a connection, as our process or the kernel told of it.
import type { CallEvent } from '#wire/event.ts';
import type { ConnectionStore } from './connection-store.ts';
import { keepState, lastOf, statesIn, type SeenState } from './seen-state-list.ts';
import { EMPTY, type TimedList } from './timed-lists.ts';

/** Columns of its row. */
const [PID, FD, SOCKET, CLOSED, CALLS, STATES, GOT_BYTE, SENT_BYTE, SHUT_DOWN, GOT_RESET] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
export const END_COLUMNS = 10;

export class SocketEnd {
  /** 'increment-server', 'tcp-client', or a foreign program's name; '' where it is not known. */
  process = '';
  /** False: a foreign process, whose calls we do not make. */
  ours = false;
  clientId: string | null = null;
  /** Its own address: '127.0.0.1:43902'. */
  local: string | null = null;
  readonly #store: ConnectionStore;
  readonly #row: number;

  constructor(store: ConnectionStore) {
    this.#store = store;
    this.#row = store.ends.take();
  }

  /** From here on it is a new one, of which only this is known. */
  begin(ours: boolean, process: string): void {
    this.#store.ends.clear(this.#row);
    this.ours = ours;
    this.process = process;
    this.clientId = null;
    this.local = null;
  }

  get pid(): number | null {
    return this.#store.ends.get(this.#row, PID);
  }

  set pid(pid: number | null) {
    this.#store.ends.set(this.#row, PID, pid);
  }

  get fd(): number | null {
    return this.#store.ends.get(this.#row, FD);
  }

  set fd(fd: number | null) {
    this.#store.ends.set(this.#row, FD, fd);
  }

  /** The process's own number of the socket. */
  get socket(): number | null {
    return this.#store.ends.get(this.#row, SOCKET);
  }

  set socket(socket: number | null) {
    this.#store.ends.set(this.#row, SOCKET, socket);
  }

  /** End of its close(). */
  get closedNs(): number | null {
    return this.#store.ends.get(this.#row, CLOSED);
  }

  set closedNs(atNs: number | null) {
    this.#store.ends.set(this.#row, CLOSED, atNs);
  }

  get isClosed(): boolean {
    return this.#store.ends.has(this.#row, CLOSED);
  }

  /** What of its calls the connection's phase and outcome follow from: a byte was read, one was written, shutdown() was called, a reset was told of. */
  get gotByte(): boolean {
    return this.#store.ends.has(this.#row, GOT_BYTE);
  }

  get sentByte(): boolean {
    return this.#store.ends.has(this.#row, SENT_BYTE);
  }

  get shutDown(): boolean {
    return this.#store.ends.has(this.#row, SHUT_DOWN);
  }

  get gotReset(): boolean {
    return this.#store.ends.has(this.#row, GOT_RESET);
  }

  get hasCalls(): boolean {
    return this.#calls !== EMPTY;
  }

  /** In order of time; worded anew each time, so to be asked for once. */
  get calls(): CallEvent[] {
    return this.#store.eventsIn(this.#calls) as CallEvent[];
  }

  /** The states it was seen in, in order of time. */
  get states(): SeenState[] {
    return statesIn(this.#store.lists, this.#states);
  }

  get lastState(): SeenState | undefined {
    return lastOf(this.#store.lists, this.#states);
  }

  /** A call of its own process on it. */
  keepOwnCall(call: CallEvent, place: number): void {
    this.keepCall(call.atNs, place);
    const { ends } = this.#store;
    if (call.call === 'read' && call.returned > 0) ends.set(this.#row, GOT_BYTE, 1);
    else if (call.call === 'write' && call.returned === 1) ends.set(this.#row, SENT_BYTE, 1);
    else if (call.call === 'shutdown') ends.set(this.#row, SHUT_DOWN, 1);
    if (tellsOfReset(call)) ends.set(this.#row, GOT_RESET, 1);
  }

  /** Calls of one process come in order; a merge of batches may still bring an earlier one late. */
  keepCall(atNs: number, place: number): void {
    const { ends, log, lists } = this.#store;
    log.keep(place);
    const calls = this.#calls;
    ends.set(this.#row, CALLS, lists.insertAfter(calls, lists.nodeBefore(calls, atNs, place), atNs, place, 0));
  }

  keepState(state: SeenState): void {
    this.adoptStates(keepState(this.#store.lists, this.#states, state));
  }

  /** What was seen of it before it was known. */
  adoptStates(states: TimedList): void {
    this.#store.ends.set(this.#row, STATES, states);
  }

  /** Gives back what it kept, once nothing leads to it any more. */
  free(): void {
    const { ends, lists } = this.#store;
    this.#store.freePlaces(this.#calls);
    lists.free(this.#states);
    ends.set(this.#row, CALLS, EMPTY);
    ends.set(this.#row, STATES, EMPTY);
  }

  /** Where the log keeps its calls, in order of time. */
  get #calls(): TimedList {
    return this.#store.ends.get(this.#row, CALLS) ?? EMPTY;
  }

  get #states(): TimedList {
    return this.#store.ends.get(this.#row, STATES) ?? EMPTY;
  }
}

/** A reset is told by the errno of a call, or by SO_ERROR where the peer's FIN came before its RST. */
function tellsOfReset(call: CallEvent): boolean {
  return call.errno === 'ECONNRESET' || call.errno === 'EPIPE' || (call.call === 'getsockopt' && call.args.option === 'SO_ERROR' && call.args.value !== 0);
}
