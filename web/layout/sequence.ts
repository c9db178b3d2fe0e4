// The sequence diagram: one row a step, one clock, long idle stretches folded; pure geometry that a view only draws.
import type { Connection, SeenState, SocketEnd } from '../model/connection.ts';
import type { Step } from '../model/step.ts';

export const ROW_HEIGHT = 24;
export const FOLD_HEIGHT = 34;
const TOP = 12;
/** A stretch in which nothing happened is folded from this length on. */
const FOLD_FROM_NS = 40e6;

export interface SequenceRow {
  step: Step;
  /** Middle of the row. */
  y: number;
  /** A segment's arrow ends here: a little lower, for it takes time. */
  arrivalY: number;
}

export interface Fold {
  y: number;
  height: number;
  idleNs: number;
  /** The byte is held during this stretch. */
  held: boolean;
}

/** A stretch of a lane. `seen` is false between two samples: the socket was in some state there, but nobody looked. */
export interface LaneStretch {
  side: 'client' | 'server';
  state: string;
  fromY: number;
  toY: number;
  seen: boolean;
  seq: number;
  evidence: string;
}

export interface Sequence {
  rows: SequenceRow[];
  folds: Fold[];
  lanes: LaneStretch[];
  height: number;
}

/** Lays out `steps` of `connection`. */
export function sequence(connection: Connection, steps: readonly Step[]): Sequence {
  const rows: SequenceRow[] = [];
  const folds: Fold[] = [];
  let y = TOP;
  let lastNs = steps[0]?.atNs ?? 0;
  for (const step of steps) {
    const idleNs = step.atNs - lastNs;
    if (idleNs >= FOLD_FROM_NS) {
      const holdFrom = connection.holdFromNs;
      folds.push({
        y,
        height: FOLD_HEIGHT,
        idleNs,
        held: holdFrom !== null && lastNs >= holdFrom - 1e6 && (connection.repliedNs === null || step.atNs <= connection.repliedNs),
      });
      y += FOLD_HEIGHT;
    }
    const middle = y + ROW_HEIGHT / 2;
    rows.push({ step, y: middle, arrivalY: middle + (step.segment === null ? 0 : ROW_HEIGHT * 0.35) });
    y += ROW_HEIGHT;
    lastNs = Math.max(lastNs, step.atNs + (step.segment === null ? step.durationNs : 0));
  }
  const height = y + TOP;
  const yOf = clock(rows);
  const lanes = [...laneStretches(connection.client, 'client', yOf, height), ...laneStretches(connection.server, 'server', yOf, height)];
  return { rows, folds, lanes, height };
}

/** The one clock: time to height, straight between the steps. */
function clock(rows: readonly SequenceRow[]): (ns: number) => number {
  return (ns) => {
    let before: SequenceRow | undefined;
    for (const row of rows) {
      if (row.step.atNs > ns) {
        if (before === undefined) return row.y - ROW_HEIGHT / 2;
        const share = (ns - before.step.atNs) / Math.max(1, row.step.atNs - before.step.atNs);
        return before.y + share * (row.y - before.y);
      }
      before = row;
    }
    return before === undefined ? TOP : before.y + ROW_HEIGHT / 3;
  };
}

const SAMPLE_HEIGHT = 10;

function laneStretches(end: SocketEnd | null, side: 'client' | 'server', yOf: (ns: number) => number, height: number): LaneStretch[] {
  if (end === null) return [];
  const stretches: LaneStretch[] = [];
  const states = [...end.states].sort((a, b) => a.atNs - b.atNs);
  states.forEach((state: SeenState, i) => {
    const next = states[i + 1];
    const fromY = yOf(state.atNs);
    const until =
      next === undefined ? Math.min(height - TOP, Math.max(fromY + SAMPLE_HEIGHT, end.closedNs === null ? height - TOP : yOf(end.closedNs))) : yOf(next.atNs);
    // A tracepoint tells every change, so what it last told still holds; a sample tells of one moment only.
    const continuous = state.evidence === 'tracefs' && (next === undefined || next.evidence === 'tracefs');
    const sampleEnd = continuous ? until : Math.min(until, fromY + SAMPLE_HEIGHT);
    const of = { side, state: state.to, seq: state.seq, evidence: state.evidence };
    stretches.push({ ...of, fromY, toY: Math.max(sampleEnd, fromY + 2), seen: true });
    if (sampleEnd < until) stretches.push({ ...of, fromY: sampleEnd, toY: until, seen: false });
  });
  return stretches;
}
