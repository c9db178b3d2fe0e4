// The event that a record stands for: numbers become words here, where somebody looks, and nowhere earlier.
import { eachOnce } from './each-once.ts';
import { addressText, endpointPair, type EndpointPair } from './endpoints.ts';
import { errnoName } from './errno.ts';
import type { CallEvent, EventKind, TcpInfo, TraceEvent } from './event.ts';
import { acceptFlagWords, epollEventWords, epollOpWord, levelWord, optionWord, shutdownWord, socketTypeWords } from './flags.ts';
import * as c from './constants.ts';
import { DATA_MAX_BYTES, RECORD_BYTES } from './limits.ts';
import { tcpState } from './tcp-state.ts';
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
  type CallName,
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

/** A batch of records, as far as reading one needs it. */
export interface RecordBytes {
  readonly bytes: Uint8Array;
  word(slot: number, field: number): number;
}

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
  const word = (field: number): number => batch.word(slot, field);
  const tag = word(TAG);
  const kind = entry(KINDS, tag & 0xff, 'kind');
  const process = entry(OUR_PROCESSES, (tag >> 16) & 0xff, 'process');
  const evidence = entry(EVIDENCES, (tag >> 24) & 0xff, 'evidence');
  if (kind === 'call') return callEvent(batch, slot, seq, atNs, process, evidence, view);
  const event: Record<string, unknown> = OF_KERNEL.has(kind) ? { seq, kind, atNs, evidence } : { seq, kind, atNs, process, pid: word(PID), evidence };
  switch (kind) {
    case 'tcp-state':
      addSeen(event, batch, slot, process, view);
      event['from'] = tcpState(word(A0));
      event['to'] = tcpState(word(A1)) ?? `state ${word(A1)}`;
      break;
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
    case 'hold':
      addSocket(event, batch, slot, process);
      event['fd'] = word(FD);
      event['holdMs'] = word(A0);
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
  } else if (isNamed) event = { seq, kind, atNs, process, pid, evidence, socket, connection: bothEnds(batch, slot), durationNs, call, fd, args, returned };
  else event = { seq, kind, atNs, process, pid, evidence, socket, durationNs, call, fd, args, returned };
  addErrno(event as Record<string, unknown>, batch, slot);
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
  if (batch.bytes[slot * RECORD_BYTES + LENGTHS * 4 + 1] === OWNER_KNOWN) {
    event['process'] = dataText(batch, slot, 0, OWNER_NAME_BYTES);
    event['pid'] = view.getInt32(slot * RECORD_BYTES + DATA_BYTE + OWNER_NAME_BYTES, true);
  } else if (process !== 'kernel-tap') {
    event['process'] = process;
    event['pid'] = batch.word(slot, PID);
  }
  if (process !== 'kernel-tap') addSocket(event, batch, slot, process);
  const { local, remote } = bothEnds(batch, slot);
  event['local'] = local;
  event['remote'] = remote;
}

function addErrno(event: Record<string, unknown>, batch: RecordBytes, slot: number): void {
  const errno = batch.word(slot, ERRNO);
  if (errno !== 0) event['errno'] = errnoName(errno);
}

/** The name a client goes by in commands and events. */
export function clientIdText(socket: number): string {
  return `c${socket}`;
}

function dataText(batch: RecordBytes, slot: number, from = 0, to = DATA_MAX_BYTES): string {
  const bytes = dataBytes(batch, slot).subarray(from, to);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

function dataBytes(batch: RecordBytes, slot: number): Uint8Array {
  const start = slot * RECORD_BYTES;
  return batch.bytes.subarray(start + DATA_BYTE, start + DATA_BYTE + (batch.bytes[start + LENGTHS * 4] ?? 0));
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] ?? '';
  return text;
}

/** struct tcp_info, whose first 32 bytes hold all we tell. */
function tcpInfo(view: DataView, at: number): TcpInfo {
  const offset = c.TCP_INFO_OFFSET;
  const number = view.getUint8(at + offset.tcpi_state);
  return {
    state: tcpState(number) ?? `state ${number}`,
    retransmits: view.getUint8(at + offset.tcpi_retransmits),
    probes: view.getUint8(at + offset.tcpi_probes),
    backoff: view.getUint8(at + offset.tcpi_backoff),
    rtoUs: view.getUint32(at + offset.tcpi_rto, true),
    unacked: view.getUint32(at + offset.tcpi_unacked, true),
    sacked: view.getUint32(at + offset.tcpi_sacked, true),
  };
}

function callArgs(call: CallName, batch: RecordBytes, slot: number, view: DataView): CallEvent['args'] {
  const a0 = batch.word(slot, A0);
  const a1 = batch.word(slot, A1);
  const a2 = batch.word(slot, A2);
  const returned = batch.word(slot, RETURNED);
  const data = dataBytes(batch, slot);
  const pointer = (): string => (data.length === 8 ? `0x${view.getBigUint64(slot * RECORD_BYTES + DATA_BYTE, true).toString(16)}` : '');
  switch (call) {
    case 'socket':
      return { domain: a0 === c.AF_INET ? 'AF_INET' : String(a0), type: socketTypeWords(a1), protocol: a2 };
    case 'setsockopt':
      return { level: levelWord(a0), option: optionWord(a0, a1), value: a2 };
    case 'bind':
      return { address: sockaddrIn(batch.word(slot, LOCAL_IP), batch.word(slot, PORTS) >>> 16), addressLength: c.SOCKADDR_IN_BYTES };
    case 'connect':
      return { address: sockaddrIn(batch.word(slot, REMOTE_IP), batch.word(slot, PORTS) & 0xffff), addressLength: c.SOCKADDR_IN_BYTES };
    case 'listen':
      return { backlog: a0 };
    case 'accept4':
      return returned < 0
        ? { address: null, addressLength: a1, flags: acceptFlagWords(a0), pointer: pointer() }
        : { address: sockaddrIn(batch.word(slot, REMOTE_IP), batch.word(slot, PORTS) & 0xffff), addressLength: a1, flags: acceptFlagWords(a0), pointer: '' };
    case 'getsockname':
      return returned < 0
        ? { address: null, addressLength: a1, pointer: pointer() }
        : { address: sockaddrIn(batch.word(slot, LOCAL_IP), batch.word(slot, PORTS) >>> 16), addressLength: a1, pointer: '' };
    case 'getsockopt': {
      const option = { level: levelWord(a0), option: optionWord(a0, a1), length: a2 };
      if (returned < 0) return { ...option, value: null, pointer: pointer() };
      const at = slot * RECORD_BYTES + DATA_BYTE;
      return { ...option, value: a1 === c.TCP_INFO && a0 === c.IPPROTO_TCP ? tcpInfo(view, at) : view.getInt32(at, true) };
    }
    case 'read':
      if (returned < 0) return { data: '', count: a0, pointer: pointer() };
      return data.length > 1 ? { data: hex(data), count: a0, pointer: '' } : shortRead(shortKey(data, a0));
    case 'write':
      return data.length > 1 ? { data: hex(data), count: a0 } : shortWrite(shortKey(data, a0));
    case 'shutdown':
      return shutdownArgs(a0);
    case 'close':
      return NO_ARGS;
    case 'epoll_create1':
      return { flags: a0 === 0 ? '0' : 'EPOLL_CLOEXEC' };
    case 'epoll_ctl':
      return { op: epollOpWord(a0), fd: a1, events: epollEventWords(a2) };
    case 'epoll_wait': {
      if (returned < 0) return { ready: [], maxEvents: a0, timeoutMs: a1, pointer: pointer() };
      const ready = [];
      for (let at = slot * RECORD_BYTES + DATA_BYTE, end = at + data.length; at < end; at += 8) {
        ready.push({ fd: view.getInt32(at, true), events: epollEventWords(view.getInt32(at + 4, true)) });
      }
      return { ready, maxEvents: a0, timeoutMs: a1 };
    }
  }
}

/** Of no data, or of one byte: 512 for each count. Shared by all events that say the same, and so not to be changed. */
function shortKey(data: Uint8Array, count: number): number {
  return (count >>> 0) * 512 + data.length * 256 + (data[0] ?? 0);
}
const shortData = (key: number): { data: string; count: number } => ({ data: key & 256 ? hex(Uint8Array.of(key & 255)) : '', count: Math.floor(key / 512) });
const shortRead = eachOnce(4_096, (key) => Object.freeze({ ...shortData(key), pointer: '' }));
const shortWrite = eachOnce(4_096, (key) => Object.freeze(shortData(key)));
const shutdownArgs = eachOnce(16, (how) => Object.freeze({ how: shutdownWord(how) }));

/** Of a close(), whose one argument is its descriptor; shared, and so not to be changed. */
const NO_ARGS = Object.freeze({});

function sockaddrIn(ip: number, port: number): { family: 'AF_INET'; port: number; ip: string } {
  return { family: 'AF_INET', port, ip: addressText(ip) };
}
