// The same system calls, each reported: what it was given, what it returned, when, and how long it took.
import { SO_LINGER, SOL_SOCKET, SOCKADDR_IN_BYTES } from '../wire/constants.ts';
import type { EventKind } from '../wire/event.ts';
import { recordTag, type RecordBatch } from '../wire/record.ts';
import type { CallName, Evidence, OurProcess } from '../wire/vocabulary.ts';
import { nowNs } from './clock.ts';
import type { EpollEvents } from './epoll-event.ts';
import { addressOf } from './libc.ts';
import { SockaddrInBuffer } from './sockaddr.ts';
import * as sys from './syscalls.ts';

/** Where records go: `next` gives the slot to write, or -1 where there is no room and the event is counted as dropped. */
export interface RecordSink {
  readonly batch: RecordBatch;
  next(): number;
}

/** A socket of this process: its descriptor, its own number, and its two ends as far as they are known (host order, 0 where not). */
export class SocketRef {
  fd = -1;
  /** 1, 2, 3 … in this process; descriptors are reused, this number is not. */
  readonly number: number;
  localIp = 0;
  localPort = 0;
  remoteIp = 0;
  remotePort = 0;

  constructor(number: number) {
    this.number = number;
  }
}

/** Stands for "no socket" in records of descriptors that are none. */
const NO_SOCKET = new SocketRef(0);

/** struct tcp_info grows with kernels; all that is told stands in its first bytes. */
const TCP_INFO_BYTES = 104;

/** System calls of one process, reported to one sink. Errnos are negative results, as in syscalls.ts. */
export class ObservedCalls {
  readonly #sink: RecordSink;
  readonly #process: OurProcess;
  readonly #pid = process.pid;
  readonly #tags: Record<CallName, number>;
  readonly #address = new SockaddrInBuffer();
  readonly #scratch = new Uint8Array(32);
  readonly #scratchView = new DataView(this.#scratch.buffer);
  readonly #option = new Uint8Array(4);
  readonly #tcpInfo = new Uint8Array(TCP_INFO_BYTES);
  readonly #tcpInfoView = new DataView(this.#tcpInfo.buffer);
  /** By descriptor; one that was closed no longer names it. */
  readonly #watchedSockets: SocketRef[] = [];
  readonly #pointers = new WeakMap<Uint8Array, bigint>();

  constructor(sink: RecordSink, processName: OurProcess) {
    this.#sink = sink;
    this.#process = processName;
    const tag = (call: CallName): number => recordTag('call', call, processName);
    this.#tags = {
      socket: tag('socket'),
      setsockopt: tag('setsockopt'),
      bind: tag('bind'),
      listen: tag('listen'),
      accept4: tag('accept4'),
      connect: tag('connect'),
      getsockname: tag('getsockname'),
      getsockopt: tag('getsockopt'),
      read: tag('read'),
      write: tag('write'),
      shutdown: tag('shutdown'),
      close: tag('close'),
      epoll_create1: tag('epoll_create1'),
      epoll_ctl: tag('epoll_ctl'),
      epoll_wait: tag('epoll_wait'),
    };
  }

  /** Writes one record; returns its slot for data, or -1. */
  #report(tag: number, atNs: number, fd: number, result: number, a0: number, a1: number, a2: number, ref: SocketRef): number {
    const endNs = nowNs();
    const slot = this.#sink.next();
    if (slot < 0) return -1;
    this.#sink.batch.put(
      slot,
      tag,
      atNs,
      endNs - atNs,
      this.#pid,
      fd,
      result < 0 ? -1 : result,
      result < 0 ? -result : 0,
      a0,
      a1,
      a2,
      ref.localIp,
      ref.remoteIp,
      (ref.localPort << 16) | ref.remotePort,
      ref.number,
    );
    return slot;
  }

  /** Something that happened and is no call: a hold began, a setting changed, a connection was cut. */
  note(kind: EventKind, ref: SocketRef | null, a0: number, a1 = 0, a2 = 0, errno = 0, evidence: Evidence = 'returned'): void {
    const slot = this.#sink.next();
    if (slot < 0) return;
    const of = ref ?? NO_SOCKET;
    this.#sink.batch.put(
      slot,
      recordTag(kind, null, this.#process, evidence),
      nowNs(),
      0,
      this.#pid,
      of.fd,
      0,
      errno,
      a0,
      a1,
      a2,
      of.localIp,
      of.remoteIp,
      (of.localPort << 16) | of.remotePort,
      of.number,
    );
  }

  /** What a call filled in, or the pointer that strace prints where it failed and filled nothing in. */
  #keepFilled(slot: number, result: sys.CallResult, buffer: Uint8Array, bytes: number): void {
    if (result >= 0) {
      this.#sink.batch.setData(slot, buffer, bytes);
      return;
    }
    this.#scratchView.setBigUint64(0, this.#pointerOf(buffer), true);
    this.#sink.batch.setData(slot, this.#scratch, 8);
  }

  #pointerOf(buffer: Uint8Array): bigint {
    let pointer = this.#pointers.get(buffer);
    if (pointer === undefined) {
      pointer = addressOf(buffer);
      this.#pointers.set(buffer, pointer);
    }
    return pointer;
  }

  socket(ref: SocketRef, domain: number, type: number, protocol: number): sys.CallResult {
    const at = nowNs();
    const result = sys.socket(domain, type, protocol);
    if (result >= 0) ref.fd = result;
    this.#report(this.#tags.socket, at, -1, result, domain, type, protocol, ref);
    return result;
  }

  setsockopt(ref: SocketRef, level: number, option: number, value: number): sys.CallResult {
    const at = nowNs();
    const linger = level === SOL_SOCKET && option === SO_LINGER;
    const result = linger ? sys.setsockoptLinger(ref.fd, level, option, value) : sys.setsockopt(ref.fd, level, option, value);
    this.#report(this.#tags.setsockopt, at, ref.fd, result, level, option, value, ref);
    return result;
  }

  /** Remembers the address as the socket's local end when it worked. */
  bind(ref: SocketRef, ip: number, port: number): sys.CallResult {
    this.#address.set(ip, port);
    const at = nowNs();
    const result = sys.bind(ref.fd, this.#address);
    ref.localIp = ip;
    ref.localPort = port;
    this.#report(this.#tags.bind, at, ref.fd, result, 0, 0, 0, ref);
    return result;
  }

  listen(ref: SocketRef, backlog: number): sys.CallResult {
    const at = nowNs();
    const result = sys.listen(ref.fd, backlog);
    this.#report(this.#tags.listen, at, ref.fd, result, backlog, 0, 0, ref);
    return result;
  }

  /** Accepts into `accepted`: its descriptor and its remote end are filled in. */
  accept4(listener: SocketRef, accepted: SocketRef, flags: number): sys.CallResult {
    const at = nowNs();
    const result = sys.accept4(listener.fd, this.#address, flags);
    if (result >= 0) {
      accepted.fd = result;
      accepted.remoteIp = this.#address.ip;
      accepted.remotePort = this.#address.port;
      // The port is the listener's; the address is not known before getsockname where the listener is bound to 0.0.0.0.
      accepted.localIp = listener.localIp;
      accepted.localPort = listener.localPort;
      this.#report(this.#tags.accept4, at, listener.fd, result, flags, this.#address.filled, 0, accepted);
    } else {
      const slot = this.#report(this.#tags.accept4, at, listener.fd, result, flags, SOCKADDR_IN_BYTES, 0, NO_SOCKET);
      if (slot >= 0) this.#keepFilled(slot, result, this.#address.bytes, 0);
    }
    return result;
  }

  connect(ref: SocketRef, ip: number, port: number): sys.CallResult {
    this.#address.set(ip, port);
    const at = nowNs();
    const result = sys.connect(ref.fd, this.#address);
    ref.remoteIp = ip;
    ref.remotePort = port;
    this.#report(this.#tags.connect, at, ref.fd, result, 0, 0, 0, ref);
    return result;
  }

  /** Fills in the local end. */
  getsockname(ref: SocketRef): sys.CallResult {
    const at = nowNs();
    const result = sys.getsockname(ref.fd, this.#address);
    if (result >= 0) {
      ref.localIp = this.#address.ip;
      ref.localPort = this.#address.port;
    }
    const slot = this.#report(this.#tags.getsockname, at, ref.fd, result, 0, this.#address.filled, 0, ref);
    if (slot >= 0) this.#keepFilled(slot, result, this.#address.bytes, 0);
    return result;
  }

  /** getsockopt of an int, such as SO_ERROR: the value where the call worked, else -errno. */
  getsockoptInt(ref: SocketRef, level: number, option: number): sys.CallResult {
    const at = nowNs();
    const result = sys.getsockopt(ref.fd, level, option, this.#option);
    const slot = this.#report(this.#tags.getsockopt, at, ref.fd, result, level, option, sys.filledOptionBytes(), ref);
    if (slot >= 0) this.#keepFilled(slot, result, this.#option, 4);
    return result < 0 ? result : (this.#option[0] ?? 0) | ((this.#option[1] ?? 0) << 8);
  }

  /** getsockopt of TCP_INFO, tcp(7); `infoByte` and `infoWord` then read the struct. */
  getsockoptTcpInfo(ref: SocketRef, level: number, option: number): sys.CallResult {
    const at = nowNs();
    const result = sys.getsockopt(ref.fd, level, option, this.#tcpInfo);
    const slot = this.#report(this.#tags.getsockopt, at, ref.fd, result, level, option, sys.filledOptionBytes(), ref);
    if (slot >= 0) this.#keepFilled(slot, result, this.#tcpInfo, 32);
    return result;
  }

  /** A uint8 of the struct tcp_info last read, at a byte offset. */
  infoByte(offset: number): number {
    return this.#tcpInfo[offset] ?? 0;
  }

  /** A uint32 of the struct tcp_info last read, at a byte offset. */
  infoWord(offset: number): number {
    return this.#tcpInfoView.getUint32(offset, true);
  }

  read(ref: SocketRef, buffer: Uint8Array, count: number): sys.CallResult {
    const at = nowNs();
    const result = sys.read(ref.fd, buffer, count);
    const slot = this.#report(this.#tags.read, at, ref.fd, result, count, 0, 0, ref);
    if (slot >= 0) this.#keepFilled(slot, result, buffer, result);
    return result;
  }

  write(ref: SocketRef, buffer: Uint8Array, count: number): sys.CallResult {
    const at = nowNs();
    const result = sys.write(ref.fd, buffer, count);
    const slot = this.#report(this.#tags.write, at, ref.fd, result, count, 0, 0, ref);
    if (slot >= 0) this.#sink.batch.setData(slot, buffer, count);
    return result;
  }

  shutdown(ref: SocketRef, how: number): sys.CallResult {
    const at = nowNs();
    const result = sys.shutdown(ref.fd, how);
    this.#report(this.#tags.shutdown, at, ref.fd, result, how, 0, 0, ref);
    return result;
  }

  close(ref: SocketRef): sys.CallResult {
    const at = nowNs();
    const fd = ref.fd;
    const result = sys.close(fd);
    this.#report(this.#tags.close, at, fd, result, 0, 0, 0, ref);
    ref.fd = -1;
    return result;
  }

  epollCreate1(flags: number): sys.CallResult {
    const at = nowNs();
    const result = sys.epollCreate1(flags);
    this.#report(this.#tags.epoll_create1, at, -1, result, flags, 0, 0, NO_SOCKET);
    return result;
  }

  /** `ref` is the socket watched; null for a pipe to our own parent, which is plumbing and stays unreported. */
  epollCtl(epfd: number, op: number, fd: number, event: EpollEvents, ref: SocketRef | null): sys.CallResult {
    if (ref === null) return sys.epollCtl(epfd, op, fd, event);
    const at = nowNs();
    const result = sys.epollCtl(epfd, op, fd, event);
    this.#watchedSockets[fd] = ref;
    this.#report(this.#tags.epoll_ctl, at, epfd, result, op, fd, event.events(0), ref);
    return result;
  }

  /** Reported only when it brought news of a socket: a wait that ended by its time alone (an idle engine's, four a second), or for a pipe, is left out. */
  epollWait(epfd: number, events: EpollEvents, maxEvents: number, timeoutMs: number): sys.CallResult {
    const at = nowNs();
    const result = sys.epollWait(epfd, events, maxEvents, timeoutMs);
    if (result === 0 || (result > 0 && !this.#bringsSocket(events, result))) return result;
    const slot = this.#report(this.#tags.epoll_wait, at, epfd, result, maxEvents, timeoutMs, 0, NO_SOCKET);
    if (slot >= 0 && result < 0) this.#keepFilled(slot, result, events.bytes, 0);
    else if (slot >= 0) {
      const shown = Math.min(result, 4);
      for (let i = 0; i < shown; i += 1) {
        this.#scratchView.setInt32(8 * i, events.fd(i), true);
        this.#scratchView.setUint32(8 * i + 4, events.events(i), true);
      }
      this.#sink.batch.setData(slot, this.#scratch, 8 * shown);
    }
    return result;
  }

  #bringsSocket(events: EpollEvents, count: number): boolean {
    for (let i = 0; i < count; i += 1) if (this.#watchedSockets[events.fd(i)]?.fd === events.fd(i)) return true;
    return false;
  }
}
