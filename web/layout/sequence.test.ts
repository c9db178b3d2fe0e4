// The picture of a story: order and time are kept, folds say their length, and a waiting call is long.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Connection } from '../model/connection.ts';
import { call, CLIENT_PID, clientStory, numbered, serverStart, serverStory, tracepoints } from '../model/sample-stories.ts';
import { steps } from '../model/step.ts';
import { TraceModel } from '../model/trace-model.ts';
import { BLOCK_HEIGHT, ROW_HEIGHT, sequence, TOOK_HEIGHT } from './sequence.ts';

const ONE = { atNs: 2e6, local: '127.0.0.1:43902', socket: 1 };

function connectionOf(...stories: ReturnType<typeof clientStory>[]): Connection {
  const model = new TraceModel();
  model.apply(numbered([...serverStart(), ...stories.flat()]));
  return model.connections.at(0)!;
}

const ALL = { inferred: true, routine: true };

describe('a whole exchange with all its evidence', () => {
  const connection = connectionOf(clientStory(ONE), serverStory(ONE), tracepoints(ONE));
  const story = steps(connection, ALL);
  const drawing = sequence(connection, story);

  test('rows go down as time does, and two in one column never overlap', () => {
    const last = new Map<string, number>();
    let before = -Infinity;
    for (const { step, y } of drawing.rows) {
      expect(y).toBeGreaterThan(before);
      before = y;
      const column = step.event?.kind === 'tcp-state' && step.side !== 'network' ? 'state' : step.side;
      const least = step.event?.kind === 'tcp-state' ? 12 : ROW_HEIGHT - 1;
      expect(y - (last.get(column) ?? -Infinity)).toBeGreaterThanOrEqual(least);
      last.set(column, y);
    }
  });

  test('how long a call took has a line of its own, also when another step of its side begins meanwhile', () => {
    const first = story.findIndex((step) => step.side === 'client' && step.event?.kind === 'call');
    const meanwhile = story.map((step, i) => (i === first ? { ...step, durationNs: 4e9 } : step));
    const [call, next] = sequence(connection, meanwhile).rows.filter(({ step }) => step.side === 'client' && step.event?.kind !== 'tcp-state');
    expect(call!.endY).toBeGreaterThan(next!.y);
    expect(next!.y - call!.y).toBeGreaterThanOrEqual(ROW_HEIGHT + TOOK_HEIGHT);
  });

  test('the hold is folded, and the fold says how long nothing happened', () => {
    expect(drawing.folds).toHaveLength(1);
    const [fold] = drawing.folds;
    expect(fold!.held).toBe(true);
    expect(fold!.idleNs).toBeGreaterThan(4.99e9);
    expect(fold!.idleNs).toBeLessThan(5.001e9);
  });

  test('lanes hold every state of both ends in order, without overlap, inside the picture', () => {
    for (const side of ['client', 'server'] as const) {
      const lane = drawing.lanes.filter((stretch) => stretch.side === side);
      expect(lane.filter((stretch) => stretch.seen).map((stretch) => stretch.state)).toEqual(
        side === 'client'
          ? ['SYN-SENT', 'ESTABLISHED', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSED']
          : ['SYN-RECEIVED', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSED'],
      );
      lane.forEach((stretch, i) => {
        expect(stretch.fromY).toBeGreaterThanOrEqual(lane[i - 1]?.toY ?? 0);
        expect(stretch.toY).toBeGreaterThan(stretch.fromY);
        expect(stretch.toY).toBeLessThanOrEqual(drawing.height);
      });
    }
  });

  test('an arrow falls, but never by more than a row', () => {
    for (const { step, y, endY } of drawing.rows.filter((row) => row.step.side === 'network')) {
      expect(endY, step.segment ?? '').toBeGreaterThan(y);
      expect(endY - y).toBeLessThanOrEqual(ROW_HEIGHT);
    }
  });
});

test('a call that waited through the hold reaches over the fold; a short one is a block', () => {
  const wait = call(
    'epoll_wait',
    ONE.atNs + 130_000,
    CLIENT_PID,
    { ready: [{ fd: 7, events: 'EPOLLIN' }], maxEvents: 8, timeoutMs: 9_000 },
    { fd: 4, returned: 1, durationNs: 5e9 + 400_000 },
  );
  const own = clientStory(ONE);
  const connection = connectionOf([...own.slice(0, 5), wait, ...own.slice(5)], serverStory(ONE));
  const { rows, folds } = sequence(connection, steps(connection, { inferred: false, routine: false }));
  const waiting = rows.find((row) => row.step.event?.kind === 'call' && row.step.event.call === 'epoll_wait');
  expect(waiting!.endY).toBeGreaterThan(folds[0]!.y + folds[0]!.height);
  const write = rows.find((row) => row.step.event?.kind === 'call' && row.step.event.call === 'write');
  expect(write!.endY - write!.y).toBe(BLOCK_HEIGHT / 2);
});

test('an empty story has a picture', () => {
  const connection = connectionOf(clientStory(ONE).slice(0, 1));
  expect(sequence(connection, [])).toMatchObject({ rows: [], folds: [], lanes: [] });
});

test('any part of a story can be drawn, with and without what nobody saw', () => {
  const whole = [...clientStory(ONE), ...serverStory(ONE), ...tracepoints(ONE)].sort((a, b) => a.atNs - b.atNs);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: whole.length }), fc.boolean(), fc.boolean(), (count, inferred, routine) => {
      const connection = connectionOf(whole.slice(0, count));
      const story = steps(connection, { inferred, routine });
      const { rows, height } = sequence(connection, story);
      expect(rows).toHaveLength(story.length);
      if (!inferred) expect(story.every((step) => step.evidence !== 'inferred')).toBe(true);
      for (const row of rows) {
        expect(Number.isFinite(row.y) && Number.isFinite(row.endY)).toBe(true);
        expect(row.endY).toBeLessThanOrEqual(height);
      }
    }),
    { numRuns: 150 },
  );
});
