// Sentences that depend on what happened before: what a close() sends, what a look saw, what a foreign call was given.
import { describe, expect, test } from 'vitest';
import type { TraceEvent } from '#wire/event.ts';
import { callsOf, type Connection } from './connection.ts';
import { explain } from './explain.ts';
import { call, CLIENT_PID, clientStory, numbered, seenState, SERVER, serverStart, serverStory } from './sample-stories.ts';
import { walked } from './seen-states.ts';
import { inferredSegments } from './segments.ts';
import { TraceModel } from './trace-model.ts';
import { errnoWordsEn } from './words/errno-words.ts';
import { stepWordsEn } from './words/step-words.ts';

const WORDS = { steps: stepWordsEn, errnos: errnoWordsEn };
const LOCAL = '127.0.0.1:43902';
const ONE = { atNs: 2e6, local: LOCAL, socket: 1, holdMs: 1 };
const of = { socket: 1, clientId: 'c1', fd: 7 };

type Story = ReturnType<typeof clientStory>;

function connectionOf(...events: Story): Connection {
  const model = new TraceModel();
  model.apply(numbered([...serverStart(), ...events.sort((a, b) => a.atNs - b.atNs)]));
  return model.connections.at(0)!;
}

/** What is said of the close() of either end. */
function closing(connection: Connection, side: 'client' | 'server'): string {
  const close = callsOf(connection[side]).find((one) => one.call === 'close');
  return explain(close!, connection, WORDS).sentence;
}

const without = (story: Story, name: string): Story => story.filter((event) => event['call'] !== name);

describe('close()', () => {
  test('of the server that closed first leaves the TIME-WAIT with it; of the client that heard so, it sends the last FIN', () => {
    const connection = connectionOf(...clientStory(ONE), ...serverStory(ONE));
    expect(closing(connection, 'server')).toBe(stepWordsEn.closeServer);
    expect(closing(connection, 'client')).toBe(stepWordsEn.closeClient);
  });

  test('of either after the client’s half-close: each FIN went out with a shutdown(), and the server was not the first', () => {
    const half = call('shutdown', ONE.atNs + 130_000, CLIENT_PID, { how: 'SHUT_WR' }, of);
    const connection = connectionOf(...clientStory(ONE), half, ...serverStory(ONE));
    expect(closing(connection, 'server')).toBe(stepWordsEn.closeAfterShutdown);
    expect(closing(connection, 'client')).toBe(stepWordsEn.closeAfterShutdown);
  });

  test('before the other end has said anything sends FIN', () => {
    const early = [...without(clientStory(ONE), 'read').filter((event) => event['call'] !== 'close'), call('close', ONE.atNs + 200_000, CLIENT_PID, {}, of)];
    expect(closing(connectionOf(...early), 'client')).toBe(stepWordsEn.closeFirst);
  });

  test('sends nothing where there is no connection: refused, reset by the peer, or given up before it was made', () => {
    const refused = [
      ...clientStory(ONE).slice(0, 3),
      call('getsockopt', ONE.atNs + 100_000, CLIENT_PID, { level: 'SOL_SOCKET', option: 'SO_ERROR', value: 111, length: 4 }, of),
      call('close', ONE.atNs + 110_000, CLIENT_PID, {}, of),
    ];
    expect(closing(connectionOf(...refused), 'client')).toBe(stepWordsEn.closeGone);
    const given = [...clientStory(ONE).slice(0, 3), call('close', ONE.atNs + 110_000, CLIENT_PID, {}, of)];
    expect(closing(connectionOf(...given), 'client')).toBe(stepWordsEn.closeGone);
    const reset = serverStory(ONE).map((event) =>
      event['call'] === 'read' && event['returned'] === 0 ? { ...event, returned: -1, errno: 'ECONNRESET' } : event,
    );
    expect(closing(connectionOf(...clientStory(ONE), ...reset), 'server')).toBe(stepWordsEn.closeGone);
  });
});

test('a look tells of two states and of no way between them, a tracepoint of the change itself', () => {
  const [look, change] = numbered([
    seenState(1, SERVER, LOCAL, 'ESTABLISHED', 'TIME-WAIT', 'sock_diag'),
    seenState(2, SERVER, LOCAL, 'ESTABLISHED', 'FIN-WAIT-1', 'tracefs'),
  ]);
  expect(explain(look!, null, WORDS)).toMatchObject({
    call: 'ESTABLISHED ⇢ TIME-WAIT',
    sentence: expect.stringContaining('at the look before it was ESTABLISHED') as string,
  });
  expect(explain(change!, null, WORDS)).toMatchObject({
    call: 'ESTABLISHED → FIN-WAIT-1',
    sentence: expect.stringContaining('From ESTABLISHED to FIN-WAIT-1.') as string,
  });
});

test('a socket that its tracepoint said was closed, and a look finds in TIME-WAIT, was handed over to it', () => {
  const ways = walked([
    { atNs: 1, seq: 1, from: 'FIN-WAIT-1', to: 'FIN-WAIT-2', evidence: 'tracefs' },
    { atNs: 2, seq: 2, from: 'FIN-WAIT-2', to: 'CLOSED', evidence: 'tracefs' },
    { atNs: 3, seq: 3, from: null, to: 'TIME-WAIT', evidence: 'sock_diag' },
    { atNs: 4, seq: 4, from: 'TIME-WAIT', to: 'CLOSED', evidence: 'sock_diag' },
  ]);
  expect(ways.map(({ from, to, seen }) => [from, to, seen])).toEqual([
    ['FIN-WAIT-1', 'FIN-WAIT-2', true],
    ['FIN-WAIT-2', 'TIME-WAIT', false],
    ['TIME-WAIT', 'CLOSED', false],
  ]);
});

test('a refusal crosses before anybody knows of it', () => {
  const connection = connectionOf(
    ...clientStory(ONE).slice(0, 3),
    seenState(ONE.atNs + 21_000, LOCAL, SERVER, 'CLOSED', 'SYN-SENT'),
    seenState(ONE.atNs + 30_000, LOCAL, SERVER, 'SYN-SENT', 'CLOSED'),
    call('getsockopt', ONE.atNs + 100_000, CLIENT_PID, { level: 'SOL_SOCKET', option: 'SO_ERROR', value: 111, length: 4 }, of),
    {
      kind: 'client-ended',
      atNs: ONE.atNs + 120_000,
      process: 'tcp-client',
      pid: CLIENT_PID,
      evidence: 'returned',
      socket: 1,
      clientId: 'c1',
      outcome: 'refused',
      errno: 'ECONNREFUSED',
    },
  );
  const crossed = inferredSegments(connection);
  expect(crossed.map(({ segment }) => segment)).toEqual(['SYN', 'RST']);
  for (const { arrivedNs } of crossed) expect(arrivedNs).toBeLessThan(ONE.atNs + 30_000);
});

test('of a foreign call only what it was given is told', () => {
  const foreign = (name: string, fd: number): TraceEvent => ({
    kind: 'foreign-call',
    seq: 1,
    atNs: 1,
    evidence: 'tracefs',
    pid: 5,
    process: 'nc',
    local: LOCAL,
    remote: SERVER,
    durationNs: 1,
    call: name,
    fd,
    returned: 3,
  });
  expect(explain(foreign('socket', 3), null, WORDS).call).toBe('socket(…) = 3');
  expect(explain(foreign('poll', -1), null, WORDS).call).toBe('poll(…) = 3');
  expect(explain(foreign('shutdown', 3), null, WORDS).call).toBe('shutdown(3) = 3');
});
