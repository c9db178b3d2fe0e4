// Who stands on the stage: few by name, a crowd as counted groups, the chosen one always.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampleConnection } from '../model/sample-connection.ts';
import type { LivingPhase } from '../model/connection-book.ts';
import { acceptedTop, BOX_HEIGHT, LISTENER_HEIGHT, STAGE_HEIGHT, stagePlan, type Living } from './stage.ts';

const PHASES: readonly LivingPhase[] = ['connecting', 'queued', 'reading', 'held', 'replying', 'closing'];
const ACCEPTED: readonly string[] = ['reading', 'held', 'replying', 'closing'];

const MOST = 300;
const MADE = PHASES.map((phase) => Array.from({ length: MOST }, (_, i) => sampleConnection({ key: `${phase}${i}`, phase })));

function living(counts: Partial<Record<LivingPhase, number>>): Living {
  const made = PHASES.map((phase, i) => [phase, new Set(MADE[i]?.slice(0, counts[phase] ?? 0))] as const);
  return Object.fromEntries(made) as unknown as Living;
}

const counts = fc.record(Object.fromEntries(PHASES.map((phase) => [phase, fc.nat({ max: MOST })])) as Record<LivingPhase, fc.Arbitrary<number>>);

test('everyone is on the stage, by name or counted, and nobody twice', () => {
  fc.assert(
    fc.property(counts, (many) => {
      const plan = stagePlan(living(many), null);
      const all = PHASES.reduce((sum, phase) => sum + many[phase], 0);
      expect(plan.places.length + (plan.crowd?.count ?? 0)).toBe(all);
      expect(Object.values(plan.crowd?.phases ?? {}).reduce((sum, count) => sum + count, 0)).toBe(plan.crowd?.count ?? 0);
      expect(new Set(plan.places.map((place) => place.connection.key)).size).toBe(plan.places.length);
      const rows = plan.places.length + (plan.crowd === null ? 0 : 1);
      expect(rows).toBeLessThanOrEqual(4);
      const accepted = plan.places.filter((place) => place.acceptedRow !== null);
      for (const { acceptedRow } of accepted) expect(acceptedTop(acceptedRow!) + BOX_HEIGHT).toBeLessThanOrEqual(STAGE_HEIGHT);
      if (plan.crowdAcceptedRow !== null) expect(acceptedTop(plan.crowdAcceptedRow) + BOX_HEIGHT).toBeLessThanOrEqual(STAGE_HEIGHT);
      for (const place of plan.places) expect(place.acceptedRow !== null).toBe(ACCEPTED.includes(place.connection.phase));
    }),
  );
});

test('the chosen one has a box wherever its kind has one', () => {
  const held = living({ held: 200, queued: 10 });
  const chosen = [...held.held][150]!;
  expect(stagePlan(held, chosen).places.map((place) => place.connection)).toContain(chosen);
});

test('three clients have three boxes and three wires, and no crowd', () => {
  const plan = stagePlan(living({ held: 3 }), null);
  expect(plan.crowd).toBeNull();
  expect(plan.wires.map((wire) => wire.kind)).toEqual(['accepted', 'accepted', 'accepted']);
});

test('those in the queue lead to the listener, those without an answer lead nowhere yet', () => {
  const plan = stagePlan(living({ queued: 1, connecting: 1 }), null);
  expect(plan.wires.map(({ kind, toY }) => [kind, toY < LISTENER_HEIGHT])).toEqual([
    ['queued', true],
    ['connecting', true],
  ]);
});
