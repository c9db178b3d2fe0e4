// The arguments of a recorded call, each in the words that strace has for it.
import type { CallEvent, TcpInfo } from './event.ts';
import { acceptFlagWords, epollEventWords, epollOpWord, levelWord, optionWord, shutdownWord, socketTypeWords } from './flags.ts';
import * as c from './constants.ts';
import { eachOnce } from './each-once.ts';
import { addressText } from './endpoints.ts';
import { RECORD_BYTES } from './limits.ts';
import { dataBytes, dataLength, type RecordBytes } from './record-bytes.ts';
import { A0, A1, A2, DATA_BYTE, LOCAL_IP, PORTS, REMOTE_IP, RETURNED } from './record-layout.ts';
import { tcpStateText } from './tcp-state.ts';
import type { CallName } from './vocabulary.ts';

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte] ?? '';
  return text;
}

/** struct tcp_info, whose first 32 bytes hold all we tell. */
function tcpInfo(view: DataView, at: number): TcpInfo {
  const offset = c.TCP_INFO_OFFSET;
  return {
    state: tcpStateText(view.getUint8(at + offset.tcpi_state)),
    retransmits: view.getUint8(at + offset.tcpi_retransmits),
    probes: view.getUint8(at + offset.tcpi_probes),
    backoff: view.getUint8(at + offset.tcpi_backoff),
    rtoUs: view.getUint32(at + offset.tcpi_rto, true),
    unacked: view.getUint32(at + offset.tcpi_unacked, true),
    sacked: view.getUint32(at + offset.tcpi_sacked, true),
  };
}

const { tcpi_state: STATE, tcpi_retransmits: RETRANSMITS, tcpi_rto: RTO_US, tcpi_unacked: UNACKED, tcpi_sacked: SACKED } = c.TCP_INFO_OFFSET;

/** True of a socket with nothing under way: of thousands all say the same. */
function isQuiet(view: DataView, at: number): boolean {
  // Retransmits, probes and backoff are three bytes in a row.
  return (view.getUint32(at + RETRANSMITS, true) & 0xffffff) === 0 && view.getUint32(at + UNACKED, true) === 0 && view.getUint32(at + SACKED, true) === 0;
}

/** The answer of getsockopt(TCP_INFO) for such a socket: length, state and timeout, each a byte but the last. */
function quietKey(view: DataView, at: number, length: number): number {
  return view.getUint32(at + RTO_US, true) * 65_536 + view.getUint8(at + STATE) * 256 + length;
}

const quietInfo = eachOnce(4_096, (key) => {
  const value = { state: tcpStateText((key >>> 8) & 255), retransmits: 0, probes: 0, backoff: 0, rtoUs: Math.floor(key / 65_536), unacked: 0, sacked: 0 };
  return Object.freeze({ level: 'SOL_TCP', option: 'TCP_INFO', length: key & 255, value: Object.freeze(value) });
});

/** The arguments of record `slot`, a `call`; an argument that is a buffer as it was after the call. Some are shared between events, and so not to be changed. */
export function callArgs(call: CallName, batch: RecordBytes, slot: number, view: DataView): CallEvent['args'] {
  const a0 = batch.word(slot, A0);
  const a1 = batch.word(slot, A1);
  const a2 = batch.word(slot, A2);
  const returned = batch.word(slot, RETURNED);
  const start = slot * RECORD_BYTES + DATA_BYTE;
  // Their length, not a view of them: of most calls nobody looks at the data, and of a read() or write() of one byte at that byte only.
  const length = dataLength(batch, slot);
  const pointer = (): string => (length === 8 ? `0x${view.getBigUint64(start, true).toString(16)}` : '');
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
        : a1 === c.SOCKADDR_IN_BYTES
          ? ownName((batch.word(slot, LOCAL_IP) >>> 0) * 65_536 + (batch.word(slot, PORTS) >>> 16))
          : { address: sockaddrIn(batch.word(slot, LOCAL_IP), batch.word(slot, PORTS) >>> 16), addressLength: a1, pointer: '' };
    case 'getsockopt': {
      const level = levelWord(a0);
      const option = optionWord(a0, a1);
      if (returned < 0) return { level, option, length: a2, value: null, pointer: pointer() };
      if (a1 === c.TCP_INFO && a0 === c.IPPROTO_TCP && a2 < 256 && isQuiet(view, start)) return quietInfo(quietKey(view, start, a2));
      const value = a1 === c.TCP_INFO && a0 === c.IPPROTO_TCP ? tcpInfo(view, start) : view.getInt32(start, true);
      return { level, option, length: a2, value };
    }
    case 'read':
      if (returned < 0) return failedRead(a0)(length === 8 ? pointerNumber(view, start) : 0);
      return length > 1 ? { data: hex(dataBytes(batch, slot)), count: a0, pointer: '' } : shortRead(shortKey(length, view.getUint8(start), a0));
    case 'write':
      return length > 1 ? { data: hex(dataBytes(batch, slot)), count: a0 } : shortWrite(shortKey(length, view.getUint8(start), a0));
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
      for (let at = start; at < start + length; at += 8) {
        ready.push({ fd: view.getInt32(at, true), events: epollEventWords(view.getInt32(at + 4, true)) });
      }
      return { ready, maxEvents: a0, timeoutMs: a1 };
    }
  }
}

/** Of no data, or of one byte: 512 for each count. Shared by all events that say the same, and so not to be changed. */
function shortKey(length: number, first: number, count: number): number {
  return (count >>> 0) * 512 + length * 256 + (length === 0 ? 0 : first);
}
const shortData = (key: number): { data: string; count: number } => ({ data: key & 256 ? hex(Uint8Array.of(key & 255)) : '', count: Math.floor(key / 512) });
const shortRead = eachOnce(4_096, (key) => Object.freeze({ ...shortData(key), pointer: '' }));
const shortWrite = eachOnce(4_096, (key) => Object.freeze(shortData(key)));
const shutdownArgs = eachOnce(16, (how) => Object.freeze({ how: shutdownWord(how) }));

/** A server's own name is the same at each getsockname(); the key is address and port. */
const ownName = eachOnce(1_024, (key) =>
  Object.freeze({ address: sockaddrIn(Math.floor(key / 65_536) | 0, (key % 65_536) | 0), addressLength: c.SOCKADDR_IN_BYTES, pointer: '' }),
);

/** Of a read() that filled nothing in, EAGAIN as a rule: by its count, then by its buffer. */
const failedRead = eachOnce(64, (count) =>
  eachOnce(64, (pointer) => Object.freeze({ data: '', count, pointer: pointer === 0 ? '' : `0x${pointer.toString(16)}` })),
);

/** A pointer as a number, exact: addresses of processes stay below 2^47. */
function pointerNumber(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}

/** Of a close(), whose one argument is its descriptor; shared, and so not to be changed. */
const NO_ARGS = Object.freeze({});

function sockaddrIn(ip: number, port: number): { family: 'AF_INET'; port: number; ip: string } {
  return { family: 'AF_INET', port, ip: addressText(ip) };
}
