// System calls on real sockets: what the kernel says is a value, whatever it says.
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import * as c from '../wire/constants.ts';
import { errnoName, errnoNumber } from '../wire/errno.ts';
import { EpollEvents } from './epoll-event.ts';
import { descriptorLimit, growDescriptorTable, openDescriptors, setNonBlocking } from './own-process.ts';
import { SockaddrInBuffer } from './sockaddr.ts';
import * as sys from './syscalls.ts';

const LOOPBACK = 0x7f000001;
const STREAM = c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC;
const open: number[] = [];
const byte = new Uint8Array(1);

afterEach(() => {
  for (const fd of open.splice(0)) sys.close(fd);
});

function made(fd: number): number {
  expect(fd).toBeGreaterThanOrEqual(0);
  open.push(fd);
  return fd;
}

function at(port: number, ip = LOOPBACK): SockaddrInBuffer {
  const address = new SockaddrInBuffer();
  address.set(ip, port);
  return address;
}

const word = (result: number): string | number => (result < 0 ? errnoName(-result) : result);

function listener(backlog = 5): { fd: number; port: number } {
  const fd = made(sys.socket(c.AF_INET, STREAM, 0));
  expect(sys.bind(fd, at(0))).toBe(0);
  expect(sys.listen(fd, backlog)).toBe(0);
  const name = new SockaddrInBuffer();
  expect(sys.getsockname(fd, name)).toBe(0);
  expect([name.ip, name.filled]).toEqual([LOOPBACK, c.SOCKADDR_IN_BYTES]);
  return { fd, port: name.port };
}

function option(fd: number, level: number, name: number): number {
  const value = new Uint8Array(4);
  expect(sys.getsockopt(fd, level, name, value)).toBe(0);
  expect(sys.filledOptionBytes()).toBe(4);
  return new DataView(value.buffer).getInt32(0, true);
}

/** Waits until the kernel has news of `fd`. */
function ready(fd: number, events: number): number {
  const epfd = made(sys.epollCreate1(c.EPOLL_CLOEXEC));
  const wanted = new EpollEvents();
  wanted.set(0, events, fd);
  expect(sys.epollCtl(epfd, c.EPOLL_CTL_ADD, fd, wanted)).toBe(0);
  expect(sys.epollWait(epfd, wanted, 8, 5_000)).toBe(1);
  expect(wanted.fd(0)).toBe(fd);
  return wanted.events(0);
}

/** Two connected sockets: the client's and the accepted one. */
function pair(): { client: number; server: number; listening: number } {
  const { fd, port } = listener();
  const client = made(sys.socket(c.AF_INET, STREAM, 0));
  expect(word(sys.connect(client, at(port)))).toBe('EINPROGRESS');
  ready(client, c.EPOLLOUT);
  expect(option(client, c.SOL_SOCKET, c.SO_ERROR)).toBe(0);
  const peer = new SockaddrInBuffer();
  const server = made(sys.accept4(fd, peer, c.SOCK_NONBLOCK | c.SOCK_CLOEXEC));
  const name = new SockaddrInBuffer();
  sys.getsockname(client, name);
  expect([peer.ip, peer.port]).toEqual([name.ip, name.port]);
  return { client, server, listening: fd };
}

describe('errnos are values', () => {
  it('EBADF from every call on a descriptor that is none', () => {
    const results = [
      sys.setsockopt(-1, c.SOL_SOCKET, c.SO_REUSEADDR, 1),
      sys.setsockoptLinger(-1, c.SOL_SOCKET, c.SO_LINGER, 0),
      sys.getsockopt(-1, c.SOL_SOCKET, c.SO_ERROR, new Uint8Array(4)),
      sys.bind(-1, at(0)),
      sys.connect(-1, at(1)),
      sys.listen(-1, 1),
      sys.accept4(-1, at(0), 0),
      sys.getsockname(-1, at(0)),
      sys.read(-1, byte, 1),
      sys.write(-1, byte, 1),
      sys.shutdown(-1, c.SHUT_WR),
      sys.close(-1),
      sys.epollCtl(-1, c.EPOLL_CTL_ADD, 0, new EpollEvents()),
      sys.epollWait(-1, new EpollEvents(), 1, 0),
    ];
    expect(results.map(word)).toEqual(results.map(() => 'EBADF'));
  });

  it('of creation: EAFNOSUPPORT, EINVAL', () => {
    expect(word(sys.socket(9999, c.SOCK_STREAM, 0))).toBe('EAFNOSUPPORT');
    expect(word(sys.socket(c.AF_INET, 99, 0))).toBe('EINVAL');
    expect(word(sys.epollCreate1(1))).toBe('EINVAL');
  });

  it('of a port that is taken: EADDRINUSE, at bind', () => {
    const { port } = listener();
    const second = made(sys.socket(c.AF_INET, STREAM, 0));
    expect(word(sys.bind(second, at(port)))).toBe('EADDRINUSE');
    expect(word(sys.bind(second, at(0, 0x08080808)))).toBe('EADDRNOTAVAIL');
  });

  it('of a port where nobody listens: ECONNREFUSED, at connect or by SO_ERROR', () => {
    const bound = made(sys.socket(c.AF_INET, STREAM, 0));
    sys.bind(bound, at(0));
    const name = new SockaddrInBuffer();
    sys.getsockname(bound, name);
    const client = made(sys.socket(c.AF_INET, STREAM, 0));
    const result = word(sys.connect(client, at(name.port)));
    if (result === 'EINPROGRESS') {
      expect(ready(client, c.EPOLLOUT) & c.EPOLLERR).toBe(c.EPOLLERR);
      expect(option(client, c.SOL_SOCKET, c.SO_ERROR)).toBe(errnoNumber('ECONNREFUSED'));
    } else expect(result).toBe('ECONNREFUSED');
  });

  it('of what is not there yet: EAGAIN from accept4 and read', () => {
    const { server, listening } = pair();
    expect(word(sys.accept4(listening, at(0), 0))).toBe('EAGAIN');
    expect(word(sys.read(server, byte, 1))).toBe('EAGAIN');
  });

  it('of what does not fit the moment: ENOTCONN, EINVAL, EEXIST, ENOENT', () => {
    const fresh = made(sys.socket(c.AF_INET, STREAM, 0));
    expect(word(sys.shutdown(fresh, c.SHUT_WR))).toBe('ENOTCONN');
    expect(word(sys.accept4(fresh, at(0), 0))).toBe('EINVAL');
    expect(word(sys.setsockopt(fresh, c.SOL_SOCKET, 9999, 1))).toBe('ENOPROTOOPT');
    const epfd = made(sys.epollCreate1(0));
    const event = new EpollEvents();
    event.set(0, c.EPOLLIN, fresh);
    expect(word(sys.epollCtl(epfd, c.EPOLL_CTL_MOD, fresh, event))).toBe('ENOENT');
    expect(sys.epollCtl(epfd, c.EPOLL_CTL_ADD, fresh, event)).toBe(0);
    expect(word(sys.epollCtl(epfd, c.EPOLL_CTL_ADD, fresh, event))).toBe('EEXIST');
    expect(sys.epollCtl(epfd, c.EPOLL_CTL_DEL, fresh, event)).toBe(0);
  });

  it('and stale after a success: a call that works after one that failed says so', () => {
    expect(word(sys.close(-1))).toBe('EBADF');
    expect(sys.close(sys.socket(c.AF_INET, STREAM, 0))).toBe(0);
  });
});

describe('a conversation', () => {
  it('moves a byte, and ends with read 0 on both sides', () => {
    const { client, server } = pair();
    byte[0] = 0x41;
    expect(sys.write(client, byte, 1)).toBe(1);
    ready(server, c.EPOLLIN);
    byte[0] = 0;
    expect(sys.read(server, byte, 1)).toBe(1);
    expect(byte[0]).toBe(0x41);
    expect(sys.shutdown(client, c.SHUT_WR)).toBe(0);
    expect(ready(server, c.EPOLLIN | c.EPOLLRDHUP) & c.EPOLLRDHUP).toBe(c.EPOLLRDHUP);
    expect(sys.read(server, byte, 1)).toBe(0);
    sys.shutdown(server, c.SHUT_WR);
    expect(ready(client, c.EPOLLIN) & c.EPOLLHUP).toBe(c.EPOLLHUP);
    expect(sys.read(client, byte, 1)).toBe(0);
  });

  it('ends with ECONNRESET where SO_LINGER 0 made close() send RST', () => {
    const { client, server } = pair();
    expect(sys.setsockoptLinger(client, c.SOL_SOCKET, c.SO_LINGER, 0)).toBe(0);
    sys.close(open.splice(open.indexOf(client), 1)[0]!);
    expect(ready(server, c.EPOLLIN) & (c.EPOLLERR | c.EPOLLHUP)).toBe(c.EPOLLERR | c.EPOLLHUP);
    expect(word(sys.read(server, byte, 1))).toBe('ECONNRESET');
    expect(word(sys.write(server, byte, 1))).toBe('EPIPE');
  });
});

describe('own process', () => {
  it('knows its descriptors and their limit', () => {
    const before = openDescriptors();
    made(sys.socket(c.AF_INET, STREAM, 0));
    expect(openDescriptors()).toBe(before + 1);
    expect(descriptorLimit()).toBeGreaterThan(before);
  });

  it('makes room in the table of descriptors, and leaves none open', () => {
    const room = (): number => Number(/^FDSize:\s*(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
    const wanted = Math.min(2 * room(), descriptorLimit());
    const before = openDescriptors();
    growDescriptorTable(wanted, 0);
    expect(room()).toBeGreaterThanOrEqual(wanted);
    expect(openDescriptors()).toBe(before);
  });

  it('makes a blocking socket one that says EAGAIN', () => {
    const { client } = pair();
    const blocking = made(sys.socket(c.AF_INET, c.SOCK_STREAM, 0));
    setNonBlocking(blocking);
    sys.bind(blocking, at(0));
    sys.listen(blocking, 1);
    expect(word(sys.accept4(blocking, at(0), 0))).toBe('EAGAIN');
    expect(word(sys.read(client, byte, 1))).toBe('EAGAIN');
  });
});
