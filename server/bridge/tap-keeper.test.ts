// The kernel tap seen from the bridge, with taps that are good, absent, hung and broken: what is said of it, and that nobody waits.
import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { buildApp } from './app.ts';
import { Journal } from './journal.ts';
import { RunClock } from './run-clock.ts';
import { GOOD_CLIENT, GOOD_SERVER, sampleEngine } from './sample-engine.ts';
import { EngineUnavailable } from './engine-child.ts';
import { TapKeeper, type TapWatch } from './tap-keeper.ts';
import type { Status } from '../wire/message.ts';
import { SOCKET_ROWS_PER_ANSWER } from '../wire/tap-limits.ts';

const keepers: TapKeeper[] = [];
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.kill()));
});

function keep(body: string | null, watch: () => TapWatch = () => ({ ports: [9736], own: [], alive: false, watched: false })): TapKeeper {
  const keeper = new TapKeeper(body === null ? undefined : sampleEngine(body), new Journal(1_000), new RunClock(), () => undefined, watch);
  keepers.push(keeper);
  keeper.start();
  return keeper;
}

/** Three rungs, the last missing; two lost records. */
const TOTALS = `const tap = {
  evidence: [{ evidence: 'sock_diag', available: true, missing: '' }, { evidence: 'procfs', available: true, missing: '' },
    { evidence: 'tracefs', available: false, missing: 'tracepoints are for root' }],
  sampler: { intervalMs: 250, rows: 3, slowed: false }, queue: { length: 6, limit: 5 }, listenerDrops: 4, listenOverflows: 5, lost: 2 };`;
const ROW = `{ state: 'LISTEN', recvQ: 0, sendQ: 5, local: '0.0.0.0:9736', remote: '0.0.0.0:0', process: null, pid: null, fd: null, owner: 'none',
  uid: 0, inode: 1, timer: 'none', expiresMs: 0, retransmits: 0, drops: 0 }`;
/** Has 4,500 sockets, each row telling its place in \`inode\`. */
const GOOD_TAP = `${TOTALS}
onOrder((order) => {
  if (order.type !== 'sockets') return obey(order);
  const rows = Array.from({ length: Math.min(order.limit, 4500 - order.offset) }, (_, i) => ({ ...(${ROW}), inode: order.offset + i }));
  answer(order, { sockets: { atNs: 5, durationNs: 1, evidence: 'sock_diag', total: 4500, interrupted: false, truncated: false, rows } });
});
ready(0); beats({ tap });`;

const rung = (keeper: TapKeeper, evidence: string): { available: boolean; missing: string } | undefined =>
  keeper.evidence.find((one) => one.evidence === evidence);

describe('a tap that runs', () => {
  it('says what it sees, and gives the table in parts of one reading', async () => {
    const keeper = keep(GOOD_TAP);
    await vi.waitFor(() => expect(rung(keeper, 'sock_diag')?.available).toBe(true), { timeout: 5_000 });
    expect(rung(keeper, 'tracefs')).toMatchObject({ available: false, missing: 'tracepoints are for root' });
    expect(keeper.totals?.queue).toEqual({ length: 6, limit: 5 });
    const answer = await keeper.sockets(10_000);
    expect(answer?.total).toBe(4_500);
    expect(answer?.rows.map(({ inode }) => inode)).toEqual(Array.from({ length: 4_500 }, (_, index) => index));
    expect((await keeper.sockets(SOCKET_ROWS_PER_ANSWER + 1))?.rows).toHaveLength(SOCKET_ROWS_PER_ANSWER + 1);
    expect(keeper.lost).toBe(2);
  });

  it('is told what to watch once, and again when it changes', async () => {
    const watch = { ports: [9736], own: [], alive: false, watched: false };
    const keeper = keep(
      `${TOTALS} let told = 0; onOrder((order) => { if (order.type === 'watch') { told += 1; tap.listenerDrops = told * 10 + order.ports.length; beat({ tap }); } obey(order); }); ready(0); beats({ tap });`,
      () => watch,
    );
    await vi.waitFor(() => expect(keeper.totals?.listenerDrops).toBe(11), { timeout: 5_000 });
    watch.ports = [9736, 9737];
    await vi.waitFor(() => expect(keeper.totals?.listenerDrops).toBe(22), { timeout: 5_000 });
  });
});

describe('without a tap', () => {
  it('there is nothing to start: the reason is said, no table is had, no figure is made up', async () => {
    const keeper = keep(null);
    expect(rung(keeper, 'returned')?.available).toBe(true);
    for (const evidence of ['sock_diag', 'procfs', 'tracefs'])
      expect(rung(keeper, evidence)).toMatchObject({ available: false, missing: 'the kernel-tap process is not running' });
    await expect(keeper.sockets(10)).rejects.toThrow(EngineUnavailable);
    expect(keeper.totals).toBeNull();
    await keeper.stop();
  });

  it('that crashes on and on is given up, which is said; what it had lost still counts', async () => {
    const keeper = keep(`${TOTALS} onOrder(obey); ready(0); beat({ tap }); setTimeout(() => process.exit(7), 50);`);
    await vi.waitFor(() => expect(keeper.supervisor?.status.restarts).toBeGreaterThan(0), { timeout: 10_000 });
    expect(keeper.lost).toBeGreaterThanOrEqual(2);
    await vi.waitFor(
      () => {
        expect(rung(keeper, 'tracefs')).toMatchObject({ available: false });
        expect(rung(keeper, 'tracefs')?.missing).toMatch(/has ended|again and again/);
      },
      { timeout: 10_000, interval: 5 },
    );
    await expect(keeper.sockets(10)).rejects.toThrow(/kernel-tap/);
  });

  it('that hangs, the rungs it held are not claimed, and nobody waits for its table', async () => {
    const keeper = keep(`${TOTALS} onOrder(() => undefined); ready(0); beat({ tap });`);
    await vi.waitFor(() => expect(rung(keeper, 'tracefs')?.missing).toBe('the kernel-tap process does not respond'), { timeout: 15_000, interval: 50 });
    expect(rung(keeper, 'sock_diag')?.available).toBe(false);
    const beganMs = performance.now();
    await expect(keeper.sockets(10)).rejects.toThrow('the kernel-tap process does not respond');
    expect(performance.now() - beganMs).toBeLessThan(500);
  });
});

describe('the bridge', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function serve(tapEntry: { tapEntry?: string }): Promise<string> {
    const app = await buildApp({
      version: '0.0.0',
      httpHost: '127.0.0.1',
      httpPort: 0,
      tcpHost: '127.0.0.1',
      tcpPort: 0,
      backlog: 5,
      holdMs: 10,
      allowHosts: [],
      allowTargets: [],
      drainTimeoutMs: 100,
      logLevel: 'silent',
      pageDir: tmpdir(),
      serverEntry: sampleEngine(GOOD_SERVER),
      clientEntry: sampleEngine(GOOD_CLIENT),
      ...tapEntry,
    });
    closing.push(
      () => app.bridge.kill(),
      () => app.close(),
    );
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    await app.bridge.start();
    return url;
  }

  const figures = async (url: string): Promise<string[]> =>
    (await (await fetch(`${url}/metrics`)).text()).split('\n').filter((line) => /^sockscope_(accept_queue|listen|tap)/.test(line));

  it.each([
    ['absent', null, /not running/],
    ['hung', `${TOTALS} onOrder(() => undefined); ready(0); beat({ tap });`, /does not respond/],
  ])('serves with its tap %s: healthy, no figure made up, and /api/sockets says what is missing', async (_how, body, reason) => {
    const url = await serve(body === null ? {} : { tapEntry: sampleEngine(body) });
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${url}/api/sockets`);
        expect(answer.status).toBe(503);
        expect(await answer.json()).toMatchObject({ error: { code: 'engine-unavailable', message: expect.stringMatching(reason) as string } });
      },
      { timeout: 10_000, interval: 50 },
    );
    const { evidence, server } = (await (await fetch(`${url}/api/status`)).json()) as Status;
    expect(evidence.find((one) => one.evidence === 'tracefs')).toMatchObject({ available: false, missing: expect.stringMatching(reason) as string });
    expect(server.state).toBe('listening');
    await vi.waitFor(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200), { timeout: 5_000 });
    expect(await figures(url)).toEqual([`sockscope_tap_events_lost_total ${body === null ? 0 : 2}`]);
  });

  it('has in /metrics what the tap last told', async () => {
    const url = await serve({ tapEntry: sampleEngine(GOOD_TAP) });
    await vi.waitFor(async () => expect((await figures(url)).map((line) => line.split(' ')[1])).toEqual(['6', '5', '4', '5', '2']), { timeout: 5_000 });
  });
});
