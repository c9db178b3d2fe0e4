// Filters and orders of the connections.
import { describe, expect, it } from 'vitest';
import { connectionRows, processesOf, type ListQuery } from './connection-list.ts';
import type { Connection } from './connection.ts';
import { sampleConnection } from './sample-connection.ts';

function connection(number: number, more: Partial<Connection>, process?: string): Connection {
  return sampleConnection({ key: `c${number}`, number, startNs: number * 10, phase: 'held', ...more }, process);
}

const ALL = [
  connection(1, { phase: 'ended', outcome: 'replied', endNs: 60 }),
  connection(2, { phase: 'ended', outcome: 'refused', endNs: 21 }),
  connection(3, {}),
  connection(4, { phase: 'queued' }, 'nc'),
];

function keys(query: Partial<ListQuery>): string[] {
  const rows = connectionRows(ALL, { show: 'all', process: null, sort: 'newest', ...query }, 100);
  return Array.from({ length: rows.length }, (_, row) => rows.at(row)!.key);
}

describe('the connections on show', () => {
  it('are newest first, or oldest first', () => {
    expect(keys({})).toEqual(['c4', 'c3', 'c2', 'c1']);
    expect(keys({ sort: 'oldest' })).toEqual(['c1', 'c2', 'c3', 'c4']);
  });

  it('are sorted by how long they took, or by what came of them', () => {
    expect(keys({ sort: 'longest' })).toEqual(['c3', 'c4', 'c1', 'c2']);
    expect(keys({ sort: 'outcome' })).toEqual(['c2', 'c4', 'c3', 'c1']);
  });

  it('are filtered by outcome, state and process', () => {
    expect(keys({ show: 'live' })).toEqual(['c4', 'c3']);
    expect(keys({ show: 'failed' })).toEqual(['c2']);
    expect(keys({ show: 'outcome:replied' })).toEqual(['c1']);
    expect(keys({ show: 'phase:queued' })).toEqual(['c4']);
    expect(keys({ process: 'nc' })).toEqual(['c4']);
    expect(keys({ process: 'nc', show: 'failed' })).toEqual([]);
  });

  it('know the row of each, in every order', () => {
    for (const sort of ['newest', 'oldest', 'longest', 'outcome'] as const) {
      const rows = connectionRows(ALL, { show: 'all', process: null, sort }, 100);
      for (const one of ALL) expect(rows.at(rows.rowOf(one))).toBe(one);
      expect(rows.at(rows.length)).toBeUndefined();
    }
    expect(connectionRows(ALL, { show: 'live', process: null, sort: 'newest' }, 100).rowOf(ALL[0]!)).toBe(-1);
  });

  it('belong to these processes', () => {
    expect(processesOf(ALL)).toEqual(['nc', 'tcp-client']);
  });
});
