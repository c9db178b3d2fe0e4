import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Deadlines, type Due } from './deadlines.ts';

class Timer implements Due {
  dueNs = 0;
  heapIndex = -1;
  readonly name: number;
  readonly #fired: [number, number][];
  constructor(name: number, fired: [number, number][]) {
    this.name = name;
    this.#fired = fired;
  }
  onDue(): void {
    this.#fired.push([this.name, this.dueNs]);
  }
}

type Step = { do: 'set'; who: number; at: number } | { do: 'clear'; who: number } | { do: 'run'; at: number };
const who = fc.nat(11);
const at = fc.nat(100);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('set' as const), who, at }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('run' as const), at }) },
);

it('a heap of deadlines does what a sorted list would do', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const fired: [number, number][] = [];
      const deadlines = new Deadlines();
      const timers = Array.from({ length: 12 }, (_, name) => new Timer(name, fired));
      const model = new Map<number, number>();
      for (const one of steps) {
        if (one.do === 'set') {
          deadlines.set(timers[one.who]!, one.at);
          model.set(one.who, one.at);
        } else if (one.do === 'clear') {
          deadlines.clear(timers[one.who]!);
          model.delete(one.who);
        } else {
          fired.length = 0;
          deadlines.run(one.at);
          const due = [...model].filter(([, time]) => time <= one.at);
          // Earliest first; those of one time in any order.
          expect(fired.map(([, time]) => time)).toEqual(due.map(([, time]) => time).sort((a, b) => a - b));
          expect([...fired].sort()).toEqual([...due].sort());
          for (const [name] of due) model.delete(name);
        }
        expect(deadlines.count).toBe(model.size);
        expect(deadlines.nextNs).toBe(Math.min(Infinity, ...model.values()));
        for (const timer of timers) expect(timer.heapIndex >= 0).toBe(model.has(timer.name));
      }
    }),
    { numRuns: 500 },
  );
});

it('one that is due may move or lift others, and set itself again', () => {
  const deadlines = new Deadlines();
  const fired: string[] = [];
  const timer = (name: string, onDue: () => void = () => undefined): Due => ({
    dueNs: 0,
    heapIndex: -1,
    onDue: () => {
      fired.push(name);
      onDue();
    },
  });
  const lifted = timer('lifted');
  const moved = timer('moved');
  const again = timer('again', () => deadlines.set(again, 50));
  const first = timer('first', () => {
    deadlines.clear(lifted);
    deadlines.set(moved, 20);
  });
  deadlines.set(moved, 2);
  deadlines.set(lifted, 3);
  deadlines.set(first, 1);
  deadlines.set(again, 4);
  deadlines.run(10);
  expect(fired).toEqual(['first', 'again']);
  deadlines.run(19);
  deadlines.run(20);
  expect(fired).toEqual(['first', 'again', 'moved']);
  expect([deadlines.count, deadlines.nextNs]).toEqual([1, 50]);
});
