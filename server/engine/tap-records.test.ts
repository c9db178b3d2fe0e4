// The tap's findings as records: which event each becomes, whose it is, and the numbers by which the journal keeps what is open.
import { describe, expect, it } from 'vitest';
import { FollowedSocket } from '../kernel/followed-sockets.ts';
import type { ForeignCall, StateChanged } from '../kernel/kernel-event.ts';
import { RecordBatch, recordCloses, recordDescriptor } from '../wire/record.ts';
import { TapRecords } from './tap-records.ts';

const LOOPBACK = 0x7f000001;
const [ESTABLISHED, SYN_SENT, CLOSED] = [1, 2, 7];

class Told {
  readonly batch = new RecordBatch(64);
  readonly records = new TapRecords({
    batch: this.batch,
    next: () => {
      this.batch.count += 1;
      return this.batch.count - 1;
    },
  });

  get events(): Record<string, unknown>[] {
    return Array.from({ length: this.batch.count }, (_, slot) => this.batch.event(slot, slot + 1) as unknown as Record<string, unknown>);
  }

  get last(): Record<string, unknown> | undefined {
    return this.events.at(-1);
  }

  get numbers(): number[] {
    const words = new Int32Array(this.batch.bytes.buffer);
    return this.events.map((_, slot) => recordDescriptor(words, slot));
  }

  get closes(): boolean[] {
    const words = new Int32Array(this.batch.bytes.buffer);
    return this.events.map((_, slot) => recordCloses(words, slot));
  }
}

function socketAt(port: number, pid = 0, comm = ''): FollowedSocket {
  const socket = new FollowedSocket(port);
  socket.setEnds(LOOPBACK, port, LOOPBACK, 9736);
  socket.state = ESTABLISHED;
  socket.pid = pid;
  socket.comm = comm;
  return socket;
}

function change(socket: FollowedSocket, from: number, to: number, atNs = 1): StateChanged {
  const { localIp, localPort, remoteIp, remotePort, address, pid, comm } = socket;
  socket.state = to;
  if (to === CLOSED) socket.closedNs = atNs;
  return { kind: 'state', atNs, localIp, localPort, remoteIp, remotePort, socket: address, from, to, byCall: pid !== 0, pid, comm };
}

function call(socket: FollowedSocket, name: string, returned: number, args: number[]): ForeignCall {
  const { localIp, localPort, remoteIp, remotePort, address, pid, comm } = socket;
  return {
    kind: 'call',
    atNs: 5,
    durationNs: 7,
    localIp,
    localPort,
    remoteIp,
    remotePort,
    socket: address,
    pid,
    tid: pid,
    comm,
    call: name,
    fd: args[0] ?? -1,
    args,
    returned,
  };
}

describe('a finding', () => {
  it('of a state has both states, the ends, and the process: ours by its role, another by its name, none where nobody knows', () => {
    const told = new Told();
    told.records.own = new Map([[11, 'tcp-client']]);
    for (const [pid, comm] of [
      [11, ''],
      [12, 'nc'],
      [0, ''],
    ] as const) {
      const socket = socketAt(40_000 + pid, pid, comm);
      told.records.told(change(socket, SYN_SENT, ESTABLISHED), socket);
    }
    expect(told.events).toMatchObject([
      {
        kind: 'tcp-state',
        evidence: 'tracefs',
        from: 'SYN-SENT',
        to: 'ESTABLISHED',
        local: '127.0.0.1:40011',
        remote: '127.0.0.1:9736',
        process: 'tcp-client',
        pid: 11,
      },
      { process: 'nc', pid: 12 },
      { local: '127.0.0.1:40000' },
    ]);
    expect(told.last).not.toHaveProperty('process');
    expect(told.last).not.toHaveProperty('pid');
  });

  it('of a call has its result as the kernel gave it; one that is begun again is no error', () => {
    const told = new Told();
    const socket = socketAt(40_001, 12, 'nc');
    told.records.told(call(socket, 'write', 1, [5, 0, 1]), socket);
    told.records.told(call(socket, 'connect', -115, [5]), socket);
    told.records.told(call(socket, 'read', -512, [5, 0, 100]), socket);
    expect(told.events).toMatchObject([
      { kind: 'foreign-call', process: 'nc', pid: 12, call: 'write', fd: 5, returned: 1, durationNs: 7 },
      { call: 'connect', returned: -1, errno: 'EINPROGRESS' },
      { call: 'read', returned: -1 },
    ]);
    expect(told.last).not.toHaveProperty('errno');
  });
});

describe('the numbers of sockets', () => {
  it('are the same for all that is told of one, close with it, and are used again after it', () => {
    const told = new Told();
    const [first, second, third] = [socketAt(1), socketAt(2), socketAt(3)];
    told.records.told(change(first, SYN_SENT, ESTABLISHED), first);
    told.records.told(change(second, SYN_SENT, ESTABLISHED), second);
    told.records.told(change(first, ESTABLISHED, CLOSED, 9), first);
    told.records.told(change(third, SYN_SENT, ESTABLISHED), third);
    expect(told.numbers).toEqual([1, 2, 1, 1]);
    expect(told.closes).toEqual([false, false, true, false]);
    // What comes after its end has no number: nothing would close it again.
    told.records.told({ ...change(first, ESTABLISHED, CLOSED, 9), kind: 'drop', reason: 'TCP_OLD_DATA' }, first);
    expect(told.numbers.at(-1)).toBe(-1);
  });

  it('of a socket whose end was missed closes when the table shows that it is gone', () => {
    const told = new Told();
    const socket = socketAt(1);
    told.records.told(change(socket, SYN_SENT, ESTABLISHED), socket);
    told.records.gone('sock_diag', 50, socket);
    expect(told.last).toMatchObject({ kind: 'tcp-state', evidence: 'sock_diag', from: null, to: 'CLOSED', atNs: 50 });
    expect(told.closes).toEqual([false, true]);
    // Once, and nothing of one that was never told of.
    told.records.gone('sock_diag', 60, socket);
    told.records.gone('sock_diag', 60, socketAt(2));
    expect(told.events).toHaveLength(2);
  });
});

it('losses are told together, and not one is forgotten or told twice', () => {
  const told = new Told();
  told.records.tellLost();
  expect([told.records.hasUntoldLoss, told.events.length]).toEqual([false, 0]);
  for (const count of [3, 4]) told.records.lost({ kind: 'lost', atNs: 10 * count, from: 'calls', count });
  expect([told.records.hasUntoldLoss, told.events.length]).toEqual([true, 0]);
  told.records.tellLost();
  expect(told.last).toMatchObject({ kind: 'dropped', process: 'kernel-tap', count: 7, atNs: 40 });
  told.records.tellLost();
  expect(told.events).toHaveLength(1);
  told.records.lost({ kind: 'lost', atNs: 90, from: 'ours', count: 1 });
  told.records.tellLost();
  expect([told.last?.['count'], told.records.lostCount]).toEqual([1, 8]);
});
