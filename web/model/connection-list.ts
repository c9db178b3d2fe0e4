// Which connections are on show and in which order; cheap enough for every frame: without a filter nothing is copied.
import { isFailure, type Connection, type Outcome, type Phase } from './connection.ts';

export type Show = 'all' | 'live' | 'failed' | `phase:${Phase}` | `outcome:${Outcome}`;
export const SORTS = ['newest', 'oldest', 'longest', 'outcome'] as const;
export type Sort = (typeof SORTS)[number];

export interface ListQuery {
  show: Show;
  /** The client's process; null for all. */
  process: string | null;
  sort: Sort;
}

/** All that a page knows, oldest first by `number`. */
export interface Connections {
  readonly length: number;
  at(place: number): Connection | undefined;
  forEach(visit: (one: Connection) => void): void;
}

/** Rows from the top. */
export interface ConnectionRows {
  readonly length: number;
  at(row: number): Connection | undefined;
  /** The row of a connection, -1 where it is not on show. */
  rowOf(connection: Connection): number;
}

/** True for an order in which a row keeps its place among the others, whatever happens to it. */
export function isSteady(sort: Sort): boolean {
  return sort === 'newest' || sort === 'oldest';
}

export function connectionRows(all: Connections, query: ListQuery, nowNs: number): ConnectionRows {
  const plain = query.show === 'all' && query.process === null;
  if (plain && isSteady(query.sort)) return steadyRows(all, query.sort === 'newest');
  const kept: Connection[] = [];
  all.forEach((connection) => {
    if (plain || isShown(connection, query)) kept.push(connection);
  });
  if (isSteady(query.sort)) return steadyRows(kept, query.sort === 'newest');
  const sorted = kept.sort(query.sort === 'longest' ? (a, b) => lengthOf(b, nowNs) - lengthOf(a, nowNs) || b.number - a.number : byOutcome);
  return { length: sorted.length, at: (row) => sorted[row], rowOf: (connection) => sorted.indexOf(connection) };
}

function steadyRows(kept: Connections, reversed: boolean): ConnectionRows {
  const { length } = kept;
  const place = (row: number): number => (reversed ? length - 1 - row : row);
  return {
    length,
    at: (row) => (row < length ? kept.at(place(row)) : undefined),
    rowOf(connection) {
      let low = 0;
      let high = length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((kept.at(middle)?.number ?? Infinity) < connection.number) low = middle + 1;
        else high = middle;
      }
      return low < length && kept.at(low) === connection ? place(low) : -1;
    },
  };
}

function isShown({ phase, outcome, client }: Connection, { show, process }: ListQuery): boolean {
  if (process !== null && client.process !== process) return false;
  switch (show) {
    case 'all':
      return true;
    case 'live':
      return phase !== 'ended';
    case 'failed':
      return isFailure(outcome);
    default:
      return show === `phase:${phase}` || (outcome !== null && phase === 'ended' && show === `outcome:${outcome}`);
  }
}

function lengthOf({ startNs, endNs }: Connection, nowNs: number): number {
  return (endNs ?? nowNs) - startNs;
}

/** Failed ones first, then those that live, then the rest; the newest first among equals. */
function byOutcome(a: Connection, b: Connection): number {
  return rank(a) - rank(b) || (a.outcome ?? '').localeCompare(b.outcome ?? '') || b.number - a.number;
}

function rank({ phase, outcome }: Connection): number {
  return isFailure(outcome) ? 0 : phase === 'ended' ? 2 : 1;
}

/** The processes that clients belong to, by name; '' where one is not known. */
export function processesOf(all: Connections): string[] {
  const found = new Set<string>();
  all.forEach(({ client }) => found.add(client.process));
  return [...found].sort((a, b) => a.localeCompare(b));
}
