// What dies is shown, and comes back; what its parent leaves behind is nothing.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { FeedClient } from './feed-client.ts';

interface StatusAnswer {
  server: { state: string; pid: number | null };
  processes: { name: string; pid: number; restarts: number }[];
  totals: { server: Record<string, number>; clients: Record<string, number> };
}

const status = async (bridge: BridgeUnderTest): Promise<StatusAnswer> => (await (await fetch(`${bridge.url}/api/status`)).json()) as StatusAnswer;

async function pidOf(bridge: BridgeUnderTest, name: string): Promise<number> {
  return (await status(bridge)).processes.find((process) => process.name === name)?.pid ?? 0;
}

/** A zombie is dead: it only waits for somebody to ask how it ended. */
function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('kill -9 of the increment server: shown within a second, its connections lost, started again, the next exchange right', async () => {
  const bridge = await startBridge(['--hold-ms', '400']);
  const feed = await FeedClient.connect(bridge.url);
  await feed.command({ type: 'set-hold', holdMs: 60_000 });
  await feed.command({ type: 'spawn-clients', byte: 65, count: 3 });
  await expect.poll(() => feed.events.filter((event) => event.kind === 'hold').length).toBe(3);
  const victim = await pidOf(bridge, 'increment-server');
  const killedMs = performance.now();
  process.kill(victim, 'SIGKILL');
  const exited = await feed.event((event) => event.kind === 'process' && event.change === 'exited' && event.pid === victim);
  expect(performance.now() - killedMs).toBeLessThan(1_000);
  expect(exited).toMatchObject({ process: 'increment-server', signal: 'SIGKILL' });
  await feed.event((event) => event.kind === 'process' && event.process === 'increment-server' && event.change === 'ready' && event.pid !== victim);
  await expect.poll(async () => (await status(bridge)).totals.server).toMatchObject({ accepted: 3, lost: 3, live: 0 });
  // The hold was a setting of the run: the new process has it too.
  await feed.command({ type: 'set-hold', holdMs: 100 });
  const spawned = await feed.command({ type: 'spawn-clients', byte: 255, count: 1 });
  const [clientId] = spawned['clientIds'] as [string];
  const ended = await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId);
  expect(ended.outcome).toBe('replied');
  const reply = feed.events.find((event) => event.process === 'tcp-client' && event.clientId === clientId && event.call === 'read' && event.returned === 1);
  expect(reply?.args?.['data']).toBe('00');
  feed.close();
  expect(await bridge.stop()).toBe(0);
});

test('kill -9 of the tcp-client process: shown, started again, the next exchange right', async () => {
  const bridge = await startBridge(['--hold-ms', '200']);
  const feed = await FeedClient.connect(bridge.url);
  const victim = await pidOf(bridge, 'tcp-client');
  process.kill(victim, 'SIGKILL');
  await feed.event((event) => event.kind === 'process' && event.process === 'tcp-client' && event.change === 'exited' && event.pid === victim);
  await feed.event((event) => event.kind === 'process' && event.process === 'tcp-client' && event.change === 'ready' && event.pid !== victim);
  const spawned = await feed.command({ type: 'spawn-clients', byte: 65, count: 1 });
  const [clientId] = spawned['clientIds'] as [string];
  expect((await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId)).outcome).toBe('replied');
  feed.close();
  expect(await bridge.stop()).toBe(0);
});

test('kill -9 of the bridge: none of its processes lives after two seconds, and the port is free', async () => {
  const bridge = await startBridge(['--hold-ms', '60000']);
  const pids = (await status(bridge)).processes.map((process) => process.pid);
  const held = connect(bridge.tcpPort, '127.0.0.1');
  held.on('error', () => undefined);
  await once(held, 'connect');
  held.write('A');
  bridge.child.kill('SIGKILL');
  await expect.poll(() => pids.filter(alive), { timeout: 2_000 }).toEqual([]);
  const refused = connect(bridge.tcpPort, '127.0.0.1');
  const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
  held.destroy();
});
