// Whose system calls are told: those of foreign processes on their sockets to us, from connect() to close(), and nobody else's.
import { describe, expect, it } from 'vitest';
import { CALLS_LINGER_NS, FOREIGN_SOCKETS_MAX, THREAD_LOOKUPS_PER_READ } from '../wire/tap-limits.ts';
import { FollowedSocket, TCP_CLOSE } from './followed-sockets.ts';
import { ForeignCalls } from './foreign-calls.ts';

const OWN = 100;
const NETCAT = 200;
const STRANGER = 300;

/** A machine of processes and threads, and what is told of them: 'nc 200: write(5) = 1'. */
class Machine {
  readonly told: string[] = [];
  readonly asked: number[] = [];
  readonly processes = new Map([
    [OWN, { pid: OWN, comm: 'node' }],
    [NETCAT, { pid: NETCAT, comm: 'nc' }],
    [STRANGER, { pid: STRANGER, comm: 'secret' }],
  ]);
  readonly siblings = new Set<number>();
  readonly calls = new ForeignCalls(
    [OWN],
    {
      processOf: (tid) => {
        this.asked.push(tid);
        return this.processes.get(tid)?.pid ?? null;
      },
      nameOf: (tid) => this.processes.get(tid)?.comm ?? null,
      isSibling: (pid) => this.siblings.has(pid),
    },
    (call, socket) => this.told.push(`${call.comm} ${call.pid}: ${call.call}(${call.fd}) = ${call.returned} on ${socket.address}`),
  );
  #ns = 0;

  constructor() {
    this.calls.beginRead(1);
  }

  enter(tid: number, call: string, ...args: number[]): void {
    if (this.calls.mayConcern(tid)) this.calls.entered((this.#ns += 1), tid, call, args);
  }

  leave(tid: number, call: string, returned: number): void {
    if (this.calls.mayConcern(tid)) this.calls.returned((this.#ns += 1), tid, call, returned);
  }

  call(tid: number, call: string, returned: number, ...args: number[]): void {
    this.enter(tid, call, ...args);
    this.leave(tid, call, returned);
  }

  /** socket() and connect() to us, as far as the kernel's SYN-SENT and the return. */
  connect(tid: number, fd: number, address: number): FollowedSocket {
    const socket = new FollowedSocket(address);
    this.call(tid, 'socket', fd, 2, 1, 0);
    this.enter(tid, 'connect', fd);
    this.calls.connecting((this.#ns += 1), tid, socket);
    this.leave(tid, 'connect', 0);
    return socket;
  }
}

describe('calls of foreign processes', () => {
  it('are told from socket() to close(), and none before or after', () => {
    const machine = new Machine();
    machine.call(NETCAT, 'read', 7, 5, 0, 100);
    machine.connect(NETCAT, 5, 1);
    machine.call(NETCAT, 'write', 1, 5, 0, 1);
    machine.call(NETCAT, 'write', 9, 1, 0, 9);
    machine.call(NETCAT, 'poll', 1, 0, 2, -1);
    machine.call(NETCAT, 'close', 0, 5);
    machine.call(NETCAT, 'read', 7, 5, 0, 100);
    machine.call(NETCAT, 'poll', 1, 0, 2, -1);
    expect(machine.told).toEqual([
      'nc 200: socket(5) = 5 on 1',
      'nc 200: connect(5) = 0 on 1',
      'nc 200: write(5) = 1 on 1',
      'nc 200: poll(-1) = 1 on 1',
      'nc 200: close(5) = 0 on 1',
    ]);
    expect(machine.calls.pids).toEqual([]);
  });

  it('a descriptor used again belongs to its new socket, even where no close() was seen', () => {
    const machine = new Machine();
    machine.connect(NETCAT, 5, 1);
    machine.connect(NETCAT, 5, 2);
    machine.call(NETCAT, 'write', 1, 5, 0, 1);
    expect(machine.told.slice(2)).toEqual(['nc 200: socket(5) = 5 on 2', 'nc 200: connect(5) = 0 on 2', 'nc 200: write(5) = 1 on 2']);
    // One that has gone to something else is nobody's to tell.
    machine.call(NETCAT, 'socket', 5, 2, 1, 0);
    machine.call(NETCAT, 'write', 1, 5, 0, 1);
    expect(machine.told).toHaveLength(5);
  });

  it('of another thread are told as the process that holds the descriptor', () => {
    const machine = new Machine();
    machine.processes.set(201, { pid: NETCAT, comm: 'nc-worker' });
    machine.connect(NETCAT, 5, 1);
    machine.call(201, 'write', 3, 5, 0, 3);
    expect(machine.told.at(-1)).toBe('nc 200: write(5) = 3 on 1');
    // And a connect() of a thread is one of its process.
    machine.connect(201, 6, 2);
    machine.call(NETCAT, 'read', 1, 6, 0, 1);
    expect(machine.told.at(-1)).toBe('nc 200: read(6) = 1 on 2');
  });

  it('a wait is told of the socket that the thread turns to next, once, and of nobody where it turns to none', () => {
    const machine = new Machine();
    machine.call(NETCAT, 'poll', 7, 0, 2, -1);
    machine.connect(NETCAT, 5, 1);
    machine.connect(NETCAT, 6, 2);
    const before = machine.told.length;
    for (let i = 0; i < 100; i += 1) {
      machine.call(NETCAT, 'poll', 0, 0, 2, -1);
      machine.call(NETCAT, 'read', 9, 0, 0, 100);
    }
    expect(machine.told).toHaveLength(before);
    machine.call(NETCAT, 'poll', 2, 0, 2, -1);
    machine.call(NETCAT, 'read', 1, 6, 0, 1);
    machine.call(NETCAT, 'write', 1, 5, 0, 1);
    machine.call(NETCAT, 'close', 0, 6);
    expect(machine.told.slice(before)).toEqual([
      'nc 200: poll(-1) = 2 on 2',
      'nc 200: read(6) = 1 on 2',
      'nc 200: poll(-1) = 2 on 1',
      'nc 200: write(5) = 1 on 1',
      'nc 200: close(6) = 0 on 2',
    ]);
    expect(machine.calls.leftOut).toBe(0);
  });

  it('a wait that another thread was in before the connect() is not told of its socket', () => {
    const machine = new Machine();
    machine.processes.set(201, { pid: NETCAT, comm: 'nc-worker' });
    machine.connect(NETCAT, 5, 1);
    machine.call(201, 'poll', 1, 0, 2, -1);
    machine.connect(NETCAT, 6, 2);
    const before = machine.told.length;
    machine.call(201, 'read', 1, 6, 0, 1);
    machine.call(201, 'read', 1, 5, 0, 1);
    expect(machine.told.slice(before)).toEqual(['nc 200: read(6) = 1 on 2', 'nc 200: poll(-1) = 1 on 1', 'nc 200: read(5) = 1 on 1']);
  });

  it('end with a killed process, some time after its sockets are closed', () => {
    const machine = new Machine();
    const socket = machine.connect(NETCAT, 5, 1);
    machine.enter(NETCAT, 'read', 5, 0, 1);
    expect(machine.calls.sweep(10 * CALLS_LINGER_NS)).toBe(1);
    socket.state = TCP_CLOSE;
    socket.closedNs = 1_000;
    expect(machine.calls.sweep(1_000)).toBe(1);
    expect(machine.calls.sweep(1_001 + CALLS_LINGER_NS)).toBe(0);
    expect(machine.calls.pids).toEqual([]);
  });
});

describe('nobody else is told of', () => {
  it('not our own processes, by number or by parent, however they connect', () => {
    const machine = new Machine();
    machine.siblings.add(101);
    machine.processes.set(101, { pid: 101, comm: 'node' });
    for (const tid of [OWN, 101]) {
      const socket = machine.connect(tid, 5, tid);
      machine.call(tid, 'write', 1, 5, 0, 1);
      expect(socket).toMatchObject({ pid: tid, comm: '' });
    }
    expect(machine.told).toEqual([]);
    expect(machine.calls.pids).toEqual([]);
    // One that turns out to be ours is dropped at once.
    machine.connect(NETCAT, 5, 3);
    machine.calls.ownPids = [OWN, NETCAT];
    expect(machine.calls.pids).toEqual([]);
    const before = machine.told.length;
    machine.call(NETCAT, 'write', 1, 5, 0, 1);
    expect(machine.told).toHaveLength(before);
  });

  it('not a stranger that makes the same calls on the same descriptors', () => {
    const machine = new Machine();
    machine.connect(NETCAT, 5, 1);
    machine.call(STRANGER, 'socket', 5, 2, 1, 0);
    machine.call(STRANGER, 'connect', 0, 5);
    for (const call of ['read', 'write', 'poll', 'close']) machine.call(STRANGER, call, 1, 5, 0, 1);
    expect(machine.told.join()).not.toContain('secret');
    expect(machine.calls.pids).toEqual([NETCAT]);
  });

  it('and of strangers /proc is asked a bounded number of times in one reading', () => {
    const machine = new Machine();
    machine.connect(NETCAT, 5, 1);
    machine.asked.length = 0;
    for (let tid = 1_000; tid < 1_200; tid += 1) machine.call(tid, 'read', 1, 5, 0, 1);
    for (let tid = 1_000; tid < 1_200; tid += 1) machine.call(tid, 'read', 1, 5, 0, 1);
    expect(machine.asked).toHaveLength(THREAD_LOOKUPS_PER_READ);
    expect(machine.calls.leftOut).toBeGreaterThan(0);
  });
});

describe('bounds', () => {
  it('so many sockets are followed, and the rest are counted', () => {
    const machine = new Machine();
    for (let fd = 0; fd < FOREIGN_SOCKETS_MAX + 3; fd += 1) machine.connect(NETCAT, fd, fd + 1);
    expect(machine.calls.leftOut).toBe(3);
    machine.call(NETCAT, 'close', 0, 0);
    machine.connect(NETCAT, FOREIGN_SOCKETS_MAX + 3, 1);
    expect(machine.calls.leftOut).toBe(3);
  });

  it('noisy threads are those with many records that are not connected to us, the noisiest first, counted afresh each time', () => {
    const machine = new Machine();
    machine.connect(NETCAT, 5, 1);
    for (let i = 0; i < 50; i += 1) machine.call(NETCAT, 'read', 1, 5, 0, 1);
    for (let i = 0; i < 10; i += 1) machine.call(STRANGER, 'read', 1, 5, 0, 1);
    for (let i = 0; i < 30; i += 1) machine.call(301, 'read', 1, 5, 0, 1);
    expect(machine.calls.noisy(20)).toEqual([301, STRANGER]);
    expect(machine.calls.noisy(1)).toEqual([]);
  });
});
