// Observed calls: the record tells what the call itself returned, and nothing is recorded that was not called.
import { afterEach, describe, expect, it } from 'vitest';
import * as c from '../wire/constants.ts';
import { errnoName } from '../wire/errno.ts';
import type { CallEvent, TraceEvent } from '../wire/event.ts';
import { RecordBatch } from '../wire/record.ts';
import { straceLine } from '../wire/strace.ts';
import { nowNs } from './clock.ts';
import { EpollEvents } from './epoll-event.ts';
import { ObservedCalls, SocketRef, type RecordSink } from './observed.ts';
import * as sys from './syscalls.ts';

const LOOPBACK = 0x7f000001;
const STREAM = c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC;

/** Keeps all records, or the first `room` of them. */
class Sink implements RecordSink {
  readonly batch = new RecordBatch(256);
  readonly #room: number;

  constructor(room = 256) {
    this.#room = room;
  }
  next(): number {
    if (this.batch.count === this.#room) return -1;
    this.batch.count += 1;
    return this.batch.count - 1;
  }
  get events(): TraceEvent[] {
    return Array.from({ length: this.batch.count }, (_, slot) => this.batch.event(slot, slot + 1));
  }
  get last(): CallEvent {
    const event = this.events.at(-1);
    if (event?.kind !== 'call') throw new Error('the last record is no call');
    return event;
  }
}

let sockets: SocketRef[] = [];
let numbers = 0;
const sink = (): { sink: Sink; calls: ObservedCalls } => {
  const made = new Sink();
  return { sink: made, calls: new ObservedCalls(made, 'increment-server') };
};
const socketRef = (): SocketRef => {
  const ref = new SocketRef((numbers += 1));
  sockets.push(ref);
  return ref;
};

afterEach(() => {
  for (const { fd } of sockets) if (fd >= 0) sys.close(fd);
  sockets = [];
});

function listening(calls: ObservedCalls): SocketRef {
  const listener = socketRef();
  calls.socket(listener, c.AF_INET, STREAM, 0);
  calls.bind(listener, LOOPBACK, 0);
  calls.listen(listener, 5);
  calls.getsockname(listener);
  return listener;
}

describe('each record tells what the call returned', () => {
  it('of a whole conversation, word for word', () => {
    const { calls, sink: kept } = sink();
    const said: [number, CallEvent][] = [];
    const told = (result: number): void => {
      said.push([result, kept.last]);
    };
    const listener = socketRef();
    told(calls.socket(listener, c.AF_INET, STREAM, 0));
    told(calls.setsockopt(listener, c.SOL_SOCKET, c.SO_REUSEADDR, 1));
    told(calls.bind(listener, LOOPBACK, 0));
    told(calls.listen(listener, 5));
    told(calls.getsockname(listener));
    const client = socketRef();
    told(calls.socket(client, c.AF_INET, STREAM, 0));
    told(calls.connect(client, LOOPBACK, listener.localPort));
    told(calls.getsockname(client));
    const accepted = socketRef();
    told(calls.accept4(listener, accepted, c.SOCK_NONBLOCK | c.SOCK_CLOEXEC));
    told(calls.accept4(listener, new SocketRef(0), c.SOCK_NONBLOCK));
    told(calls.getsockname(accepted));
    told(calls.getsockoptInt(client, c.SOL_SOCKET, c.SO_ERROR));
    told(calls.getsockoptTcpInfo(accepted, c.IPPROTO_TCP, c.TCP_INFO));
    expect(calls.infoByte(c.TCP_INFO_OFFSET.tcpi_state)).toBe(1);
    const buffer = new Uint8Array(64);
    buffer.set(Buffer.from('A\nhello'));
    told(calls.write(client, buffer, 7));
    buffer.fill(0);
    told(calls.read(accepted, buffer, 1));
    expect(buffer[0]).toBe(0x41);
    told(calls.read(accepted, buffer, 64));
    told(calls.read(accepted, buffer, 64));
    told(calls.shutdown(client, c.SHUT_WR));
    told(calls.read(accepted, buffer, 64));
    told(calls.setsockopt(client, c.SOL_SOCKET, c.SO_LINGER, 0));
    const fds = { l: listener.fd, c: client.fd, a: accepted.fd };
    told(calls.close(client));
    told(calls.read(accepted, buffer, 64));
    told(calls.close(accepted));
    expect([client.fd, accepted.fd]).toEqual([-1, -1]);
    const port = { l: listener.localPort, c: client.localPort };
    const address = (of: number): string => `{sa_family=AF_INET, sin_port=htons(${of}), sin_addr=inet_addr("127.0.0.1")}`;
    const lines = kept.events.filter((event) => event.kind === 'call').map((event) => straceLine(event).replaceAll(/0x[0-9a-f]+/g, 'POINTER'));
    expect(lines).toEqual([
      `socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = ${fds.l}`,
      `setsockopt(${fds.l}, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0`,
      `bind(${fds.l}, ${address(0)}, 16) = 0`,
      `listen(${fds.l}, 5) = 0`,
      `getsockname(${fds.l}, ${address(port.l)}, [16]) = 0`,
      `socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = ${fds.c}`,
      `connect(${fds.c}, ${address(port.l)}, 16) = -1 EINPROGRESS (Operation now in progress)`,
      `getsockname(${fds.c}, ${address(port.c)}, [16]) = 0`,
      `accept4(${fds.l}, ${address(port.c)}, [16], SOCK_CLOEXEC|SOCK_NONBLOCK) = ${fds.a}`,
      `accept4(${fds.l}, POINTER, [16], SOCK_NONBLOCK) = -1 EAGAIN (Resource temporarily unavailable)`,
      `getsockname(${fds.a}, ${address(port.l)}, [16]) = 0`,
      `getsockopt(${fds.c}, SOL_SOCKET, SO_ERROR, [0], [4]) = 0`,
      `getsockopt(${fds.a}, SOL_TCP, TCP_INFO, {tcpi_state=ESTABLISHED, tcpi_unacked=0, tcpi_sacked=0, ...}, [104]) = 0`,
      `write(${fds.c}, "A\\nhello", 7) = 7`,
      `read(${fds.a}, "A", 1) = 1`,
      `read(${fds.a}, "\\nhello", 64) = 6`,
      `read(${fds.a}, POINTER, 64) = -1 EAGAIN (Resource temporarily unavailable)`,
      `shutdown(${fds.c}, SHUT_WR) = 0`,
      `read(${fds.a}, "", 64) = 0`,
      `setsockopt(${fds.c}, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8) = 0`,
      `close(${fds.c}) = 0`,
      // The RST behind the FIN (tcp(7), SO_LINGER 0) takes the end of file not back: only a write would meet EPIPE.
      `read(${fds.a}, "", 64) = 0`,
      `close(${fds.a}) = 0`,
    ]);
    for (const [result, event] of said) {
      if (result < 0) expect(event).toMatchObject({ returned: -1, errno: errnoName(-result) });
      else expect([event.returned, event.errno]).toEqual([result, undefined]);
    }
  });

  it('of failures: no errno of an earlier call sticks to a later one', () => {
    const { calls, sink: kept } = sink();
    const none = new SocketRef((numbers += 1));
    expect(calls.close(none)).toBeLessThan(0);
    expect(kept.last).toMatchObject({ call: 'close', fd: -1, returned: -1, errno: 'EBADF' });
    calls.socket(socketRef(), c.AF_INET, STREAM, 0);
    expect(kept.last).not.toHaveProperty('errno');
    calls.getsockoptTcpInfo(none, c.IPPROTO_TCP, c.TCP_INFO);
    expect(straceLine(kept.last)).toMatch(/^getsockopt\(-1, SOL_TCP, TCP_INFO, 0x[0-9a-f]+, \[104\]\) = -1 EBADF/);
    calls.epollWait(-1, new EpollEvents(), 8, 0);
    expect(straceLine(kept.last)).toMatch(/^epoll_wait\(-1, 0x[0-9a-f]+, 8, 0\) = -1 EBADF/);
  });

  it('with times on the one clock, in order, and the pid of this process', () => {
    const { calls, sink: kept } = sink();
    const before = nowNs();
    listening(calls);
    const after = nowNs();
    let last = before;
    for (const event of kept.events) {
      expect(event).toMatchObject({ pid: process.pid, process: 'increment-server', evidence: 'returned' });
      expect(event.atNs).toBeGreaterThanOrEqual(last);
      last = event.atNs + (event.kind === 'call' ? event.durationNs : 0);
    }
    expect(last).toBeLessThanOrEqual(after);
  });
});

describe('waiting', () => {
  it('is told when it brings a socket; its time alone, and a pipe of our parent, are not', () => {
    const { calls, sink: kept } = sink();
    const epfd = calls.epollCreate1(c.EPOLL_CLOEXEC);
    const keeper = socketRef();
    keeper.fd = epfd;
    const listener = listening(calls);
    const events = new EpollEvents();
    events.set(0, c.EPOLLIN, listener.fd);
    calls.epollCtl(epfd, c.EPOLL_CTL_ADD, listener.fd, events, listener);
    expect(straceLine(kept.last)).toBe(
      `epoll_ctl(${epfd}, EPOLL_CTL_ADD, ${listener.fd}, {events=EPOLLIN, data={u32=${listener.fd}, u64=${listener.fd}}}) = 0`,
    );
    const quiet = kept.batch.count;
    expect(calls.epollWait(epfd, events, 8, 0)).toBe(0);
    // A socket nobody told the observer of stands for a pipe.
    const pipe = sys.socket(c.AF_INET, STREAM, 0);
    const watched = socketRef();
    watched.fd = pipe;
    events.set(0, c.EPOLLOUT, pipe);
    calls.epollCtl(epfd, c.EPOLL_CTL_ADD, pipe, events, null);
    expect(calls.epollWait(epfd, events, 8, 0)).toBe(1);
    expect(kept.batch.count).toBe(quiet);
    const client = socketRef();
    calls.socket(client, c.AF_INET, STREAM, 0);
    calls.connect(client, LOOPBACK, listener.localPort);
    expect(calls.epollWait(epfd, events, 8, 1_000)).toBe(2);
    expect(kept.last).toMatchObject({ call: 'epoll_wait', fd: epfd, returned: 2 });
    expect(kept.last.args).toMatchObject({ ready: expect.arrayContaining([{ fd: listener.fd, events: 'EPOLLIN' }]) as unknown });
  });

  it('for a descriptor that was closed and given to a pipe is not told as the socket it was', () => {
    const { calls, sink: kept } = sink();
    const epfd = calls.epollCreate1(c.EPOLL_CLOEXEC);
    const keeper = socketRef();
    keeper.fd = epfd;
    const gone = socketRef();
    calls.socket(gone, c.AF_INET, STREAM, 0);
    const events = new EpollEvents();
    events.set(0, c.EPOLLOUT, gone.fd);
    calls.epollCtl(epfd, c.EPOLL_CTL_ADD, gone.fd, events, gone);
    const number = gone.fd;
    calls.close(gone);
    const again = socketRef();
    again.fd = sys.socket(c.AF_INET, STREAM, 0);
    expect(again.fd).toBe(number);
    events.set(0, c.EPOLLOUT, again.fd);
    calls.epollCtl(epfd, c.EPOLL_CTL_ADD, again.fd, events, null);
    const count = kept.batch.count;
    expect(calls.epollWait(epfd, events, 8, 0)).toBe(1);
    expect(kept.batch.count).toBe(count);
  });
});

it('a full sink changes nothing but the record: the calls are made all the same', () => {
  const kept = new Sink(2);
  const calls = new ObservedCalls(kept, 'tcp-client');
  const listener = listening(calls);
  const client = socketRef();
  calls.socket(client, c.AF_INET, STREAM, 0);
  calls.connect(client, LOOPBACK, listener.localPort);
  calls.note('hold', client, 5);
  const buffer = new Uint8Array(8);
  expect(calls.read(client, buffer, 8)).toBeLessThan(0);
  expect(calls.getsockoptInt(client, c.SOL_SOCKET, c.SO_ERROR)).toBe(0);
  expect(calls.accept4(listener, socketRef(), c.SOCK_NONBLOCK)).toBeGreaterThan(0);
  expect(kept.events.map((event) => (event.kind === 'call' ? event.call : event.kind))).toEqual(['socket', 'bind']);
});
