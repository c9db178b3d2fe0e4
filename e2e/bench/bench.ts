// `npm run bench`: what sockscope costs beside what others cost, measured in one run on this machine.
import { parseArgs } from 'node:util';
import { compilerIsHere } from './load.ts';
import { crowd, growth, precision } from './holding.ts';
import { machine, Table } from './table.ts';
import { throughput } from './throughput.ts';
import { crowdOfPages, spawnedClients, start } from './whole-program.ts';

const USAGE = `npm run bench -- [--quick] [--only PART,PART …] [--rounds N] [--seconds N] [--json PATH]
  parts: ${['throughput', 'crowd', 'precision', 'growth', 'spawn', 'pages', 'start'].join(', ')}
  --quick    every part in small, in less than a minute: to see that all of it works; its figures mean little
  --seconds  of one turn of one contender (throughput), by default 3; --rounds: turns of each, by default 5`;

interface Plan {
  throughput: { rounds: number; seconds: number };
  crowd: { atOnce: number; holdMs: number };
  precision: { rate: number; seconds: number; holdMs: number };
  growth: { counts: number[]; holdMs: number };
  spawn: { count: number; holdMs: number };
  pages: { watchers: number; exchangesPerSecond: number; seconds: number };
  start: { times: number };
}

const FULL: Plan = {
  throughput: { rounds: 5, seconds: 3 },
  crowd: { atOnce: 10_000, holdMs: 5_000 },
  precision: { rate: 1_000, seconds: 60, holdMs: 1_000 },
  growth: { counts: [100, 1_000, 10_000], holdMs: 5_000 },
  spawn: { count: 2_000, holdMs: 1_000 },
  pages: { watchers: 200, exchangesPerSecond: 50, seconds: 10 },
  start: { times: 7 },
};
const QUICK: Plan = {
  throughput: { rounds: 1, seconds: 0.3 },
  crowd: { atOnce: 500, holdMs: 500 },
  precision: { rate: 200, seconds: 1, holdMs: 200 },
  growth: { counts: [50, 200], holdMs: 300 },
  spawn: { count: 100, holdMs: 200 },
  pages: { watchers: 10, exchangesPerSecond: 20, seconds: 1 },
  start: { times: 1 },
};

export async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      json: { type: 'string', default: 'node_modules/.cache/sockscope/bench.json' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const plan = values.quick ? QUICK : FULL;
  if (values.rounds !== undefined) plan.throughput.rounds = Number(values.rounds);
  if (values.seconds !== undefined) plan.throughput.seconds = Number(values.seconds);
  const table = new Table();
  const parts: Record<keyof Plan, () => Promise<void>> = {
    throughput: () => throughput(table, plan.throughput),
    crowd: () => crowd(table, plan.crowd),
    precision: () => precision(table, plan.precision),
    growth: () => growth(table, plan.growth),
    spawn: () => spawnedClients(table, plan.spawn),
    pages: () => crowdOfPages(table, plan.pages),
    start: () => start(table, plan.start),
  };
  const chosen = values.only?.split(',') ?? Object.keys(parts);
  const unknown = chosen.filter((name) => !(name in parts));
  if (unknown.length > 0) {
    console.error(`no such part: ${unknown.join(', ')}\n${USAGE}`);
    return 2;
  }
  console.log(machine());
  if (!compilerIsHere) table.note('no C compiler here (cc): the load comes from Node, and is what limits the fast ones');
  for (const name of chosen) await parts[name as keyof Plan]();
  table.write(values.json);
  return 0;
}
