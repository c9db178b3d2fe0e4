// What is said of a whole conversation follows from its events, and names them.
import { describe, expect, test } from 'vitest';
import type { TraceEvent } from '#wire/event.ts';
import { clauseText, verdictLine } from './explain.ts';
import { overflowOf } from './overflow.ts';
import {
  call,
  CLIENT_PID,
  clientStory,
  numbered,
  SERVER,
  SERVER_PID,
  seenState,
  serverStart,
  serverStory,
  tracepoints,
  type SampleConnection,
} from './sample-stories.ts';
import { inferredSegments } from './segments.ts';
import { TraceModel } from './trace-model.ts';
import { verdict, type Clause } from './verdict.ts';
import { stepWordsEn } from './words/step-words.ts';

const LOCAL = '127.0.0.1:43902';
const ONE: SampleConnection = { atNs: 2e6, local: LOCAL, socket: 1 };
const seconds = (ns: number): string => `${(ns / 1e9).toFixed(3)} s`;

type Story = ReturnType<typeof clientStory>;

function modelOf(...stories: Story[]): { model: TraceModel; events: Map<number, TraceEvent> } {
  const events = numbered([...serverStart(), ...stories.flat()]);
  const model = new TraceModel();
  model.apply(events);
  return { model, events: new Map(events.map((event) => [event.seq, event])) };
}

function said(...stories: Story[]): { line: string; clauses: Clause[]; calls: (clause: Clause | undefined) => string[] } {
  const { model, events } = modelOf(...stories);
  const clauses = verdict(model.connections.at(0)!);
  const calls = (clause: Clause | undefined): string[] =>
    (clause?.seqs ?? []).map((seq) => {
      const event = events.get(seq);
      return event?.kind === 'call' ? event.call : (event?.kind ?? 'missing');
    });
  return { line: verdictLine(clauses, stepWordsEn, seconds), clauses, calls };
}

function clause(clauses: readonly Clause[], kind: Clause['fact']['kind']): Clause | undefined {
  return clauses.find((one) => one.fact.kind === kind);
}

describe('the verdict', () => {
  test('of an exchange in order, with the events it follows from', () => {
    const { line, clauses, calls } = said(clientStory(ONE), serverStory(ONE));
    expect(line).toBe('replied after 5.001 s; closed in order by the server; TIME-WAIT on its side');
    expect(calls(clause(clauses, 'outcome'))).toEqual(['socket', 'read', 'client-ended']);
    expect(calls(clause(clauses, 'closed'))).toEqual(['shutdown']);
    expect(calls(clause(clauses, 'held'))).toEqual(['read', 'write']);
    expect(clause(clauses, 'time-wait')!.fact).toMatchObject({ side: 'server', evidence: null });
  });

  test('TIME-WAIT that somebody saw names who did', () => {
    const { clauses, calls } = said(clientStory(ONE), serverStory(ONE), [seenState(6e9, SERVER, LOCAL, null, 'TIME-WAIT', 'sock_diag')]);
    const waits = clause(clauses, 'time-wait')!;
    expect(waits.fact).toMatchObject({ side: 'server', evidence: 'sock_diag' });
    expect(calls(waits)).toEqual(['tcp-state']);
    expect(clauseText(waits.fact, stepWordsEn, seconds)).toBe("TIME-WAIT on the server's side");
  });

  test('of a reset during the hold: by the client, and no TIME-WAIT', () => {
    const server = serverStory(ONE).slice(0, 4);
    const of = { socket: 1_001, fd: 8 };
    const { line, clauses } = said(clientStory(ONE).slice(0, 5), [
      ...server,
      call('read', 1e9, SERVER_PID, { data: '', count: 4096, pointer: '' }, { ...of, returned: -1, errno: 'ECONNRESET' }),
      call('close', 1.1e9, SERVER_PID, {}, of),
    ]);
    expect(line).toContain('reset by the client');
    expect(clause(clauses, 'time-wait')).toBeUndefined();
  });

  test('of a refused client: the errno, and nobody closed anything', () => {
    const of = { socket: 1, clientId: 'c1', fd: 7 };
    const ended = {
      kind: 'client-ended',
      atNs: 3e6,
      process: 'tcp-client',
      pid: CLIENT_PID,
      evidence: 'returned',
      ...of,
      outcome: 'refused',
      errno: 'ECONNREFUSED',
    };
    const story = [
      ...clientStory(ONE).slice(0, 3),
      call('getsockopt', 2.1e6, CLIENT_PID, { level: 'SOL_SOCKET', option: 'SO_ERROR', value: 111, length: 4 }, of),
      call('close', 2.2e6, CLIENT_PID, {}, of),
      ended,
    ];
    const { line } = said(story);
    expect(line).toBe('refused after 0.000 s: nobody listened (ECONNREFUSED)');
    const { model } = modelOf(story);
    expect(inferredSegments(model.connections.at(0)!).map((one) => one.segment)).toEqual(['SYN', 'RST']);
  });

  test('a SYN that went out again, and two ends that do not agree, are said', () => {
    const again = { kind: 'retransmit', atNs: 1.1e9, evidence: 'tracefs', local: LOCAL, remote: SERVER, segment: 'SYN' };
    const { line } = said(clientStory(ONE).slice(0, 4), [
      again,
      seenState(1.2e9, LOCAL, SERVER, 'SYN-SENT', 'ESTABLISHED'),
      seenState(1.3e9, SERVER, LOCAL, null, 'SYN-RECEIVED', 'sock_diag'),
    ]);
    expect(line).toContain('its SYN went out again once');
    expect(line).toContain('the two ends do not agree');
  });
});

describe('what nobody captured', () => {
  test('the handshake lies before every sign that it was done', () => {
    const { model } = modelOf(clientStory(ONE), serverStory(ONE), tracepoints(ONE));
    const handshake = inferredSegments(model.connections.at(0)!).filter(({ segment }) => segment === 'SYN' || segment === 'SYN ACK' || segment === 'ACK');
    expect(handshake.map(({ segment }) => segment)).toEqual(['SYN', 'SYN ACK', 'ACK']);
    const established = ONE.atNs + 25_000;
    for (const one of handshake) {
      expect(one.leftNs).toBeGreaterThanOrEqual(ONE.atNs + 20_000);
      expect(one.arrivedNs).toBeLessThanOrEqual(established);
    }
  });

  test('a connect that took two seconds had a SYN that nobody answered', () => {
    const own = clientStory(ONE).map((event) => (event.atNs > ONE.atNs + 50_000 ? { ...event, atNs: event.atNs + 2e9 } : event));
    const { model } = modelOf(own);
    const found = inferredSegments(model.connections.at(0)!);
    expect(found.map(({ segment }) => segment)).toEqual(['SYN unanswered', 'SYN', 'SYN ACK', 'ACK', 'FIN']);
    expect(found[1]!.leftNs - found[0]!.leftNs).toBeGreaterThan(1.9e9);
  });

  test('a foreign process’s calls, where the kernel told of them, say when its segments left', () => {
    const of = { evidence: 'tracefs', process: 'nc', pid: 4242, local: LOCAL, remote: SERVER, fd: 3 };
    const { model } = modelOf(tracepoints(ONE).slice(0, 4), serverStory(ONE), [
      { kind: 'foreign-call', atNs: ONE.atNs + 20_000, durationNs: 3_000, ...of, call: 'connect', returned: -1, errno: 'EINPROGRESS' },
      { kind: 'foreign-call', atNs: ONE.atNs + 200_000, durationNs: 1_000, ...of, call: 'write', count: 1, returned: 1 },
    ]);
    const found = inferredSegments(model.connections.at(0)!);
    expect(found.find(({ segment }) => segment === 'byte')).toMatchObject({ leftNs: ONE.atNs + 201_000, byte: 0x41 });
    expect(found.filter(({ segment }) => segment === 'SYN')).toHaveLength(1);
    expect(found.filter(({ segment, toServer }) => segment === 'FIN' && toServer)).toHaveLength(1);
  });
});

describe('the overflow', () => {
  const server = { process: 'increment-server', pid: SERVER_PID, evidence: 'returned' };
  const paused = { ...server, kind: 'accept-paused', atNs: 1.5e6, reason: 'command', pauseMs: 4_000 };
  const resumed = { ...server, kind: 'accept-resumed', atNs: 4e9 };
  const queue = (atNs: number, length: number): Story[number] => ({ ...server, kind: 'accept-queue', atNs, length, limit: 5 });
  const drops = (atNs: number, count: number, total: number): Story[number] => ({
    ...server,
    kind: 'listener-drops',
    atNs,
    evidence: 'sock_diag',
    drops: count,
    totalDrops: total,
    overflows: count,
  });
  const again = { kind: 'retransmit', atNs: 1e9, evidence: 'tracefs', local: '127.0.0.1:43904', remote: SERVER, segment: 'SYN' };
  const late: Story = clientStory({ atNs: 3e6, local: '127.0.0.1:43904', socket: 2 }).map((event) =>
    event.atNs > 3.05e6 ? { ...event, atNs: event.atNs + 3e9 } : event,
  );

  test('every figure comes from events', () => {
    const { model, events } = modelOf(
      [paused, queue(3e6, 6), queue(2e9, 5), drops(2e9, 2, 2), drops(3e9, 1, 3)],
      clientStory(ONE),
      serverStory(ONE),
      late.slice(0, 3),
      [again],
      late.slice(3),
      [resumed, queue(4.5e9, 9), drops(5.5e9, 7, 10)],
    );
    const found = overflowOf(model.server.pauses[0]!, model.connections)!;
    expect(found).toMatchObject({ clients: 2, replied: 2, refused: 0, failed: 0, living: 0, over: true });
    expect(found.fullest).toMatchObject({ length: 6, limit: 5 });
    expect(events.get(found.fullest!.seq)).toMatchObject({ kind: 'accept-queue', length: 6 });
    // What the queue and the listener came to after the pause belongs to the next run, however soon it follows.
    expect(found.dropped).toMatchObject({ count: 3 });
    expect(found.synsAgain).toMatchObject({ count: 1 });
    expect(found.late).toMatchObject({ count: 1 });
    expect(found.late.longestNs).toBeGreaterThan(3e9);
    expect(events.get(found.late.slowestSeq!)).toMatchObject({ kind: 'call', call: 'getsockopt' });
  });

  test('a pause in which the queue never filled needs no explanation', () => {
    const { model } = modelOf([paused, queue(3e6, 5)], clientStory(ONE), [resumed]);
    expect(overflowOf(model.server.pauses[0]!, model.connections)).toBeNull();
  });

  test('what nobody counted is not told as nought', () => {
    const { model } = modelOf([paused, queue(3e6, 6)]);
    expect(overflowOf(model.server.pauses[0]!, model.connections)).toMatchObject({ dropped: null, synsAgain: null, pausedForNs: null, over: false });
  });
});
