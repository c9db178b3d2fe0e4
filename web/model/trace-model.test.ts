// Events in, connections out: whatever order the processes' batches come in, and however often a port is used again.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TraceEvent } from '#wire/event.ts';
import { PAGE_CONNECTIONS } from '#wire/limits.ts';
import type { Snapshot } from '#wire/message.ts';
import { callsOf, type Connection } from './connection.ts';
import { listed } from './sample-connection.ts';
import {
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
import { disagreement, evidenceCounts, statesOf, stretches, synRetries, walked } from './seen-states.ts';
import { TraceModel } from './trace-model.ts';

const LOCAL = '127.0.0.1:43902';
const ONE: SampleConnection = { atNs: 2e6, local: LOCAL, socket: 1 };

type Story = ReturnType<typeof clientStory>;

function modelOf(...stories: Story[]): TraceModel {
  const model = new TraceModel();
  model.apply(numbered([...serverStart(), ...stories.flat()]));
  return model;
}

/** What a page would show of a connection, without the numbers that depend on the order of arrival. */
function shown(connection: Connection): unknown {
  const { outcome, phase, byte, reply, holdMs, holdFromNs, connectedNs, acceptedNs, repliedNs, startNs, endNs, target } = connection;
  const ends = [connection.client, connection.server].map((end) => ({
    local: end?.local,
    pid: end?.pid,
    fd: end?.fd,
    calls: callsOf(end).map((call) => `${call.atNs} ${call.call}`),
    states: end?.states.map((state) => `${state.atNs} ${state.to} ${state.evidence}`),
  }));
  return { outcome, phase, byte, reply, holdMs, holdFromNs, connectedNs, acceptedNs, repliedNs, startNs, endNs, target, ends };
}

/** Merges stories, keeping each one's own order: as the bridge gets batches of several processes. */
function interleaved(stories: readonly Story[], picks: readonly number[]): Story {
  const queues = stories.map((story) => [...story]);
  const merged: Story = [];
  for (const pick of picks) {
    const event = queues[pick % queues.length]?.shift();
    if (event !== undefined) merged.push(event);
  }
  return [...merged, ...queues.flat()];
}

describe('one connection', () => {
  test('both ends are joined, and the reply is its outcome', () => {
    const [one] = listed(modelOf(clientStory(ONE), serverStory(ONE)).connections);
    expect(one).toMatchObject({ outcome: 'replied', phase: 'ended', byte: 0x41, reply: 0x42, holdMs: 5_000, key: 'c1' });
    expect(one?.server?.local).toBe(SERVER);
  });

  test('any interleaving of the two processes and the tap gives the same connections', () => {
    const two = { atNs: 3e6, local: '127.0.0.1:43904', socket: 2 };
    const stories = [
      [...clientStory(ONE), ...clientStory(two)].sort((a, b) => a.atNs - b.atNs),
      [...serverStory(ONE), ...serverStory(two)].sort((a, b) => a.atNs - b.atNs),
      [...tracepoints(ONE), ...tracepoints(two)].sort((a, b) => a.atNs - b.atNs),
    ];
    const expected = listed(modelOf(...stories).connections)
      .map(shown)
      .sort(byStart);
    expect(expected).toHaveLength(2);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 }), { minLength: 60, maxLength: 60 }), (picks) => {
        const model = modelOf(interleaved(stories, picks));
        expect(listed(model.connections).map(shown).sort(byStart)).toEqual(expected);
        expect(model.counts).toEqual({ live: 0, replied: 2, failed: 0 });
        expect(Object.values(model.book.living).every((set) => set.size === 0)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('evidence is counted by who saw it', () => {
    const [one] = listed(modelOf(clientStory(ONE), serverStory(ONE), tracepoints(ONE)).connections);
    expect(evidenceCounts(one!)).toEqual({ returned: 17, tracefs: 10 });
  });
});

function byStart(a: unknown, b: unknown): number {
  return (a as Connection).startNs - (b as Connection).startNs;
}

describe('a port that is used again', () => {
  const again = { ...ONE, atNs: 60e9, socket: 2 };

  test('TIME-WAIT after the end is the ended connection’s; a SYN is a new one’s', () => {
    const model = modelOf(clientStory(ONE), serverStory(ONE), [
      seenState(10e9, SERVER, LOCAL, null, 'TIME-WAIT', 'sock_diag'),
      seenState(50e9, LOCAL, SERVER, 'CLOSED', 'SYN-SENT'),
    ]);
    expect(model.connections).toHaveLength(2);
    expect(statesOf(model.connections.at(0)!, 'server').map((state) => state.to)).toEqual(['TIME-WAIT']);
    expect(statesOf(model.connections.at(1)!, 'client').map((state) => state.to)).toEqual(['SYN-SENT']);
    expect(model.connections.at(1)!.phase).toBe('connecting');
  });

  test('late evidence goes to the generation it was seen in', () => {
    const model = modelOf(clientStory(ONE), serverStory(ONE), clientStory(again), serverStory(again), tracepoints(ONE), tracepoints(again));
    expect(model.connections).toHaveLength(2);
    for (const connection of listed(model.connections)) {
      expect(statesOf(connection, 'client').map((state) => state.to)).toEqual(['SYN-SENT', 'ESTABLISHED', 'CLOSE-WAIT', 'LAST-ACK', 'CLOSED']);
    }
  });
});

describe('foreign clients', () => {
  const nc: SampleConnection = { atNs: 4e6, local: '127.0.0.1:50000', socket: 9 };
  const seen = { evidence: 'tracefs', process: 'nc', pid: 4242, local: nc.local, remote: SERVER };

  test('what the tap saw before accept() is the same connection, with its name and its calls', () => {
    const model = modelOf(
      tracepoints(nc).slice(0, 4),
      [
        { kind: 'socket-owner', atNs: 4.2e6, ...seen },
        { kind: 'foreign-call', atNs: 4.3e6, ...seen, durationNs: 5e9, call: 'read', fd: 3, count: 1, returned: 1 },
      ],
      serverStory(nc),
      tracepoints(nc).slice(4),
    );
    expect(model.connections).toHaveLength(1);
    const [one] = listed(model.connections);
    expect(one).toMatchObject({ outcome: 'replied', phase: 'ended', client: { process: 'nc', pid: 4242, fd: 3, ours: false } });
    expect(statesOf(one!, 'server').map((state) => state.to)).toEqual(['SYN-RECEIVED', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2', 'CLOSED']);
  });

  test('one that waits in the queue is queued, not connecting', () => {
    const model = modelOf(tracepoints(nc).slice(0, 4));
    expect(model.connections.at(0)).toMatchObject({ phase: 'queued', server: null });
    expect([...model.book.living.queued]).toEqual(listed(model.connections));
  });

  test('one of another machine that is gone from the queue is over: its own end nobody here sees', () => {
    const states = ['SYN-RECEIVED', 'ESTABLISHED', 'CLOSED'].map((to, at) => seenState(4e6 + at, SERVER, '192.0.2.7:50000', null, to));
    expect(modelOf(states.slice(0, 2)).connections.at(0)).toMatchObject({ phase: 'queued', endNs: null });
    const model = modelOf(states);
    expect(model.connections.at(0)).toMatchObject({ phase: 'ended', outcome: 'ended', endNs: 4e6 + 2 });
    expect(model.counts.live).toBe(0);
  });

  test('one that has the server’s FIN is not in the queue, though its accept() is told late or never: its client may stay half-open for hours', () => {
    const told = tracepoints(nc).filter((event) => event['local'] === nc.local);
    const upTo = (state: string): Story => told.slice(0, told.findIndex((event) => event['to'] === state) + 1);
    expect(modelOf(upTo('ESTABLISHED')).connections.at(0)).toMatchObject({ phase: 'queued', endNs: null });
    const model = modelOf(upTo('CLOSE-WAIT'));
    expect(model.connections.at(0)).toMatchObject({ phase: 'ended', outcome: 'ended', endNs: upTo('CLOSE-WAIT').at(-1)?.atNs });
    expect(model.counts.live).toBe(0);
    model.apply(numbered(serverStory(nc), 1_000));
    expect(model.connections).toHaveLength(1);
    expect(model.connections.at(0)).toMatchObject({ phase: 'ended', outcome: 'replied' });
  });

  test('the last states of one that was here before are no new one', () => {
    const model = modelOf(['FIN-WAIT-1', 'FIN-WAIT-2', 'LAST-ACK', 'CLOSED', 'TIME-WAIT'].map((to, at) => seenState(4e6 + at, nc.local, SERVER, null, to)));
    expect(model.connections).toHaveLength(0);
  });

  test('sockets of other ports are not ours', () => {
    const model = modelOf([seenState(5e6, '127.0.0.1:22', '127.0.0.1:51000', null, 'ESTABLISHED')]);
    expect(model.connections).toHaveLength(0);
  });
});

describe('states', () => {
  test('between two samples is not seen, and is no state where the two differ', () => {
    const model = modelOf(clientStory(ONE), [
      seenState(3e6, LOCAL, SERVER, null, 'ESTABLISHED', 'tcp_info'),
      seenState(4e9, LOCAL, SERVER, null, 'ESTABLISHED', 'sock_diag'),
      seenState(5.2e9, LOCAL, SERVER, null, 'CLOSE-WAIT', 'tcp_info'),
    ]);
    const found = stretches(statesOf(model.connections.at(0)!, 'client'), 6e9);
    expect(found.map(({ state, seen, fromNs, toNs }) => [state, seen, fromNs, toNs])).toEqual([
      ['ESTABLISHED', true, 3e6, 3e6],
      ['ESTABLISHED', false, 3e6, 4e9],
      ['ESTABLISHED', true, 4e9, 4e9],
      [null, false, 4e9, 5.2e9],
      ['CLOSE-WAIT', true, 5.2e9, 5.2e9],
    ]);
  });

  test('two sources that say the same make one stretch that names both', () => {
    const model = modelOf(clientStory(ONE), tracepoints(ONE), [seenState(2.11e6, LOCAL, SERVER, null, 'ESTABLISHED', 'tcp_info')]);
    const established = stretches(statesOf(model.connections.at(0)!, 'client'), 6e9).filter((stretch) => stretch.state === 'ESTABLISHED');
    expect(established).toHaveLength(1);
    expect(established[0]).toMatchObject({ seen: true, evidences: ['tracefs', 'tcp_info'], fromNs: 2.025e6 });
  });

  test('stretches never overlap and never say more than was seen', () => {
    const states = ['SYN-SENT', 'ESTABLISHED', 'CLOSE-WAIT', 'CLOSED'];
    const look = fc.record({
      atNs: fc.nat({ max: 1_000 }),
      to: fc.constantFrom(...states),
      evidence: fc.constantFrom('tracefs' as const, 'tcp_info' as const, 'sock_diag' as const),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 20 }), (looks) => {
        const sorted = looks.map((one, seq) => ({ ...one, seq, from: null })).sort((a, b) => a.atNs - b.atNs || a.seq - b.seq);
        const found = stretches(sorted, 2_000);
        found.forEach((stretch, i) => {
          expect(stretch.toNs).toBeGreaterThanOrEqual(stretch.fromNs);
          if (i > 0) expect(stretch.fromNs).toBeGreaterThanOrEqual(found[i - 1]!.toNs);
          // A stretch with an extent was told by a tracepoint; a sample alone tells of a moment.
          if (stretch.seen && stretch.toNs > stretch.fromNs) expect(stretch.evidences).toContain('tracefs');
          if (stretch.seen) expect(states).toContain(stretch.state);
        });
        for (const one of sorted)
          expect(found.some((stretch) => stretch.seen && stretch.state === one.to && stretch.fromNs <= one.atNs && stretch.toNs >= one.atNs)).toBe(true);
      }),
    );
  });

  test('the way walked keeps the changes that were seen apart from those that follow', () => {
    const model = modelOf(clientStory(ONE), [
      seenState(2.02e6, LOCAL, SERVER, 'CLOSED', 'SYN-SENT'),
      seenState(2.03e6, LOCAL, SERVER, 'SYN-SENT', 'ESTABLISHED'),
      seenState(6e9, LOCAL, SERVER, 'ESTABLISHED', 'CLOSED', 'tcp_info'),
    ]);
    expect(walked(statesOf(model.connections.at(0)!, 'client')).map(({ from, to, seen }) => [from, to, seen])).toEqual([
      ['CLOSED', 'SYN-SENT', true],
      ['SYN-SENT', 'ESTABLISHED', true],
      ['ESTABLISHED', 'CLOSED', false],
    ]);
  });
});

describe('the two ends disagree', () => {
  const begun = clientStory(ONE).slice(0, 4);

  test('ESTABLISHED here, SYN-RECEIVED there', () => {
    const model = modelOf(begun, [
      seenState(2.025e6, LOCAL, SERVER, 'SYN-SENT', 'ESTABLISHED'),
      seenState(2.026e6, SERVER, LOCAL, null, 'SYN-RECEIVED', 'sock_diag'),
    ]);
    expect(disagreement(model.connections.at(0)!)).toEqual({ kind: 'half-open', client: 'ESTABLISHED', server: 'SYN-RECEIVED' });
  });

  test('ESTABLISHED here, and nothing seen there', () => {
    const model = modelOf(begun, [seenState(2.025e6, LOCAL, SERVER, 'SYN-SENT', 'ESTABLISHED')]);
    expect(disagreement(model.connections.at(0)!)).toEqual({ kind: 'unseen', client: 'ESTABLISHED', server: null });
  });

  test('not once both are ESTABLISHED, and not when it is over', () => {
    expect(disagreement(modelOf(begun, tracepoints(ONE).slice(0, 4)).connections.at(0)!)).toBeNull();
    expect(disagreement(modelOf(clientStory(ONE), serverStory(ONE), tracepoints(ONE)).connections.at(0)!)).toBeNull();
  });
});

test('SYNs that went out again are counted at their connection', () => {
  const again = (atNs: number): Story[number] => ({ kind: 'retransmit', atNs, evidence: 'tracefs', local: LOCAL, remote: SERVER, segment: 'SYN' });
  const model = modelOf(clientStory(ONE).slice(0, 3), [again(1e9), again(2e9)]);
  expect(synRetries(model.connections.at(0)!)).toBe(2);
});

test('an epoll_wait belongs to the conversations of which it brought news, while their descriptors are open', () => {
  const wait = (atNs: number, fd: number): Story[number] => ({
    ...numbered([{ kind: 'call', atNs }])[0]!,
    ...{ kind: 'call', call: 'epoll_wait', atNs, durationNs: 5e9, process: 'tcp-client', pid: CLIENT_PID, evidence: 'returned', fd: 4, returned: 1 },
    args: { ready: [{ fd, events: 'EPOLLIN' }], maxEvents: 512, timeoutMs: 5000 },
  });
  const model = modelOf(clientStory(ONE).slice(0, 5), [wait(3e6, 7), wait(3e6, 99)], clientStory(ONE).slice(5), [wait(9e9, 7)]);
  expect(callsOf(model.connections.at(0)!.client).filter((call) => call.call === 'epoll_wait')).toHaveLength(1);
});

test('replied is when the client has the byte; of a client that tells nothing, when the server wrote it', () => {
  const wroteNs = ONE.atNs + 500_000 + 5e9 + 1_000;
  expect(modelOf(serverStory(ONE)).connections.at(0)!.repliedNs).toBe(wroteNs);
  for (const stories of [
    [clientStory(ONE), serverStory(ONE)],
    [serverStory(ONE), clientStory(ONE)],
  ]) {
    expect(modelOf(...stories).connections.at(0)!.repliedNs).toBe(wroteNs + 50_000);
  }
});

test('a process that exits takes its connections with it', () => {
  const exit: Story = [{ kind: 'process', atNs: 3e9, process: 'increment-server', pid: SERVER_PID, evidence: 'returned', change: 'exited', signal: 'SIGKILL' }];
  const model = modelOf(serverStory(ONE).slice(0, 4), exit);
  expect(model.connections.at(0)).toMatchObject({ phase: 'ended', outcome: 'lost', endNs: 3e9 });
  expect(model.book.byDescriptor(SERVER_PID, 8)).toBeNull();
});

test('every event finds its connection again', () => {
  const events: TraceEvent[] = numbered([...serverStart(), ...clientStory(ONE), ...serverStory(ONE), ...tracepoints(ONE)]);
  const model = new TraceModel();
  model.apply(events);
  for (const event of events.slice(serverStart().length)) expect(model.ofEvent(event)?.key, `${event.seq} ${event.kind}`).toBe('c1');
});

describe('a snapshot', () => {
  test('in parts comes to the same as whole, replaces what was known, and only when it is whole', () => {
    const events = numbered([...serverStart(), ...clientStory(ONE), ...serverStory(ONE)]);
    const snapshot = (told: TraceEvent[]) => ({ seq: 999, events: told, omitted: 0 }) as unknown as Snapshot;
    const [whole, parts] = [modelOf(), modelOf(clientStory({ ...ONE, socket: 7 }))];
    whole.reset(snapshot(events));
    const begun = new TraceModel();
    begun.apply(events.slice(0, 9));
    begun.apply(events.slice(9, 15));
    expect(parts.byKey('c7')).not.toBeNull();
    parts.reset(snapshot(events.slice(15)), begun);
    expect(listed(parts.connections).map(shown)).toEqual(listed(whole.connections).map(shown));
    expect([...parts.log]).toEqual(events);
    expect([parts.lastSeq, parts.byKey('c7'), parts.connections.length]).toEqual([999, null, 1]);
  });
});

test('a connection that serves again has nothing of the one it was', { timeout: 30_000 }, () => {
  const EARLIER = PAGE_CONNECTIONS + 6_000;
  const LATER = 600;
  const one = (i: number): SampleConnection => ({ atNs: 2e6 + i * 1e6, local: `127.0.${1 + (i >> 14)}.1:${20_000 + (i & 0x3fff)}`, socket: i + 1, holdMs: 7 });
  /** Ours and seen by the kernel; a foreign client; one of which only the kernel tells, so far. */
  const told = (i: number, kinds: number): Story => {
    if (i % kinds === 0) return [...clientStory(one(i)), ...serverStory(one(i)), ...tracepoints(one(i))];
    return i % kinds === 1 ? serverStory(one(i)) : tracepoints(one(i)).slice(0, 4);
  };
  const stories = (from: number, count: number, kinds: number): Story => Array.from({ length: count }, (_, i) => told(from + i, kinds)).flat();
  const [aged, fresh] = [modelOf(), modelOf()];
  for (let from = 0; from < EARLIER; from += 500) aged.apply(numbered(stories(from, 500, 2), 1_000 + from * 30));
  expect(aged.connections.length).toBeLessThan(EARLIER - 4_096);
  const later = numbered(stories(EARLIER, LATER, 3), 1_000_000);
  aged.apply(later);
  fresh.apply(later);
  const newest = listed(aged.connections).slice(-LATER);
  expect(newest.map(shown)).toEqual(listed(fresh.connections).map(shown));
  expect(newest.map(({ key, otherKey, errno }) => [key, otherKey, errno])).toEqual(
    listed(fresh.connections).map(({ key, otherKey, errno }) => [key, otherKey, errno]),
  );
  expect(newest.map(({ key }) => aged.byKey(key)?.number)).toEqual(newest.map(({ number }) => number));
});

test('what was left out under load is kept apart by who left it out', () => {
  const sampling = (evidence: TraceEvent['evidence'], connections: number, skipped: number): TraceEvent =>
    ({ kind: 'sampling', evidence, process: 'kernel-tap', atNs: 1, seq: 0, connections, skipped }) as TraceEvent;
  const model = new TraceModel();
  expect(model.leftOut.said).toEqual([]);
  model.apply(
    numbered([
      sampling('returned', 900, 400),
      sampling('tracefs', 16, 15),
      sampling('sock_diag', 70, 20),
      sampling('procfs', 8, 1),
      sampling('returned', 600, 100),
    ]),
  );
  expect(model.leftOut.said).toEqual([
    ['part', 16],
    ['samples', 500],
    ['sockets', 21],
  ]);
  model.apply([{ ...sampling('tracefs', 1, 0), seq: model.lastSeq + 1 }]);
  expect(model.leftOut.said).toEqual([
    ['samples', 500],
    ['sockets', 21],
  ]);
});
