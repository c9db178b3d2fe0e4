// Many held at once: how late the last reply is, what it costs in memory, and whether the cost grows in a straight line.
import { available, CONTENDERS, startSockscope, type ContenderName } from './contender.ts';
import { load } from './load.ts';
import { highest, machineAvailableMiB, processorMs, residentMiB } from './process-cost.ts';
import type { Row, Table } from './table.ts';

/** `atOnce` connections begun as fast as they go, each held for `holdMs`. */
export async function crowd(table: Table, { atOnce, holdMs }: { atOnce: number; holdMs: number }): Promise<void> {
  const what = `${atOnce.toLocaleString('en')} at once, hold ${holdMs} ms`;
  const rows: Row[] = [];
  for (const name of available(['fork', 'net', 'watched'] as readonly ContenderName[], (line) => table.note(line))) {
    const server = await CONTENDERS[name].start(holdMs);
    try {
      // The first connections of a process bring in code and buffers that stay: they are not what the crowd costs.
      await load(server.port, { concurrency: 50, total: 50, maxSeconds: holdMs / 1e3 + 10 });
      const ofAll = name === 'fork';
      const look = (): number => (ofAll ? -machineAvailableMiB() : residentMiB(server.pid));
      const before = look();
      const bridgeBefore = server.bridge === undefined ? 0 : residentMiB(server.bridge.pid);
      const { value, result } = await highest(look, load(server.port, { concurrency: atOnce, total: atOnce, maxSeconds: holdMs / 1e3 + 60, holdMs }));
      const ours = name === 'watched';
      const bridge = server.bridge === undefined ? '' : `; bridge +${(residentMiB(server.bridge.pid) - bridgeBefore).toFixed(0)} MiB`;
      rows.push(
        {
          what,
          name: `${CONTENDERS[name].name}: last reply`,
          value: result.lastReplyMs / 1e3,
          unit: 's',
          beside: `${result.replied} replied, ${result.done - result.replied} not`,
          ...(ours ? { goal: { atMost: (holdMs + 400) / 1e3 } } : {}),
        },
        {
          what,
          name: `${CONTENDERS[name].name}: memory`,
          value: value - before,
          unit: 'MiB more',
          beside: ofAll ? 'of the whole machine' : `of the serving process${bridge}`,
          ...(ours ? { goal: { atMost: 40 } } : {}),
        },
      );
      if (ours) rows.push({ what, name: 'sockscope: lost', value: atOnce - result.replied, unit: '', goal: { atMost: 0 } });
    } finally {
      await server.stop();
    }
  }
  table.add(rows);
}

/** `rate` connections a second for `seconds`, each held for `holdMs`: how precise the hold is. */
export async function precision(table: Table, { rate, seconds, holdMs }: { rate: number; seconds: number; holdMs: number }): Promise<void> {
  const what = `${rate.toLocaleString('en')} a second for ${seconds} s, hold ${holdMs} ms`;
  const server = await CONTENDERS.watched.start(holdMs);
  try {
    await load(server.port, { concurrency: 4_000, total: rate, maxSeconds: 10 + holdMs / 1e3, rate, holdMs });
    const end = await load(server.port, { concurrency: 4_000, total: rate * seconds, maxSeconds: seconds + holdMs / 1e3 + 30, rate, holdMs });
    table.add([
      { what, name: 'late at the 99th percentile', value: end.lateMs.p99, unit: 'ms', goal: { atMost: 20 }, beside: `median ${end.lateMs.p50.toFixed(2)} ms` },
      { what, name: 'earliest (never before the hold is over)', value: end.lateMs.least, unit: 'ms', goal: { atLeast: 0 } },
      { what, name: 'not replied', value: rate * seconds - end.replied, unit: '', goal: { atMost: 0 } },
    ]);
  } finally {
    await server.stop();
  }
}

/** What `counts` connections held at once cost each: a straight line is the aim. */
export async function growth(table: Table, { counts, holdMs }: { counts: readonly number[]; holdMs: number }): Promise<void> {
  const what = `how cost grows with connections held at once (hold ${holdMs} ms)`;
  for (const count of counts) {
    const server = await startSockscope(holdMs);
    try {
      await load(server.port, { concurrency: 50, total: 50, maxSeconds: holdMs / 1e3 + 10 });
      const before = { engine: residentMiB(server.pid), bridge: residentMiB(server.bridge.pid), cpu: processorMs(server.pid) };
      const work = load(server.port, { concurrency: count, total: count, maxSeconds: holdMs / 1e3 + 30, holdMs });
      const { value, result } = await highest(() => residentMiB(server.pid), work);
      const engineMiB = value - before.engine;
      table.add([
        {
          what,
          name: `${count.toLocaleString('en')} held: processor time each`,
          value: ((processorMs(server.pid) - before.cpu) * 1e3) / count,
          unit: 'µs',
          beside: `engine +${engineMiB.toFixed(1)} MiB (${((engineMiB * 1024) / count).toFixed(1)} KiB each), bridge +${(residentMiB(server.bridge.pid) - before.bridge).toFixed(1)} MiB, last reply ${(result.lastReplyMs / 1e3).toFixed(2)} s`,
        },
      ]);
    } finally {
      await server.stop();
    }
  }
}
