import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RECORD_BYTES } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import { OUR_PROCESSES } from '../wire/vocabulary.ts';
import { recordsProblem } from './record-check.ts';
import { callRecords } from './sample-records.ts';

it('lets good records pass, in the name of their own process only', () => {
  const records = callRecords([
    { call: 'accept4', fd: 7 },
    { call: 'read', fd: 7 },
  ]);
  expect(recordsProblem(records, 'increment-server')).toBeNull();
  expect(recordsProblem(records, 'tcp-client')).toBe('a record in the name of process 1, sent by tcp-client');
});

it.each([
  ['an unknown kind', 12, 250, /kind 250/],
  ['an unknown call', 13, 99, /call 99/],
  ['an unknown evidence', 15, 7, /evidence 7/],
])('refuses %s, in any record of the batch', (_what, byte, value, words) => {
  const records = callRecords([
    { call: 'accept4', fd: 7 },
    { call: 'read', fd: 7 },
  ]);
  records[RECORD_BYTES + byte] = value;
  expect(recordsProblem(records, 'increment-server')).toMatch(words);
});

it.each([Infinity, -Infinity, NaN])('refuses the time %s, which JSON cannot say', (atNs) => {
  expect(recordsProblem(callRecords([{ call: 'read', fd: 7, atNs }]), 'increment-server')).toBe('a record whose time is not a number');
});

it('lets nothing pass that could not be worded afterwards, whatever the bytes', () => {
  const nasty = fc.uint8Array({ minLength: RECORD_BYTES, maxLength: RECORD_BYTES });
  const small = fc.tuple(nasty, fc.nat(19), fc.nat(16), fc.nat(3), fc.nat(7), fc.nat(12)).map(([bytes, kind, call, process, evidence, first]) => {
    bytes.set([kind, call, process, evidence], 12);
    bytes.set([first, 0, 0, 0], 32);
    return bytes;
  });
  let passed = 0;
  fc.assert(
    fc.property(small, (bytes) => {
      const process = OUR_PROCESSES[bytes[14] ?? 0] ?? 'bridge';
      if (recordsProblem(bytes, process) !== null) return;
      passed += 1;
      const batch = new RecordBatch(1);
      batch.bytes.set(bytes);
      // Words it, and JSON can carry it.
      expect(JSON.parse(JSON.stringify(batch.event(0, 1)))).toMatchObject({ seq: 1, kind: expect.any(String) as string, atNs: expect.any(Number) as number });
    }),
    { numRuns: 3_000 },
  );
  expect(passed).toBeGreaterThan(500);
});
