// The engine is killed, stopped, hung, crashed again and again, robbed of its port, restarted under traffic: told, and counted to the unit.
import { createServer } from 'node:net';
import { once } from 'node:events';
import { expect } from 'playwright/test';
import type { BridgeUnderTest } from '../bridge-under-test.ts';
import { FeedClient } from '../feed-client.ts';
import { crowd, exchange, outcomes, Peer, tally } from '../peers.ts';
import { alive, ask, pidOf, status } from '../upkeep.ts';
import { QUICK, survives } from './survives.ts';

const state = async (bridge: BridgeUnderTest): Promise<string> => (await status(bridge)).server.state;
const health = async (bridge: BridgeUnderTest): Promise<number> => (await ask(`${bridge.url}/healthz`)).status;
const held = (bridge: BridgeUnderTest, count: number): Promise<void> =>
  expect.poll(async () => (await status(bridge)).totals.server.held, { timeout: 20_000 }).toBe(count);

async function listening(bridge: BridgeUnderTest): Promise<void> {
  await expect.poll(() => health(bridge), { timeout: 30_000 }).toBe(200);
}

async function holdOf(bridge: BridgeUnderTest, holdMs: number): Promise<void> {
  const feed = await FeedClient.connect(bridge.url);
  expect(await feed.command({ type: 'set-hold', holdMs })).toMatchObject({ ok: true });
  feed.close();
}

survives(
  'the engine is killed with 300 held and 100 silent: all 400 lost or reset for their peers, counted lost, the next is right',
  { flags: ['--hold-ms', '100', '--backlog', '512'], totals: { accepted: 400, replied: 0, lost: 400 } },
  async ({ bridge }) => {
    await holdOf(bridge, 60_000);
    const peers = await crowd(bridge.tcpPort, 400);
    for (const peer of peers.slice(0, 300)) peer.send('A');
    await held(bridge, 300);
    await expect.poll(async () => (await status(bridge)).totals.server.live).toBe(400);
    process.kill(await pidOf(bridge, 'increment-server'), 'SIGKILL');
    const ends = await outcomes(peers);
    expect(Object.keys(ends).filter((word) => word !== '' && word !== 'ECONNRESET')).toEqual([]);
    await listening(bridge);
    await holdOf(bridge, 100);
  },
);

survives(
  'the engine is stopped (SIGSTOP) for 3 s and goes on: unhealthy meanwhile, the queue admits, everybody is answered',
  { flags: ['--hold-ms', '500', '--backlog', '64'], totals: { accepted: 40, replied: 40 } },
  async ({ bridge, port }) => {
    const engine = await pidOf(bridge, 'increment-server');
    const before = await crowd(port, 20);
    for (const peer of before) peer.send('A');
    await held(bridge, 20);
    process.kill(engine, 'SIGSTOP');
    const during = await crowd(port, 20);
    for (const peer of during) peer.send('B');
    await expect.poll(() => state(bridge), { timeout: 5_000 }).toBe('unresponsive');
    expect(await health(bridge)).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    process.kill(engine, 'SIGCONT');
    expect(await outcomes(before)).toEqual({ B: 20 });
    expect(await outcomes(during)).toEqual({ C: 20 });
    await listening(bridge);
    expect(await pidOf(bridge, 'increment-server')).toBe(engine);
  },
);

const HUNG_MS = 60_000;

survives(
  'the engine hangs for good: ended after a minute without a heartbeat, and started again',
  {
    flags: ['--hold-ms', '100'],
    totals: { accepted: 3, lost: 3 },
    timeoutMs: HUNG_MS + 60_000,
    lacking: () => (QUICK ? 'takes a minute (SOCKSCOPE_QUICK=1)' : null),
  },
  async ({ bridge }) => {
    await holdOf(bridge, 60_000);
    const engine = await pidOf(bridge, 'increment-server');
    const peers = await crowd(bridge.tcpPort, 3);
    for (const peer of peers) peer.send('A');
    await held(bridge, 3);
    process.kill(engine, 'SIGSTOP');
    await expect.poll(() => alive(engine), { timeout: HUNG_MS + 15_000, intervals: [1_000] }).toBe(false);
    await listening(bridge);
    expect(bridge.lines.join('\n')).toContain('no heartbeat');
    await holdOf(bridge, 100);
  },
);

survives('six crashes within a minute: stays down and says so; a start by hand begins anew', { flags: ['--hold-ms', '100'] }, async ({ bridge, port }) => {
  const feed = await FeedClient.connect(bridge.url);
  for (let crash = 1; crash <= 6; crash += 1) {
    await listening(bridge);
    process.kill(await pidOf(bridge, 'increment-server'), 'SIGKILL');
    await expect.poll(() => state(bridge), { timeout: 10_000, intervals: [10] }).not.toBe('listening');
  }
  await expect.poll(() => state(bridge)).toBe('gave-up');
  expect(await health(bridge)).toBe(503);
  await feed.event((event) => event.kind === 'process' && event.change === 'gave-up');
  expect((await exchange(port, 'A')).errno).toBe('ECONNREFUSED');
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: true });
  feed.close();
  await listening(bridge);
});

survives(
  'the port is taken while the engine is dead, then freed: told by its bind, the page stays, a start works',
  { flags: ['--hold-ms', '100'] },
  async ({ bridge, port }) => {
    const feed = await FeedClient.connect(bridge.url);
    expect(await feed.command({ type: 'stop-server' })).toMatchObject({ ok: true });
    await expect.poll(() => state(bridge)).toBe('stopped');
    const thief = createServer((socket) => socket.destroy());
    thief.listen(port, '0.0.0.0');
    await once(thief, 'listening');
    for (let i = 0; i < 3; i += 1) expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: false, error: { code: 'call-failed' } });
    expect((await status(bridge)).server).toMatchObject({ state: 'failed', failure: { call: 'bind', errno: 'EADDRINUSE' } });
    expect(await health(bridge)).toBe(503);
    thief.close();
    await once(thief, 'close');
    expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: true });
    feed.close();
  },
);

const RESTARTS = QUICK ? 20 : 200;

survives(
  `${RESTARTS} restarts under traffic: every peer is answered or refused, none cut, nothing left behind`,
  { flags: ['--hold-ms', '20', '--backlog', '128'], timeoutMs: 240_000, totals: { lost: 0 } },
  async ({ bridge, port, figure }) => {
    const feed = await FeedClient.connect(bridge.url);
    const seen: string[] = [];
    let over = false;
    const traffic = Array.from({ length: 4 }, async () => {
      while (!over) {
        const { received, errno } = await new Peer(port).send('A').ended;
        seen.push(errno ?? received.toString());
        if (errno === 'ECONNREFUSED') await new Promise((resolve) => setTimeout(resolve, 20));
      }
    });
    const startMs = performance.now();
    for (let restart = 0; restart < RESTARTS; restart += 1) {
      expect(await feed.command({ type: 'stop-server' })).toMatchObject({ ok: true });
      await expect.poll(() => state(bridge), { intervals: [10] }).toBe('stopped');
      expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: true });
    }
    const seconds = (performance.now() - startMs) / 1_000;
    over = true;
    await Promise.all(traffic);
    feed.close();
    const counts = tally(seen);
    figure(`${RESTARTS} restarts in ${seconds.toFixed(1)} s; peers: ${JSON.stringify(counts)}`);
    expect(counts['B']).toBeGreaterThan(0);
    await expect.poll(async () => (await status(bridge)).totals.server.replied).toBe((counts['B'] ?? 0) + 1);
    // Whoever knocks between the last accept and the close of the listener is reset by the kernel, as listen(2) has it.
    expect(Object.keys(counts).filter((word) => !['B', 'ECONNREFUSED', 'ECONNRESET'].includes(word))).toEqual([]);
  },
);
