// The compact form of an event: 96 bytes that an engine writes in the heat of the moment and nobody words until somebody looks.
import type { EventKind, TraceEvent } from './event.ts';
import { DATA_MAX_BYTES, RECORD_BYTES } from './limits.ts';
import { tcpStateNumber } from './tcp-state.ts';
import {
  CALL_NAMES,
  CLIENT_OUTCOMES,
  CUT_REASONS,
  EVIDENCES,
  OUR_PROCESSES,
  PAUSE_REASONS,
  PROCESS_CHANGES,
  SETTINGS,
  type CallName,
  type Evidence,
  type OurProcess,
} from './vocabulary.ts';
import {
  A0,
  A1,
  A2,
  AT,
  DATA_BYTE,
  DOUBLES,
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
  WORDS,
} from './record-layout.ts';
import { eventOfRecord } from './record-event.ts';

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
    for (let i = 0; i < Math.min(name.length, OWNER_NAME_BYTES); i += 1) this.bytes[start + DATA_BYTE + i] = name.charCodeAt(i);
    this.#view.setInt32(start + DATA_BYTE + OWNER_NAME_BYTES, pid, true);
    for (let i = 0; i < Math.min(word.length, DATA_MAX_BYTES - OWNER_BYTES); i += 1) this.bytes[start + DATA_BYTE + OWNER_BYTES + i] = word.charCodeAt(i);
  }

  /** Takes record `from` of another batch as record `slot`. */
  copyRecord(source: RecordBatch, from: number, slot: number): void {
    for (let field = 0; field < WORDS; field += 1) this.#words[slot * WORDS + field] = source.#words[from * WORDS + field] ?? 0;
  }

  word(slot: number, field: number): number {
    return this.#words[slot * WORDS + field] ?? 0;
  }

  /** When record `slot` began, in nanoseconds. */
  atNs(slot: number): number {
    return this.#doubles[slot * DOUBLES + AT] ?? 0;
  }

  /** What kind of event record `slot` stands for; undefined for one that no table has. */
  kind(slot: number): EventKind | undefined {
    return KINDS[this.word(slot, TAG) & 0xff];
  }

  /** The event of record `slot`, under the number the bridge gave it. Throws on a kind that no table has: a broken engine. */
  event(slot: number, seq: number): TraceEvent {
    return eventOfRecord(this, slot, seq, this.atNs(slot), this.#view);
  }
}

/** The first four fields of a record in one number. */
export function recordTag(kind: EventKind, call: CallName | null, process: OurProcess, evidence: Evidence = 'returned'): number {
  const callNumber = call === null ? 255 : CALL_NAMES.indexOf(call);
  return KINDS.indexOf(kind) | (callNumber << 8) | (OUR_PROCESSES.indexOf(process) << 16) | (EVIDENCES.indexOf(evidence) << 24);
}

const TCP_STATE_KIND = KINDS.indexOf('tcp-state');
const TAP_PROCESS = OUR_PROCESSES.indexOf('kernel-tap');
const CLOSE_CALL = CALL_NAMES.indexOf('close') << 8;
const TCP_CLOSE = tcpStateNumber('CLOSED');

/** Where each call keeps the descriptor it concerns: an accept4 what it returned, an epoll_ctl its target; -1 where it concerns none. */
const DESCRIPTOR_FIELD = Int8Array.from(CALL_NAMES, (call) => {
  switch (call) {
    case 'accept4':
    case 'socket':
      return RETURNED;
    case 'epoll_ctl':
      return A1;
    case 'epoll_wait':
    case 'epoll_create1':
      return -1;
    default:
      return FD;
  }
});

/** The descriptor whose life a record belongs to; -1 for none. */
export function recordDescriptor(words: Int32Array, slot: number): number {
  const w = slot * WORDS;
  const tag = words[w + TAG] ?? 0;
  if ((tag & 0xff) !== 0) return (words[w + SOCKET] ?? 0) === 0 ? -1 : (words[w + FD] ?? -1);
  const field = DESCRIPTOR_FIELD[(tag >> 8) & 0xff] ?? FD;
  return field < 0 ? -1 : (words[w + field] ?? -1);
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
