// The bridge is killed or stopped, and the whole is told to end at a bad moment: the engine does not wait, and who is owed an answer gets it.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'playwright/test';
import { startBridge } from '../bridge-under-test.ts';
import { FeedClient, trace } from '../feed-client.ts';
import { crowd, outcomes, Peer, tally } from '../peers.ts';
import { alive, expectNoMishap, pidOf, status } from '../upkeep.ts';
import { QUICK, survives } from './survives.ts';

test('kill -9 of the bridge under load: none of its processes lives after two seconds, and the port is free', async () => {
  const bridge = await startBridge(['--hold-ms', '60000', '--backlog', '512']);
  const pids = (await status(bridge)).processes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  expect(pids.length).toBeGreaterThanOrEqual(3);
  const peers = await crowd(bridge.tcpPort, 400);
  for (const peer of peers) peer.send('A');
  await expect.poll(async () => (await status(bridge)).totals.server.held).toBe(400);
  bridge.child.kill('SIGKILL');
  await expect.poll(() => pids.filter(alive), { timeout: 2_000 }).toEqual([]);
  await Promise.all(peers.map((peer) => peer.ended));
  const refused = connect(bridge.tcpPort, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  const again = await startBridge(['--tcp-port', String(bridge.tcpPort)]);
  expect(again.tcpPort).toBe(bridge.tcpPort);
  expect(await again.stop()).toBe(0);
});

const STOPPED_MS = QUICK ? 8_000 : 30_000;

survives(
  `the bridge is stopped (SIGSTOP) for ${STOPPED_MS / 1_000} s under load: the engine serves on, then one gap with the exact count`,
  { flags: ['--hold-ms', '0', '--backlog', '1024'], timeoutMs: 150_000, growthMiB: 128, totals: { lost: 0, reset: 0 } },
  async ({ bridge, port, figure }) => {
    const engine = await pidOf(bridge, 'increment-server');
    const perSecond: number[] = [];
    const seen: string[] = [];
    let over = false;
    const traffic = Array.from({ length: 16 }, async () => {
      while (!over) {
        const { received, errno } = await new Peer(port).send('A').ended;
        seen.push(errno ?? received.toString());
      }
    });
    const count = async (seconds: number): Promise<void> => {
      for (let i = 0; i < seconds; i += 1) {
        const before = seen.length;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        perSecond.push(seen.length - before);
      }
    };
    await count(2);
    const servedBefore = Math.max(...perSecond.splice(0));
    bridge.child.kill('SIGSTOP');
    await count(STOPPED_MS / 1_000);
    bridge.child.kill('SIGCONT');
    over = true;
    await Promise.all(traffic);
    expect(tally(seen)).toEqual({ B: seen.length });
    await expect.poll(async () => (await status(bridge)).totals.server.replied, { timeout: 20_000 }).toBe(seen.length + 1);
    const slowest = Math.min(...perSecond);
    expect(slowest, 'exchanges in the slowest second while the bridge stood still').toBeGreaterThan(servedBefore / 4);
    const { totals, processes } = await status(bridge);
    const { server } = totals;
    const dropped = processes.find((process) => process.name === 'increment-server')?.dropped ?? 0;
    const gaps = (await trace(bridge.url))
      .filter((event) => event.kind === 'dropped' && event.process === 'increment-server')
      .map((event) => event['count'] as number);
    figure(`${servedBefore} exchanges/s before, ${slowest} in the slowest second while stopped; ${dropped} events dropped in ${gaps.length} gap(s)`);
    // What the ring could not hold was dropped in one piece, and its count is the one that the totals tell.
    expect(gaps).toEqual(dropped === 0 ? [] : [dropped]);
    if (!QUICK) expect(dropped).toBeGreaterThan(0);
    expect(server.accepted).toBe(seen.length + 1);
    expect(await pidOf(bridge, 'increment-server')).toBe(engine);
  },
);

test('SIGTERM with held, silent and queued connections: who sent a byte is answered, exit 0', async () => {
  const bridge = await startBridge(['--hold-ms', '1500', '--backlog', '64']);
  const engine = await pidOf(bridge, 'increment-server');
  const heldPeers = await crowd(bridge.tcpPort, 30);
  for (const peer of heldPeers) peer.send('A');
  const silent = await crowd(bridge.tcpPort, 20);
  await expect.poll(async () => (await status(bridge)).totals.server).toMatchObject({ held: 30, live: 50 });
  process.kill(engine, 'SIGSTOP');
  const queued = await crowd(bridge.tcpPort, 40);
  for (const peer of queued) peer.send('B');
  bridge.child.kill('SIGTERM');
  process.kill(engine, 'SIGCONT');
  expect(await outcomes(heldPeers)).toEqual({ B: 30 });
  expect(await outcomes(queued)).toEqual({ C: 40 });
  expect(await outcomes(silent)).toEqual({ '': 20 });
  if (bridge.child.exitCode === null) await once(bridge.child, 'exit');
  expect(bridge.child.exitCode).toBe(0);
  expect(alive(engine)).toBe(false);
  expectNoMishap(bridge.lines);
});

test('SIGTERM cut short by the drain timeout: exit 4 with the right number, the engine gone', async () => {
  const bridge = await startBridge(['--hold-ms', '60000', '--backlog', '64', '--drain-timeout-ms', '700']);
  const engine = await pidOf(bridge, 'increment-server');
  const heldPeers = await crowd(bridge.tcpPort, 37);
  for (const peer of heldPeers) peer.send('A');
  // Silent ones are owed nothing: they are not lost.
  const silent = await crowd(bridge.tcpPort, 5);
  await expect.poll(async () => (await status(bridge)).totals.server).toMatchObject({ held: 37, live: 42 });
  expect(await bridge.stop()).toBe(4);
  expect(bridge.lines.join('\n')).toContain('37 connections were lost');
  await Promise.all([...heldPeers, ...silent].map((peer) => peer.ended));
  expect(alive(engine)).toBe(false);
});

test('a second SIGTERM ends at once', async () => {
  const bridge = await startBridge(['--hold-ms', '60000']);
  const feed = await FeedClient.connect(bridge.url);
  const pids = (await status(bridge)).processes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
  const peers = await crowd(bridge.tcpPort, 3);
  for (const peer of peers) peer.send('A');
  await expect.poll(async () => (await status(bridge)).totals.server.held).toBe(3);
  bridge.child.kill('SIGTERM');
  await feed.wait((message) => message.type === 'status' && (message['status'] as { server: { state: string } }).server.state === 'stopping');
  const secondMs = performance.now();
  bridge.child.kill('SIGTERM');
  if (bridge.child.exitCode === null) await once(bridge.child, 'exit');
  expect(performance.now() - secondMs).toBeLessThan(3_000);
  expect(bridge.child.exitCode).toBe(4);
  expect(pids.filter(alive)).toEqual([]);
});
