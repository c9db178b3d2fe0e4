// The program as its users meet it: how soon it listens, clients spawned from a page, and many pages watching at once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAIN } from '../bridge-under-test.ts';
import { FeedClient } from '../feed-client.ts';
import { startSockscope } from './contender.ts';
import { load } from './load.ts';
import { highest, processorMs, residentMiB } from './process-cost.ts';
import { median, type Table } from './table.ts';
import { startWatchers } from './watcher-process.ts';

interface ClientTotals {
  started: number;
  replied: number;
  live: number;
}
interface Status {
  totals: { clients: ClientTotals; events: { recorded: number; dropped: number } };
}

async function status(url: string): Promise<Status> {
  return (await (await fetch(`${url}/api/status`)).json()) as Status;
}

/** From the start of the process to its LISTEN, beside what Node alone takes to start and do nothing. */
export async function start(table: Table, { times }: { times: number }): Promise<void> {
  const what = 'start: `sockscope serve` (built) to LISTEN';
  const serveMs: number[] = [];
  const nodeMs: number[] = [];
  for (let time = 0; time < times; time += 1) {
    const nothing = performance.now();
    await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
    nodeMs.push(performance.now() - nothing);
    const begun = performance.now();
    const child = spawn(process.execPath, [MAIN, 'serve', '--http-port', '0', '--tcp-port', '0', '--log-level', 'warn'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface(child.stdout)) if (line.startsWith('tcp   LISTEN')) break;
    serveMs.push(performance.now() - begun);
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  }
  table.add([
    { what, name: 'sockscope serve', value: median(serveMs), unit: 'ms', goal: { atMost: 400 } },
    { what, name: 'node -e 0', value: median(nodeMs), unit: 'ms' },
  ]);
}

/** One spawn-clients command of a page. */
export async function spawnedClients(table: Table, { count, holdMs }: { count: number; holdMs: number }): Promise<void> {
  const what = `${count.toLocaleString('en')} clients spawned from a page by one command, hold ${holdMs} ms`;
  const server = await startSockscope(holdMs);
  try {
    const page = await FeedClient.connect(server.bridge.url);
    const begun = performance.now();
    const reply = await page.command({ type: 'spawn-clients', byte: 65, count });
    if (reply['ok'] !== true) throw new Error(`spawn-clients was refused: ${JSON.stringify(reply)}`);
    let clients = (await status(server.bridge.url)).totals.clients;
    while ((clients.live > 0 || clients.started < count) && performance.now() - begun < holdMs + 60_000) {
      await sleep(20);
      clients = (await status(server.bridge.url)).totals.clients;
    }
    const tookMs = performance.now() - begun;
    page.close();
    table.add([
      { what, name: 'not replied', value: count - clients.replied, unit: '', goal: { atMost: 0 } },
      { what, name: 'all ended after', value: tookMs / 1e3, unit: 's' },
    ]);
  } finally {
    await server.stop();
  }
}

/** Many pages at once, while a steady load makes about `eventsPerSecond`. */
export async function crowdOfPages(
  table: Table,
  { watchers, exchangesPerSecond, seconds }: { watchers: number; exchangesPerSecond: number; seconds: number },
): Promise<void> {
  const server = await startSockscope(0);
  try {
    const pages = await startWatchers(server.bridge.url, watchers);
    // Warm up, and learn nothing from it.
    await load(server.port, { concurrency: 50, total: exchangesPerSecond, maxSeconds: 10, rate: exchangesPerSecond });
    await pages.begin();
    const before = { events: (await status(server.bridge.url)).totals.events.recorded, cpu: processorMs(server.bridge.pid) };
    const work = load(server.port, { concurrency: 50, total: exchangesPerSecond * seconds, maxSeconds: seconds + 20, rate: exchangesPerSecond });
    const { value, result } = await highest(() => residentMiB(server.bridge.pid), work);
    await sleep(300);
    const seen = await pages.seen();
    const { events } = (await status(server.bridge.url)).totals;
    const perSecond = (events.recorded - before.events) / result.seconds;
    const what = `${watchers} pages watching ${Math.round(perSecond).toLocaleString('en')} events a second`;
    table.add([
      {
        what,
        name: 'event to page at the 99th percentile',
        value: seen.latencyMs.p99,
        unit: 'ms',
        goal: { atMost: 250 },
        beside: `median ${seen.latencyMs.p50.toFixed(1)} ms, ${seen.gaps} gaps`,
      },
      {
        what,
        name: 'memory of the bridge',
        value,
        unit: 'MiB',
        goal: { atMost: 300 },
        beside: `${((processorMs(server.bridge.pid) - before.cpu) / 10 / result.seconds).toFixed(0)} % of a processor`,
      },
      { what, name: 'events a page did not get', value: seen.missing, unit: '', goal: { atMost: 0 } },
    ]);
    await pages.stop();
  } finally {
    await server.stop();
  }
}
