// Many lists in one pool, beside plain arrays that do the same: whatever is added, joined and freed, each list has its own.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY, TimedLists, type TimedList } from './timed-lists.ts';

const LISTS = 4;

const step = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), list: fc.nat({ max: LISTS - 1 }), atNs: fc.nat({ max: 20 }) }),
  fc.record({ kind: fc.constant('append' as const), list: fc.nat({ max: LISTS - 1 }), atNs: fc.nat({ max: 20 }) }),
  fc.record({ kind: fc.constant('concat' as const), list: fc.nat({ max: LISTS - 1 }), more: fc.nat({ max: LISTS - 1 }) }),
  fc.record({ kind: fc.constant('free' as const), list: fc.nat({ max: LISTS - 1 }) }),
);

function nodesOf(lists: TimedLists, list: TimedList): number[] {
  const nodes: number[] = [];
  for (let node = lists.first(list); node !== 0; node = lists.next(list, node)) nodes.push(node);
  return nodes;
}

type Node = readonly [atNs: number, value: number, mark: number];

test('each list has what was put into it, in its order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const lists = new TimedLists();
      const handles: TimedList[] = Array.from({ length: LISTS }, () => EMPTY);
      const plain: Node[][] = Array.from({ length: LISTS }, () => []);
      steps.forEach((one, value) => {
        const handle = handles[one.list]!;
        const expected = plain[one.list]!;
        if (one.kind === 'insert') {
          const before = lists.nodeBefore(handle, one.atNs, value);
          handles[one.list] = lists.insertAfter(handle, before, one.atNs, value, value % 7);
          // Behind all of those that are in order before it.
          const late = expected.findIndex(([atNs]) => atNs > one.atNs);
          const isLast = expected.length === 0 || expected.at(-1)![0] <= one.atNs;
          expected.splice(isLast || late < 0 ? expected.length : late, 0, [one.atNs, value, value % 7]);
        } else if (one.kind === 'append') {
          handles[one.list] = lists.append(handle, one.atNs, value);
          expected.push([one.atNs, value, 0]);
        } else if (one.kind === 'free') {
          lists.free(handle);
          handles[one.list] = EMPTY;
          expected.length = 0;
        } else if (one.list !== one.more) {
          handles[one.list] = lists.concat(handle, handles[one.more]!);
          handles[one.more] = EMPTY;
          expected.push(...plain[one.more]!.splice(0));
        }
      });
      const read = handles.map((list) => nodesOf(lists, list).map((node): Node => [lists.atNs(node), lists.value(node), lists.mark(node)]));
      expect(read).toEqual(plain);
      for (const list of handles) {
        const nodes = nodesOf(lists, list);
        expect(nodes.map((node) => lists.previous(list, node))).toEqual([0, ...nodes].slice(0, nodes.length));
      }
    }),
  );
});

test('freed nodes are used again, however many lists come and go', () => {
  const lists = new TimedLists();
  const kept = lists.append(EMPTY, 1, 1);
  let highest = 0;
  for (let round = 0; round < 5_000; round += 1) {
    let list = EMPTY;
    for (let i = 0; i < 10; i += 1) list = lists.append(list, round, i);
    highest = Math.max(highest, ...nodesOf(lists, list));
    lists.free(list);
  }
  expect(highest).toBe(11);
  expect(nodesOf(lists, kept).map((node) => lists.value(node))).toEqual([1]);
});
