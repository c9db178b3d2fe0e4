// Peers that vanish, reset, talk without end, never read or never speak: each is an outcome, and the others do not notice.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'playwright/test';
import { FeedClient, trace } from '../feed-client.ts';
import { crowd, exchange, outcomes, Peer, tally } from '../peers.ts';
import { ask, cpuSeconds, pidOf, status } from '../upkeep.ts';
import { DroppedSegments, needsFirewall, needsOwnNetwork } from './surroundings.ts';
import { QUICK, survives } from './survives.ts';
import type { BridgeUnderTest } from '../bridge-under-test.ts';

const held = (bridge: BridgeUnderTest, count: number): Promise<void> =>
  expect.poll(async () => (await status(bridge)).totals.server.held, { timeout: 20_000 }).toBe(count);

/** Why the server ended connections itself. */
const cuts = async (bridge: BridgeUnderTest): Promise<string[]> =>
  (await trace(bridge.url)).filter((event) => event.kind === 'cut').map((event) => event['reason'] as string);

survives(
  '20 % of all segments lost, both ways: every client is answered, right and once',
  { flags: ['--hold-ms', '300', '--backlog', '128'], lacking: needsFirewall, totals: { accepted: 60, replied: 60 } },
  async ({ port, figure }) => {
    const loss = ['sport', 'dport'].map((end) => new DroppedSegments(`tcp ${end} ${port} numgen random mod 100 < 20`));
    const startMs = performance.now();
    try {
      const peers = Array.from({ length: 60 }, () => new Peer(port).send('A'));
      expect(await outcomes(peers)).toEqual({ B: 60 });
      figure(
        `${loss.map(({ count }) => count).join(' and ')} segments lost on their way from and to the server; ${Math.round(performance.now() - startMs)} ms`,
      );
      for (const { count } of loss) expect(count).toBeGreaterThan(0);
    } finally {
      for (const one of loss) one.end();
    }
  },
);

survives(
  'peers vanish during the hold, without a word: answered into the void, ended by the linger timeout',
  { flags: ['--hold-ms', '1000'], lacking: needsFirewall, totals: { accepted: 5, replied: 5 } },
  async ({ bridge, port }) => {
    const peers = await crowd(port, 5);
    for (const peer of peers) peer.send('A');
    await held(bridge, 5);
    const rules = peers.flatMap((peer) => [new DroppedSegments(`tcp sport ${peer.port}`), new DroppedSegments(`tcp dport ${peer.port}`)]);
    try {
      for (const peer of peers) peer.socket.destroy();
      await expect.poll(async () => tally(await cuts(bridge)), { timeout: 10_000 }).toEqual({ 'linger-timeout': 5 });
    } finally {
      for (const rule of rules) rule.end();
    }
  },
);

survives(
  'resets before accept, with and without a byte: accepted, found reset, nothing written',
  { flags: ['--hold-ms', '100'], totals: { accepted: 6, replied: 0, reset: 6, lost: 0 } },
  async ({ bridge, port }) => {
    const feed = await FeedClient.connect(bridge.url);
    await feed.command({ type: 'set-hold', holdMs: 60_000 });
    await feed.command({ type: 'pause-accept', pauseMs: 500 });
    const peers = await crowd(port, 6);
    for (const peer of peers.slice(0, 3)) await new Promise<void>((resolve) => peer.socket.write('A', () => resolve()));
    for (const peer of peers) peer.reset();
    await feed.event((event) => event.kind === 'accept-resumed');
    // A hold of a minute: whoever is reset must not be held for it.
    await expect.poll(async () => (await status(bridge)).totals.server, { timeout: 5_000 }).toMatchObject({ reset: 6, live: 0 });
    expect(await feed.command({ type: 'set-hold', holdMs: 100 })).toMatchObject({ ok: true });
    feed.close();
    expect((await trace(bridge.url)).filter((event) => event.kind === 'call' && event.call === 'write')).toHaveLength(1);
  },
);

survives(
  'resets during the hold: outcomes at once, and nothing is written afterwards',
  { flags: ['--hold-ms', '700', '--backlog', '64'], totals: { accepted: 50, replied: 0, reset: 50 } },
  async ({ bridge, port }) => {
    const peers = await crowd(port, 50);
    for (const peer of peers) peer.send('A');
    await held(bridge, 50);
    const ports = new Set(peers.map((peer) => `127.0.0.1:${peer.port}`));
    for (const peer of peers) peer.reset();
    await expect.poll(async () => (await status(bridge)).totals.server.reset).toBe(50);
    const written = (await trace(bridge.url)).filter((event) => event.kind === 'call' && event.call === 'write' && ports.has(event.connection?.remote ?? ''));
    expect(written).toEqual([]);
  },
);

survives(
  'a storm of 1,000 resets, at any moment of a connection: counted to the last one, others answered meanwhile',
  { flags: ['--hold-ms', '100', '--backlog', '1024'] },
  async ({ bridge, port, figure }) => {
    const others = Array.from({ length: 50 }, () => new Peer(port).send('A'));
    let connected = 0;
    for (let round = 0; round < 10; round += 1) {
      const peers = Array.from({ length: 100 }, () => new Peer(port));
      await Promise.all(
        peers.map(async (peer, index) => {
          if (index % 4 !== 0 && (await peer.connected)) connected += 1;
          if (index % 4 >= 2) peer.send('A');
          if (index % 4 === 3) await new Promise((resolve) => setTimeout(resolve, index));
          peer.reset();
          await peer.ended;
        }),
      );
    }
    expect(await outcomes(others)).toEqual({ B: 50 });
    await expect.poll(async () => (await status(bridge)).totals.server.live).toBe(0);
    const { accepted, replied, reset } = (await status(bridge)).totals.server;
    figure(`${connected} of 1,000 were connected before they reset`);
    expect(accepted).toBeGreaterThanOrEqual(connected + 50);
    expect(replied).toBeGreaterThanOrEqual(51);
    expect(reset).toBeGreaterThan(0);
  },
);

survives(
  'half-closed peers are answered; connect-and-close is an outcome without a byte',
  { flags: ['--hold-ms', '300', '--backlog', '256'], totals: { accepted: 200, replied: 100, closedWithoutByte: 100, reset: 0 } },
  async ({ bridge, port }) => {
    const engine = await pidOf(bridge, 'increment-server');
    const beforeSeconds = cpuSeconds(engine);
    const speakers = await crowd(port, 100);
    for (const peer of speakers) peer.send('A').halfClose();
    const mute = await crowd(port, 100);
    for (const peer of mute) peer.halfClose();
    expect(await outcomes(speakers)).toEqual({ B: 100 });
    expect(await outcomes(mute)).toEqual({ '': 100 });
    expect(cpuSeconds(engine) - beforeSeconds).toBeLessThan(1);
  },
);

survives(
  'talkative peers, who send without end: held without reading, answered, and cut when they do not stop',
  { flags: ['--hold-ms', '500', '--backlog', '64'], totals: { accepted: 20, replied: 20, lost: 0 } },
  async ({ bridge, port, figure }) => {
    const peers = await crowd(port, 20);
    const chunk = Buffer.alloc(65_536, 'A');
    let sentBytes = 0;
    let answered = 0;
    for (const peer of peers) {
      const talk = (): void => {
        while (!peer.socket.destroyed && peer.socket.write(chunk, () => (sentBytes += chunk.length)));
      };
      peer.socket.on('drain', talk);
      peer.socket.once('data', (data) => (answered += Number(data.toString() === 'B')));
      talk();
    }
    await Promise.all(peers.map((peer) => peer.ended));
    figure(`${answered} of 20 read their reply while they talked; ${(sentBytes / 1_048_576).toFixed(1)} MiB were taken from them`);
    // One that saw the end of its connection first may have ended it itself.
    const cut = tally(await cuts(bridge));
    expect(Object.keys(cut)).toEqual(['linger-bytes']);
    expect(cut['linger-bytes']).toBeGreaterThan(10);
  },
);

survives(
  'peers that never read cost no more than the linger timeout',
  { flags: ['--hold-ms', '200', '--backlog', '64'], totals: { accepted: 20, replied: 20 } },
  async ({ bridge, port }) => {
    const peers = await crowd(port, 20);
    for (const peer of peers) {
      peer.socket.pause();
      peer.send('A');
    }
    await expect.poll(async () => (await status(bridge)).totals.server.replied, { timeout: 10_000 }).toBe(21);
    await expect.poll(async () => tally(await cuts(bridge)), { timeout: 10_000 }).toEqual({ 'linger-timeout': 20 });
    for (const peer of peers) peer.socket.destroy();
  },
);

const SILENT = QUICK ? 2_000 : 10_000;
const openFilesAllowed = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);

survives(
  `${SILENT} silent connections beside normal traffic: the traffic does not notice`,
  {
    flags: ['--hold-ms', '100', '--backlog', '4096'],
    lacking: () => (openFilesAllowed < SILENT + 1_000 ? `the hard limit of descriptors is ${openFilesAllowed}, ${SILENT + 1_000} are needed` : null),
    totals: { accepted: SILENT + 500, replied: 500, closedWithoutByte: SILENT },
    growthMiB: 96,
    timeoutMs: 180_000,
  },
  async ({ bridge, port, figure }) => {
    const engine = await pidOf(bridge, 'increment-server');
    const silent = await crowd(port, SILENT);
    await expect.poll(async () => (await status(bridge)).totals.server.live, { timeout: 20_000 }).toBe(SILENT);
    const beforeSeconds = cpuSeconds(engine);
    const durations: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let i = 0; i < 50; i += 1) {
          const startMs = performance.now();
          expect((await exchange(port, 'A')).received.toString()).toBe('B');
          durations.push(performance.now() - startMs);
        }
      }),
    );
    durations.sort((a, b) => a - b);
    figure(
      `500 exchanges of 100 ms hold: median ${durations[250]?.toFixed(1)} ms, longest ${durations[499]?.toFixed(1)} ms; engine ${(cpuSeconds(engine) - beforeSeconds).toFixed(2)} s of CPU`,
    );
    expect(durations[250]).toBeLessThan(200);
    for (const peer of silent) peer.socket.end();
    await Promise.all(silent.map((peer) => peer.ended));
  },
);

const needsSocketKill = (): string | null => {
  const lacking = needsOwnNetwork();
  if (lacking !== null) return lacking;
  const config = execFileSync('sh', ['-c', 'zcat /proc/config.gz 2>/dev/null || cat /boot/config-"$(uname -r)" 2>/dev/null || true']).toString();
  return config.includes('CONFIG_INET_DIAG_DESTROY=y') || config === '' ? null : 'this kernel has no INET_DIAG_DESTROY, which ss -K asks for';
};

survives(
  'ss -K destroys held connections under the server: outcomes like a reset, nothing written',
  { flags: ['--hold-ms', '700', '--backlog', '64'], lacking: needsSocketKill, totals: { accepted: 20, replied: 0, reset: 20 } },
  async ({ bridge, port }) => {
    const peers = await crowd(port, 20);
    for (const peer of peers) peer.send('A');
    await held(bridge, 20);
    execFileSync('ss', ['-K', '-tn', 'state', 'established', `( sport = :${port} )`]);
    await expect.poll(async () => (await status(bridge)).totals.server).toMatchObject({ reset: 20, live: 0 });
    await Promise.all(peers.map((peer) => peer.ended));
  },
);

survives(
  'ss -K destroys the listener: those held are answered, then another process listens; no CPU is burnt',
  { flags: ['--hold-ms', '1000', '--backlog', '64'], lacking: needsSocketKill, totals: { accepted: 20, replied: 20, lost: 0 } },
  async ({ bridge, port }) => {
    const engine = await pidOf(bridge, 'increment-server');
    const peers = await crowd(port, 20);
    for (const peer of peers) peer.send('A');
    await held(bridge, 20);
    const beforeSeconds = cpuSeconds(engine);
    execFileSync('ss', ['-K', '-tn', 'state', 'listening', `( sport = :${port} )`]);
    expect(cpuSeconds(engine) - beforeSeconds).toBeLessThan(0.5);
    expect(await outcomes(peers)).toEqual({ B: 20 });
    await expect.poll(async () => (await status(bridge)).server, { timeout: 10_000 }).toMatchObject({ state: 'listening', tcpPort: port });
    await expect.poll(async () => (await status(bridge)).server.pid, { timeout: 10_000 }).not.toBe(engine);
    await expect.poll(async () => (await ask(`${bridge.url}/healthz`)).status, { timeout: 10_000 }).toBe(200);
  },
);
