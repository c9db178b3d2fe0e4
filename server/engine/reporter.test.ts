// The engine's voice on a real pipe: bounded, in order, and what does not fit is dropped whole and counted where it is missing.
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nowNs } from '../kernel/clock.ts';
import { FrameReader } from '../wire/frame.ts';
import {
  HEARTBEAT_INTERVAL_MS,
  RECORD_BYTES,
  REPORT_BATCH_RECORDS,
  REPORT_BUFFER_RECORDS,
  REPORT_FRAME_RECORDS,
  REPORT_INTERVAL_MS,
  TOTALS_INTERVAL_MS,
} from '../wire/limits.ts';
import { RecordBatch, recordTag } from '../wire/record.ts';
import { Deadlines } from './deadlines.ts';
import { Heartbeat } from './heartbeat.ts';
import { Reporter } from './reporter.ts';

let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sockscope-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const open: number[] = [];
afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd);
});

/** What came out of the pipe: numbers of records, reports by their id, and counts of what is missing. */
type Heard = { record: number } | { report: number } | { dropped: number };
let pipes = 0;

class Pipe {
  readonly reporter: Reporter;
  readonly heard: Heard[] = [];
  readonly #readFd: number;
  readonly #writeFd: number;
  readonly #frames = new FrameReader();

  constructor(capacity?: number) {
    const path = join(directory, `pipe-${(pipes += 1)}`);
    execFileSync('mkfifo', [path]);
    this.#writeFd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    open.push(this.#writeFd, this.#readFd);
    this.reporter = new Reporter(this.#writeFd, capacity);
  }

  /** Puts a record that carries `number`; false when it was dropped. */
  record(number: number): boolean {
    const slot = this.reporter.next();
    if (slot < 0) return false;
    this.reporter.batch.put(slot, recordTag('hold', null, 'increment-server'), number, 0, 1, 3, 0, 0, number, 0, 0, 0, 0, 0, 1);
    return true;
  }

  report(id: number): void {
    this.reporter.report({ type: 'answer', id });
  }

  /** Reads at most `bytes`; how many came. */
  read(bytes: number): number {
    const buffer = new Uint8Array(bytes);
    let count = 0;
    try {
      count = readSync(this.#readFd, buffer);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    for (const frame of this.#frames.push(buffer.slice(0, count))) {
      if (frame.type === 'json') this.heard.push({ report: (frame.value as { id: number }).id });
      else {
        if (frame.droppedBefore > 0) this.heard.push({ dropped: frame.droppedBefore });
        const records = new RecordBatch(frame.records.length / RECORD_BYTES);
        records.bytes.set(frame.records);
        expect(records.capacity).toBeLessThanOrEqual(REPORT_FRAME_RECORDS);
        for (let slot = 0; slot < records.capacity; slot += 1) this.heard.push({ record: (records.event(slot, 1) as { holdMs: number }).holdMs });
      }
    }
    return count;
  }

  /** Reads to the end of all that was said. */
  drain(): void {
    do this.reporter.flush();
    while (this.read(65_536) > 0 || !this.reporter.idle);
  }

  close(): void {
    for (const fd of [this.#readFd, this.#writeFd]) {
      open.splice(open.indexOf(fd), 1);
      closeSync(fd);
    }
  }
}

type Step = { do: 'records'; count: number } | { do: 'report' } | { do: 'flush' } | { do: 'read'; bytes: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('records' as const), count: fc.integer({ min: 1, max: 400 }) }),
  fc.record({ do: fc.constant('report' as const) }),
  fc.record({ do: fc.constant('flush' as const) }),
  fc.record({ do: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 40_000 }) }),
);

it('whatever is said and however slowly it is read: all of it in order, and each gap counted where it is', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const pipe = new Pipe(256);
      const expected: Heard[] = [];
      let records = 0;
      let reports = 0;
      let dropped = 0;
      for (const one of steps) {
        if (one.do === 'records') {
          for (let i = 0; i < one.count; i += 1) {
            records += 1;
            if (pipe.record(records)) expected.push({ record: records });
            else {
              dropped += 1;
              const last = expected.at(-1);
              if (last !== undefined && 'dropped' in last) last.dropped += 1;
              else expected.push({ dropped: 1 });
            }
          }
        } else if (one.do === 'report') {
          reports += 1;
          expected.push({ report: reports });
          pipe.report(reports);
        } else if (one.do === 'flush') pipe.reporter.flush();
        else pipe.read(one.bytes);
        expect(pipe.reporter.recorded + pipe.reporter.dropped).toBe(records);
      }
      pipe.drain();
      expect(pipe.reporter.dropped).toBe(dropped);
      // Between two records, what is missing and what was reported may be told in either order; several gaps there are one.
      expect(normal(pipe.heard)).toEqual(normal(expected));
      pipe.close();
    }),
    { numRuns: 150 },
  );
});

/** What was said between two records: first its reports, then one count of what is missing. */
function normal(heard: readonly Heard[]): Heard[] {
  const result: Heard[] = [];
  let dropped = 0;
  const gap = (): void => {
    if (dropped > 0) result.push({ dropped });
    dropped = 0;
  };
  for (const one of heard) {
    if ('dropped' in one) dropped += one.dropped;
    else {
      if ('record' in one) gap();
      result.push(one);
    }
  }
  gap();
  return result;
}

describe('a reader that does not read', () => {
  it('stops nobody: the ring takes its fill, then whole events are dropped and counted, and memory stays as it was', () => {
    const pipe = new Pipe();
    const bytes = pipe.reporter.batch.bytes.length;
    let full = 0;
    pipe.reporter.onFull = () => {
      full += 1;
    };
    for (let i = 1; i <= REPORT_BUFFER_RECORDS + 5_000; i += 1) {
      pipe.record(i);
      pipe.reporter.flushIfDue();
    }
    expect(full).toBe(1);
    expect(pipe.reporter.blocked).toBe(true);
    expect(pipe.reporter.dueMs()).toBe(Infinity);
    expect(pipe.reporter.dropped).toBeGreaterThan(0);
    expect(pipe.reporter.batch.bytes.length).toBe(bytes);
    const { recorded, dropped } = pipe.reporter;
    expect(recorded + dropped).toBe(REPORT_BUFFER_RECORDS + 5_000);
    pipe.drain();
    expect(pipe.heard.length).toBe(recorded + 1);
    expect(pipe.heard.at(-1)).toEqual({ dropped });
    expect(pipe.reporter.idle).toBe(true);
  });
});

it('a lone record leaves when it is due, a whole batch at once', () => {
  const pipe = new Pipe();
  pipe.reporter.flush();
  pipe.record(1);
  expect(pipe.reporter.dueMs()).toBeGreaterThan(0);
  expect(pipe.reporter.dueMs()).toBeLessThanOrEqual(REPORT_INTERVAL_MS);
  while (pipe.reporter.dueMs() > 0);
  pipe.reporter.flushIfDue();
  pipe.read(65_536);
  expect(pipe.heard).toEqual([{ record: 1 }]);
  for (let i = 2; i < 2 + REPORT_BATCH_RECORDS; i += 1) pipe.record(i);
  pipe.reporter.flushIfDue();
  // A batch is more than this pipe holds.
  pipe.read(65_536);
  pipe.reporter.flush();
  pipe.read(65_536);
  expect(pipe.heard.length).toBe(1 + REPORT_BATCH_RECORDS);
});

it('a pipe that nobody will ever read again is given up: nothing blocks, nothing throws', () => {
  const fd = openSync('/dev/full', 'w');
  open.push(fd);
  const reporter = new Reporter(fd);
  reporter.next();
  reporter.report({ type: 'answer', id: 1 });
  expect([reporter.idle, reporter.blocked]).toEqual([true, false]);
  reporter.next();
  reporter.flush();
  expect(reporter.idle).toBe(true);
});

describe('the heartbeat', () => {
  it('beats at once and each interval, sooner when totals changed, once for all changes; its counts are exact', () => {
    const pipe = new Pipe(2);
    const said: unknown[] = [];
    pipe.reporter.report = (report) => said.push(report);
    const deadlines = new Deadlines();
    const clients = { started: 1, replied: 0, failed: 0, ended: 0, live: 1 };
    const heart = new Heartbeat(deadlines, pipe.reporter, () => ({ clients }));
    deadlines.run(nowNs());
    expect(said).toEqual([{ type: 'beat', atNs: expect.any(Number) as number, recorded: 0, dropped: 0, clients }]);
    const waitMs = (): number => (deadlines.nextNs - nowNs()) / 1e6;
    expect(waitMs()).toBeLessThanOrEqual(HEARTBEAT_INTERVAL_MS);
    expect(waitMs()).toBeGreaterThan(TOTALS_INTERVAL_MS);
    for (let i = 0; i < 3; i += 1) pipe.record(i);
    heart.soon();
    const soonNs = deadlines.nextNs;
    expect(waitMs()).toBeLessThanOrEqual(TOTALS_INTERVAL_MS);
    heart.soon();
    expect(deadlines.nextNs).toBe(soonNs);
    deadlines.run(soonNs - 1);
    expect(said.length).toBe(1);
    deadlines.run(soonNs);
    expect(said.at(-1)).toMatchObject({ recorded: 2, dropped: 1 });
    expect([said.length, deadlines.count]).toEqual([2, 1]);
  });
});
