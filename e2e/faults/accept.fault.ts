// accept(2) fails in every way its manual page names, and descriptors run out: nobody who waits is dropped for it.
import { expect } from 'playwright/test';
import { trace } from '../feed-client.ts';
import { crowd, outcomes } from '../peers.ts';
import { cpuSeconds, pidOf } from '../upkeep.ts';
import { survives } from './survives.ts';
import { needsStrace, traced } from './surroundings.ts';
import { execFileSync } from 'node:child_process';

const HOLD_MS = 200;
const FAILURES = 3;

/** These concern one connection, or nothing at all: accept4 is called again at once. */
for (const errno of ['ECONNABORTED', 'EINTR', 'EPROTO', 'EPERM', 'ENETDOWN', 'EHOSTUNREACH']) {
  survives(
    `accept4 gives ${errno}, ${FAILURES} times: called again, all are answered`,
    { flags: ['--hold-ms', String(HOLD_MS), '--backlog', '64'], lacking: needsStrace, totals: { accepted: 20, replied: 20 } },
    async ({ bridge, port }) => {
      const lines = await traced(await pidOf(bridge, 'increment-server'), 'accept4', `accept4:error=${errno}:when=1..${FAILURES}`, async () => {
        const peers = await crowd(port, 20);
        for (const peer of peers) peer.send('A');
        expect(await outcomes(peers)).toEqual({ B: 20 });
      });
      expect(lines.filter((line) => line.includes(errno) && line.includes('INJECTED'))).toHaveLength(FAILURES);
      const events = await trace(bridge.url);
      expect(events.filter((event) => event.call === 'accept4' && event.errno === errno)).toHaveLength(FAILURES);
      expect(events.filter((event) => event.kind === 'accept-paused')).toEqual([]);
    },
  );
}

/** These concern the machine: accepting pauses, the queue keeps the clients; an errno that nobody expects is treated the same. */
for (const errno of ['ENOBUFS', 'ENOMEM', 'EMFILE', 'ENFILE', 'EIO']) {
  survives(
    `accept4 gives ${errno}, ${FAILURES} times: accepting pauses, is shown, costs no CPU, and all are answered`,
    { flags: ['--hold-ms', String(HOLD_MS), '--backlog', '64'], lacking: needsStrace, totals: { accepted: 20, replied: 20 } },
    async ({ bridge, port }) => {
      const engine = await pidOf(bridge, 'increment-server');
      await traced(engine, 'accept4', `accept4:error=${errno}:when=1..${FAILURES}`, async () => {
        const beforeSeconds = cpuSeconds(engine);
        const peers = await crowd(port, 20);
        for (const peer of peers) peer.send('A');
        expect(await outcomes(peers)).toEqual({ B: 20 });
        expect(cpuSeconds(engine) - beforeSeconds).toBeLessThan(0.5);
      });
      const events = await trace(bridge.url);
      expect(events.filter((event) => event.kind === 'accept-paused')).toMatchObject(Array(FAILURES).fill({ reason: 'errno', errno }));
      expect(events.filter((event) => event.kind === 'accept-resumed')).toHaveLength(FAILURES);
    },
  );
}

for (const [when, through] of [
  ['from the start', ['prlimit', '--nofile=64:64']],
  ['set while it runs', []],
] as const) {
  survives(
    `descriptor limit 64 (${when}) with 200 clients: shown as paused, CPU low, all answered`,
    { flags: ['--hold-ms', '300', '--backlog', '256'], through, totals: { accepted: 200, replied: 200 } },
    async ({ bridge, port, figure }) => {
      const engine = await pidOf(bridge, 'increment-server');
      if (through.length === 0) execFileSync('prlimit', ['--pid', String(engine), '--nofile=64:64']);
      const beforeSeconds = cpuSeconds(engine);
      const startMs = performance.now();
      const peers = await crowd(port, 200);
      for (const peer of peers) peer.send('A');
      expect(await outcomes(peers)).toEqual({ B: 200 });
      const seconds = (performance.now() - startMs) / 1_000;
      const busySeconds = cpuSeconds(engine) - beforeSeconds;
      figure(`all answered in ${seconds.toFixed(1)} s; the engine was busy for ${busySeconds.toFixed(2)} s of it`);
      expect(busySeconds).toBeLessThan(Math.max(0.6, seconds / 4));
      const paused = (await trace(bridge.url)).filter((event) => event.kind === 'accept-paused');
      expect(paused.length).toBeGreaterThan(0);
      expect(paused[0]).toMatchObject(through.length === 0 ? { reason: 'errno', errno: 'EMFILE' } : { reason: 'connection-cap' });
    },
  );
}
