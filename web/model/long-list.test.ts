// Growing, losing its oldest, giving one back from the middle: as an array does, and what was taken before stays as it was.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LongList } from './long-list.ts';

function listed(list: LongList<number>): number[] {
  const found: number[] = [];
  list.forEach((one) => found.push(one));
  return found;
}

describe('a long list', () => {
  it('says at each place, and one after the other, what an array would say', () => {
    const step = fc.oneof(
      fc.record({ push: fc.integer({ min: 1, max: 1_500 }) }),
      fc.record({ forget: fc.integer({ min: 1, max: 900 }) }),
      fc.record({ delete: fc.nat({ max: 3_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        let list = new LongList<number>();
        let array: number[] = [];
        let next = 0;
        for (const one of steps) {
          if ('push' in one)
            for (let i = 0; i < one.push; i += 1) {
              list.push(next);
              array.push(next);
              next += 1;
            }
          else if ('delete' in one) {
            const gone = array.at(-1 - one.delete) ?? -1;
            list.delete(gone);
            array = array.filter((number) => number !== gone);
          } else {
            // Every seventh stays, as those do that live.
            let left = one.forget;
            const goes = (number: number): boolean => number % 7 !== 0;
            list = list.withoutFirst(one.forget, goes);
            array = array.filter((number) => !(left > 0 && goes(number) && (left -= 1) >= 0));
          }
          expect(list.length).toBe(array.length);
          expect(listed(list)).toEqual(array);
          expect(array.map((_, place) => list.at(place))).toEqual(array);
          expect([list.at(-1), list.at(array.length), list.at(-array.length - 1)]).toEqual([array.at(-1), undefined, undefined]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('stays as it was when another is made of it, and that one grows', () => {
    const before = new LongList<number>();
    for (let i = 0; i < 1_300; i += 1) before.push(i);
    const after = before.withoutFirst(600, () => true);
    for (let i = 1_300; i < 2_000; i += 1) after.push(i);
    expect(listed(before)).toEqual(Array.from({ length: 1_300 }, (_, i) => i));
    expect([before.at(0), before.at(1_299), before.at(1_300)]).toEqual([0, 1_299, undefined]);
    expect(listed(after)).toEqual(Array.from({ length: 1_400 }, (_, i) => i + 600));
  });
});
