// The machine around it misbehaves: ports that are forbidden or used up, a clock that jumps, a disk that is full, an output that is closed.
import { execFileSync, spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, test } from 'playwright/test';
import { MAIN, startBridge } from '../bridge-under-test.ts';
import { FeedClient } from '../feed-client.ts';
import { crowd, exchange, outcomes } from '../peers.ts';
import { compiled, run } from '../programs.ts';
import { alive, ask, status, type StatusAnswer } from '../upkeep.ts';
import { needsOwnNetwork, withSysctl } from './surroundings.ts';
import { survives } from './survives.ts';

/** As an ordinary user; root gives up the one right that makes it privileged here. */
const ORDINARY = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-net_bind_service', '--inh-caps=-net_bind_service'] : [];

test('a privileged port, as one who may not: told by its bind, the page stays; for the page itself exit 3', async () => {
  const bridge = await startBridge(['--tcp-port', '80'], {}, ORDINARY);
  expect((await status(bridge)).server).toMatchObject({ state: 'failed', failure: { call: 'bind', errno: 'EACCES' } });
  expect(bridge.lines.join('\n')).toContain('bind: EACCES');
  const feed = await FeedClient.connect(bridge.url);
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: false, error: { code: 'call-failed' } });
  feed.close();
  expect(await bridge.stop()).toBe(0);
  const [command, ...args] = [...ORDINARY, process.execPath, MAIN, 'serve', '--tcp-port', '0', '--http-port', '81'];
  const page = await run(command, args);
  expect(page.code).toBe(3);
  expect(page.stderr).toContain('EACCES');
});

const PORTS = 20;

survives(
  'no local port is left: an outcome of its own for each client, the others are served, and all is well when ports come back',
  { flags: ['--hold-ms', '100', '--backlog', '64'], lacking: needsOwnNetwork, totals: { accepted: PORTS + 1, replied: 1, closedWithoutByte: PORTS } },
  async ({ bridge }) => {
    const feed = await FeedClient.connect(bridge.url);
    const range = withSysctl('net.ipv4.ip_local_port_range', `40000 ${40_000 + PORTS - 1}`);
    try {
      const reply = await feed.command({ type: 'spawn-clients', byte: 65, count: 50, plan: 'silent' });
      const ids = reply['clientIds'] as string[];
      const ended = (): typeof feed.events => feed.events.filter((event) => event.kind === 'client-ended');
      await expect.poll(() => ended().length).toBe(50 - PORTS);
      expect(ended()).toMatchObject(Array(50 - PORTS).fill({ outcome: 'no-local-port', errno: 'EADDRNOTAVAIL' }));
      const failed = new Set(ended().map((event) => event.clientId));
      for (const clientId of ids.filter((id) => !failed.has(id)))
        expect(await feed.command({ type: 'end-client', clientId, how: 'close' })).toMatchObject({ ok: true });
    } finally {
      range.restore();
    }
    const again = await feed.command({ type: 'spawn-clients', byte: 65, count: 1 });
    const [clientId] = again['clientIds'] as [string];
    expect((await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId)).outcome).toBe('replied');
    feed.close();
  },
);

const JUMPING = { LD_PRELOAD: '' };

survives(
  'the wall clock jumps an hour ahead and back, ten times a second: no hold is early or late, no heartbeat missed',
  {
    flags: ['--hold-ms', '500', '--backlog', '128'],
    environment: JUMPING,
    lacking: () => {
      try {
        JUMPING.LD_PRELOAD = compiled('c/jumping-clock', '-shared', '-fPIC');
        return null;
      } catch {
        return 'no C compiler (cc)';
      }
    },
    totals: { accepted: 100, replied: 100 },
  },
  async ({ bridge, port, figure }) => {
    const jumps = execFileSync(
      process.execPath,
      ['-e', 'const a = Date.now(); while (Math.abs(Date.now() - a) < 3600000) if (performance.now() > 5000) process.exit(1)'],
      {
        env: { ...process.env, ...JUMPING },
      },
    );
    expect(jumps.length).toBe(0);
    const peers = await crowd(port, 100);
    const durations = await Promise.all(
      peers.map(async (peer) => {
        const startMs = performance.now();
        await new Promise((resolve) => peer.send('A').socket.once('data', resolve));
        return performance.now() - startMs;
      }),
    );
    figure(`100 holds of 500 ms took ${Math.min(...durations).toFixed(1)} to ${Math.max(...durations).toFixed(1)} ms`);
    expect(Math.min(...durations)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...durations)).toBeLessThan(2_000);
    expect(await outcomes(peers)).toEqual({ B: 100 });
    expect((await ask(`${bridge.url}/api/trace`)).body).not.toContain('unresponsive');
  },
);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

for (const [what, outputs] of [
  ['a full disk under its outputs', 'full'],
  ['outputs that nobody reads any more', 'gone'],
  ['outputs that were closed before it began', 'closed'],
] as const) {
  test(`${what}: it serves on, logs what it cannot log, restarts a killed engine, and ends with 0`, async () => {
    const [httpPort, tcpPort] = [await freePort(), await freePort()];
    const full = outputs === 'full' ? openSync('/dev/full', 'w') : null;
    const stdio: StdioOptions = full === null ? ['ignore', 'pipe', 'pipe'] : ['ignore', full, full];
    const flags = ['serve', '--http-port', String(httpPort), '--tcp-port', String(tcpPort), '--hold-ms', '100', '--log-level', 'debug'];
    const child =
      outputs === 'closed'
        ? spawn('sh', ['-c', 'exec "$@" >&- 2>&-', 'sh', process.execPath, MAIN, ...flags], { stdio: 'ignore' })
        : spawn(process.execPath, [MAIN, ...flags], { stdio });
    if (full !== null) closeSync(full);
    child.stdout?.destroy();
    child.stderr?.destroy();
    const url = `http://127.0.0.1:${httpPort}`;
    const healthy = (): Promise<void> =>
      expect
        .poll(
          () =>
            ask(`${url}/healthz`).then(
              ({ status: code }) => code,
              () => 0,
            ),
          { timeout: 20_000 },
        )
        .toBe(200);
    await healthy();
    const seen = async (): Promise<StatusAnswer> => JSON.parse((await ask(`${url}/api/status`)).body) as StatusAnswer;
    const engine = (await seen()).server.pid ?? 0;
    expect((await exchange(tcpPort, 'A')).received.toString()).toBe('B');
    process.kill(engine, 'SIGKILL');
    await expect.poll(async () => (await seen()).server.pid ?? engine, { timeout: 20_000 }).not.toBe(engine);
    await healthy();
    expect((await exchange(tcpPort, 'A')).received.toString()).toBe('B');
    const pids = (await seen()).processes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(0);
    expect(pids.filter(alive)).toEqual([]);
  });
}
