// A frame of records says to a page what JSON would say; anything else is refused.
import { expect, it } from 'vitest';
import { RECORD_BYTES } from './limits.ts';
import { readRecordFrame, recordFrame } from './record-frame.ts';
import { RecordBatch, recordTag } from './record.ts';

function frame(type: 'events' | 'snapshot-part', seqs: number[]): ArrayBuffer {
  const made = recordFrame(type, seqs.length);
  made.seqs.set(seqs);
  const batch = new RecordBatch(seqs.length, made.frame.buffer as ArrayBuffer);
  seqs.forEach((seq, slot) => {
    batch.put(slot, recordTag('call', 'close', 'increment-server'), seq * 1_000, 7, 100, 9, 0, 0, 0, 0, 0, 0x7f000001, 0x7f000001, (9736 << 16) | 40_000, 3);
  });
  return made.frame.buffer as ArrayBuffer;
}

it('says the events with their numbers', () => {
  const message = readRecordFrame(frame('events', [41, 42, 43]));
  expect(message).toMatchObject({ type: 'events', from: 41, to: 43 });
  expect(message.events.map((event) => [event.seq, event.atNs])).toEqual([41, 42, 43].map((seq) => [seq, seq * 1_000]));
  expect(message.events[0]).toMatchObject({ kind: 'call', call: 'close', fd: 9, connection: { local: '127.0.0.1:9736', remote: '127.0.0.1:40000' } });
  // Both ends are made once.
  expect((message.events[0] as { connection: object }).connection).toBe((message.events[2] as { connection: object }).connection);
});

it('says a part of a snapshot, whose numbers have holes', () => {
  const message = readRecordFrame(frame('snapshot-part', [1, 7]));
  expect([message.type, message.events.map((event) => event.seq)]).toEqual(['snapshot-part', [1, 7]]);
});

it('refuses what is no whole frame, or of no known type', () => {
  expect(() => readRecordFrame(new ArrayBuffer(RECORD_BYTES))).toThrow('holds no whole records');
  expect(() => readRecordFrame(new ArrayBuffer(0))).toThrow(RangeError);
  const unknown = frame('events', [1]);
  new Float64Array(unknown, unknown.byteLength - 8)[0] = 9;
  expect(() => readRecordFrame(unknown)).toThrow('unknown type');
});
