// What the kernel's tracepoints tell of the sockets of our ports, in order of time: state changes, resets, retransmits, drops, and the calls of foreign processes.
import { nowNs } from '../kernel/clock.ts';
import { FollowedSockets, TCP_CLOSE, type FollowedSocket } from '../kernel/followed-sockets.ts';
import { ForeignCalls } from '../kernel/foreign-calls.ts';
import type { EventsLost, ForeignCall, SocketEvent } from '../kernel/kernel-event.ts';
import { isSibling, processName, processOfThread } from '../kernel/process-name.ts';
import {
  ANY_PORT_TRACEPOINTS,
  PORT_TRACEPOINTS,
  STATE_CHANGE,
  thinStateFilter,
  type SocketListener,
  type SocketTracepoint,
  type TapKind,
} from '../kernel/socket-events.ts';
import { endsNumber, type SocketTable } from '../kernel/socket-table.ts';
import { TraceReader, type TraceRecord } from '../kernel/trace-reader.ts';
import { findTracefs, removeLeftOvers, TraceInstance, unavailable, type Tracefs, type Unavailable } from '../kernel/tracefs.ts';
import {
  ANY_PORT_BUFFER_KIB,
  CALLS_LINGER_NS,
  LOST_LOOKBACK_NS,
  NOISY_RECORDS_PER_SECOND,
  NOISY_THREADS_MAX,
  STATES_BUFFER_KIB,
  TRACE_BUSY_RECORDS_PER_SECOND,
  TRACE_PAGES_PER_READ,
  TRACE_SETTLE_NS,
  TRACE_THIN_CONNECTIONS,
  UNNAMED_EVENTS_MAX,
} from '../wire/tap-limits.ts';
import { CallRecording } from './call-recording.ts';

const TIME_WAIT = 6;
const LISTENING = 10;
const WINDOW_NS = 1e9;

/** Hears what the kernel did, in order of time; an event of a socket whose local port was not known yet comes when it is, with its own time. */
export interface TapListener {
  told(event: SocketEvent | ForeignCall, socket: FollowedSocket | null): void;
  lost(lost: EventsLost): void;
  /** From now on one in `part` connections is followed; 1: all of them. */
  thinned(atNs: number, part: number): void;
}

/** An instance of tracing with its reader. */
interface Source {
  readonly instance: TraceInstance;
  readonly reader: TraceReader;
  readonly from: EventsLost['from'];
}

export class TraceTap implements SocketListener {
  readonly sockets = new FollowedSockets();
  readonly #tracefs: Tracefs;
  readonly #ports: readonly number[];
  readonly #originNs: bigint;
  readonly #listener: TapListener;
  readonly #calls: ForeignCalls;
  readonly #sources: Source[] = [];
  #recording: CallRecording | null = null;
  /** When the last foreign socket was seen; the calls are switched off a while later. 0 while they are off. */
  #foreignNs = 0;
  #restedNs = 0;
  /** One in so many connections is followed. */
  #part = 1;
  #windowNs = 0;
  #windowRecords = 0;
  #noiseNs = 0;
  /** Ends of sockets may have been missed. */
  #doubtful = false;
  /** Threads whose calls are left out of the recording. */
  #leftOut: readonly number[] = [];
  #pids: readonly number[];
  #waiting: TraceRecord[] = [];
  /** Pages and records that could not be understood. */
  malformed = 0;

  private constructor(tracefs: Tracefs, ports: readonly number[], ownPids: readonly number[], originNs: bigint, listener: TapListener) {
    this.#tracefs = tracefs;
    this.#ports = ports;
    this.#originNs = originNs;
    this.#listener = listener;
    this.#pids = ownPids;
    this.#calls = new ForeignCalls(ownPids, { processOf: processOfThread, nameOf: processName, isSibling }, (call, socket) => {
      this.#tell(call, socket);
    });
  }

  /** Begins to record what happens on `ports`; `originNs` is CLOCK_MONOTONIC when the run began. Left-overs of killed runs are removed. */
  static open(ports: readonly number[], ownPids: readonly number[], originNs: bigint, listener: TapListener): TraceTap | Unavailable {
    const tracefs = findTracefs(true);
    if (!tracefs.ok) return tracefs;
    removeLeftOvers(tracefs);
    const tap = new TraceTap(tracefs, ports, ownPids, originNs, listener);
    const problem = tap.#record('states', STATES_BUFFER_KIB, 'ours', [STATE_CHANGE, ...PORT_TRACEPOINTS]);
    if (problem !== null) {
      tap.close();
      return problem;
    }
    // Without these two the walk of states is still whole.
    tap.#record('drops', ANY_PORT_BUFFER_KIB, 'anyone', ANY_PORT_TRACEPOINTS);
    tap.#recordCalls(ownPids);
    return tap;
  }

  /** Readable when something was recorded of our ports. */
  get fds(): number[] {
    return this.#sources.flatMap(({ reader }) => [...reader.fds]);
  }

  /** True while the tap must look though nothing wakes it: calls of a foreign process wake nobody, and the end of a flood is that nothing comes. */
  get mustLook(): boolean {
    return this.#foreignNs !== 0 || this.#part > 1;
  }

  /** Our processes have changed. */
  set ownPids(pids: readonly number[]) {
    this.#calls.ownPids = pids;
    this.#pids = pids;
    this.#recording?.close();
    this.#recording = null;
    if (this.#part > 1) return;
    const recording = this.#recordCalls(pids);
    // Those who are connected already will not switch it on.
    if (this.#foreignNs !== 0) recording?.resume();
  }

  /** Reads what was recorded and tells of it; returns true where something is left that is too young or too much. */
  read(): boolean {
    const beganNs = nowNs();
    this.#calls.beginRead(beganNs);
    let horizonNs = beganNs - TRACE_SETTLE_NS;
    for (const source of this.#sources) horizonNs = Math.min(horizonNs, this.#readSource(source.reader, source.from));
    if (this.#recording !== null) horizonNs = Math.min(horizonNs, this.#readSource(this.#recording.reader, 'calls'));
    this.#waiting.sort((a, b) => a.atNs - b.atNs);
    let done = 0;
    for (const record of this.#waiting) {
      if (record.atNs > horizonNs) break;
      (record.kind as TapKind).apply(record.atNs, record.view, record.at);
      done += 1;
    }
    this.#waiting = this.#waiting.slice(done);
    this.#restIfAlone(beganNs);
    this.#thinIfBusy(beganNs);
    this.#quietIfNoisy(beganNs);
    return this.#waiting.length > 0;
  }

  told(event: SocketEvent, socket: FollowedSocket | null): void {
    this.#tell(event, socket);
  }

  connecting(atNs: number, tid: number, socket: FollowedSocket): void {
    this.#calls.connecting(atNs, tid, socket);
    if (this.#calls.isOwn(socket.pid)) return;
    // Whose calls were left out, as nobody's who is connected to us, is heard again, and so are the other threads of its process.
    if (this.#leftOut.length > 0) this.#leaveOut(this.#leftOut.filter((other) => this.#calls.identify(other).pid !== socket.pid));
    // Switched off just then: the trigger's work was undone.
    if (this.#foreignNs === 0 && this.#restedNs !== 0 && atNs - this.#restedNs < CALLS_LINGER_NS) this.#recording?.resume();
    this.#foreignNs = nowNs();
  }

  /**
   * The sockets whose end may have been missed, because records were lost or left out: those older than `table` that it does not show (a TIME-WAIT is no
   * socket of anybody any more) are closed, as the table saw, and given to `ended`.
   */
  reconcile(table: SocketTable, ended: (socket: FollowedSocket) => void): void {
    if (!this.#doubtful || table.truncated || table.interrupted) return;
    this.#doubtful = this.#part > 1;
    const shown = new Set<number>();
    for (let index = 0; index < table.count; index += 1) if (table.state[index] !== TIME_WAIT) shown.add(table.ends(index));
    for (const socket of this.sockets.all) {
      // Of one that connects, tracefs may not know the port yet. One whose ends have the same number as another's ends a look later.
      if (socket.localPort === 0 || socket.seenNs > table.fromNs) continue;
      if (shown.has(endsNumber(socket.localIp, socket.localPort, socket.remoteIp, socket.remotePort))) continue;
      this.sockets.end(socket);
      socket.closedNs = table.atNs;
      ended(socket);
      socket.state = TCP_CLOSE;
    }
  }

  identify(tid: number): { pid: number; comm: string } {
    return this.#calls.identify(tid);
  }

  /** Ends all recording and takes the instances away. */
  close(): void {
    this.#recording?.close();
    this.#recording = null;
    for (const { instance, reader } of this.#sources.splice(0)) {
      reader.close();
      instance.remove();
    }
  }

  #record(what: string, bufferKib: number, from: EventsLost['from'], tracepoints: readonly SocketTracepoint[]): Unavailable | null {
    const instance = TraceInstance.create(this.#tracefs, what, bufferKib);
    if (!(instance instanceof TraceInstance)) return instance;
    const reader = TraceReader.open(instance, this.#originNs);
    if (!(reader instanceof TraceReader)) {
      instance.remove();
      return unavailable('no-buffer', 'the trace buffer cannot be read', reader.errno);
    }
    this.#sources.push({ instance, reader, from });
    const ports = new Set(this.#ports);
    for (const tracepoint of tracepoints) {
      const format = instance.format(tracepoint.event);
      const kind = format?.id === undefined ? null : tracepoint.kind(format, ports, this);
      if (format !== null && kind !== null) {
        reader.add(kind);
        const errno = instance.enable(tracepoint.event, tracepoint.filter(format, this.#ports));
        if (errno === null || tracepoint !== STATE_CHANGE) continue;
      }
      if (tracepoint === STATE_CHANGE) return unavailable('no-event', `this kernel's ${tracepoint.event} cannot be followed`);
    }
    const errno = instance.write('tracing_on', '1');
    return errno === null ? null : unavailable('no-event', 'tracing cannot be switched on', errno);
  }

  #recordCalls(ownPids: readonly number[]): CallRecording | null {
    const recording = CallRecording.open(this.#tracefs, this.#ports, ownPids, this.#originNs, this.#calls);
    this.#recording = recording instanceof CallRecording ? recording : null;
    return this.#recording;
  }

  #readSource(reader: TraceReader, from: EventsLost['from']): number {
    const end = reader.read(this.#waiting, TRACE_PAGES_PER_READ);
    this.malformed += end.malformed;
    if (from === 'ours') this.#windowRecords += end.records;
    // Old calls of others that nobody asked for are no loss.
    const matters = from !== 'calls' || (this.#foreignNs !== 0 && nowNs() - this.#foreignNs < LOST_LOOKBACK_NS);
    if (end.lost > 0 && from === 'ours') this.#doubtful = true;
    if (end.lost > 0 && matters) this.#listener.lost({ kind: 'lost', atNs: nowNs(), from, count: end.lost });
    return end.completeToNs;
  }

  /** Under load some connections are left out whole, so that watching stays cheap; when it is over all are followed again. */
  #thinIfBusy(atNs: number): void {
    if (atNs - this.#windowNs < WINDOW_NS) {
      // A sudden flood is not waited out.
      if (this.#part > 1 || this.#windowRecords < TRACE_BUSY_RECORDS_PER_SECOND) return;
    }
    const records = this.#windowRecords * this.#part;
    this.#windowRecords = 0;
    this.#windowNs = atNs;
    const part = records >= TRACE_BUSY_RECORDS_PER_SECOND / (this.#part === 1 ? 1 : 2) ? TRACE_THIN_CONNECTIONS : 1;
    if (part === this.#part) return;
    const states = this.#sources[0]?.instance;
    const format = states?.format(STATE_CHANGE.event);
    if (states === undefined || format === undefined || format === null) return;
    const filter = part === 1 ? STATE_CHANGE.filter(format, this.#ports) : thinStateFilter(this.#ports, part);
    if (states.write(`events/${STATE_CHANGE.event}/filter`, filter) !== null) return;
    this.#part = part;
    this.#doubtful = true;
    this.#recording?.close();
    this.#recording = null;
    this.#leftOut = [];
    this.#foreignNs = 0;
    this.#calls.forgetAll();
    if (part === 1) this.#recordCalls(this.#pids);
    this.#listener.thinned(atNs, part);
  }

  /** Tells of an event, or keeps it until its socket has a local port: connect() changes the state before the port is chosen. */
  #tell(event: SocketEvent | ForeignCall, socket: FollowedSocket | null): void {
    if (socket === null || (event.kind === 'state' && event.to === LISTENING)) {
      this.#listener.told(event, socket);
      return;
    }
    if (socket.localPort === 0) {
      if (socket.unnamed.length < UNNAMED_EVENTS_MAX) socket.unnamed.push(event);
      return;
    }
    if (socket.unnamed.length > 0) {
      const { localIp, localPort } = socket;
      for (const earlier of socket.unnamed.splice(0)) this.#listener.told({ ...earlier, localIp, localPort }, socket);
    }
    this.#listener.told(event, socket);
  }

  /** Others' calls are not let push out those that count. */
  #quietIfNoisy(atNs: number): void {
    if (atNs - this.#noiseNs < WINDOW_NS) return;
    const noisy = this.#calls.noisy(NOISY_RECORDS_PER_SECOND).filter((tid) => !this.#leftOut.includes(tid));
    this.#noiseNs = atNs;
    if (noisy.length > 0 && this.#foreignNs !== 0) this.#leaveOut([...noisy, ...this.#leftOut].slice(0, NOISY_THREADS_MAX));
  }

  #leaveOut(tids: readonly number[]): void {
    if (tids.length === this.#leftOut.length && tids.every((tid) => this.#leftOut.includes(tid))) return;
    this.#leftOut = tids;
    this.#recording?.leaveOut(tids);
  }

  #restIfAlone(atNs: number): void {
    if (this.#foreignNs === 0) return;
    if (this.#calls.sweep(atNs) > 0) this.#foreignNs = atNs;
    else if (atNs - this.#foreignNs > CALLS_LINGER_NS) {
      this.#recording?.rest();
      this.#leaveOut([]);
      this.#foreignNs = 0;
      this.#restedNs = nowNs();
    }
  }
}
