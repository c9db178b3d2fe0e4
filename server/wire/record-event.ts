// The event that a record stands for: numbers become words here, where somebody looks, and nowhere earlier.
import { callArgs } from './call-args.ts';
import { endpointPair, type EndpointPair } from './endpoints.ts';
import { errnoName } from './errno.ts';
import type { EventKind, TraceEvent } from './event.ts';
import { RECORD_BYTES } from './limits.ts';
import { ownerName } from './owner-name.ts';
import { dataText, type RecordBytes } from './record-bytes.ts';
import { tcpState, tcpStateText } from './tcp-state.ts';
import {
  CALL_NAMES,
  CLIENT_OUTCOMES,
  CUT_REASONS,
  EVIDENCES,
  OUR_PROCESSES,
  PAUSE_REASONS,
  PROCESS_CHANGES,
  RESET_DIRECTIONS,
  RETRANSMITTED,
  SETTINGS,
  type Evidence,
  type OurProcess,
} from './vocabulary.ts';
import {
  A0,
  A1,
  A2,
  DATA_BYTE,
  DURATION,
  ERRNO,
  FD,
  KINDS,
  LENGTHS,
  LOCAL_IP,
  OWNER_BYTES,
  OWNER_KNOWN,
  OWNER_NAME_BYTES,
  PID,
  PORTS,
  REMOTE_IP,
  RETURNED,
  SOCKET,
  TAG,
} from './record-layout.ts';

function entry<T>(table: readonly T[], index: number, what: string): T {
  const value = table[index];
  if (value === undefined) throw new RangeError(`record names ${what} ${index}, of which there are ${table.length}`);
  return value;
}

/** What the kernel says of a socket: such an event names a process only where it is known to be the socket's. */
const OF_KERNEL: ReadonlySet<EventKind> = new Set(['tcp-state', 'socket-owner', 'foreign-call', 'reset', 'retransmit', 'segment-drop']);

/** The event of record `slot`, which begins at `atNs` and whose bytes `view` shows too; throws on a number that no table has. */
// Plain assignments, no spreads: pages look at 50,000 events a second, and spreading an object costs ten times what setting its fields does.
export function eventOfRecord(batch: RecordBytes, slot: number, seq: number, atNs: number, view: DataView): TraceEvent {
  const tag = batch.word(slot, TAG);
  const kind = entry(KINDS, tag & 0xff, 'kind');
  const process = entry(OUR_PROCESSES, (tag >> 16) & 0xff, 'process');
  const evidence = entry(EVIDENCES, (tag >> 24) & 0xff, 'evidence');
  if (kind === 'call') return callEvent(batch, slot, seq, atNs, process, evidence, view);
  if (kind === 'hold') return holdEvent(batch, slot, seq, atNs, process, evidence);
  if (kind === 'tcp-state') return stateEvent(batch, slot, seq, atNs, process, evidence, view);
  return otherEvent(batch, slot, seq, atNs, kind, process, evidence, view);
}

/** What comes more rarely, field by field. */
function otherEvent(
  batch: RecordBytes,
  slot: number,
  seq: number,
  atNs: number,
  kind: Exclude<EventKind, 'call' | 'hold' | 'tcp-state'>,
  process: OurProcess,
  evidence: Evidence,
  view: DataView,
): TraceEvent {
  const word = (field: number): number => batch.word(slot, field);
  const event: Record<string, unknown> = OF_KERNEL.has(kind) ? { seq, kind, atNs, evidence } : { seq, kind, atNs, process, pid: word(PID), evidence };
  switch (kind) {
    case 'socket-owner':
      addSeen(event, batch, slot, process, view);
      break;
    case 'foreign-call':
      addSeen(event, batch, slot, process, view);
      event['durationNs'] = unsigned(word(DURATION));
      event['call'] = dataText(batch, slot, OWNER_BYTES);
      event['fd'] = word(A1);
      if (word(A0) >= 0) event['count'] = word(A0);
      event['returned'] = word(RETURNED);
      addErrno(event, batch, slot);
      break;
    case 'reset':
      addSeen(event, batch, slot, process, view);
      event['direction'] = entry(RESET_DIRECTIONS, word(A0), 'direction');
      event['reason'] = dataText(batch, slot) || null;
      break;
    case 'retransmit':
      addSeen(event, batch, slot, process, view);
      event['segment'] = entry(RETRANSMITTED, word(A0), 'segment');
      break;
    case 'segment-drop':
      addSeen(event, batch, slot, process, view);
      event['reason'] = dataText(batch, slot);
      break;
    case 'listener-drops':
      event['drops'] = word(A0);
      event['totalDrops'] = word(A1);
      event['overflows'] = word(A2);
      break;
    case 'sampling':
      event['connections'] = word(A0);
      event['skipped'] = word(A1);
      break;
    case 'accept-queue':
      event['length'] = word(A0);
      event['limit'] = word(A1);
      break;
    case 'setting':
      event['name'] = entry(SETTINGS, word(A0), 'setting');
      event['value'] = word(A1);
      break;
    case 'accept-paused':
      event['reason'] = entry(PAUSE_REASONS, word(A0), 'pause reason');
      addErrno(event, batch, slot);
      event['pauseMs'] = word(A1);
      break;
    case 'accept-resumed':
      break;
    case 'cut':
      addSocket(event, batch, slot, process);
      event['fd'] = word(FD);
      event['reason'] = entry(CUT_REASONS, word(A0), 'cut reason');
      break;
    case 'client-ended':
      addSocket(event, batch, slot, process);
      event['outcome'] = entry(CLIENT_OUTCOMES, word(A0), 'outcome');
      addErrno(event, batch, slot);
      break;
    case 'process': {
      const signal = dataText(batch, slot);
      event['change'] = entry(PROCESS_CHANGES, word(A0), 'process change');
      if (word(A1) >= 0) event['exitCode'] = word(A1);
      if (signal !== '') event['signal'] = signal;
      if (word(A2) >= 0) event['restartMs'] = word(A2);
      break;
    }
    case 'dropped':
      event['count'] = word(A0);
      break;
  }
  // The tables above tie each kind to its own fields; TypeScript cannot follow a union through a table.
  return event as unknown as TraceEvent;
}

/** Nine of ten events are calls, and pages keep hundreds of thousands: written out whole, one is a single object, which assignments would make two. */
function callEvent(batch: RecordBytes, slot: number, seq: number, atNs: number, process: OurProcess, evidence: Evidence, view: DataView): TraceEvent {
  const kind = 'call';
  const call = entry(CALL_NAMES, (batch.word(slot, TAG) >> 8) & 0xff, 'call');
  const pid = batch.word(slot, PID);
  const socket = batch.word(slot, SOCKET);
  const durationNs = unsigned(batch.word(slot, DURATION));
  const fd = batch.word(slot, FD);
  const args = callArgs(call, batch, slot, view);
  const returned = batch.word(slot, RETURNED);
  const isNamed = (batch.word(slot, PORTS) & 0xffff) !== 0;
  let event: object;
  if (socket === 0) event = { seq, kind, atNs, process, pid, evidence, durationNs, call, fd, args, returned };
  else if (process === 'tcp-client') {
    const clientId = clientIdText(socket);
    if (isNamed) event = { seq, kind, atNs, process, pid, evidence, socket, clientId, connection: bothEnds(batch, slot), durationNs, call, fd, args, returned };
    else event = { seq, kind, atNs, process, pid, evidence, socket, clientId, durationNs, call, fd, args, returned };
  } else if (isNamed) {
    const connection = bothEnds(batch, slot);
    const errno = batch.word(slot, ERRNO);
    // A server's reads end in EAGAIN as a rule: whole too.
    if (errno !== 0)
      return { seq, kind, atNs, process, pid, evidence, socket, connection, durationNs, call, fd, args, returned, errno: errnoName(errno) } as TraceEvent;
    event = { seq, kind, atNs, process, pid, evidence, socket, connection, durationNs, call, fd, args, returned };
  } else event = { seq, kind, atNs, process, pid, evidence, socket, durationNs, call, fd, args, returned };
  addErrno(event as Record<string, unknown>, batch, slot);
  return event as TraceEvent;
}

/** One for each connection that pages keep: written out whole too. */
function holdEvent(batch: RecordBytes, slot: number, seq: number, atNs: number, process: OurProcess, evidence: Evidence): TraceEvent {
  const kind = 'hold';
  const pid = batch.word(slot, PID);
  const socket = batch.word(slot, SOCKET);
  return { seq, kind, atNs, process, pid, evidence, socket, connection: bothEnds(batch, slot), fd: batch.word(slot, FD), holdMs: batch.word(slot, A0) };
}

/** What the tap tells most, written out whole; what others tell of a state, field by field. */
function stateEvent(batch: RecordBytes, slot: number, seq: number, atNs: number, process: OurProcess, evidence: Evidence, view: DataView): TraceEvent {
  const kind = 'tcp-state';
  const from = tcpState(batch.word(slot, A0));
  const to = tcpStateText(batch.word(slot, A1));
  if (process === 'kernel-tap') {
    const { local, remote } = bothEnds(batch, slot);
    if (!isOwnerKnown(batch, slot)) return { seq, kind, atNs, evidence, local, remote, from, to };
    return { seq, kind, atNs, evidence, process: ownerName(batch, slot), pid: ownerPid(slot, view), local, remote, from, to };
  }
  const event: Record<string, unknown> = { seq, kind, atNs, evidence };
  addSeen(event, batch, slot, process, view);
  event['from'] = from;
  event['to'] = to;
  return event as TraceEvent;
}

/** A word as it was written; a small integer where it can be one. */
function unsigned(word: number): number {
  return word < 0 ? word >>> 0 : word;
}

function bothEnds(batch: RecordBytes, slot: number): EndpointPair {
  return endpointPair(batch.word(slot, LOCAL_IP), batch.word(slot, REMOTE_IP), batch.word(slot, PORTS));
}

/** Which socket an event is of, where it is of one. */
function addSocket(event: Record<string, unknown>, batch: RecordBytes, slot: number, process: OurProcess): void {
  const socket = batch.word(slot, SOCKET);
  if (socket === 0) return;
  event['socket'] = socket;
  if (process === 'tcp-client') event['clientId'] = clientIdText(socket);
  if ((batch.word(slot, PORTS) & 0xffff) !== 0) event['connection'] = bothEnds(batch, slot);
}

/** What is seen of a socket from outside. The tap watches sockets of others: whose they are stands in the data, and its own process is not it. */
function addSeen(event: Record<string, unknown>, batch: RecordBytes, slot: number, process: OurProcess, view: DataView): void {
  if (isOwnerKnown(batch, slot)) {
    event['process'] = ownerName(batch, slot);
    event['pid'] = ownerPid(slot, view);
  } else if (process !== 'kernel-tap') {
    event['process'] = process;
    event['pid'] = batch.word(slot, PID);
  }
  if (process !== 'kernel-tap') addSocket(event, batch, slot, process);
  const { local, remote } = bothEnds(batch, slot);
  event['local'] = local;
  event['remote'] = remote;
}

function isOwnerKnown(batch: RecordBytes, slot: number): boolean {
  return batch.bytes[slot * RECORD_BYTES + LENGTHS * 4 + 1] === OWNER_KNOWN;
}

function ownerPid(slot: number, view: DataView): number {
  return view.getInt32(slot * RECORD_BYTES + DATA_BYTE + OWNER_NAME_BYTES, true);
}

function addErrno(event: Record<string, unknown>, batch: RecordBytes, slot: number): void {
  const errno = batch.word(slot, ERRNO);
  if (errno !== 0) event['errno'] = errnoName(errno);
}

/** The name a client goes by in commands and events. */
export function clientIdText(socket: number): string {
  return `c${socket}`;
}
