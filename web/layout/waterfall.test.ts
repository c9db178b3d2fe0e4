// One row of the waterfall: which stretches it has, and where they lie.
import { describe, expect, it } from 'vitest';
import type { Connection } from '../model/connection.ts';
import { sampleConnection } from '../model/sample-connection.ts';
import { waterfallRow, waterfallWindow } from './waterfall.ts';

const SCALE = { fromNs: 0, toNs: 10e9, width: 1_000 };

function connection(more: Partial<Connection>): Connection {
  return sampleConnection({ startNs: 1e9, ...more });
}

describe('a row', () => {
  it('of a held connection ends now, and shows when it is due', () => {
    const row = waterfallRow(connection({ phase: 'held', connectedNs: 1.1e9, acceptedNs: 1.2e9, holdFromNs: 1.3e9, holdMs: 5_000 }), SCALE, 4e9);
    expect(row.bars.map((bar) => bar.kind)).toEqual(['connect', 'queued', 'reading', 'held']);
    expect(row.endX).toBe(400);
    expect(row.dueX).toBe(630);
    expect(row.failedX).toBeNull();
  });

  it('of a queued connection has no accepted part', () => {
    const row = waterfallRow(connection({ phase: 'queued', connectedNs: 1.1e9 }), SCALE, 3e9);
    expect(row.bars.map((bar) => bar.kind)).toEqual(['connect', 'queued']);
    expect(row.bars[1]).toMatchObject({ x: 110, width: 190 });
  });

  it('of a refused connection is a connect with a cross at its end', () => {
    const row = waterfallRow(connection({ phase: 'ended', outcome: 'refused', errno: 'ECONNREFUSED', endNs: 1.001e9 }), SCALE, 5e9);
    expect(row.bars.map((bar) => bar.kind)).toEqual(['connect']);
    expect(row.failedX).toBe(100);
  });

  it('of an answered connection has the reply and the closing after it', () => {
    const row = waterfallRow(
      connection({ phase: 'ended', outcome: 'replied', connectedNs: 1e9, acceptedNs: 1e9, holdFromNs: 1e9, holdMs: 1_000, repliedNs: 2e9, endNs: 2.5e9 }),
      SCALE,
      9e9,
    );
    expect(row.bars.map((bar) => bar.kind)).toEqual(['connect', 'reading', 'held', 'replied', 'closing']);
    expect(row.dueX).toBeNull();
    expect(row.endX).toBe(250);
  });

  it('draws nothing of what lies outside the window', () => {
    const row = waterfallRow(connection({ startNs: 20e9, connectedNs: 21e9 }), SCALE, 30e9);
    expect(row.bars).toEqual([]);
  });
});

describe('the window', () => {
  it('holds all its connections and the holds under way', () => {
    const window = waterfallWindow([connection({ holdFromNs: 2e9, holdMs: 5_000 }), connection({ startNs: 1.5e9, endNs: 3e9, outcome: 'replied' })], 2.5e9);
    expect(window.fromNs).toBeLessThan(1e9);
    expect(window.toNs).toBeGreaterThan(7e9);
  });

  it('stays while the rows on show lie in it', () => {
    const held = waterfallWindow([connection({ startNs: 1e9, endNs: 6e9 })], 7e9);
    expect(waterfallWindow([connection({ startNs: 1.01e9, endNs: 6.01e9 })], 7e9, held)).toBe(held);
  });

  it('is fitted anew to rows that lie beyond it, and to such as need far less', () => {
    const held = waterfallWindow([connection({ startNs: 1e9, endNs: 9e9 })], 10e9);
    const beyond = [connection({ startNs: 1e9, endNs: 9.9e9 })];
    const less = [connection({ startNs: 2e9, endNs: 7e9 })];
    for (const rows of [beyond, less]) expect(waterfallWindow(rows, 10e9, held)).toEqual(waterfallWindow(rows, 10e9));
  });
});
