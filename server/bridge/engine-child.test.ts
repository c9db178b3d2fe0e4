import { describe, expect, it, vi } from 'vitest';
import { ENGINE_STOP_GRACE_MS, PIPE_FRAME_MAX_BYTES, RECORD_BYTES } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import { EngineChild, EngineUnavailable, type EngineExit, type EngineListener } from './engine-child.ts';
import { sampleEngine } from './sample-engine.ts';
import { callRecords } from './sample-records.ts';

const OPTIONS = { runStartNs: '0', tcpHost: '127.0.0.1', tcpPort: 4711, backlog: 5, holdMs: 1, drainTimeoutMs: 1 };
const RECORD = JSON.stringify([...callRecords([{ call: 'read', fd: 7 }])]);

interface Heard {
  child: EngineChild;
  exit: Promise<EngineExit>;
  said: string[];
  records: number;
  dropped: number;
  /** Resolves when the child is ready. */
  ready: Promise<void>;
}

function start(entry: string, onRecords: EngineListener['onRecords'] = () => undefined): Heard {
  let isReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const heard = { said: [] as string[], records: 0, dropped: 0, ready };
  const child = new EngineChild('increment-server', entry, OPTIONS, {
    onRecords: (records, droppedBefore) => {
      heard.records += records.length / RECORD_BYTES;
      heard.dropped += droppedBefore;
      onRecords(records, droppedBefore);
    },
    onReady: ({ port }) => {
      heard.said.push(`ready ${port}`);
      isReady();
    },
    onFailed: ({ call, errno }) => heard.said.push(`failed ${call} ${errno}`),
    onBeat: () => heard.said.push('beat'),
    onExit: () => heard.said.push('exit'),
  });
  return Object.assign(heard, { child, exit: child.exited });
}

describe('a good engine', () => {
  it('gets its options, is heard in order, answers orders, and stops when it is told', async () => {
    const heard = start(sampleEngine(`onOrder(obey); records(Buffer.from(${RECORD})); ready(options.tcpPort); beat();`));
    await heard.ready;
    expect(await heard.child.order({ type: 'set-hold', holdMs: 3 })).toMatchObject({ type: 'answer' });
    expect(await heard.child.stop(1_000)).toEqual({ code: 0, signal: null, problem: null });
    expect(heard.said).toEqual(['ready 4711', 'beat', 'exit']);
    expect(heard.records).toBe(1);
  });

  it('gets the answer that belongs to each order, whatever their order', async () => {
    const heard = start(
      sampleEngine(`const late = []; ready();
        onOrder((order) => { late.push(order); if (late.length === 3) for (const one of late.reverse()) answer(one, { failure: { call: one.type, errno: String(one.holdMs ?? one.backlog) } }); });`),
    );
    await heard.ready;
    const answers = await Promise.all([
      heard.child.order({ type: 'set-hold', holdMs: 1 }),
      heard.child.order({ type: 'set-backlog', backlog: 2 }),
      heard.child.order({ type: 'set-hold', holdMs: 3 }),
    ]);
    expect(answers.map(({ failure }) => failure?.errno)).toEqual(['1', '2', '3']);
    heard.child.kill();
    await heard.exit;
  });

  it('is heard to its very last record, though it exits at once', async () => {
    const heard = start(
      sampleEngine(
        `const one = Buffer.from(${RECORD}); for (let i = 0; i < 200; i += 1) records(Buffer.concat(Array(50).fill(one)), i === 199 ? 7 : 0); process.exit(0);`,
      ),
    );
    expect(await heard.exit).toEqual({ code: 0, signal: null, problem: null });
    expect(heard.records).toBe(10_000);
    expect(heard.dropped).toBe(7);
  });

  it('says which call of its start failed, then exits', async () => {
    const heard = start(sampleEngine(`say({ type: 'failed', failure: { call: 'bind', errno: 'EADDRINUSE' } }); process.exit(3);`));
    expect(await heard.exit).toMatchObject({ code: 3 });
    expect(heard.said).toEqual(['failed bind EADDRINUSE', 'exit']);
  });
});

describe('a broken engine', () => {
  it.each<[string, string, RegExp]>([
    ['noise', `write(Buffer.from('hello, this is not a frame'));`, /a frame of \d+ bytes; at most/],
    ['a frame of unknown type', `frame(9, Buffer.alloc(4));`, /a frame of type 9/],
    ['a frame that is too long', `frame(1, Buffer.alloc(16), ${PIPE_FRAME_MAX_BYTES + 1});`, /at most/],
    ['JSON that is not', `frame(2, Buffer.from('{"type":'));`, /a frame of JSON that is not/],
    ['bytes that are not UTF-8', `frame(2, Buffer.from([0x22, 0xff, 0x22]));`, /a frame of JSON that is not/],
    ['a report of no known kind', `say({ type: 'hello' });`, /a report of no known kind/],
    ['a report with a field of the wrong type', `say({ type: 'ready', fd: '3', port: 1 });`, /a report of no known kind/],
    ['a report that is no object', `say(null);`, /a report of no known kind/],
    ['half a record', `records(Buffer.alloc(${RECORD_BYTES - 1}));`, /a frame of records of/],
    ['a record of another process', `const r = Buffer.from(${RECORD}); r[14] = 2; records(r);`, /in the name of process 2/],
    ['a record of an unknown kind', `const r = Buffer.from(${RECORD}); r[12] = 200; records(r);`, /kind 200/],
  ])('is ended for %s, and nothing behind it is heard', async (_what, body, problem) => {
    const heard = start(sampleEngine(`${body}\nready(); setInterval(() => {}, 1000);`));
    const exit = await heard.exit;
    expect(exit).toMatchObject({ code: null, signal: 'SIGKILL' });
    expect(exit.problem).toMatch(/^malformed output: /);
    expect(exit.problem).toMatch(problem);
    expect(heard.said).toEqual(['exit']);
    expect(heard.records).toBe(0);
  });

  it('that talks without end is heard without starving the rest, and is ended when it is told', async () => {
    const heard = start(sampleEngine(`ready(); const many = Buffer.concat(Array(500).fill(Buffer.from(${RECORD}))); for (;;) records(many);`));
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 5);
    await vi.waitFor(
      () => {
        expect(heard.records).toBeGreaterThan(100_000);
      },
      { timeout: 20_000 },
    );
    clearInterval(turning);
    expect(turns).toBeGreaterThan(0);
    heard.child.kill();
    expect(await heard.exit).toMatchObject({ signal: 'SIGKILL' });
  });

  it('whose clock runs backwards is heard in the order it spoke', async () => {
    const backwards = `const r = Buffer.from(${RECORD}); for (const atNs of [3e9, 2e9, 1e9, 0]) { r.writeDoubleLE(atNs, 0); records(Buffer.from(r)); } process.exit(0);`;
    const times: number[] = [];
    const heard = start(sampleEngine(backwards), (records) => {
      for (let at = 0; at < records.length; at += RECORD_BYTES) times.push(Buffer.from(records).readDoubleLE(at));
    });
    expect(await heard.exit).toMatchObject({ code: 0, problem: null });
    expect(times).toEqual([3e9, 2e9, 1e9, 0]);
  });

  it('may leave a frame unfinished when it dies', async () => {
    const heard = start(sampleEngine(`ready(); frame(1, Buffer.alloc(16), 1000); process.exit(0);`));
    expect(await heard.exit).toEqual({ code: 0, signal: null, problem: null });
    expect(heard.said).toEqual(['ready 4000', 'exit']);
  });

  it('that exits at once leaves its orders refused', async () => {
    const heard = start(sampleEngine('process.exit(7);'));
    const order = heard.child.order({ type: 'set-hold', holdMs: 1 });
    await expect(order).rejects.toThrow(EngineUnavailable);
    expect(await heard.exit).toEqual({ code: 7, signal: null, problem: null });
    await expect(heard.child.order({ type: 'set-hold', holdMs: 1 })).rejects.toThrow(/has ended/);
    expect(await heard.child.stop(1)).toMatchObject({ code: 7 });
  });

  it('that cannot be found is an exit like any other', async () => {
    const heard = start('/nowhere/engine.js');
    expect(await heard.exit).toMatchObject({ code: 1 });
    expect(heard.said).toEqual(['exit']);
  });

  it('that ignores the stop is killed after its time and a grace', async () => {
    const heard = start(sampleEngine(`process.on('SIGTERM', () => {}); onOrder(() => {}); ready(); setInterval(() => {}, 1000);`));
    await heard.ready;
    const toldMs = performance.now();
    expect(await heard.child.stop(100)).toMatchObject({ signal: 'SIGKILL' });
    expect(performance.now() - toldMs).toBeGreaterThanOrEqual(100 + ENGINE_STOP_GRACE_MS - 5);
  });
});

it('words what it heard: the record came through unharmed', async () => {
  const events: unknown[] = [];
  const heard = start(sampleEngine(`records(Buffer.from(${RECORD})); process.exit(0);`), (records) => {
    const batch = new RecordBatch(records.length / RECORD_BYTES);
    batch.bytes.set(records);
    events.push(batch.event(0, 1));
  });
  await heard.exit;
  expect(events).toMatchObject([{ kind: 'call', call: 'read', fd: 7 }]);
});
