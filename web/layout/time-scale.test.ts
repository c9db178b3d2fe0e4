// Times and pixels: there and back, round ticks with labels that differ, and zooming around a point.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clockLabel, durationLabel, nsOf, panned, ticks, xOf, zoomed } from './time-scale.ts';

const windows = fc
  .tuple(fc.integer({ min: 0, max: 1_000_000_000_000 }), fc.integer({ min: 1_000, max: 100_000_000_000 }), fc.integer({ min: 60, max: 1_400 }))
  .map(([fromNs, span, width]) => ({ fromNs, toNs: fromNs + span, width }));

describe('a time scale', () => {
  it('leads from time to pixel and back', () => {
    fc.assert(
      fc.property(windows, fc.double({ min: 0, max: 1, noNaN: true }), (scale, share) => {
        const ns = scale.fromNs + share * (scale.toNs - scale.fromNs);
        expect(nsOf(scale, xOf(scale, ns))).toBeCloseTo(ns, -1);
      }),
    );
  });

  it('has ticks inside it, not too many, no two with the same label', () => {
    fc.assert(
      fc.property(windows, (scale) => {
        const found = ticks(scale, 70, scale.fromNs);
        expect(found.length).toBeLessThanOrEqual(scale.width / 70 + 2);
        expect(new Set(found.map((tick) => tick.label)).size).toBe(found.length);
        for (const tick of found) expect(tick.x >= -1 && tick.x <= scale.width + 1).toBe(true);
      }),
    );
  });

  it('tells minutes apart, though they are written in seconds', () => {
    expect(ticks({ fromNs: 0, toNs: 200e9, width: 300 }, 70).map((tick) => tick.label)).toEqual(['0 s', '50 s', '100 s', '150 s', '200 s']);
  });
});

describe('zooming', () => {
  it('keeps in place what is under the pointer', () => {
    fc.assert(
      fc.property(windows, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0.2, max: 5, noNaN: true }), (scale, share, factor) => {
        const aroundNs = nsOf(scale, share * scale.width);
        const nearer = { ...zoomed(scale, factor, aroundNs), width: scale.width };
        expect(xOf(nearer, aroundNs)).toBeCloseTo(share * scale.width, 0);
      }),
    );
  });

  it('has an end in both directions', () => {
    expect(zoomed({ fromNs: 0, toNs: 2_000 }, 1_000, 0).toNs).toBe(1_000);
    expect(zoomed({ fromNs: 0, toNs: 1e13 }, 1e-6, 0).toNs).toBe(1e14);
  });

  it('moves by a share of its width', () => {
    expect(panned({ fromNs: 100, toNs: 300 }, 0.5)).toEqual({ fromNs: 200, toNs: 400 });
  });
});

it('writes durations and clock times', () => {
  expect([0, 950, 12_000, 3_200_000, 5_004_000_000, 90e9].map(durationLabel)).toEqual(['0 s', '950 ns', '12 µs', '3.2 ms', '5.004 s', '1.5 min']);
  expect(clockLabel(12_004_118_900)).toBe('12.004 118');
});
