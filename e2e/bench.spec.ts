// The measuring programs work: each part runs in small. Their figures mean nothing here, and none is judged.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'playwright/test';
import { run } from './programs.ts';

const RUN = fileURLToPath(new URL('../.dev/run.mjs', import.meta.url));
const program = (name: string): string => fileURLToPath(new URL(`bench/${name}.ts`, import.meta.url));

test('the bench runs every part in small, prints its table and writes it as JSON', async () => {
  const info = test.info();
  test.setTimeout(180_000);
  const json = info.outputPath('bench.json');
  const end = await run(process.execPath, [RUN, program('bench'), '--quick', '--json', json], { timeoutMs: 170_000 });
  expect(end.stderr).toBe('');
  expect(end.code).toBe(0);
  const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: { what: string; name: string; value: number; unit: string }[] };
  const text = end.stdout.toString();
  for (const row of rows) expect(text).toContain(row.name);
  for (const part of ['exchanges per second', 'at once', 'a second for', 'cost grows', 'spawned from a page', 'pages watching', 'to LISTEN'])
    expect(rows.filter((row) => row.what.includes(part)).length, part).toBeGreaterThan(0);
  const value = (name: string): number[] => rows.filter((row) => row.name.includes(name)).map((row) => row.value);
  for (const rate of rows.filter((row) => row.unit === '/s')) expect(rate.value, rate.name).toBeGreaterThan(0);
  expect([...value('not replied'), ...value('lost'), ...value('did not get')]).toEqual([0, 0, 0, 0]);
  expect(Math.min(...value('earliest'))).toBeGreaterThanOrEqual(0);
});

test('the soak reconciles its totals and gives its descriptors back', async () => {
  const info = test.info();
  test.setTimeout(120_000);
  const json = info.outputPath('soak.json');
  const small = ['--minutes', '0.05', '--rate', '100', '--hold-ms', '500', '--watchers', '3', '--json', json];
  await run(process.execPath, [RUN, program('soak'), ...small], { timeoutMs: 110_000 });
  const { rows } = JSON.parse(readFileSync(json, 'utf8')) as { rows: { what: string; name: string; value: number }[] };
  for (const row of rows.filter(({ what }) => !what.startsWith('memory'))) expect(`${row.what}, ${row.name}: ${row.value}`).toBe(`${row.what}, ${row.name}: 0`);
  expect(rows.filter(({ what }) => what.startsWith('totals')).length).toBe(7);
});
