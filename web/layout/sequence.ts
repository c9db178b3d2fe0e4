// The sequence diagram: the steps of both ends on one clock, a call as long as it took, long idle stretches folded; pure geometry that a view only draws.
import type { Connection } from '../model/connection.ts';
import { statesOf, stretches, type StateStretch } from '../model/seen-states.ts';
import type { Step } from '../model/step.ts';

export const ROW_HEIGHT = 18;
export const FOLD_HEIGHT = 26;
/** Height of a call that took no time to speak of. */
export const BLOCK_HEIGHT = 8;
/** Below its label, where a call that is drawn longer than a row says how long it took. */
export const TOOK_HEIGHT = 8;
const TOP = 12;
/** Steps that do not stand in each other's way follow as closely as this. */
const LEAST_ADVANCE = 8;
const STATE_ROW_HEIGHT = 13;
const ARROW_DROP_MAX = 10;
/** A stretch in which nothing happened is folded from this length on. */
const FOLD_FROM_NS = 40e6;
/** From this length on a call's end has a place of its own on the clock. */
const LONG_CALL_NS = 1e6;

export interface SequenceRow {
  step: Step;
  /** Middle of its label; the beginning of what it tells. */
  y: number;
  /** Where a call returned; where a segment's arrow ends. */
  endY: number;
}

export interface Fold {
  y: number;
  height: number;
  idleNs: number;
  /** The byte is held during this stretch. */
  held: boolean;
}

/** A stretch of a lane, with where it lies. */
export interface LaneStretch extends StateStretch {
  side: 'client' | 'server';
  fromY: number;
  toY: number;
}

export interface Sequence {
  rows: SequenceRow[];
  folds: Fold[];
  lanes: LaneStretch[];
  height: number;
}

/** The columns of the picture; two steps in one column must not overlap. Between narrow lanes the names of both ends' states meet: they are one column. */
type Column = 'client' | 'server' | 'network' | 'state';

const COLUMN_PITCH: Readonly<Record<Column, number>> = {
  client: ROW_HEIGHT,
  server: ROW_HEIGHT,
  network: ROW_HEIGHT - 1,
  state: STATE_ROW_HEIGHT,
};

function columnOf(step: Step): Column {
  if (step.event?.kind === 'tcp-state' && step.side !== 'network') return 'state';
  return step.side;
}

/** A moment on the clock: a step begins, or (`step` null) a long call returns. */
interface Moment {
  atNs: number;
  step: Step | null;
}

/** Lays out `steps` of `connection`, which are in order of time. */
export function sequence(connection: Connection, steps: readonly Step[]): Sequence {
  const clock: { ns: number; y: number }[] = [];
  const folds: Fold[] = [];
  const yOfStep = new Map<Step, number>();
  const lastIn = new Map<Column, Step>();
  let y = TOP - LEAST_ADVANCE;
  let lastNs = steps[0]?.atNs ?? 0;
  for (const { atNs, step } of moments(steps)) {
    const idleNs = atNs - lastNs;
    let next = y + LEAST_ADVANCE;
    if (idleNs >= FOLD_FROM_NS) {
      const top = y + ROW_HEIGHT / 2;
      folds.push({ y: top, height: FOLD_HEIGHT, idleNs, held: isHeld(connection, lastNs, atNs) });
      next = top + FOLD_HEIGHT + ROW_HEIGHT / 2;
    }
    if (step !== null) {
      const column = columnOf(step);
      const before = lastIn.get(column);
      if (before !== undefined) {
        const stillUnderWay = isLong(before) && before.atNs + before.durationNs > atNs;
        next = Math.max(next, (yOfStep.get(before) ?? TOP) + COLUMN_PITCH[column] + (stillUnderWay ? TOOK_HEIGHT : 0));
      }
      lastIn.set(column, step);
      yOfStep.set(step, next);
    }
    y = next;
    clock.push({ ns: atNs, y });
    lastNs = Math.max(lastNs, atNs);
  }
  const yOf = (ns: number): number => heightAt(clock, ns);
  const rows = steps.map((step): SequenceRow => {
    const at = yOfStep.get(step) ?? TOP;
    if (step.side === 'network') return { step, y: at, endY: at + Math.min(ARROW_DROP_MAX, Math.max(6, yOf(step.arrivedNs) - at)) };
    return { step, y: at, endY: Math.max(at + BLOCK_HEIGHT / 2, isLong(step) ? yOf(step.atNs + step.durationNs) : 0) };
  });
  const height = y + ROW_HEIGHT + TOP;
  const lanes = (['client', 'server'] as const).flatMap((side) => laneOf(connection, side, yOf, lastNs));
  return { rows, folds, lanes, height };
}

function isLong(step: Step): boolean {
  return step.side !== 'network' && step.durationNs >= LONG_CALL_NS;
}

function moments(steps: readonly Step[]): Moment[] {
  const found: Moment[] = steps.map((step) => ({ atNs: step.atNs, step }));
  for (const step of steps) if (isLong(step)) found.push({ atNs: step.atNs + step.durationNs, step: null });
  // Stable: steps of the same moment keep their order, and a call returns after what began with it.
  return found.sort((a, b) => a.atNs - b.atNs);
}

function isHeld({ holdFromNs, repliedNs }: Connection, fromNs: number, toNs: number): boolean {
  return holdFromNs !== null && fromNs >= holdFromNs - 1e6 && (repliedNs === null || toNs <= repliedNs);
}

/** The one clock: time to height, straight between the moments that have a place. */
function heightAt(clock: readonly { ns: number; y: number }[], ns: number): number {
  let low = 0;
  let high = clock.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((clock[middle]?.ns ?? 0) <= ns) low = middle + 1;
    else high = middle;
  }
  const before = clock[low - 1];
  const after = clock[low];
  if (before === undefined) return (after?.y ?? TOP) - LEAST_ADVANCE;
  if (after === undefined) return before.y + (ns > before.ns ? LEAST_ADVANCE : 0);
  return before.y + ((ns - before.ns) / Math.max(1, after.ns - before.ns)) * (after.y - before.y);
}

/** Height of a single look: it tells of one moment, but has to be seen. */
const LOOK_HEIGHT = 7;

function laneOf(connection: Connection, side: 'client' | 'server', yOf: (ns: number) => number, untilNs: number): LaneStretch[] {
  const found: LaneStretch[] = [];
  const all = stretches(statesOf(connection, side), untilNs);
  all.forEach((stretch, i) => {
    const next = all[i + 1];
    const fromY = Math.max(yOf(stretch.fromNs), found.at(-1)?.toY ?? 0);
    const roomTo = next === undefined ? Infinity : yOf(next.seen ? next.fromNs : next.toNs);
    const toY = Math.max(fromY, Math.min(roomTo, Math.max(yOf(stretch.toNs), stretch.seen ? fromY + LOOK_HEIGHT : 0)));
    if (toY > fromY) found.push({ ...stretch, side, fromY, toY });
  });
  return found;
}
