// The log against a plain list: whatever comes, in whichever form, what is held is what came, and nothing is held longer than it has to be.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TraceEvent } from '#wire/event.ts';
import { PAGE_LOG_EVENTS } from '#wire/limits.ts';
import { readRecordFrame, recordFrame } from '#wire/record-frame.ts';
import { RecordBatch, recordTag } from '#wire/record.ts';
import { EventLog } from './event-log.ts';

/** Events numbered from `from` on, as a frame tells them; every third is a hold, the others close() calls. */
function told(from: number, count: number): { events: TraceEvent[]; records: ReturnType<typeof readRecordFrame>['records'] } {
  const { frame, seqs } = recordFrame('events', count);
  const batch = new RecordBatch(count, frame.buffer as ArrayBuffer);
  for (let slot = 0; slot < count; slot += 1) {
    const seq = from + slot;
    seqs[slot] = seq;
    const tag = recordTag(seq % 3 === 0 ? 'hold' : 'call', seq % 3 === 0 ? null : 'close', 'increment-server');
    batch.put(slot, tag, seq * 1_000, 7, 100, 9, 0, 0, 5_000, 0, 0, 0x7f000001, 0x7f000001, (9736 << 16) | 40_000, seq);
  }
  return readRecordFrame(frame.buffer as ArrayBuffer);
}

/** A log that has taken `count` events, numbered from 1. */
function filled(count: number): EventLog {
  const log = new EventLog();
  for (let from = 1; from <= count; from += 1_000) {
    const { events, records } = told(from, Math.min(1_000, count - from + 1));
    log.add(events, records);
  }
  return log;
}

describe('the newest events', () => {
  it('are those that came, in frames or in JSON, of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ count: fc.integer({ min: 0, max: 1_500 }), json: fc.boolean() }), { maxLength: 6 }), (messages) => {
        const log = new EventLog();
        const came: TraceEvent[] = [];
        for (const { count, json } of messages) {
          const { events, records } = told(came.length + 1, count);
          expect(log.add(events, json ? undefined : records)).toBe(came.length);
          came.push(...events);
        }
        expect([...log]).toEqual(came);
        expect(came.map((_, place) => log.kindAt(place))).toEqual(came.map((event) => event.kind));
        for (const { seq } of came.slice(0, 9)) expect(log.placeOf(seq)).toBe(seq - 1);
      }),
      { numRuns: 20 },
    );
  });

  it('are PAGE_LOG_EVENTS at most; places stay, and those gone are said to be gone', () => {
    const log = filled(PAGE_LOG_EVENTS + 1_500);
    expect([log.length, log.first, log.end]).toEqual([PAGE_LOG_EVENTS, 1_500, PAGE_LOG_EVENTS + 1_500]);
    expect([log.at(1_499), log.kindAt(1_499), log.at(log.end)]).toEqual([undefined, undefined, undefined]);
    expect(log.at(1_500)).toMatchObject({ seq: 1_501, kind: 'call' });
    expect([log.placeOf(1), log.placeOf(1_501), log.placeOf(1e9)]).toEqual([1_500, 1_500, log.end]);
    // Gone, and by no one kept: not in memory either.
    expect(log.kept(900)).toBeUndefined();
  });
});

describe('events that are kept', () => {
  it('outlive the newest until they are released as often as they were kept', () => {
    const log = filled(3_000);
    const places = [0, 5, 5, 1_023, 1_024, 2_999];
    for (const place of places) log.keep(place);
    log.add([{ kind: 'accept-queue', seq: 3_001, atNs: 1, process: 'increment-server', pid: 1, evidence: 'returned', length: 1, limit: 5 }]);
    log.keep(3_000);
    for (let from = 3_002; from < PAGE_LOG_EVENTS + 9_000; from += 1_000) {
      const { events, records } = told(from, 1_000);
      log.add(events, records);
    }
    expect(places.map((place) => log.kept(place)?.seq)).toEqual(places.map((place) => place + 1));
    expect(places.map((place) => log.kept(place)?.atNs)).toEqual(places.map((place) => (place + 1) * 1_000));
    expect(log.kept(3_000)).toMatchObject({ kind: 'accept-queue', length: 1 });
    // Neighbours that nobody keeps are gone with the rest.
    expect([log.kept(1), log.kept(1_022), log.kept(4)]).toEqual([undefined, undefined, undefined]);
    log.release(5);
    expect(log.kept(5)?.seq).toBe(6);
    log.release(5);
    log.release(0);
    log.tidy();
    expect([log.kept(0), log.kept(5), log.kept(1_023)?.seq]).toEqual([undefined, undefined, 1_024]);
    for (const place of [1_023, 1_024, 2_999, 3_000]) log.release(place);
    log.tidy();
    expect([1_023, 1_024, 2_999, 3_000].map((place) => log.kept(place))).toEqual([undefined, undefined, undefined, undefined]);
  });
});
