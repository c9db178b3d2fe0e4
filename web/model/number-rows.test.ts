// Rows of numbers: null until they are set, kept while they grow, at rest for a while after they were freed.
import { expect, test } from 'vitest';
import { NumberRows } from './number-rows.ts';

test('a row is null until it is set, and others never change it', () => {
  const rows = new NumberRows(3);
  const taken = Array.from({ length: 2_000 }, () => rows.take());
  for (const row of taken) rows.set(row, row % 3, row);
  expect(new Set(taken).size).toBe(2_000);
  for (const row of taken) expect([0, 1, 2].map((column) => rows.get(row, column))).toEqual([0, 1, 2].map((column) => (column === row % 3 ? row : null)));
  rows.set(7, 1, null);
  expect(rows.get(7, 1)).toBeNull();
});

test('a freed row says what it said until thousands were freed after it, then it is another, of nulls', () => {
  const rows = new NumberRows(1);
  const first = rows.take();
  rows.set(first, 0, 42);
  rows.free(first);
  let made = 0;
  for (let row = rows.take(); row !== first; row = rows.take()) {
    expect(rows.get(first, 0)).toBe(42);
    rows.set(row, 0, 1);
    rows.free(row);
    made += 1;
    if (made > 10_000) break;
  }
  expect(made).toBeGreaterThan(4_000);
  expect(made).toBeLessThan(5_000);
  expect(rows.get(first, 0)).toBeNull();
  const seen = new Set<number>();
  for (let i = 0; i < 20_000; i += 1) {
    const row = rows.take();
    seen.add(row);
    rows.free(row);
  }
  expect(seen.size).toBeLessThan(5_000);
});
