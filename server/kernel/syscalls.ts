// The system calls, one typed function each: a result of 0 or more, or the errno as a negative value, as the kernel itself returns it.
import * as libc from './libc.ts';
import type { EpollEvents } from './epoll-event.ts';
import type { SockaddrInBuffer } from './sockaddr.ts';

/** What a call came to: its return value, or -errno. Never thrown: what the kernel may say is a value. */
export type CallResult = number;

function settled(returned: number): CallResult {
  return returned === -1 ? -libc.errno() : returned;
}

const optionValue = new Uint8Array(8);
const optionView = new DataView(optionValue.buffer);
const optionLength = new Uint8Array(4);
const optionLengthView = new DataView(optionLength.buffer);

/** socket(2): a descriptor. */
export function socket(domain: number, type: number, protocol: number): CallResult {
  return settled(libc.socket(domain, type, protocol));
}

/** setsockopt(2) of an int. */
export function setsockopt(fd: number, level: number, option: number, value: number): CallResult {
  optionView.setInt32(0, value, true);
  return settled(libc.setsockopt(fd, level, option, optionValue, 4));
}

/** setsockopt(2) of SO_LINGER, socket(7): l_onoff = 1 and l_linger in seconds; 0 makes close(2) send RST. */
export function setsockoptLinger(fd: number, level: number, option: number, lingerSeconds: number): CallResult {
  optionView.setInt32(0, 1, true);
  optionView.setInt32(4, lingerSeconds, true);
  return settled(libc.setsockopt(fd, level, option, optionValue, 8));
}

/** getsockopt(2) into `value`; `filledOptionBytes` then tells how many bytes were filled in. */
export function getsockopt(fd: number, level: number, option: number, value: Uint8Array): CallResult {
  optionLengthView.setUint32(0, value.length, true);
  return settled(libc.getsockopt(fd, level, option, value, optionLength));
}

/** The length that the last getsockopt filled in, in bytes. */
export function filledOptionBytes(): number {
  return optionLengthView.getUint32(0, true);
}

/** bind(2) */
export function bind(fd: number, address: SockaddrInBuffer): CallResult {
  return settled(libc.bind(fd, address.bytes, address.bytes.length));
}

/** connect(2); -EINPROGRESS on a non-blocking socket means: wait until it is writable, then ask SO_ERROR. */
export function connect(fd: number, address: SockaddrInBuffer): CallResult {
  return settled(libc.connect(fd, address.bytes, address.bytes.length));
}

/** listen(2) */
export function listen(fd: number, backlog: number): CallResult {
  return settled(libc.listen(fd, backlog));
}

/** accept4(2): a descriptor, with the peer's address filled in. */
export function accept4(fd: number, address: SockaddrInBuffer, flags: number): CallResult {
  address.offer();
  return settled(libc.accept4(fd, address.bytes, address.length, flags));
}

/** getsockname(2) */
export function getsockname(fd: number, address: SockaddrInBuffer): CallResult {
  address.offer();
  return settled(libc.getsockname(fd, address.bytes, address.length));
}

/** read(2): the number of bytes; 0 is end of file. */
export function read(fd: number, buffer: Uint8Array, count: number): CallResult {
  return settled(libc.read(fd, buffer, count));
}

/** write(2): the number of bytes the kernel took, not the number that arrived. */
export function write(fd: number, buffer: Uint8Array, count: number): CallResult {
  return settled(libc.write(fd, buffer, count));
}

/** shutdown(2) */
export function shutdown(fd: number, how: number): CallResult {
  return settled(libc.shutdown(fd, how));
}

/** close(2): the descriptor is gone whatever it returns. */
export function close(fd: number): CallResult {
  return settled(libc.close(fd));
}

/** epoll_create1(2) */
export function epollCreate1(flags: number): CallResult {
  return settled(libc.epollCreate1(flags));
}

/** epoll_ctl(2); `event` is read from its first place. */
export function epollCtl(epfd: number, op: number, fd: number, event: EpollEvents): CallResult {
  return settled(libc.epollCtl(epfd, op, fd, event.bytes));
}

/** epoll_wait(2): how many events were filled in; 0 when the time was over. */
export function epollWait(epfd: number, events: EpollEvents, maxEvents: number, timeoutMs: number): CallResult {
  return settled(libc.epollWait(epfd, events.bytes, maxEvents, timeoutMs));
}
