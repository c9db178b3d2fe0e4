// One accepted connection on a real socket, its time turned by hand: what it reads, writes and closes, call by call.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nowNs } from '../kernel/clock.ts';
import * as sys from '../kernel/syscalls.ts';
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLRDHUP, SHUT_WR, SO_LINGER, SOL_SOCKET } from '../wire/constants.ts';
import { errnoName } from '../wire/errno.ts';
import { DRAIN_READ_BYTES, FIRST_BYTE_TIMEOUT_MS, LINGER_MAX_BYTES, LINGER_TIMEOUT_MS } from '../wire/limits.ts';
import { Connection, type ServerOutcome } from './connection.ts';
import { Stage } from './sample-sink.ts';
import { StateWatch } from './state-watch.ts';

// Time is turned by hand: a hold this short never ends by itself, and its end stays before the linger timeout's.
const HOLD_MS = 100;
let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => stage.close());

interface Subject {
  connection: Connection;
  client: number;
  fd: number;
  outcomes: ServerOutcome[];
  closed: () => boolean;
  send(text: string | Uint8Array): void;
  /** What the client reads now: text, 'nothing yet' or an errno. */
  receive(): string;
}

function accepted(holdMs = HOLD_MS): Subject {
  const { client, socket } = stage.pair();
  const outcomes: ServerOutcome[] = [];
  let closed = 0;
  const connection = new Connection(socket, {
    calls: stage.calls,
    loop: stage.loop,
    states: new StateWatch(stage.calls),
    holdMs,
    byteArrived: () => undefined,
    settled: (_, outcome) => outcomes.push(outcome),
    closed: () => {
      closed += 1;
    },
  });
  const buffer = new Uint8Array(64);
  return {
    connection,
    client,
    fd: socket.fd,
    outcomes,
    closed: () => {
      expect(closed).toBeLessThanOrEqual(1);
      expect(connection.state === 'closed').toBe(closed === 1);
      return closed === 1;
    },
    send(data) {
      const bytes = Buffer.from(data);
      expect(sys.write(client, bytes, bytes.length)).toBe(bytes.length);
    },
    receive() {
      const result = sys.read(client, buffer, buffer.length);
      return result < 0 ? errnoName(-result) : Buffer.from(buffer.subarray(0, result)).toString('latin1');
    },
  };
}

const reset = (client: number): void => {
  sys.setsockoptLinger(client, SOL_SOCKET, SO_LINGER, 0);
  sys.close(client);
};
const passHold = (): void => stage.loop.deadlines.run(stage.loop.deadlines.nextNs);

describe('the exchange', () => {
  it('reads one byte, holds it, drains, answers, says FIN, reads to the end, closes', () => {
    const { connection, fd, outcomes, closed, send, receive, client } = accepted();
    send('A\nmore');
    connection.onReady(EPOLLIN);
    expect(stage.lines).toEqual([`read(${fd}, "A", 1) = 1`]);
    expect(connection.state).toBe('held');
    expect(stage.events.at(-1)).toMatchObject({ kind: 'hold', holdMs: HOLD_MS });
    passHold();
    expect(outcomes).toEqual(['replied']);
    expect(receive()).toBe('B');
    expect(receive()).toBe('');
    expect(closed()).toBe(false);
    send('still talking');
    connection.onReady(EPOLLIN);
    sys.shutdown(client, SHUT_WR);
    connection.onReady(EPOLLIN | EPOLLRDHUP | EPOLLHUP);
    expect(stage.lines).toEqual([
      `read(${fd}, "A", 1) = 1`,
      `read(${fd}, "\\nmore", ${DRAIN_READ_BYTES}) = 5`,
      `read(${fd}, POINTER, ${DRAIN_READ_BYTES}) = -1 EAGAIN (Resource temporarily unavailable)`,
      `write(${fd}, "B", 1) = 1`,
      `shutdown(${fd}, SHUT_WR) = 0`,
      `read(${fd}, "still talking", ${DRAIN_READ_BYTES}) = 13`,
      `read(${fd}, POINTER, ${DRAIN_READ_BYTES}) = -1 EAGAIN (Resource temporarily unavailable)`,
      `read(${fd}, "", ${DRAIN_READ_BYTES}) = 0`,
      `close(${fd}) = 0`,
    ]);
    expect(closed()).toBe(true);
    expect(stage.loop.deadlines.count).toBe(0);
  });

  it('every byte comes back plus one, and 255 as 0', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      const { connection, send, receive } = accepted(0);
      send(Uint8Array.of(byte));
      connection.onReady(EPOLLIN);
      expect(receive().charCodeAt(0)).toBe((byte + 1) % 256);
      connection.cut('asked');
    }
  });

  it('is never early: a nanosecond before its time nothing is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), (holdMs) => {
        const { connection, send, outcomes } = accepted(holdMs);
        send('A');
        const before = nowNs();
        connection.onReady(EPOLLIN);
        const dueNs = connection.dueNs;
        expect(dueNs).toBeGreaterThanOrEqual(before + holdMs * 1e6);
        stage.loop.deadlines.run(dueNs - 1);
        expect([connection.state, outcomes]).toEqual(['held', []]);
        stage.loop.deadlines.run(dueNs);
        expect(outcomes).toEqual(['replied']);
        connection.cut('asked');
      }),
      { numRuns: 25 },
    );
  });

  it('news of more bytes during the hold costs no call', () => {
    const { connection, send } = accepted();
    send('A');
    connection.onReady(EPOLLIN);
    const calls = stage.lines.length;
    for (let i = 0; i < 5; i += 1) connection.onReady(EPOLLIN);
    connection.onReady(EPOLLIN | EPOLLRDHUP);
    expect(stage.lines.length).toBe(calls);
  });
});

describe('how a peer may end', () => {
  it('half-closed before the reply it still gets it, and nothing lingers', () => {
    const { connection, client, outcomes, closed, send, receive } = accepted();
    send('A');
    sys.shutdown(client, SHUT_WR);
    connection.onReady(EPOLLIN | EPOLLRDHUP);
    passHold();
    expect([receive(), receive()]).toEqual(['B', '']);
    expect(outcomes).toEqual(['replied']);
    expect(closed()).toBe(true);
  });

  it('closed without a byte: an outcome, and no reply', () => {
    const { connection, client, fd, outcomes, closed } = accepted();
    sys.shutdown(client, SHUT_WR);
    connection.onReady(EPOLLIN | EPOLLRDHUP);
    expect(outcomes).toEqual(['closedWithoutByte']);
    expect(stage.lines).toEqual([`read(${fd}, "", 1) = 0`, `close(${fd}) = 0`]);
    expect(closed()).toBe(true);
  });

  it('reset before its byte was read', () => {
    const { connection, client, fd, outcomes } = accepted();
    reset(client);
    connection.onReady(EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP);
    expect(outcomes).toEqual(['reset']);
    expect(stage.lines).toEqual([`read(${fd}, POINTER, 1) = -1 ECONNRESET (Connection reset by peer)`, `close(${fd}) = 0`]);
  });

  it.each([
    ['at once', '', false],
    ['behind bytes nobody has read', 'unread', false],
    ['behind its own FIN', '', true],
    ['behind bytes and its own FIN', 'unread', true],
    ['behind more bytes than we drain', 'x'.repeat(2 * LINGER_MAX_BYTES), false],
  ])('reset during the hold, %s: nothing is written afterwards', (_when, more, halfClosed) => {
    const { connection, client, outcomes, closed, send } = accepted();
    send(`A${more}`);
    connection.onReady(EPOLLIN);
    if (halfClosed) {
      sys.shutdown(client, SHUT_WR);
      connection.onReady(EPOLLIN | EPOLLRDHUP);
    }
    reset(client);
    connection.onReady(EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP);
    expect(outcomes).toEqual(['reset']);
    expect(closed()).toBe(true);
    stage.loop.deadlines.run(Infinity);
    expect(stage.lines.filter((line) => line.startsWith('write') || line.startsWith('shutdown'))).toEqual([]);
  });

  it('reset that is noticed only by the drain before the reply: nothing is written', () => {
    const { connection, client, outcomes, send } = accepted();
    send('A');
    connection.onReady(EPOLLIN);
    reset(client);
    passHold();
    expect(outcomes).toEqual(['reset']);
    expect(stage.lines.some((line) => line.startsWith('write'))).toBe(false);
  });

  it('reset after the reply takes the reply not back', () => {
    const { connection, client, outcomes, closed, send } = accepted();
    send('A');
    connection.onReady(EPOLLIN);
    passHold();
    reset(client);
    connection.onReady(EPOLLIN | EPOLLERR | EPOLLHUP);
    expect(outcomes).toEqual(['replied']);
    expect(closed()).toBe(true);
  });
});

describe('bounds', () => {
  it('a silent connection ends at its first-byte timeout, not before', () => {
    const { connection, outcomes, closed } = accepted();
    const dueNs = connection.acceptedNs + FIRST_BYTE_TIMEOUT_MS * 1e6;
    stage.loop.deadlines.run(dueNs - 1);
    expect(closed()).toBe(false);
    stage.loop.deadlines.run(dueNs);
    expect(outcomes).toEqual(['closedWithoutByte']);
    expect(closed()).toBe(true);
    expect(stage.events).toContainEqual(expect.objectContaining({ kind: 'cut', reason: 'first-byte-timeout' }));
  });

  it('a byte just in time is held for its whole hold', () => {
    const { connection, send, outcomes } = accepted(5_000);
    send('A');
    connection.onReady(EPOLLIN);
    stage.loop.deadlines.run(nowNs() + 4_000 * 1e6);
    expect([connection.state, outcomes]).toEqual(['held', []]);
  });

  it('a peer that never says FIN is waited for as long as the linger timeout, then left', () => {
    const { connection, send, outcomes, closed } = accepted();
    send('A');
    connection.onReady(EPOLLIN);
    passHold();
    const left = connection.dueNs - nowNs();
    expect(left).toBeGreaterThan((LINGER_TIMEOUT_MS - 1_000) * 1e6);
    expect(left).toBeLessThanOrEqual(LINGER_TIMEOUT_MS * 1e6);
    stage.loop.deadlines.run(connection.dueNs);
    expect(outcomes).toEqual(['replied']);
    expect(closed()).toBe(true);
    expect(stage.events).toContainEqual(expect.objectContaining({ kind: 'cut', reason: 'linger-timeout' }));
  });

  it('a peer that talks on and on is left after the linger bytes', () => {
    const { connection, send, outcomes, closed } = accepted();
    send('A');
    connection.onReady(EPOLLIN);
    passHold();
    let sent = 0;
    for (; sent <= LINGER_MAX_BYTES && !closed(); sent += DRAIN_READ_BYTES) {
      send('x'.repeat(DRAIN_READ_BYTES));
      connection.onReady(EPOLLIN);
    }
    expect(sent).toBe(LINGER_MAX_BYTES + DRAIN_READ_BYTES);
    expect([outcomes, closed()]).toEqual([['replied'], true]);
    expect(stage.events).toContainEqual(expect.objectContaining({ kind: 'cut', reason: 'linger-bytes' }));
  });

  it('more than the linger bytes before the reply: the byte is answered all the same, and what is unread is read on', () => {
    const { connection, client, send, outcomes, closed, receive } = accepted();
    send(`A${'x'.repeat(LINGER_MAX_BYTES + 3 * DRAIN_READ_BYTES)}`);
    sys.shutdown(client, SHUT_WR);
    connection.onReady(EPOLLIN | EPOLLRDHUP);
    passHold();
    expect([receive(), receive()]).toEqual(['B', '']);
    expect([outcomes, closed()]).toEqual([['replied'], true]);
  });

  it('cut while it is held: lost; while it lingers: still replied; twice: once', () => {
    const held = accepted();
    held.send('A');
    held.connection.onReady(EPOLLIN);
    held.connection.cut('drain-timeout');
    held.connection.cut('drain-timeout');
    held.connection.onReady(EPOLLIN);
    held.connection.onDue();
    expect([held.outcomes, held.closed()]).toEqual([['lost'], true]);
    const lingering = accepted(0);
    lingering.send('A');
    lingering.connection.onReady(EPOLLIN);
    lingering.connection.cut('drain-timeout');
    expect([lingering.outcomes, lingering.closed()]).toEqual([['replied'], true]);
  });
});

it('its states are told as TCP_INFO saw them, each once', () => {
  const { connection, client, send } = accepted();
  send('A');
  connection.onReady(EPOLLIN);
  passHold();
  sys.shutdown(client, SHUT_WR);
  connection.onReady(EPOLLIN | EPOLLRDHUP | EPOLLHUP);
  const states = stage.events.filter((event) => event.kind === 'tcp-state');
  expect(states.map(({ from, to, evidence }) => [from, to, evidence])).toEqual([
    [null, 'ESTABLISHED', 'tcp_info'],
    ['ESTABLISHED', expect.stringMatching(/^FIN-WAIT-[12]$/), 'tcp_info'],
    // Its FIN was answered by ours before anybody looked: TIME-WAIT belongs to the kernel, the descriptor says CLOSED.
    [expect.stringMatching(/^FIN-WAIT-[12]$/), 'CLOSED', 'tcp_info'],
  ]);
});
