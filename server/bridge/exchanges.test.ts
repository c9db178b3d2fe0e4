import { describe, expect, it } from 'vitest';
import type { CallName, OurProcess } from '../wire/vocabulary.ts';
import { Journal } from './journal.ts';
import { callRecords, idleRecords, stateRecord, wakeRecord } from './sample-records.ts';

const CLIENT_CALLS: readonly CallName[] = ['socket', 'connect', 'write'];
const SERVER_CALLS: readonly CallName[] = ['accept4', 'read', 'write', 'close'];

/** A journal, and what is put into it by name: `told` gives those names back that a snapshot tells. */
class Told {
  readonly journal = new Journal(1_000);
  readonly #names: string[] = [];

  add(name: string, records: Uint8Array): this {
    const before = this.journal.lastSeq;
    this.journal.append(records);
    for (let seq = before; seq < this.journal.lastSeq; seq += 1) this.#names.push(name);
    return this;
  }

  call(name: string, process: OurProcess, call: CallName, clientPort: number, fd: number): this {
    return this.add(name, callRecords([{ call, fd, process, clientPort }]));
  }

  /** A whole exchange of eight records, and one of the kernel's that comes last of all. */
  exchange(name: string, clientPort: number, fd: number): this {
    for (const call of CLIENT_CALLS) this.call(name, 'tcp-client', call, clientPort, fd);
    for (const call of SERVER_CALLS) this.call(name, 'increment-server', call, clientPort, fd);
    return this.call(name, 'tcp-client', 'close', clientPort, fd).add(name, stateRecord('CLOSED', clientPort));
  }

  told(recent: number): Record<string, number> {
    const told: Record<string, number> = {};
    for (const { seq } of this.journal.present(recent).events()) {
      const name = this.#names[seq - 1] ?? '';
      told[name] = (told[name] ?? 0) + 1;
    }
    return told;
  }
}

describe('exchanges that ended', () => {
  it('are told whole or not at all, the newest of them', () => {
    const trace = new Told().exchange('a', 40_001, 11).exchange('b', 40_002, 12).exchange('c', 40_003, 13);
    expect(trace.told(27)).toEqual({ a: 9, b: 9, c: 9 });
    expect(trace.told(26)).toEqual({ b: 9, c: 9 });
    expect(trace.told(9)).toEqual({ c: 9 });
    expect(trace.told(8)).toEqual({});
  });

  it('are told whole where they began and ended among others', () => {
    const trace = new Told();
    for (let of = 1; of <= 3; of += 1) for (const call of CLIENT_CALLS) trace.call(`e${of}`, 'tcp-client', call, 40_000 + of, 10 + of);
    for (const call of SERVER_CALLS) for (let of = 3; of >= 1; of -= 1) trace.call(`e${of}`, 'increment-server', call, 40_000 + of, 10 + of);
    for (let of = 1; of <= 3; of += 1) trace.call(`e${of}`, 'tcp-client', 'close', 40_000 + of, 10 + of);
    expect(trace.told(16)).toEqual({ e2: 8, e3: 8 });
  });

  it('of which the ring has lost the beginning are left out with both halves and what the kernel told', () => {
    const trace = new Told();
    trace.exchange('a', 40_001, 11).exchange('b', 40_002, 12);
    trace.add('idle', idleRecords(1_000 - 13));
    // The ring begins with the server's read() of the first: of the client there is only its close().
    expect(trace.journal.firstSeq).toBe(6);
    expect(trace.told(1_000)).toEqual({ b: 9, idle: 987 });
  });

  it('of which only the other half has its beginning in the ring are left out', () => {
    const trace = new Told();
    trace.call('a', 'tcp-client', 'socket', 40_001, 11).add('idle', idleRecords(1_000 - 7));
    for (const call of ['connect', 'close'] as const) trace.call('a', 'tcp-client', call, 40_001, 11);
    for (const call of SERVER_CALLS) trace.call('a', 'increment-server', call, 40_001, 11);
    expect(trace.told(1_000)).toEqual({ a: 7, idle: 993 });
    trace.add('idle', idleRecords(1));
    expect(trace.told(1_000)).toEqual({ idle: 994 });
  });

  it('that used the port of one before are told without it', () => {
    const trace = new Told().exchange('a', 40_001, 11).exchange('b', 40_001, 11);
    expect(trace.told(17)).toEqual({ b: 9 });
  });

  it('that used a port of which only the last states of one before are known are told without those', () => {
    const trace = new Told().add('before', stateRecord('TIME-WAIT', 40_001)).exchange('a', 40_001, 11);
    expect(trace.told(100)).toEqual({ a: 9 });
  });

  it('of a socket that only the kernel saw are told where it saw their beginning', () => {
    const trace = new Told();
    for (const state of ['ESTABLISHED', 'FIN-WAIT-1', 'CLOSED'] as const) trace.add('queued', stateRecord(state, 40_001));
    for (const state of ['FIN-WAIT-2', 'TIME-WAIT'] as const) trace.add('cut', stateRecord(state, 40_002));
    expect(trace.told(100)).toEqual({ queued: 3 });
  });

  it('keep the epoll_wait() calls that woke for them, however long ago', () => {
    const trace = new Told();
    trace.call('a', 'increment-server', 'accept4', 40_001, 11);
    trace
      .add('woke a', wakeRecord([11]))
      .add('woke a and b', wakeRecord([12, 11]))
      .add('woke b', wakeRecord([12]));
    for (const call of SERVER_CALLS.slice(1)) trace.call('a', 'increment-server', call, 40_001, 11);
    trace.add('woke nobody', wakeRecord([11]));
    trace.add('idle', idleRecords(10));
    expect(trace.told(10)).toEqual({ a: 4, 'woke a': 1, 'woke a and b': 1, idle: 10 });
  });
});

it('an exchange of which one end is still open is told with the end that is closed', () => {
  const trace = new Told();
  for (const call of [...CLIENT_CALLS, 'close'] as const) trace.call('a', 'tcp-client', call, 40_001, 11);
  trace.call('a', 'increment-server', 'accept4', 40_001, 11).add('idle', idleRecords(50));
  expect(trace.told(0)).toEqual({ a: 5 });
});
