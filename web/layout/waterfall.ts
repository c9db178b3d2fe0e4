// Where each stretch of a connection lies on the waterfall: pure geometry of one row.
import { isFailure, type Connection } from '../model/connection.ts';
import { xOf, type TimeScale, type TimeWindow } from './time-scale.ts';

export type BarKind = 'connect' | 'queued' | 'reading' | 'held' | 'replied' | 'closing';

export interface Bar {
  kind: BarKind;
  x: number;
  width: number;
}

export interface WaterfallRow {
  bars: Bar[];
  /** Where the hold will be over, while it lasts. */
  dueX: number | null;
  /** Where it failed. */
  failedX: number | null;
  endX: number;
}

/** What is on show, and where its axis counts from. */
export interface WaterfallWindow extends TimeWindow {
  zeroNs: number;
}

const LEAST_WIDTH = 2;

/** Nobody sees less than a quarter of a pixel, but a page that follows would set such changes sixty times a second, each a text of twenty digits. */
function toQuarter(pixels: number): number {
  return Math.round(pixels * 4) / 4;
}

/** One row; what lives grows to `nowNs`. */
export function waterfallRow(connection: Connection, scale: TimeScale, nowNs: number): WaterfallRow {
  const { startNs, connectedNs, acceptedNs, holdFromNs, repliedNs, endNs, holdMs } = connection;
  const end = endNs ?? Math.max(nowNs, startNs);
  const bars: Bar[] = [];
  const add = (kind: BarKind, from: number, to: number): void => {
    const x = Math.max(0, xOf(scale, from));
    const right = Math.min(scale.width, xOf(scale, Math.max(from, to)));
    if (right < 0 || x > scale.width) return;
    bars.push({ kind, x: toQuarter(x), width: Math.max(LEAST_WIDTH, toQuarter(right - x)) });
  };
  const accepted = acceptedNs ?? end;
  if (connection.client.ours) add('connect', startNs, Math.min(connectedNs ?? accepted, end));
  if (acceptedNs === null || (connectedNs !== null && acceptedNs > connectedNs))
    if (connectedNs !== null || !connection.client.ours) add('queued', connectedNs ?? startNs, accepted);
  if (acceptedNs !== null) add('reading', acceptedNs, holdFromNs ?? end);
  if (holdFromNs !== null) add('held', holdFromNs, repliedNs ?? end);
  if (repliedNs !== null) {
    add('replied', repliedNs, repliedNs);
    add('closing', repliedNs, end);
  }
  const due = holdFromNs !== null && holdMs !== null && repliedNs === null && endNs === null ? xOf(scale, holdFromNs + holdMs * 1e6) : null;
  const failed = isFailure(connection.outcome) && endNs !== null ? xOf(scale, endNs) : null;
  const inSight = (x: number | null): number | null => (x !== null && x >= 0 && x <= scale.width ? toQuarter(x) : null);
  return {
    bars,
    dueX: inSight(due),
    failedX: inSight(failed),
    endX: xOf(scale, end),
  };
}

/** Room beside what the rows on show need, as shares of that: to the right more, where time goes on. */
const ROOM_BEFORE = 0.01;
const ROOM_BEHIND = 0.1;
/** A window held may be so much wider than the rows on show need, before it is fitted to them again. */
const WIDER_MAX = 1.25;

/**
 * The window that shows `connections` and leaves room for the holds under way; at least two seconds wide. The one `held` so far stays while it shows them all
 * and is not much too wide: an axis that moved with each row scrolled by could not be read, and would have every row drawn anew in every frame.
 */
export function waterfallWindow(connections: readonly Connection[], nowNs: number, held: WaterfallWindow | null = null): WaterfallWindow {
  let fromNs = Infinity;
  let toNs = 0;
  for (const connection of connections) {
    fromNs = Math.min(fromNs, connection.startNs);
    const due =
      connection.endNs === null && connection.holdFromNs !== null && connection.repliedNs === null ? connection.holdFromNs + (connection.holdMs ?? 0) * 1e6 : 0;
    toNs = Math.max(toNs, connection.endNs ?? nowNs, due);
  }
  if (fromNs === Infinity) {
    const tenSecondsAgo = Math.max(0, nowNs - 10e9);
    return { fromNs: tenSecondsAgo, toNs: Math.max(nowNs, 10e9), zeroNs: tenSecondsAgo };
  }
  const span = Math.max(2e9, toNs - fromNs);
  const fitted = { fromNs: fromNs - span * ROOM_BEFORE, toNs: fromNs + span * (1 + ROOM_BEHIND), zeroNs: fromNs };
  const stays = held !== null && held.fromNs <= fromNs && held.toNs >= toNs && held.toNs - held.fromNs <= (fitted.toNs - fitted.fromNs) * WIDER_MAX;
  return stays ? held : fitted;
}
