import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEED_BURST_EVENTS, FEED_LIVE_EVENTS_PER_SECOND } from '../wire/limits.ts';
import { Pace } from './pace.ts';

/** Events a second for so long, looked at every 16 ms; the last word on it. */
function at(pace: Pace, from: { ms: number; seq: number }, perSecond: number, seconds: number): boolean {
  let fast = false;
  for (const end = from.ms + seconds * 1e3; from.ms < end;) {
    from.ms += 16;
    from.seq += Math.round(perSecond * 0.016);
    fast = pace.tooFast(from.seq, from.ms);
  }
  return fast;
}

describe('the pace of the trace', () => {
  it('is never too fast while a burst a second is all that comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: FEED_BURST_EVENTS }), { maxLength: 20 }), (seconds) => {
        const pace = new Pace(0, 0);
        let seq = 0;
        // All of it in one go, then a second of nothing.
        return seconds.every((events, second) => !pace.tooFast((seq += events), second * 1e3));
      }),
    );
  });

  it('is too fast within half a second at twice the limit', () => {
    expect(at(new Pace(0, 0), { ms: 0, seq: 0 }, 2.1 * FEED_LIVE_EVENTS_PER_SECOND, 0.5)).toBe(true);
  });

  it('calms down in about a second, however long it was too fast', () => {
    const pace = new Pace(0, 0);
    const from = { ms: 0, seq: 0 };
    expect(at(pace, from, 3 * FEED_LIVE_EVENTS_PER_SECOND, 60)).toBe(true);
    expect(at(pace, from, 100, 1.1)).toBe(false);
  });

  it('does not take what was there before it looked for speed', () => {
    expect(new Pace(0, 10_000_000).tooFast(10_000_001, 16)).toBe(false);
  });
});
