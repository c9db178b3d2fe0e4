// A netlink socket, netlink(7): sends one request, receives the kernel's messages one by one.
import { errnoName, errnoNumber, type Errno } from '../wire/errno.ts';
import { NETLINK_RECEIVE_BYTES } from '../wire/tap-limits.ts';
import * as sys from './syscalls.ts';

/** The numbers of linux/netlink.h; checked against the C compiler in a test. */
export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const NLM_F_REQUEST = 0x001;
export const NLM_F_DUMP_INTR = 0x010;
export const NLM_F_DUMP = 0x300;
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

/** struct nlmsghdr: nlmsg_len, nlmsg_type, nlmsg_flags, nlmsg_seq, nlmsg_pid. */
export const NLMSGHDR_BYTES = 16;

const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const EINTR = errnoNumber('EINTR');

/** A call of netlink that failed. */
export interface NetlinkFailure {
  readonly ok: false;
  readonly call: 'socket' | 'write' | 'read' | 'dump';
  readonly errno: Errno;
}

/** What a dump came to. `interrupted`: the kernel says its table changed under the dump (NLM_F_DUMP_INTR); rows may be missing or doubled. */
export type NetlinkDump = { readonly ok: true; readonly interrupted: boolean; readonly messages: number; readonly receives: number } | NetlinkFailure;

/** Gets a message's type, and where its payload stands in `view`; returns false when it wants no more of them. */
export type MessageHandler = (type: number, view: DataView, at: number, length: number) => boolean;

/** What one datagram of a dump told. */
export type DatagramEnd = { readonly kind: 'more' | 'done' | 'malformed'; readonly interrupted: boolean } | { readonly kind: 'error'; readonly errno: Errno };

/** Walks the messages of one datagram that answers request `sequence`; lengths that do not add up are 'malformed', never a throw. */
export function readDatagram(view: DataView, bytes: number, sequence: number, onMessage: MessageHandler): DatagramEnd {
  let interrupted = false;
  for (let at = 0; at < bytes;) {
    if (bytes - at < NLMSGHDR_BYTES) return { kind: 'malformed', interrupted };
    const length = view.getUint32(at, true);
    if (length < NLMSGHDR_BYTES || length > bytes - at) return { kind: 'malformed', interrupted };
    const type = view.getUint16(at + 4, true);
    interrupted ||= (view.getUint16(at + 6, true) & NLM_F_DUMP_INTR) !== 0;
    // An answer to an earlier dump that was given up: not ours.
    if (view.getUint32(at + 8, true) === sequence) {
      const payload = at + NLMSGHDR_BYTES;
      const payloadBytes = length - NLMSGHDR_BYTES;
      if (type === NLMSG_DONE || type === NLMSG_ERROR) {
        // Both carry an int: 0, or the errno as a negative number.
        const error = payloadBytes >= 4 ? view.getInt32(payload, true) : 0;
        if (error < 0) return { kind: 'error', errno: errnoName(-error) };
        return { kind: 'done', interrupted };
      }
      if (type === NLMSG_OVERRUN) return { kind: 'malformed', interrupted };
      if (type !== NLMSG_NOOP && !onMessage(type, view, payload, payloadBytes)) return { kind: 'done', interrupted };
    }
    at += (length + 3) & ~3;
  }
  return { kind: 'more', interrupted };
}

/** One netlink socket of one protocol, non-blocking: a dump's next part is made in the call that asks for it, so there is nothing to wait for. */
export class NetlinkSocket {
  #fd: number;
  #sequence = 0;
  readonly #bytes = new Uint8Array(NETLINK_RECEIVE_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #protocol: number;

  private constructor(fd: number, protocol: number) {
    this.#fd = fd;
    this.#protocol = protocol;
  }

  /** socket(AF_NETLINK, SOCK_RAW, `protocol`). */
  static open(protocol: number): NetlinkSocket | NetlinkFailure {
    const fd = openFd(protocol);
    return fd < 0 ? { ok: false, call: 'socket', errno: errnoName(-fd) } : new NetlinkSocket(fd, protocol);
  }

  /**
   * Sends `request` (its nlmsghdr's room included; length, type, flags and sequence are filled in here) and hands every message of the answer to `onMessage`.
   * A dump that could not be read to its end leaves nothing behind: the socket is opened anew. `between` is called after each datagram but the last.
   */
  dump(request: Uint8Array, type: number, onMessage: MessageHandler, between?: () => void): NetlinkDump {
    this.#sequence += 1;
    const header = new DataView(request.buffer, request.byteOffset);
    header.setUint32(0, request.length, true);
    header.setUint16(4, type, true);
    header.setUint16(6, NLM_F_REQUEST | NLM_F_DUMP, true);
    header.setUint32(8, this.#sequence, true);
    header.setUint32(12, 0, true);
    let sent = sys.write(this.#fd, request, request.length);
    while (sent === -EINTR) sent = sys.write(this.#fd, request, request.length);
    if (sent < 0) return { ok: false, call: 'write', errno: errnoName(-sent) };
    let interrupted = false;
    let messages = 0;
    let receives = 0;
    const reading = { stopped: false };
    const counted: MessageHandler = (messageType, view, at, length) => {
      messages += 1;
      reading.stopped = !onMessage(messageType, view, at, length);
      return !reading.stopped;
    };
    for (;;) {
      const received = sys.read(this.#fd, this.#bytes, this.#bytes.length);
      if (received === -EINTR) continue;
      // ENOBUFS: a datagram was lost. EAGAIN: the answer broke off before its NLMSG_DONE.
      if (received < 0) return this.#broken({ ok: false, call: 'read', errno: errnoName(-received) });
      receives += 1;
      const end = readDatagram(this.#view, received, this.#sequence, counted);
      if (end.kind === 'error') return { ok: false, call: 'dump', errno: end.errno };
      interrupted ||= end.interrupted;
      if (end.kind === 'malformed') return this.#broken({ ok: false, call: 'dump', errno: 'EOVERFLOW' });
      if (end.kind === 'done') {
        if (reading.stopped) this.#reopen();
        return { ok: true, interrupted, messages, receives };
      }
      between?.();
    }
  }

  close(): void {
    if (this.#fd >= 0) sys.close(this.#fd);
    this.#fd = -1;
  }

  #broken(failure: NetlinkFailure): NetlinkFailure {
    this.#reopen();
    return failure;
  }

  #reopen(): void {
    this.close();
    this.#fd = openFd(this.#protocol);
  }
}

function openFd(protocol: number): sys.CallResult {
  return sys.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}
