import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JOURNAL_RETAINED_RECORDS, RETAINED_PER_CONNECTION } from '../wire/limits.ts';
import { RecordBatch, recordTag, settingNumber } from '../wire/record.ts';
import { OUR_PROCESSES, type CallName } from '../wire/vocabulary.ts';
import { Journal } from './journal.ts';
import { droppedRecord, processRecord } from './own-record.ts';
import { callRecords, idleRecords } from './sample-records.ts';

const SERVER = OUR_PROCESSES.indexOf('increment-server');
const seqs = (journal: Journal, recent = 0): number[] =>
  journal
    .present(recent)
    .events()
    .map((event) => event.seq);

describe('numbering', () => {
  it('gives every event the next number, whatever the batches', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 120 }), { maxLength: 20 }), (capacity, batches) => {
        const journal = new Journal(capacity);
        let total = 0;
        for (const count of batches) {
          journal.append(callRecords(Array.from({ length: count }, (_, index) => ({ call: 'epoll_wait' as const, fd: 4, atNs: total + index + 1 }))));
          total += count;
        }
        expect(journal.lastSeq).toBe(total);
        expect(journal.firstSeq).toBe(Math.max(1, total - capacity + 1));
        // Each record still held is the one that was given this number.
        for (let seq = journal.firstSeq; seq <= total; seq += 1) expect(journal.event(seq)).toMatchObject({ seq, atNs: seq });
      }),
    );
  });

  it('tells first and last of an empty journal as a range without events', () => {
    const journal = new Journal(8);
    expect([journal.firstSeq, journal.lastSeq]).toEqual([1, 0]);
    expect(journal.read(0, 10).count).toBe(0);
  });

  it('refuses an event it no longer holds', () => {
    const journal = new Journal(4);
    journal.append(idleRecords(6));
    expect(() => journal.event(2)).toThrow(/event 2 is not among 3 … 6/);
  });

  it('reads after a number, at most so many, beginning with the oldest it holds', () => {
    const journal = new Journal(10);
    journal.append(idleRecords(25));
    expect(
      journal
        .read(20, 3)
        .events()
        .map((event) => event.seq),
    ).toEqual([21, 22, 23]);
    expect(
      journal
        .read(0, 2)
        .events()
        .map((event) => event.seq),
    ).toEqual([16, 17]);
    expect(journal.read(25, 5).count).toBe(0);
    expect(journal.read(1_000, 5).count).toBe(0);
  });

  it('tells its listeners of each append until they leave', () => {
    const journal = new Journal(10);
    let heard = 0;
    const leave = journal.subscribe(() => (heard += 1));
    journal.append(idleRecords(3));
    journal.append(idleRecords(0));
    leave();
    journal.append(idleRecords(1));
    expect(heard).toBe(1);
  });
});

describe('the present', () => {
  it('holds everything of open connections and nothing of closed ones', () => {
    const journal = new Journal(100);
    journal.append(
      callRecords([
        { call: 'accept4', fd: 7 }, // 1
        { call: 'accept4', fd: 8 }, // 2
        { call: 'epoll_ctl', fd: 7 }, // 3
        { call: 'read', fd: 8 }, // 4
        { call: 'read', fd: 7 }, // 5
        { call: 'close', fd: 8 }, // 6
      ]),
    );
    expect(seqs(journal)).toEqual([1, 3, 5]);
  });

  it('takes a reused descriptor for the new connection only', () => {
    const journal = new Journal(100);
    journal.append(
      callRecords([
        { call: 'accept4', fd: 7 },
        { call: 'close', fd: 7 },
        { call: 'accept4', fd: 7 },
        { call: 'read', fd: 7 },
      ]),
    );
    expect(seqs(journal)).toEqual([3, 4]);
  });

  it('keeps the same descriptor of two processes apart', () => {
    const journal = new Journal(100);
    journal.append(
      callRecords([
        { call: 'accept4', fd: 7 },
        { call: 'socket', fd: 7, process: 'tcp-client' },
        { call: 'close', fd: 7 },
        { call: 'connect', fd: 7, process: 'tcp-client' },
      ]),
    );
    expect(seqs(journal)).toEqual([2, 4]);
  });

  it('keeps open connections that the ring has passed over, and lets go of them when they close', () => {
    const journal = new Journal(10);
    journal.append(
      callRecords([
        { call: 'accept4', fd: 7 },
        { call: 'read', fd: 7 },
        { call: 'accept4', fd: 8 },
      ]),
    );
    journal.append(idleRecords(50));
    expect(seqs(journal)).toEqual([1, 2, 3]);
    expect(journal.retained).toEqual({ records: 3, forgotten: 0 });
    journal.append(callRecords([{ call: 'close', fd: 7 }]));
    expect(seqs(journal)).toEqual([3]);
    expect(journal.retained.records).toBe(1);
  });

  it('gives back the very records it kept aside', () => {
    const journal = new Journal(4);
    journal.append(
      callRecords([
        { call: 'accept4', fd: 7, atNs: 11 },
        { call: 'read', fd: 7, atNs: 12 },
      ]),
    );
    journal.append(idleRecords(20));
    expect(journal.present(0).events()).toMatchObject([
      { seq: 1, call: 'accept4', returned: 7, atNs: 11 },
      { seq: 2, call: 'read', fd: 7, atNs: 12 },
    ]);
  });

  it('keeps at most a bound of each connection, and counts what it forgot', () => {
    const journal = new Journal(10);
    journal.append(
      callRecords([{ call: 'accept4', fd: 7 }, ...Array.from({ length: RETAINED_PER_CONNECTION + 20 }, () => ({ call: 'read' as const, fd: 7 }))]),
    );
    journal.append(idleRecords(100));
    expect(journal.retained).toEqual({ records: RETAINED_PER_CONNECTION, forgotten: 21 });
    // The beginning is what says whose connection it is.
    expect(seqs(journal)[0]).toBe(1);
  });

  it('never keeps more in all than its bound', () => {
    const journal = new Journal(8);
    const perConnection = 4;
    const connections = JOURNAL_RETAINED_RECORDS / perConnection + 100;
    for (let fd = 10; fd < 10 + connections; fd += 1) {
      journal.append(callRecords([{ call: 'accept4', fd }, ...Array.from({ length: perConnection - 1 }, () => ({ call: 'read' as const, fd }))]));
    }
    expect(journal.retained.records).toBe(JOURNAL_RETAINED_RECORDS);
    expect(journal.retained.forgotten).toBe(100 * perConnection - 8);
  });

  it('does not take the endless questions to a listener for a connection', () => {
    const journal = new Journal(1_000);
    journal.append(
      callRecords([
        { call: 'socket', fd: 3 },
        { call: 'bind', fd: 3 },
        { call: 'listen', fd: 3 },
      ]),
    );
    journal.append(callRecords(Array.from({ length: 500 }, () => ({ call: 'getsockopt' as const, fd: 3 }))));
    // The listen() itself is a milestone.
    expect(seqs(journal)).toEqual([3]);
    journal.append(
      callRecords([
        { call: 'close', fd: 3 },
        { call: 'accept4', fd: 3 },
      ]),
    );
    expect(seqs(journal)).toEqual([3, 505]);
  });

  it('knows how large a snapshot would be by the sockets that are open; a listener is none', () => {
    const journal = new Journal(100);
    const nothing = journal.presentEvents;
    const open = (): number => (journal.presentEvents - nothing) / 8;
    journal.append(callRecords(['socket', 'bind', 'listen', 'epoll_ctl'].map((call) => ({ call: call as CallName, fd: 3 }))));
    expect(open()).toBe(0);
    journal.append(callRecords([7, 8, 9].map((fd) => ({ call: 'accept4' as const, fd }))));
    journal.append(callRecords([{ call: 'socket', fd: 7, process: 'tcp-client' }]));
    expect(open()).toBe(4);
    journal.append(
      callRecords([
        { call: 'close', fd: 8 },
        { call: 'close', fd: 8 },
        { call: 'accept4', fd: 8 },
        { call: 'close', fd: 3 },
        { call: 'accept4', fd: 3 },
      ]),
    );
    expect(open()).toBe(5);
    journal.processEnded(SERVER);
    expect(open()).toBe(1);
  });

  it('does not reopen a connection for what is told after its close', () => {
    const journal = new Journal(100);
    const ended = new RecordBatch(1);
    ended.put(0, recordTag('client-ended', null, 'tcp-client'), 1, 0, 100, 7, 0, 0, 0, 0, 0, 0, 0, 0, 5);
    journal.append(
      callRecords([
        { call: 'socket', fd: 7, process: 'tcp-client' },
        { call: 'close', fd: 7, process: 'tcp-client' },
      ]),
    );
    journal.append(ended.bytes);
    expect(seqs(journal)).toEqual([]);
  });

  it('closes all that a dead process had, and only that', () => {
    const journal = new Journal(10);
    journal.append(
      callRecords([
        { call: 'accept4', fd: 7 },
        { call: 'accept4', fd: 8 },
        { call: 'socket', fd: 9, process: 'tcp-client' },
      ]),
    );
    journal.append(idleRecords(20));
    journal.processEnded(SERVER);
    expect(seqs(journal)).toEqual([3]);
    expect(journal.retained.records).toBe(1);
  });

  it('adds the most recent events, each once', () => {
    const journal = new Journal(20);
    journal.append(callRecords([{ call: 'accept4', fd: 7 }]));
    journal.append(idleRecords(30));
    journal.append(callRecords([{ call: 'read', fd: 7 }]));
    expect(seqs(journal, 4)).toEqual([1, 29, 30, 31, 32]);
  });

  it("tells the server's own start, its settings and its processes for ever, those of earlier processes no more", () => {
    const journal = new Journal(10);
    const start = (pid: number): void => {
      journal.append(processRecord({ change: 'started', process: 'increment-server', pid }, 1));
      journal.append(callRecords((['socket', 'setsockopt', 'bind', 'listen'] as CallName[]).map((call) => ({ call, fd: 3, pid }))));
      journal.append(processRecord({ change: 'ready', process: 'increment-server', pid }, 2));
    };
    const setHold = (holdMs: number): void => {
      const batch = new RecordBatch(1);
      batch.put(0, recordTag('setting', null, 'increment-server'), 1, 0, 100, -1, 0, 0, settingNumber('holdMs'), holdMs, 0, 0, 0, 0, 0);
      journal.append(batch.bytes);
    };
    start(100); // 1…6
    journal.append(idleRecords(100)); // …106
    expect(seqs(journal)).toEqual([1, 2, 3, 4, 5, 6]);
    setHold(1); // 107
    setHold(2); // 108: the latest counts
    journal.append(idleRecords(100)); // …208
    expect(seqs(journal)).toEqual([1, 2, 3, 4, 5, 6, 108]);
    start(200); // 209…214
    journal.append(idleRecords(100));
    expect(seqs(journal)).toEqual([209, 210, 211, 212, 213, 214]);
  });

  it('agrees with a plain model on what is open, through any history', () => {
    const step = fc.record({
      call: fc.constantFrom<CallName>('accept4', 'socket', 'read', 'write', 'close', 'epoll_ctl', 'epoll_wait'),
      fd: fc.integer({ min: 5, max: 9 }),
      process: fc.constantFrom('increment-server' as const, 'tcp-client' as const),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 60 }), (capacity, steps) => {
        const journal = new Journal(capacity);
        const open = new Map<string, number[]>();
        steps.forEach(({ call, fd, process }, index) => {
          journal.append(callRecords([{ call, fd, process }]));
          const key = `${process} ${fd}`;
          if (call === 'epoll_wait') return;
          if (call === 'close') open.delete(key);
          else if (call === 'accept4' || call === 'socket') open.set(key, [index + 1]);
          else open.set(key, [...(open.get(key) ?? []), index + 1]);
        });
        expect(seqs(journal)).toEqual([...open.values()].flat().sort((a, b) => a - b));
        expect(journal.retained.forgotten).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});

it("words the bridge's own records", () => {
  const journal = new Journal(10);
  journal.append(processRecord({ change: 'exited', process: 'increment-server', pid: 5, exitCode: null, signal: 'SIGKILL', restartMs: 100 }, 7));
  journal.append(processRecord({ change: 'exited', process: 'tcp-client', pid: 6, exitCode: 0, signal: null }, 8));
  journal.append(droppedRecord('increment-server', 5, 12, 9));
  expect(journal.read(0, 9).events()).toEqual([
    { seq: 1, kind: 'process', atNs: 7, process: 'increment-server', pid: 5, evidence: 'returned', change: 'exited', signal: 'SIGKILL', restartMs: 100 },
    { seq: 2, kind: 'process', atNs: 8, process: 'tcp-client', pid: 6, evidence: 'returned', change: 'exited', exitCode: 0 },
    { seq: 3, kind: 'dropped', atNs: 9, process: 'increment-server', pid: 5, evidence: 'returned', count: 12 },
  ]);
});

describe('what the tap told', () => {
  const TAP_PID = 300;
  /** A state of the socket with this number in the trace. */
  const state = (number: number, to: number, atNs: number): Uint8Array => {
    const batch = new RecordBatch(1);
    batch.put(
      0,
      recordTag('tcp-state', null, 'kernel-tap', 'tracefs'),
      atNs,
      0,
      TAP_PID,
      number,
      0,
      0,
      0,
      to,
      0,
      0x7f000001,
      0x7f000001,
      (9736 << 16) | (40_000 + number),
      number,
    );
    return batch.bytes;
  };
  const ESTABLISHED = 1;
  const CLOSED = 7;

  it('of open connections is in a snapshot though the ring has passed over it; of closed ones only while it is recent', () => {
    const journal = new Journal(10);
    journal.append(state(1, ESTABLISHED, 1));
    journal.append(state(2, ESTABLISHED, 2));
    journal.append(state(2, CLOSED, 3));
    expect(seqs(journal, 10)).toEqual([1, 2, 3]);
    journal.append(idleRecords(20));
    expect(seqs(journal).includes(1)).toBe(true);
    expect(seqs(journal).includes(2)).toBe(false);
    expect(
      journal
        .present(0)
        .events()
        .find(({ seq }) => seq === 1),
    ).toMatchObject({ kind: 'tcp-state', evidence: 'tracefs', local: '127.0.0.1:9736', remote: '127.0.0.1:40001' });
    // Its end lets go of it.
    journal.append(state(1, CLOSED, 30));
    journal.append(idleRecords(20));
    expect(seqs(journal)).toEqual([]);
  });
});
