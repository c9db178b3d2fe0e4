// What must be true of a bridge and its engines when a fault is over: the books balance, and nothing is left lying about.
import { readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'playwright/test';
import type { BridgeUnderTest } from './bridge-under-test.ts';

export interface ServerTotals {
  accepted: number;
  replied: number;
  closedWithoutByte: number;
  reset: number;
  lost: number;
  live: number;
  held: number;
}

export interface StatusAnswer {
  server: { state: string; pid: number | null; tcpPort: number; holdMs: number; failure: { call: string; errno: string } | null };
  processes: { name: string; pid: number | null; restarts: number; heartbeatAgeMs: number | null; dropped: number }[];
  totals: {
    server: ServerTotals;
    clients: { started: number; replied: number; failed: number; ended: number; live: number };
    events: { recorded: number; dropped: number };
  };
  watchers: number;
}

/** A GET whose connection ends with its answer: a kept one would count as a descriptor. */
export function ask(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() });
      });
    });
    request.on('error', reject);
  });
}

export async function status(bridge: BridgeUnderTest): Promise<StatusAnswer> {
  return JSON.parse((await ask(`${bridge.url}/api/status`)).body) as StatusAnswer;
}

/** A zombie is dead: it only waits for somebody to ask how it ended. */
export function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Seconds of CPU that a process has used: utime and stime of proc(5), in ticks of 10 ms. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^\d+ \(.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function memoryKiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? NaN);
}

const STEADY_LOOKS_MAX = 50;
const STEADY_INTERVAL_MS = 200;
const LOOKS = 5;
const LOOK_INTERVAL_MS = 20;

/** Open descriptors; the least of a few looks, because the question for the pid has a connection that is just ending. */
async function descriptors(pid: number): Promise<number> {
  let least = Infinity;
  for (let look = 0; look < LOOKS; look += 1) {
    least = Math.min(least, readdirSync(`/proc/${pid}/fd`).length);
    await setTimeout(LOOK_INTERVAL_MS);
  }
  return least;
}

export type ProcessName = 'bridge' | 'increment-server' | 'tcp-client';

export async function pidOf(bridge: BridgeUnderTest, name: ProcessName): Promise<number> {
  const pid = (await status(bridge)).processes.find((process) => process.name === name)?.pid;
  if (pid === null || pid === undefined) throw new Error(`there is no ${name} process`);
  return pid;
}

/** Every connection is counted once, in exactly one place. */
export function expectBalanced({ accepted, replied, closedWithoutByte, reset, lost, live }: ServerTotals): void {
  expect({ accepted, replied, closedWithoutByte, reset, lost, live }).toEqual({
    accepted: replied + closedWithoutByte + reset + lost + live,
    replied,
    closedWithoutByte,
    reset,
    lost,
    live,
  });
}

/** Waits until nobody is served any more, looking at each answer on the way; the totals then. */
export async function settledTotals(bridge: BridgeUnderTest, timeoutMs = 30_000): Promise<ServerTotals> {
  await expect
    .poll(
      async () => {
        const totals = (await status(bridge)).totals.server;
        expectBalanced(totals);
        return totals.live;
      },
      { timeout: timeoutMs },
    )
    .toBe(0);
  return (await status(bridge)).totals.server;
}

/** Descriptors and memory of each process, by its name. */
export type Household = Map<string, { descriptors: number; memoryKiB: number }>;

export async function household(bridge: BridgeUnderTest): Promise<Household> {
  const { processes } = await status(bridge);
  const all: Household = new Map();
  for (const { name, pid } of processes) if (pid !== null) all.set(name, { descriptors: await descriptors(pid), memoryKiB: memoryKiB(pid) });
  return all;
}

/** The same, once every process has begun and holds as many descriptors as a moment before. */
export async function steadyHousehold(bridge: BridgeUnderTest): Promise<Household> {
  await expect.poll(async () => (await status(bridge)).processes.every((process) => process.pid === null || process.heartbeatAgeMs !== null)).toBe(true);
  let before = await household(bridge);
  for (let look = 0; look < STEADY_LOOKS_MAX; look += 1) {
    await setTimeout(STEADY_INTERVAL_MS);
    const now = await household(bridge);
    if ([...now].every(([name, one]) => one.descriptors === before.get(name)?.descriptors)) return now;
    before = now;
  }
  throw new Error(`descriptors come and go: ${JSON.stringify([...before])}`);
}

/** As many descriptors as before, and not more memory than `growthKiB` above it. Sentences that tell the figures. */
export async function expectRestored(bridge: BridgeUnderTest, before: Household, growthKiB: number): Promise<string[]> {
  const wanted = Object.fromEntries([...before].map(([name, one]) => [name, one.descriptors]));
  await expect
    .poll(async () => Object.fromEntries([...(await household(bridge))].map(([name, one]) => [name, one.descriptors])), { timeout: 15_000 })
    .toEqual(wanted);
  const figures: string[] = [];
  for (const [name, after] of await household(bridge)) {
    const grown = after.memoryKiB - (before.get(name)?.memoryKiB ?? 0);
    figures.push(`${name} ${after.descriptors} descriptors as before, ${grown < 0 ? '' : '+'}${(grown / 1_024).toFixed(1)} MiB`);
    expect(grown, `memory of ${name}, KiB more`).toBeLessThan(growthKiB);
  }
  return figures;
}

/** Nothing was left unhandled: Node would have said so on stderr. */
export function expectNoMishap(lines: readonly string[]): void {
  expect(lines.filter((line) => /unhandled|uncaught|TypeError|RangeError|ReferenceError|MaxListeners|out of memory/i.test(line))).toEqual([]);
}
