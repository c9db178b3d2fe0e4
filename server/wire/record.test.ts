// From a record to its event: every field that was put comes out as a word or a number, and the event is one the schema knows.
import fc from 'fast-check';
import { Compile } from 'typebox/compile';
import { describe, expect, it } from 'vitest';
import { endpointText } from './address.ts';
import { errnoName } from './errno.ts';
import { TraceEvent, type EventKind } from './event.ts';
import { DATA_MAX_BYTES, RECORD_BYTES } from './limits.ts';
import { KINDS } from './record-layout.ts';
import { RecordBatch, recordCloses, recordDescriptor, recordProcess, recordTag } from './record.ts';
import {
  CALL_NAMES,
  CLIENT_OUTCOMES,
  CUT_REASONS,
  EVIDENCES,
  OUR_PROCESSES,
  PAUSE_REASONS,
  PROCESS_CHANGES,
  RESET_DIRECTIONS,
  SETTINGS,
} from './vocabulary.ts';

const traceEvent = Compile(TraceEvent);
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const anyIp = fc.integer({ min: 0, max: 0xffffffff });
const anyPort = fc.integer({ min: 0, max: 65_535 });
const oneOf = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const header = fc.record({
  atNs: fc.integer({ min: 0, max: 2 ** 53 - 1 }),
  durationNs: fc.integer({ min: 0, max: 0xffffffff }),
  pid: fc.integer({ min: 1, max: 2 ** 22 }),
  fd: fc.integer({ min: -1, max: 1_048_576 }),
  localIp: anyIp,
  remoteIp: anyIp,
  localPort: anyPort,
  remotePort: fc.integer({ min: 1, max: 65_535 }),
  socket: fc.integer({ min: 1, max: 0x7fffffff }),
  process: oneOf(['increment-server', 'tcp-client'] as const),
  evidence: oneOf(EVIDENCES),
  data: fc.uint8Array({ maxLength: DATA_MAX_BYTES }),
  a: fc.tuple(int32, int32, int32),
});
type Header = typeof header extends fc.Arbitrary<infer T> ? T : never;

interface Given {
  kind?: EventKind;
  call?: (typeof CALL_NAMES)[number];
  returned?: number;
  errno?: number;
  a?: readonly [number, number, number];
}

/** Writes one record between two others, and reads it back. */
function put(h: Header, given: Given): { batch: RecordBatch; event: TraceEvent } {
  const batch = new RecordBatch(3);
  batch.bytes.fill(0xaa);
  const [a0, a1, a2] = given.a ?? h.a;
  const tag = recordTag(given.kind ?? 'call', given.call ?? null, h.process, h.evidence);
  const ports = (h.localPort << 16) | h.remotePort;
  batch.put(1, tag, h.atNs, h.durationNs, h.pid, h.fd, given.returned ?? 0, given.errno ?? 0, a0, a1, a2, h.localIp, h.remoteIp, ports, h.socket);
  batch.setData(1, h.data, h.data.length);
  expect([...batch.bytes.subarray(0, RECORD_BYTES), ...batch.bytes.subarray(2 * RECORD_BYTES)].every((byte) => byte === 0xaa)).toBe(true);
  return { batch, event: batch.event(1, 7) };
}

const known = (event: TraceEvent): void => {
  expect([...traceEvent.Errors(event)].map((error) => `${error.instancePath} ${error.message}`)).toEqual([]);
};

describe('a call', () => {
  it.each(CALL_NAMES)('%s: stamp, socket, result and errno are those that were put', (call) => {
    fc.assert(
      fc.property(header, fc.boolean(), fc.integer({ min: 1, max: 133 }), fc.nat(1000), (h, fails, errno, result) => {
        const { event, batch } = put(h, fails ? { call, returned: -1, errno } : { call, returned: result });
        known(event);
        expect(event).toMatchObject({
          seq: 7,
          kind: 'call',
          atNs: h.atNs,
          durationNs: h.durationNs,
          process: h.process,
          pid: h.pid,
          evidence: h.evidence,
          call,
          fd: h.fd,
          socket: h.socket,
          connection: { local: endpointText(h.localIp, h.localPort), remote: endpointText(h.remoteIp, h.remotePort) },
          returned: fails ? -1 : result,
        });
        expect('errno' in event ? event.errno : undefined).toBe(fails ? errnoName(errno) : undefined);
        expect('clientId' in event ? event.clientId : undefined).toBe(h.process === 'tcp-client' ? `c${h.socket}` : undefined);
        expect(recordProcess(new Int32Array(batch.bytes.buffer), 1)).toBe(OUR_PROCESSES.indexOf(h.process));
      }),
      { numRuns: 40 },
    );
  });

  it('bytes read and written come out as hexadecimal', () => {
    fc.assert(
      fc.property(header, (h) => {
        for (const call of ['read', 'write'] as const) {
          const { event } = put(h, { call, returned: h.data.length, a: [h.data.length, 0, 0] });
          expect(event).toMatchObject({ args: { data: Buffer.from(h.data).toString('hex'), count: h.data.length } });
        }
      }),
    );
  });

  it('a call longer than a uint32 of nanoseconds is told as that long, not as short', () => {
    const [h] = fc.sample(header, 1);
    const batch = new RecordBatch(1);
    batch.put(0, recordTag('call', 'close', 'tcp-client'), 0, 2 ** 33, h!.pid, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    expect(batch.event(0, 1)).toMatchObject({ durationNs: 0xffffffff });
  });

  it('no socket, no connection: neither is told', () => {
    const batch = new RecordBatch(1);
    batch.put(0, recordTag('call', 'epoll_create1', 'tcp-client'), 0, 1, 2, -1, 5, 0, 0, 0, 0, 0, 0, 0, 0);
    expect(batch.event(0, 1)).toEqual({
      seq: 1,
      kind: 'call',
      atNs: 0,
      process: 'tcp-client',
      pid: 2,
      evidence: 'returned',
      durationNs: 1,
      call: 'epoll_create1',
      fd: -1,
      args: { flags: '0' },
      returned: 5,
    });
  });
});

describe('what is no call', () => {
  const [h] = fc.sample(header, { seed: 1, numRuns: 1 });
  type Row = [EventKind, readonly [number, number, number], Record<string, unknown>];
  it.each<Row>([
    ['tcp-state', [0, 1, 0], { from: null, to: 'ESTABLISHED' }],
    ['tcp-state', [1, 8, 0], { from: 'ESTABLISHED', to: 'CLOSE-WAIT' }],
    ['tcp-state', [1, 77, 0], { from: 'ESTABLISHED', to: 'state 77' }],
    ['accept-queue', [3, 5, 0], { length: 3, limit: 5 }],
    ['hold', [5000, 0, 0], { holdMs: 5000 }],
    ['accept-resumed', [0, 0, 0], {}],
    ['sampling', [500, 300, 0], { connections: 500, skipped: 300 }],
    ['listener-drops', [1, 2, 3], { drops: 1, totalDrops: 2, overflows: 3 }],
    ['dropped', [9, 0, 0], { count: 9 }],
    ...SETTINGS.map((name, i): Row => ['setting', [i, 42, 0], { name, value: 42 }]),
    ...PAUSE_REASONS.map((reason, i): Row => ['accept-paused', [i, 200, 0], { reason, pauseMs: 200 }]),
    ...CUT_REASONS.map((reason, i): Row => ['cut', [i, 0, 0], { reason }]),
    ...CLIENT_OUTCOMES.map((outcome, i): Row => ['client-ended', [i, 0, 0], { outcome }]),
    ...PROCESS_CHANGES.map((change, i): Row => ['process', [i, 3, -1], { change, exitCode: 3 }]),
    ...RESET_DIRECTIONS.map((direction, i): Row => ['reset', [i, 0, 0], { direction }]),
  ])('%s %j says %j', (kind, a, words) => {
    const { event } = put(h!, { kind, a });
    known(event);
    expect(event).toMatchObject({ kind, seq: 7, atNs: h!.atNs, ...words });
  });

  it('names the process of a foreign socket by its owner, and no process where the owner is not known', () => {
    const batch = new RecordBatch(2);
    for (const slot of [0, 1])
      batch.put(slot, recordTag('foreign-call', null, 'kernel-tap', 'tracefs'), 5, 6, 99, -1, 1, 0, 1, 4, 0, 0x7f000001, 0x7f000001, 1, 0);
    batch.setOwner(0, 'nc', 4711, 'write');
    const owned = batch.event(0, 1);
    known(owned);
    expect(owned).toMatchObject({ process: 'nc', pid: 4711, call: 'write', fd: 4, count: 1 });
    expect(batch.event(1, 2)).not.toHaveProperty('process');
    batch.setOwner(1, 'increment-server-and-more', 1, 'a-word-longer-than-twelve');
    expect(batch.event(1, 2)).toMatchObject({ process: 'increment-server', pid: 1, call: 'a-word-longe' });
  });

  it('names each of hundreds of owners by its own name, one after the other and again', () => {
    const names = Array.from({ length: 300 }, (_, i) => `${'prog'.repeat(i % 4)}${i}`);
    const batch = new RecordBatch(names.length);
    names.forEach((name, slot) => {
      batch.put(slot, recordTag('socket-owner', null, 'kernel-tap', 'procfs'), 5, 0, 99, -1, 0, 0, 0, 0, 0, 0x7f000001, 0x7f000001, 1, 0);
      batch.setOwner(slot, name, 1_000 + slot);
    });
    for (const turn of [1, 2, 3])
      expect(names.map((_, i) => batch.event((i * turn) % names.length, 1))).toMatchObject(
        names.map((_, i) => ({ process: names[(i * turn) % names.length], pid: 1_000 + ((i * turn) % names.length) })),
      );
  });

  it('a number that no table has throws: whoever wrote it is broken', () => {
    const batch = new RecordBatch(1);
    const wrong = (tag: number, a0 = 0): (() => unknown) => {
      batch.put(0, tag, 0, 0, 0, 0, 0, 0, a0, 0, 0, 0, 0, 0, 0);
      return () => batch.event(0, 1);
    };
    expect(wrong(KINDS.length)).toThrow(RangeError);
    expect(wrong(recordTag('call', null, 'bridge'))).toThrow(/call 255/);
    expect(wrong(0x00ff0000)).toThrow(/process 255/);
    expect(wrong(0x7f000000)).toThrow(/evidence/);
    for (const kind of ['cut', 'client-ended', 'setting', 'process', 'accept-paused', 'reset', 'retransmit'] as const)
      expect(wrong(recordTag(kind, null, 'bridge'), 99)).toThrow(RangeError);
  });
});

it('the descriptor whose life a record belongs to', () => {
  const batch = new RecordBatch(1);
  const words = new Int32Array(batch.bytes.buffer);
  const of = (call: (typeof CALL_NAMES)[number]): number => {
    batch.put(0, recordTag('call', call, 'tcp-client'), 0, 0, 1, 10, 11, 0, 1, 12, 0, 0, 0, 0, 1);
    return recordDescriptor(words, 0);
  };
  expect(Object.fromEntries(CALL_NAMES.map((call) => [call, of(call)]))).toEqual({
    ...Object.fromEntries(CALL_NAMES.map((call) => [call, 10])),
    socket: 11,
    accept4: 11,
    epoll_ctl: 12,
    epoll_wait: -1,
    epoll_create1: -1,
  });
  of('close');
  expect(recordCloses(words, 0)).toBe(true);
  of('shutdown');
  expect(recordCloses(words, 0)).toBe(false);
});
