// How many exchanges a second with no hold: every contender in turn, round after round, so that a noisy minute is everybody's.
import { setTimeout as sleep } from 'node:timers/promises';
import { available, CONTENDERS, type ContenderName, type Running } from './contender.ts';
import { load } from './load.ts';
import { processorMs } from './process-cost.ts';
import { median, type Row, type Table } from './table.ts';

const WHAT = 'exchanges per second, hold 0';
const ORDER: readonly ContenderName[] = ['barest', 'sameCalls', 'fork', 'net', 'silent', 'engine', 'bridge', 'watched'];
/** What the whole stack is held against: every call recorded, one page watching. */
const GOALS: readonly { against: ContenderName; atLeast: number }[] = [
  { against: 'sameCalls', atLeast: 0.8 },
  { against: 'barest', atLeast: 0.6 },
  { against: 'fork', atLeast: 1.8 },
  { against: 'net', atLeast: 1.2 },
];
/** What each layer costs: the second, as a share of the first. */
const LAYERS: readonly { name: string; of: ContenderName; is: ContenderName }[] = [
  { name: 'recording: records / nothing recorded', of: 'silent', is: 'engine' },
  { name: 'bridge: recorded by it / thrown away', of: 'engine', is: 'bridge' },
  { name: 'watching: one page / nobody', of: 'bridge', is: 'watched' },
];
/** A queue that is filled again as soon as it is emptied, and well below every contender's backlog. */
const CONCURRENCY = 100;

export interface ThroughputOptions {
  rounds: number;
  /** Seconds of one turn of one contender. */
  seconds: number;
}

export async function throughput(table: Table, { rounds, seconds }: ThroughputOptions): Promise<void> {
  const names = available(ORDER, (line) => table.note(line));
  const running = new Map<ContenderName, Running>();
  const rates = new Map<ContenderName, number[]>(names.map((name) => [name, []]));
  const costs = new Map<ContenderName, number[]>(names.map((name) => [name, []]));
  try {
    for (const name of names) running.set(name, await CONTENDERS[name].start(0));
    // Round 0 warms up: compilers, caches and the kernel's own tables.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of names) {
        const server = running.get(name);
        if (server === undefined) continue;
        const before = processorMs(server.pid);
        const end = await load(server.port, { concurrency: CONCURRENCY, total: 1_000_000, maxSeconds: round === 0 ? Math.min(1, seconds) : seconds });
        if (end.wrong > 0 || end.failed > 0) throw new Error(`${CONTENDERS[name].name}: ${end.wrong} wrong, ${end.failed} failed of ${end.done}`);
        if (round > 0) {
          rates.get(name)?.push(end.perSecond);
          costs.get(name)?.push(((processorMs(server.pid) - before) * 1e3) / Math.max(1, end.replied));
        }
        // A bridge may still be telling its page of the last turn.
        await sleep(150);
      }
    }
  } finally {
    for (const server of running.values()) await server.stop();
  }
  const rate = (name: ContenderName): number => median(rates.get(name) ?? []);
  const rows: Row[] = names.map((name) => ({
    what: WHAT,
    name: CONTENDERS[name].name,
    value: rate(name),
    unit: '/s',
    beside: `${median(costs.get(name) ?? []).toFixed(0)} µs of processor each in the serving process`,
  }));
  const ratios = `${WHAT}: the whole stack, every call recorded, one page watching`;
  for (const { against, atLeast } of GOALS)
    if (names.includes(against))
      rows.push({ what: ratios, name: `against ${CONTENDERS[against].name}`, value: rate('watched') / rate(against), unit: '×', goal: { atLeast } });
  for (const { name, of, is } of LAYERS) rows.push({ what: `${WHAT}: what each layer costs`, name, value: rate(is) / rate(of), unit: '×' });
  table.add(rows);
}
