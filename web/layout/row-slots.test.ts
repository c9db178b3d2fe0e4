// Which element shows which row: none twice, the same as long as it can be, in order after a leap.
import { describe, expect, it } from 'vitest';
import { RowSlots } from './row-slots.ts';

function slotsOf(slots: RowSlots, first: number, count: number): number[] {
  slots.moveTo(first, count);
  return Array.from({ length: count }, (_, at) => slots.slotOf(first + at));
}

describe('slots', () => {
  it('stay with the rows that stay in sight', () => {
    const slots = new RowSlots();
    const before = slotsOf(slots, 100, 5);
    const after = slotsOf(slots, 102, 5);
    expect(after.slice(0, 3)).toEqual(before.slice(2));
    expect(after.slice(3)).toEqual(before.slice(0, 2));
  });

  it('keep their order when no row stays', () => {
    const slots = new RowSlots();
    slotsOf(slots, 7, 5);
    const before = slotsOf(slots, 9, 5);
    expect(slotsOf(slots, 1_234, 5)).toEqual(before);
    expect(slotsOf(slots, 3, 5)).toEqual(before);
    expect(slotsOf(slots, 3 + 5, 5)).toEqual(before);
  });

  it('are each taken once, whatever the list does', () => {
    const slots = new RowSlots();
    for (const [first, count] of [
      [0, 4],
      [3, 4],
      [90, 4],
      [88, 6],
      [0, 6],
      [5, 6],
      [-2, 6],
    ] as const)
      expect(slotsOf(slots, first, count).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, at) => at));
  });
});
