// `npm run soak`: the whole stack under steady mixed traffic for minutes, with pages coming and going; memory, descriptors and totals must come back.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startSockscope } from './contender.ts';
import { MixedClients, PERCENT } from './mixed-clients.ts';
import { descriptors, residentMiB } from './process-cost.ts';
import { machine, Table } from './table.ts';
import { Watcher } from './watcher-process.ts';

const USAGE = 'npm run soak -- [--minutes 10] [--rate 500] [--hold-ms 5000] [--watchers 20] [--json PATH]';
/** Until then caches fill, and the journal's ring; a slope means nothing before. */
const SETTLED_AFTER_S = 120;
/** Heaps go up and down: the lowest of each window is what stays. */
const WINDOW_S = 15;
/** A page stays this long, at least and at most. */
const PAGE_STAYS_S = [2, 20] as const;

interface ServerTotals {
  accepted: number;
  replied: number;
  closedWithoutByte: number;
  reset: number;
  lost: number;
  live: number;
}
interface Status {
  watchers: number;
  processes: { name: string; pid: number | null }[];
  totals: { server: ServerTotals; events: { recorded: number; dropped: number } };
}

async function status(url: string): Promise<Status> {
  return (await (await fetch(`${url}/api/status`)).json()) as Status;
}

/** Memory of one process over the run. */
class Memory {
  readonly name: string;
  readonly pid: number;
  readonly samples: { second: number; mib: number }[] = [];

  constructor(name: string, pid: number) {
    this.name = name;
    this.pid = pid;
  }

  sample(second: number): void {
    this.samples.push({ second, mib: residentMiB(this.pid) });
  }

  /** MiB a minute from `fromS` on: least squares through the lowest of each window. */
  slope(fromS: number): number {
    const lowest = new Map<number, number>();
    for (const { second, mib } of this.samples) {
      const window = Math.floor(second / WINDOW_S);
      if (second >= fromS) lowest.set(window, Math.min(lowest.get(window) ?? Infinity, mib));
    }
    const points = [...lowest].map(([window, mib]) => ({ minute: (window * WINDOW_S) / 60, mib }));
    const mean = (of: (point: { minute: number; mib: number }) => number): number => points.reduce((all, point) => all + of(point), 0) / points.length;
    const minute = mean((point) => point.minute);
    const mib = mean((point) => point.mib);
    const spread = points.reduce((all, point) => all + (point.minute - minute) ** 2, 0);
    return spread === 0 ? 0 : points.reduce((all, point) => all + (point.minute - minute) * (point.mib - mib), 0) / spread;
  }
}

/** Pages that come, watch for a while, and go. */
class Pages {
  readonly #url: string;
  readonly #here = new Map<Watcher, number>();
  came = 0;
  gaps = 0;
  missing = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Once a second: those whose time is over go, others come until there are `count`. */
  turn(second: number, count: number): void {
    for (const [watcher, until] of this.#here) if (second >= until) this.#leave(watcher);
    while (this.#here.size < count) {
      const [least, most] = PAGE_STAYS_S;
      this.#here.set(new Watcher(this.#url, () => undefined), second + least + Math.random() * (most - least));
      this.came += 1;
    }
  }

  leave(): void {
    for (const watcher of this.#here.keys()) this.#leave(watcher);
  }

  #leave(watcher: Watcher): void {
    this.gaps += watcher.gaps;
    this.missing += watcher.missing;
    watcher.close();
    this.#here.delete(watcher);
  }
}

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      rate: { type: 'string', default: '500' },
      'hold-ms': { type: 'string', default: '5000' },
      watchers: { type: 'string', default: '20' },
      json: { type: 'string', default: 'node_modules/.cache/sockscope/soak.json' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [seconds, rate, holdMs, watchers] = [Number(values.minutes) * 60, Number(values.rate), Number(values['hold-ms']), Number(values.watchers)];
  console.log(machine());
  console.log(
    `${values.minutes} minutes, ${rate} exchanges a second, hold ${holdMs} ms, ${watchers} pages; ${PERCENT.talkative} % talkative, ${PERCENT.resetting} % reset, ${PERCENT.silent} % silent`,
  );
  const server = await startSockscope(holdMs);
  const { url } = server.bridge;
  try {
    const processes = (await status(url)).processes.map(({ name, pid }) => new Memory(name, pid ?? 0));
    // Once through with everything: what is opened once and stays is no leak.
    const pages = new Pages(url);
    pages.turn(0, watchers);
    await new MixedClients(server.port, 200).run(100, 1);
    pages.leave();
    await quiet(url);
    const before = processes.map(({ pid }) => descriptors(pid));
    const totalsBefore = (await status(url)).totals.server;

    const clients = new MixedClients(server.port, holdMs);
    const startMs = performance.now();
    const timer = setInterval(() => {
      const second = (performance.now() - startMs) / 1e3;
      pages.turn(second, watchers);
      for (const process of processes) process.sample(second);
      if (Math.round(second) % 60 === 0) tell(second, clients, processes);
    }, 1_000);
    await clients.run(rate, seconds);
    while (clients.counts.live > 0) await sleep(50);
    clearInterval(timer);
    pages.leave();
    await quiet(url);

    const table = new Table();
    report(table, { processes, before, seconds, clients, pages, totalsBefore, after: await status(url) });
    table.write(values.json);
    return table.missed === 0 ? 0 : 1;
  } finally {
    await server.stop();
  }
}

/** Waits until nobody is connected any more and the totals say so. */
async function quiet(url: string): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    const { totals, watchers } = await status(url);
    if (totals.server.live === 0 && watchers === 0) break;
    await sleep(50);
  }
  // The server may still read to the end of file of its last peers, and Node keeps this fetch's own connection a while.
  await sleep(2_500);
}

function tell(second: number, clients: MixedClients, processes: readonly Memory[]): void {
  const memory = processes.map(({ name, samples }) => `${name} ${(samples.at(-1)?.mib ?? 0).toFixed(0)} MiB`).join(', ');
  console.log(`  ${Math.round(second / 60)} min: ${clients.counts.begun} begun, ${clients.counts.live} live; ${memory}`);
}

interface Run {
  processes: readonly Memory[];
  before: readonly number[];
  seconds: number;
  clients: MixedClients;
  pages: Pages;
  totalsBefore: ServerTotals;
  after: Status;
}

function report(table: Table, { processes, before, seconds, clients, pages, totalsBefore, after }: Run): void {
  const fromS = Math.min(SETTLED_AFTER_S, seconds / 2);
  if (fromS < SETTLED_AFTER_S) table.note(`shorter than four minutes: the slope is of its second half, in which caches still fill`);
  const { counts } = clients;
  for (const [words, count] of clients.failures) table.note(`${count} failed, ${words}`);
  table.add([
    ...processes.map((process, index) => ({
      what: `memory, from second ${fromS} on`,
      name: process.name,
      value: process.slope(fromS),
      unit: 'MiB/min',
      goal: { atMost: 1 },
      beside: `${(process.samples.at(0)?.mib ?? 0).toFixed(0)} → ${(process.samples.at(-1)?.mib ?? 0).toFixed(0)} MiB, descriptors ${before[index] ?? 0} → ${descriptors(process.pid)}`,
    })),
    ...processes.map((process, index) => ({
      what: 'descriptors more than before',
      name: process.name,
      value: descriptors(process.pid) - (before[index] ?? 0),
      unit: '',
      goal: { atMost: 0 },
    })),
    ...(
      [
        ['accepted by the server, begun by the clients', 'accepted', counts.begun],
        ['replied', 'replied', counts.replied],
        ['reset during the hold', 'reset', counts.reset],
        ['closed without a byte', 'closedWithoutByte', counts.silent],
        ['lost', 'lost', counts.failed],
        ['still live', 'live', counts.live],
      ] as const
    ).map(([name, field, ofClients]) => {
      const ofServer = after.totals.server[field] - totalsBefore[field];
      return {
        what: 'totals: server less clients',
        name,
        value: Math.abs(ofServer - ofClients),
        unit: '',
        goal: { atMost: 0 },
        beside: `server ${ofServer}, clients ${ofClients}`,
      };
    }),
    { what: 'totals: server less clients', name: 'wrong replies', value: counts.wrong, unit: '', goal: { atMost: 0 } },
    {
      what: 'events',
      name: 'missing from a page without a word',
      value: pages.missing,
      unit: '',
      goal: { atMost: 0 },
      beside: `${pages.came} pages came, ${pages.gaps} gaps; ${after.totals.events.recorded} events recorded, ${after.totals.events.dropped} dropped`,
    },
  ]);
}
