// Pages without a browser, in a process of their own: they take what the feed says, as records like the page, acknowledge it, and measure how late it comes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { percentile } from './table.ts';

const RUN = fileURLToPath(new URL('../../.dev/run.mjs', import.meta.url));
/** As the page does. */
const ACK_INTERVAL_MS = 250;
/** Of a frame of records (server/wire/record-frame.ts): bytes of one record with its number, and the type that stands for events. */
const RECORD_BYTES = 96;
const NUMBERED_BYTES = RECORD_BYTES + 8;
const TYPE_EVENTS = 1;
const SNAPSHOT_HEAD = /^\{"type":"(hello|gap)"/;
const HEAD_BYTES = 160;

/** What the pages saw together since `begin`. */
export interface Watched {
  watchers: number;
  events: number;
  messages: number;
  gaps: number;
  /** Events that neither came nor were said to be left out: there must be none. */
  missing: number;
  bytes: number;
  /** From the event's own time to its arrival, one sample per message, in milliseconds. */
  latencyMs: { p50: number; p99: number; most: number };
}

export interface Watchers {
  readonly pid: number;
  /** Forgets what was seen so far. */
  begin(): Promise<void>;
  seen(): Promise<Watched>;
  stop(): Promise<void>;
}

/** Starts `count` pages in one process. */
export async function startWatchers(url: string, count: number): Promise<Watchers> {
  const child = spawn(process.execPath, [RUN, fileURLToPath(import.meta.url), url, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const ask = async (word: string): Promise<string> => {
    child.stdin.write(`${word}\n`);
    return String((await lines.next()).value);
  };
  if ((await lines.next()).value !== 'watching') throw new Error('the watchers did not come up');
  return {
    pid: child.pid ?? 0,
    async begin() {
      await ask('begin');
    },
    seen: async () => JSON.parse(await ask('seen')) as Watched,
    async stop() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

/** One page: `onMessage` hears of each message of events with the age of its first one. */
export class Watcher {
  events = 0;
  messages = 0;
  gaps = 0;
  missing = 0;
  bytes = 0;
  readonly #socket: WebSocket;
  readonly #acks: NodeJS.Timeout;
  #seq = 0;

  constructor(url: string, onEvents: (atNs: number) => void) {
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/ws?records=1`, { perMessageDeflate: false });
    this.#socket.on('message', (data: Buffer, isBinary: boolean) => {
      this.messages += 1;
      this.bytes += data.length;
      if (isBinary) {
        if (data.readDoubleLE(data.length - 8) !== TYPE_EVENTS) return;
        const count = Math.floor(data.length / NUMBERED_BYTES);
        const from = data.readDoubleLE(count * RECORD_BYTES);
        this.events += count;
        this.missing += from - this.#seq - 1;
        this.#seq = from + count - 1;
        // The first event is the oldest: its lateness is the worst of all in the message.
        onEvents(data.readDoubleLE(0));
        return;
      }
      const snapshot = SNAPSHOT_HEAD.exec(data.toString('latin1', 0, HEAD_BYTES))?.[1];
      if (snapshot === 'gap') this.gaps += 1;
      // Of both, the number stands behind what differs in length: a hello's limits and status.
      if (snapshot !== undefined) this.#seq = Number(/"snapshot":\{"seq":(\d+)/.exec(data.toString('latin1', 0, 2_048))?.[1] ?? NaN);
    });
    this.#socket.on('error', () => undefined);
    let acked = 0;
    this.#acks = setInterval(() => {
      if (this.#seq === acked || this.#socket.readyState !== WebSocket.OPEN) return;
      acked = this.#seq;
      this.#socket.send(JSON.stringify({ type: 'ack', seq: acked }));
    }, ACK_INTERVAL_MS);
  }

  async opened(): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) await once(this.#socket, 'open');
  }

  close(): void {
    clearInterval(this.#acks);
    this.#socket.close();
  }
}

/** CLOCK_MONOTONIC at the bridge's run start, in nanoseconds of our own hrtime: the quickest of several answers is the surest. */
export async function runStart(url: string): Promise<number> {
  let best = { tookNs: Infinity, startNs: 0 };
  for (let tries = 0; tries < 10; tries += 1) {
    const before = Number(process.hrtime.bigint());
    const status = (await (await fetch(`${url}/api/status`)).json()) as { nowNs: number };
    const tookNs = Number(process.hrtime.bigint()) - before;
    if (tookNs < best.tookNs) best = { tookNs, startNs: before + tookNs / 2 - status.nowNs };
  }
  return best.startNs;
}

/** The process itself: URL COUNT; orders come on standard input, a line each. */
export async function main([url = '', count = '1']: string[]): Promise<number> {
  const startNs = await runStart(url);
  let latencies: number[] = [];
  const watchers: Watcher[] = [];
  for (let made = 0; made < Number(count); made += 1) {
    const watcher = new Watcher(url, (atNs) => latencies.push((Number(process.hrtime.bigint()) - startNs - atNs) / 1e6));
    await watcher.opened();
    watchers.push(watcher);
  }
  await sleep(100);
  console.log('watching');
  for await (const order of createInterface(process.stdin)) {
    if (order === 'begin') {
      latencies = [];
      for (const watcher of watchers) watcher.events = watcher.messages = watcher.gaps = watcher.missing = watcher.bytes = 0;
      console.log('begun');
    } else console.log(JSON.stringify(sum(watchers, latencies)));
  }
  for (const watcher of watchers) watcher.close();
  return 0;
}

function sum(watchers: readonly Watcher[], latencies: readonly number[]): Watched {
  const total = (of: (watcher: Watcher) => number): number => watchers.reduce((all, watcher) => all + of(watcher), 0);
  return {
    watchers: watchers.length,
    events: total((one) => one.events),
    messages: total((one) => one.messages),
    gaps: total((one) => one.gaps),
    missing: total((one) => one.missing),
    bytes: total((one) => one.bytes),
    latencyMs: { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99), most: percentile(latencies, 1) },
  };
}
