// For engine tests in one process: observed calls whose records stay here, and a loop that a test turns by hand.
import { closeSync, openSync } from 'node:fs';
import { ObservedCalls, SocketRef, type RecordSink } from '../kernel/observed.ts';
import { SockaddrInBuffer } from '../kernel/sockaddr.ts';
import * as sys from '../kernel/syscalls.ts';
import * as c from '../wire/constants.ts';
import type { CallEvent, TraceEvent } from '../wire/event.ts';
import { RecordBatch } from '../wire/record.ts';
import { straceLine } from '../wire/strace.ts';
import type { OurProcess } from '../wire/vocabulary.ts';
import { EventLoop } from './event-loop.ts';
import { Reporter } from './reporter.ts';

export const LOOPBACK = 0x7f000001;
/** tcp(7) */
const TCP_NODELAY = 1;

/** Keeps every record in memory. */
class Sink implements RecordSink {
  readonly batch = new RecordBatch(16_384);
  next(): number {
    this.batch.count += 1;
    return this.batch.count - 1;
  }
}

/** One engine's surroundings; `close` when the test is over. */
export class Stage {
  readonly calls: ObservedCalls;
  readonly loop: EventLoop;
  readonly #sink = new Sink();
  readonly #null = openSync('/dev/null', 'w');
  readonly #open = new Set<number>();
  #sockets = 1_000;

  constructor(name: OurProcess = 'increment-server') {
    this.calls = new ObservedCalls(this.#sink, name);
    this.loop = new EventLoop(this.calls, new Reporter(this.#null));
  }

  get events(): TraceEvent[] {
    return Array.from({ length: this.#sink.batch.count }, (_, slot) => this.#sink.batch.event(slot, slot + 1));
  }

  /** The calls since the stage was made, without the loop's own; TCP_INFO samples left out. */
  get lines(): string[] {
    return this.events
      .filter((event): event is CallEvent => event.kind === 'call' && !event.call.startsWith('epoll') && !straceLine(event).includes('TCP_INFO'))
      .map((event) => straceLine(event).replaceAll(/0x[0-9a-f]+/g, 'POINTER'));
  }

  /** A connected pair, made without being recorded: the client's descriptor and the accepted socket. */
  pair(): { client: number; socket: SocketRef } {
    const address = new SockaddrInBuffer();
    const listener = sys.socket(c.AF_INET, c.SOCK_STREAM, 0);
    address.set(LOOPBACK, 0);
    sys.bind(listener, address);
    sys.listen(listener, 1);
    sys.getsockname(listener, address);
    const client = sys.socket(c.AF_INET, c.SOCK_STREAM, 0);
    address.set(LOOPBACK, address.port);
    if (sys.connect(client, address) < 0) throw new Error('loopback refused the test');
    // Each write is a segment of its own, at once: else Nagle's algorithm would keep some back.
    sys.setsockopt(client, c.IPPROTO_TCP, TCP_NODELAY, 1);
    const socket = new SocketRef((this.#sockets += 1));
    socket.fd = sys.accept4(listener, address, c.SOCK_NONBLOCK | c.SOCK_CLOEXEC);
    socket.remoteIp = address.ip;
    socket.remotePort = address.port;
    sys.close(listener);
    this.#open.add(client).add(socket.fd);
    return { client, socket };
  }

  close(): void {
    for (const fd of this.#open) sys.close(fd);
    closeSync(this.#null);
  }
}
