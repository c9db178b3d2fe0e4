// `npm run bench:page`: the page under load, in a real Chromium on the real stack: frames, long tasks, memory, and how soon an event is drawn.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium, type Browser } from 'playwright';
import config from '../playwright.config.ts';
import { BarePage } from './bare-page.ts';
import { showNewest } from './barest-page.ts';
import { startSockscope } from './contender.ts';
import { load } from './load.ts';
import { processorMs, processorTicks } from './process-cost.ts';
import { begin, findRunStart, install } from './page-probe.ts';
import { machine, percentile, Table } from './table.ts';
import { ThreadTimes } from './thread-times.ts';

const USAGE = 'npm run bench:page -- [--seconds 300] [--live 10000] [--rate 2000] [--json PATH]';
/** Events of one client are drawn one by one: so many clients, one after the other. */
const SINGLE_CLIENTS = 200;
/** So many turns our page and the barest take. */
const ROUNDS = 2;
const BAREST = 'a page that shows the newest number only';
/** So long the barest page is measured beside the crowd. */
const BAREST_S = 30;
const HEAP_EVERY_S = 5;
const WARM_UP_S = 15;

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seconds: { type: 'string', default: '300' },
      live: { type: 'string', default: '10000' },
      rate: { type: 'string', default: '2000' },
      json: { type: 'string', default: 'node_modules/.cache/sockscope/bench-page.json' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [seconds, live, rate] = [Number(values.seconds), Number(values.live), Number(values.rate)];
  // As many live as arrive while each is held.
  const holdMs = Math.round((live / rate) * 1e3);
  console.log(machine());
  const table = new Table();
  const browser = await chromium.launch({ ...config.use?.launchOptions, args: [...(config.use?.launchOptions?.args ?? []), '--enable-precise-memory-info'] });
  try {
    const page = await BarePage.open(browser, { width: 1440, height: 900 }, install);
    await oneClient(table, page);
    await crowd(table, page, browser, { seconds, live, rate, holdMs });
  } finally {
    await browser.close();
  }
  table.write(values.json);
  return 0;
}

async function open(page: BarePage, url: string): Promise<void> {
  await page.goto(url, canConnect, 15_000);
  await page.evaluate(findRunStart);
}

/** The page has heard of its bridge: Connect can be pressed. */
function canConnect(): boolean {
  return [...document.querySelectorAll('button')].some((button) => button.innerText === 'Connect' && !button.disabled);
}

/** The reference on the same feed, in the same page; it runs from the next event on. */
async function openBarest(page: BarePage, url: string): Promise<void> {
  await page.goto(`${url}/healthz`, () => true, 15_000);
  await page.evaluate(findRunStart);
  await page.evaluate(showNewest);
}

/** One client after the other: nothing else goes on. Our page and the barest take turns. */
async function oneClient(table: Table, page: BarePage): Promise<void> {
  const server = await startSockscope(100);
  try {
    const latencies: Record<'ours' | 'barest', number[]> = { ours: [], barest: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const which of ['ours', 'barest'] as const) {
        await (which === 'ours' ? open : openBarest)(page, server.bridge.url);
        await load(server.port, { concurrency: 1, total: 10, maxSeconds: 20 });
        await page.evaluate(begin, false);
        await load(server.port, { concurrency: 1, total: SINGLE_CLIENTS / ROUNDS, maxSeconds: 60 });
        await sleep(300);
        latencies[which].push(...(await page.evaluate(() => window.probe.latencies)));
      }
    }
    const { ours, barest } = latencies;
    const what = 'one client at a time: from an event to the frame that shows it';
    table.add([
      { what, name: 'median', value: percentile(ours, 0.5), unit: 'ms', beside: `${ours.length} samples; ${BAREST}: ${percentile(barest, 0.5).toFixed(1)} ms` },
      {
        what,
        name: '99th percentile',
        value: percentile(ours, 0.99),
        unit: 'ms',
        goal: { atMost: 50 },
        beside: `${BAREST}: ${percentile(barest, 0.99).toFixed(1)} ms`,
      },
    ]);
  } finally {
    await server.stop();
  }
}

async function crowd(
  table: Table,
  page: BarePage,
  browser: Browser,
  { seconds, live, rate, holdMs }: { seconds: number; live: number; rate: number; holdMs: number },
): Promise<void> {
  const server = await startSockscope(holdMs);
  try {
    await open(page, server.bridge.url);
    const warmUpS = holdMs / 1e3 + WARM_UP_S;
    const whole = warmUpS + seconds + BAREST_S + 5;
    const work = load(server.port, { concurrency: live + rate, total: Math.round(rate * whole), maxSeconds: whole + 30, rate, holdMs });
    await sleep(warmUpS * 1e3);
    const before = { heap: await heapMiB(page, true), cpu: processorMs(server.bridge.pid), machine: processorTicks() };
    await page.evaluate(begin, true);
    // The first second after the collection we asked for ourselves is not the page's.
    const startMs = await page.evaluate(() => performance.now() + 1_000);
    const thread = new ThreadTimes(await busiestRenderer(browser));
    const heaps: number[] = [];
    for (let second = 0; second < seconds; second += HEAP_EVERY_S) {
      await sleep(Math.min(HEAP_EVERY_S, seconds - second) * 1e3);
      heaps.push(await heapMiB(page, false));
    }
    const probe = await page.evaluate(() => {
      window.probe.scrolling = false;
      return window.probe;
    });
    thread.stop();
    const originMs = await page.evaluate(() => performance.timeOrigin);
    const shown = await page.evaluate(() => document.querySelector<HTMLElement>('section[aria-label="Connections"]')?.innerText ?? '');
    const machineThen = processorTicks();
    const stolenShare = (100 * (machineThen.stolen - before.machine.stolen)) / (machineThen.all - before.machine.all);
    const bridgeShare = (processorMs(server.bridge.pid) - before.cpu) / 10 / seconds;
    // What the probe itself has collected is not the page's: 16 bytes for each of a hundred thousand samples.
    await page.evaluate(begin, false);
    const after = await heapMiB(page, true);
    await openBarest(page, server.bridge.url);
    await sleep(2_000);
    await page.evaluate(begin, true);
    await sleep(BAREST_S * 1e3);
    const barest = await page.evaluate(() => window.probe);
    const end = await work;
    const tasks = probe.longTasks
      .filter((task) => task.startMs > startMs)
      .map(({ startMs: fromMs, durationMs }) => ({ durationMs, ...thread.between(originMs + fromMs, originMs + fromMs + durationMs) }))
      .sort((a, b) => b.durationMs - a.durationMs);
    const what = `${live.toLocaleString('en')} live, ${rate.toLocaleString('en')} connections a second, ${seconds} s of scrolling`;
    table.add([
      {
        what,
        name: 'frames per second, median',
        value: 1e3 / percentile(probe.frames, 0.5),
        unit: '/s',
        goal: { atLeast: 59 },
        beside: `95 % of frames within ${percentile(probe.frames, 0.95).toFixed(1)} ms, 99 % within ${percentile(probe.frames, 0.99).toFixed(1)} ms; ${(probe.frames.length / seconds).toFixed(1)} frames a second on average`,
      },
      {
        what,
        name: 'longest task',
        value: tasks[0]?.durationMs ?? 0,
        unit: 'ms',
        goal: { atMost: 50 },
        beside: `${tasks.length} tasks over 50 ms by the clock; ${BAREST}, in ${BAREST_S} s: longest frame ${Math.max(...barest.frames).toFixed(0)} ms, ${(barest.frames.length / BAREST_S).toFixed(1)} frames a second`,
      },
      {
        what,
        name: 'most that one of them ran on a processor',
        value: Math.max(0, ...tasks.map((task) => task.ranMs)),
        unit: 'ms',
        goal: { atMost: 50 },
        beside: `else it waited for one; by the clock, ran, waited, at most: ${tasks.map(({ durationMs, ranMs, waitedMs }) => `${durationMs}, ${ranMs.toFixed(0)}, ${waitedMs.toFixed(0)} ms`).join('; ') || 'none'}`,
      },
      {
        what,
        name: 'from an event to its frame, median',
        value: percentile(probe.latencies, 0.5),
        unit: 'ms',
        beside: `${probe.latencies.length} samples; ${BAREST}: ${percentile(barest.latencies, 0.5).toFixed(1)} ms`,
      },
      {
        what,
        name: 'from an event to its frame, 99th percentile',
        value: percentile(probe.latencies, 0.99),
        unit: 'ms',
        goal: { atMost: 100 },
        beside: `${BAREST}: ${percentile(barest.latencies, 0.99).toFixed(1)} ms`,
      },
      {
        what,
        name: 'heap more at the end than after warming up',
        value: after - before.heap,
        unit: 'MiB',
        goal: { atMost: 10 },
        beside: `collected: ${before.heap.toFixed(0)} → ${after.toFixed(0)} MiB; on the way ${heaps.map((heap) => heap.toFixed(0)).join(' ')}`,
      },
    ]);
    table.note(
      `the page said: ${shown.split('\n').slice(0, 2).join(' ')}; ${end.replied} of ${end.done} replied; the bridge took ${bridgeShare.toFixed(0)} % of a processor; the host kept ${stolenShare.toFixed(1)} % of the processors’ time for others`,
    );
  } finally {
    await server.stop();
  }
}

/** The process whose main thread runs the page: of the browser's renderers the one that has worked most. */
async function busiestRenderer(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  await session.detach();
  const [busiest] = processInfo.filter(({ type }) => type === 'renderer').sort((a, b) => b.cpuTime - a.cpuTime);
  if (busiest === undefined) throw new Error('the browser names no renderer');
  return busiest.id;
}

async function heapMiB(page: BarePage, collected: boolean): Promise<number> {
  if (collected) await page.send('HeapProfiler.collectGarbage');
  return Number((await page.send('Runtime.getHeapUsage'))['usedSize']) / 1_048_576;
}
