// What is known by a number is found until it is deleted, whatever numbers come and go beside it.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByNumber } from './by-number.ts';

it('knows what a map would know', () => {
  const number = fc.oneof(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(number, fc.boolean()), { maxLength: 400 }), (steps) => {
      const known = new ByNumber<string>();
      const map = new Map<number, string>();
      for (const [key, isSet] of steps) {
        if (isSet) {
          known.set(key, `one ${key} of ${map.size}`);
          map.set(key, `one ${key} of ${map.size}`);
        } else expect(known.delete(key)).toBe(map.delete(key));
        expect(known.get(key)).toBe(map.get(key));
        expect(known.size).toBe(map.size);
      }
      expect([...known.values()].sort()).toEqual([...map.values()].sort());
    }),
  );
});

it('begins with nothing in a piece that served before', () => {
  const known = new ByNumber<number>();
  for (let turn = 0; turn < 40; turn += 1) {
    const from = turn * 256;
    known.set(from, 0);
    expect(Array.from({ length: 255 }, (_, i) => known.get(from + 1 + i)).every((one) => one === undefined)).toBe(true);
    for (let i = 1; i < 256; i += 1) known.set(from + i, i);
    for (let i = 0; i < 256; i += 1) known.delete(from + i);
  }
  expect(known.size).toBe(0);
});
