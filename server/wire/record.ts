// The compact form of an event: 96 bytes that an engine writes in the heat of the moment and nobody words until somebody looks.
import { endpointText, ipText } from './address.ts';
import { errnoName } from './errno.ts';
import type { CallEvent, EventKind, TcpInfo, TraceEvent } from './event.ts';
import { acceptFlagWords, epollEventWords, epollOpWord, levelWord, optionWord, shutdownWord, socketTypeWords } from './flags.ts';
import * as c from './constants.ts';
import { DATA_MAX_BYTES, RECORD_BYTES } from './limits.ts';
import { tcpState, tcpStateNumber } from './tcp-state.ts';
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

// Tables of numbers on the wire: append only.
export const KINDS: readonly EventKind[] = [
  'call',
  'tcp-state',
  'accept-queue',
  'hold',
  'setting',
  'accept-paused',
  'accept-resumed',
  'cut',
  'client-ended',
  'process',
  'dropped',
  'socket-owner',
  'foreign-call',
  'reset',
  'retransmit',
  'segment-drop',
  'listener-drops',
  'sampling',
];

// Where each field stands, in words of the three views over the same bytes (little-endian, as on every machine Node runs on).
export const WORDS = RECORD_BYTES / 4;
const DOUBLES = RECORD_BYTES / 8;
const AT = 0; // float64
const DURATION = 2; // uint32
export const TAG = 3; // four bytes: kind, call, process, evidence
const PID = 4;
export const FD = 5;
export const RETURNED = 6;
const ERRNO = 7;
export const A0 = 8;
const A1 = 9;
const A2 = 10;
const LOCAL_IP = 11;
const REMOTE_IP = 12;
const PORTS = 13; // local << 16 | remote
const SOCKET = 14;
const LENGTHS = 15; // first byte: how many of the data bytes are meant; second: OWNER_KNOWN
/** The data begin with the name (16 bytes) and the pid (4) of the process that holds the socket. */
export const OWNER_KNOWN = 1;
const OWNER_NAME_BYTES = 16;
const OWNER_BYTES = 20;
const DATA_BYTE = 64;

/** A run of records in one buffer, written at the end and read anywhere. */
export class RecordBatch {
  readonly capacity: number;
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #view: DataView;
  count = 0;

  constructor(capacity: number, buffer: ArrayBuffer = new ArrayBuffer(capacity * RECORD_BYTES)) {
    this.capacity = capacity;
    this.bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    this.#view = new DataView(buffer);
  }

  /**
   * Writes record `slot`. Times in nanoseconds, addresses and ports in host order, `socket` 0 where no socket is meant;
   * the data bytes are left to `setData`.
   */
  put(
    slot: number,
    tag: number,
    atNs: number,
    durationNs: number,
    pid: number,
    fd: number,
    returned: number,
    errno: number,
    a0: number,
    a1: number,
    a2: number,
    localIp: number,
    remoteIp: number,
    ports: number,
    socket: number,
  ): void {
    const w = slot * WORDS;
    const words = this.#words;
    this.#doubles[slot * DOUBLES + AT] = atNs;
    words[w + DURATION] = durationNs > 0xffffffff ? -1 : durationNs;
    words[w + TAG] = tag;
    words[w + PID] = pid;
    words[w + FD] = fd;
    words[w + RETURNED] = returned;
    words[w + ERRNO] = errno;
    words[w + A0] = a0;
    words[w + A1] = a1;
    words[w + A2] = a2;
    words[w + LOCAL_IP] = localIp;
    words[w + REMOTE_IP] = remoteIp;
    words[w + PORTS] = ports;
    words[w + SOCKET] = socket;
    words[w + LENGTHS] = 0;
  }

  /** Keeps the first bytes of `source` (at most 32 of `length`) with record `slot`. */
  setData(slot: number, source: Uint8Array, length: number): void {
    const kept = Math.min(length, DATA_MAX_BYTES);
    const start = slot * RECORD_BYTES;
    this.bytes[start + LENGTHS * 4] = kept;
    for (let i = 0; i < kept; i += 1) this.bytes[start + DATA_BYTE + i] = source[i] ?? 0;
  }

  /** Keeps whose socket record `slot` is about, with a word that belongs to it (12 bytes at most): a call's name, a reason. */
  setOwner(slot: number, name: string, pid: number, word = ''): void {
    const start = slot * RECORD_BYTES;
    this.bytes.fill(0, start + DATA_BYTE, start + RECORD_BYTES);
    this.bytes[start + LENGTHS * 4] = OWNER_BYTES + word.length;
    this.bytes[start + LENGTHS * 4 + 1] = OWNER_KNOWN;
    for (let i = 0; i < Math.min(name.length, OWNER_NAME_BYTES - 1); i += 1) this.bytes[start + DATA_BYTE + i] = name.charCodeAt(i);
    this.#view.setInt32(start + DATA_BYTE + OWNER_NAME_BYTES, pid, true);
    for (let i = 0; i < Math.min(word.length, DATA_MAX_BYTES - OWNER_BYTES); i += 1) this.bytes[start + DATA_BYTE + OWNER_BYTES + i] = word.charCodeAt(i);
  }

  word(slot: number, field: number): number {
    return this.#words[slot * WORDS + field] ?? 0;
  }

  /** The event of record `slot`, under the number the bridge gave it. Throws on a kind that no table has: a broken engine. */
  event(slot: number, seq: number): TraceEvent {
    return decode(this, slot, seq, this.#doubles[slot * DOUBLES + AT] ?? 0, this.#view);
  }
}

/** The first four fields of a record in one number. */
export function recordTag(kind: EventKind, call: CallName | null, process: OurProcess, evidence: Evidence = 'returned'): number {
  const callNumber = call === null ? 255 : CALL_NAMES.indexOf(call);
  return KINDS.indexOf(kind) | (callNumber << 8) | (OUR_PROCESSES.indexOf(process) << 16) | (EVIDENCES.indexOf(evidence) << 24);
}

/** What the kernel says of a socket: such an event names a process only where it is known to be the socket's. */
const OF_KERNEL: ReadonlySet<EventKind> = new Set(['tcp-state', 'socket-owner', 'foreign-call', 'reset', 'retransmit', 'segment-drop']);

const TCP_STATE_KIND = KINDS.indexOf('tcp-state');
const TAP_PROCESS = OUR_PROCESSES.indexOf('kernel-tap');
const CLOSE_CALL = CALL_NAMES.indexOf('close') << 8;
const TCP_CLOSE = tcpStateNumber('CLOSED');

/** The descriptor whose life a record belongs to: an accept4 belongs to what it returned, an epoll_ctl to its target; -1 for none. */
export function recordDescriptor(words: Int32Array, slot: number): number {
  const w = slot * WORDS;
  const tag = words[w + TAG] ?? 0;
  if ((tag & 0xff) !== 0) return (words[w + SOCKET] ?? 0) === 0 ? -1 : (words[w + FD] ?? -1);
  switch (CALL_NAMES[(tag >> 8) & 0xff]) {
    case 'accept4':
    case 'socket':
      return words[w + RETURNED] ?? -1;
    case 'epoll_ctl':
      return words[w + A1] ?? -1;
    case 'epoll_wait':
    case 'epoll_create1':
      return -1;
    default:
      return words[w + FD] ?? -1;
  }
}

/** True where the record ends its descriptor's life: a close() that returned, or the tap's word that the socket is CLOSED. */
export function recordCloses(words: Int32Array, slot: number): boolean {
  const tag = words[slot * WORDS + TAG] ?? 0;
  if ((tag & 0xff) === TCP_STATE_KIND) return ((tag >> 16) & 0xff) === TAP_PROCESS && words[slot * WORDS + A1] === TCP_CLOSE;
  return (tag & 0xffff) === CLOSE_CALL;
}

/** The process of a record, by its place in OUR_PROCESSES. */
export function recordProcess(words: Int32Array, slot: number): number {
  return ((words[slot * WORDS + TAG] ?? 0) >> 16) & 0xff;
}

/** The numbers of a kind's closed lists, for those who write records. */
export const settingNumber = (name: (typeof SETTINGS)[number]): number => SETTINGS.indexOf(name);
export const pauseReasonNumber = (reason: (typeof PAUSE_REASONS)[number]): number => PAUSE_REASONS.indexOf(reason);
export const cutReasonNumber = (reason: (typeof CUT_REASONS)[number]): number => CUT_REASONS.indexOf(reason);
export const outcomeNumber = (outcome: (typeof CLIENT_OUTCOMES)[number]): number => CLIENT_OUTCOMES.indexOf(outcome);
export const processChangeNumber = (change: (typeof PROCESS_CHANGES)[number]): number => PROCESS_CHANGES.indexOf(change);

function entry<T>(table: readonly T[], index: number, what: string): T {
  const value = table[index];
  if (value === undefined) throw new RangeError(`record names ${what} ${index}, of which there are ${table.length}`);
  return value;
}

// Plain assignments, no spreads: pages look at 50,000 events a second, and spreading an object costs ten times what setting its fields does.
function decode(batch: RecordBatch, slot: number, seq: number, atNs: number, view: DataView): TraceEvent {
  const word = (field: number): number => batch.word(slot, field);
  const tag = word(TAG);
  const kind = entry(KINDS, tag & 0xff, 'kind');
  const process = entry(OUR_PROCESSES, (tag >> 16) & 0xff, 'process');
  const evidence = entry(EVIDENCES, (tag >> 24) & 0xff, 'evidence');
  const event: Record<string, unknown> = OF_KERNEL.has(kind) ? { seq, kind, atNs, evidence } : { seq, kind, atNs, process, pid: word(PID), evidence };
  switch (kind) {
    case 'call': {
      const call = entry(CALL_NAMES, (tag >> 8) & 0xff, 'call');
      addSocket(event, batch, slot, process);
      event['durationNs'] = word(DURATION) >>> 0;
      event['call'] = call;
      event['fd'] = word(FD);
      event['args'] = callArgs(call, batch, slot, view);
      event['returned'] = word(RETURNED);
      addErrno(event, batch, slot);
      break;
    }
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
      event['durationNs'] = word(DURATION) >>> 0;
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

function localEnd(batch: RecordBatch, slot: number): string {
  return endpointText(batch.word(slot, LOCAL_IP), batch.word(slot, PORTS) >>> 16);
}

function remoteEnd(batch: RecordBatch, slot: number): string {
  return endpointText(batch.word(slot, REMOTE_IP), batch.word(slot, PORTS) & 0xffff);
}

/** Which socket an event is of, where it is of one. */
function addSocket(event: Record<string, unknown>, batch: RecordBatch, slot: number, process: OurProcess): void {
  const socket = batch.word(slot, SOCKET);
  if (socket === 0) return;
  event['socket'] = socket;
  if (process === 'tcp-client') event['clientId'] = clientIdText(socket);
  if ((batch.word(slot, PORTS) & 0xffff) !== 0) event['connection'] = { local: localEnd(batch, slot), remote: remoteEnd(batch, slot) };
}

/** What is seen of a socket from outside. The tap watches sockets of others: whose they are stands in the data, and its own process is not it. */
function addSeen(event: Record<string, unknown>, batch: RecordBatch, slot: number, process: OurProcess, view: DataView): void {
  if (batch.bytes[slot * RECORD_BYTES + LENGTHS * 4 + 1] === OWNER_KNOWN) {
    event['process'] = dataText(batch, slot, 0, OWNER_NAME_BYTES);
    event['pid'] = view.getInt32(slot * RECORD_BYTES + DATA_BYTE + OWNER_NAME_BYTES, true);
  } else if (process !== 'kernel-tap') {
    event['process'] = process;
    event['pid'] = batch.word(slot, PID);
  }
  if (process !== 'kernel-tap') addSocket(event, batch, slot, process);
  event['local'] = localEnd(batch, slot);
  event['remote'] = remoteEnd(batch, slot);
}

function addErrno(event: Record<string, unknown>, batch: RecordBatch, slot: number): void {
  const errno = batch.word(slot, ERRNO);
  if (errno !== 0) event['errno'] = errnoName(errno);
}

/** The name a client goes by in commands and events. */
export function clientIdText(socket: number): string {
  return `c${socket}`;
}

function dataText(batch: RecordBatch, slot: number, from = 0, to = DATA_MAX_BYTES): string {
  const bytes = dataBytes(batch, slot).subarray(from, to);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...(end < 0 ? bytes : bytes.subarray(0, end)));
}

function dataBytes(batch: RecordBatch, slot: number): Uint8Array {
  const start = slot * RECORD_BYTES;
  return batch.bytes.subarray(start + DATA_BYTE, start + DATA_BYTE + (batch.bytes[start + LENGTHS * 4] ?? 0));
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] ?? '';
  return text;
}

/** Offsets in struct tcp_info (linux/tcp.h), the same on every 64-bit Linux; the first 32 bytes hold all we tell. */
function tcpInfo(view: DataView, at: number): TcpInfo {
  const number = view.getUint8(at);
  return {
    state: tcpState(number) ?? `state ${number}`,
    retransmits: view.getUint8(at + 2),
    probes: view.getUint8(at + 3),
    backoff: view.getUint8(at + 4),
    rtoUs: view.getUint32(at + 8, true),
    unacked: view.getUint32(at + 24, true),
    sacked: view.getUint32(at + 28, true),
  };
}

function callArgs(call: CallName, batch: RecordBatch, slot: number, view: DataView): CallEvent['args'] {
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
    case 'getsockopt':
      return {
        level: levelWord(a0),
        option: optionWord(a0, a1),
        value:
          returned < 0
            ? null
            : a1 === c.TCP_INFO && a0 === c.IPPROTO_TCP
              ? tcpInfo(view, slot * RECORD_BYTES + DATA_BYTE)
              : view.getInt32(slot * RECORD_BYTES + DATA_BYTE, true),
        length: a2,
      };
    case 'read':
      return returned < 0 ? { data: '', count: a0, pointer: pointer() } : { data: hex(data), count: a0, pointer: '' };
    case 'write':
      return { data: hex(data), count: a0 };
    case 'shutdown':
      return { how: shutdownWord(a0) };
    case 'close':
      return {};
    case 'epoll_create1':
      return { flags: a0 === 0 ? '0' : 'EPOLL_CLOEXEC' };
    case 'epoll_ctl':
      return { op: epollOpWord(a0), fd: a1, events: epollEventWords(a2) };
    case 'epoll_wait': {
      const ready = [];
      for (let at = slot * RECORD_BYTES + DATA_BYTE, end = at + data.length; at < end; at += 8) {
        ready.push({ fd: view.getInt32(at, true), events: epollEventWords(view.getInt32(at + 4, true)) });
      }
      return { ready, maxEvents: a0, timeoutMs: a1 };
    }
  }
}

function sockaddrIn(ip: number, port: number): { family: 'AF_INET'; port: number; ip: string } {
  return { family: 'AF_INET', port, ip: ipText(ip) };
}
