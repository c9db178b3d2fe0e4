// How long a hold has still to go, whatever the page's clock says.
import { describe, expect, it } from 'vitest';
import { holdLeftMs } from './connection.ts';

describe('the time left of a hold', () => {
  const held = { holdMs: 5_000, holdFromNs: 2e9, repliedNs: null, endNs: null };

  it('goes down to nothing', () => {
    expect(holdLeftMs(held, 3e9)).toBe(4_000);
    expect(holdLeftMs(held, 9e9)).toBe(0);
  });

  it('is the whole hold for a clock that is behind its beginning', () => {
    expect(holdLeftMs(held, 1.9e9)).toBe(5_000);
  });

  it('is none where no hold is under way', () => {
    expect(holdLeftMs({ ...held, repliedNs: 7e9 }, 8e9)).toBeNull();
    expect(holdLeftMs({ ...held, endNs: 3e9 }, 4e9)).toBeNull();
    expect(holdLeftMs({ ...held, holdFromNs: null }, 4e9)).toBeNull();
  });
});
