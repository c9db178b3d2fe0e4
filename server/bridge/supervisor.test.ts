import { afterEach, describe, expect, it, vi } from 'vitest';
import type { TraceEvent } from '../wire/event.ts';
import { CRASHES_PER_WINDOW, CRASH_WINDOW_MS, HEARTBEAT_STALE_MS, RESTART_FIRST_DELAY_MS, RESTART_MAX_DELAY_MS } from '../wire/limits.ts';
import { ClientKeeper } from './client-keeper.ts';
import { Journal } from './journal.ts';
import { RestartPolicy } from './restart-policy.ts';
import { RunClock } from './run-clock.ts';
import { GOOD_CLIENT, GOOD_SERVER, sampleEngine } from './sample-engine.ts';
import { callRecords } from './sample-records.ts';
import { ServerKeeper } from './server-keeper.ts';

const living: { supervisor: { kill(): Promise<void> } }[] = [];
afterEach(async () => {
  await Promise.all(living.splice(0).map(({ supervisor }) => supervisor.kill()));
});

function keepServer(body: string): { server: ServerKeeper; journal: Journal; changes: () => string[] } {
  const journal = new Journal(1_000);
  const settings = { entry: sampleEngine(body), tcpHost: '127.0.0.1', tcpPort: 0, backlog: 5, holdMs: 10, drainTimeoutMs: 100 };
  const server = new ServerKeeper(settings, journal, new RunClock(), () => undefined);
  living.push(server);
  return { server, journal, changes: () => processChanges(journal) };
}

/** What the trace tells of the server's processes: 'started 12', 'exited 12 SIGKILL' … with pids as 1, 2, 3 in their order. */
function processChanges(journal: Journal): string[] {
  const pids: number[] = [];
  const words = (event: TraceEvent): string[] => {
    if (event.kind !== 'process') return [];
    if (!pids.includes(event.pid)) pids.push(event.pid);
    return [[event.change, pids.indexOf(event.pid) + 1, event.signal ?? event.exitCode].filter((word) => word !== undefined).join(' ')];
  };
  return journal.read(0, 1_000).events().flatMap(words);
}

const reconciles = ({ totals }: ServerKeeper): boolean =>
  totals.accepted === totals.replied + totals.closedWithoutByte + totals.reset + totals.lost + totals.live;

describe('a start', () => {
  it('ends in LISTEN, with what the engine said of itself', async () => {
    const { server, changes } = keepServer(GOOD_SERVER);
    expect(server.status).toMatchObject({ state: 'stopped', pid: null, fd: null });
    const started = server.start();
    expect(server.status.state).toBe('starting');
    expect(await started).toEqual({ ok: true });
    expect(server.status).toMatchObject({ state: 'listening', tcpPort: 4_000, fd: 3, failure: null });
    expect(server.status.pid).toBeGreaterThan(0);
    expect(changes()).toEqual(['started 1', 'ready 1']);
    await vi.waitFor(() => {
      expect(server.healthy).toBe(true);
    });
  });

  it('asked for twice is one', async () => {
    const { server, changes } = keepServer(GOOD_SERVER);
    await Promise.all([server.start(), server.start()]);
    await server.start();
    expect(changes()).toEqual(['started 1', 'ready 1']);
  });

  it('that fails tells the call and what to do, and is not repeated', async () => {
    const { server, changes } = keepServer(`say({ type: 'failed', failure: { call: 'bind', errno: 'EADDRINUSE' } }); process.exit(3);`);
    expect(await server.start()).toEqual({ ok: false, failure: { call: 'bind', errno: 'EADDRINUSE' } });
    expect(server.status).toMatchObject({ state: 'failed', pid: null, failure: { call: 'bind', errno: 'EADDRINUSE' } });
    expect(server.status.failure?.message).toContain('port');
    expect(changes()).toEqual(['started 1', 'exited 1 3']);
    // A start by hand tries again.
    expect(await server.start()).toMatchObject({ ok: false });
    expect(changes()).toHaveLength(4);
  });
});

describe('a stop', () => {
  it('is orderly, and no crash', async () => {
    const { server, changes } = keepServer(GOOD_SERVER);
    await server.start();
    const stopped = server.stop();
    expect(server.status.state).toBe('stopping');
    await stopped;
    expect(server.status).toMatchObject({ state: 'stopped', pid: null, fd: null });
    expect(changes()).toEqual(['started 1', 'ready 1', 'exited 1 0']);
  });

  it('of a crashed server cancels its restart', async () => {
    const { server, changes } = keepServer(`ready(); setTimeout(() => process.exit(9), 20);`);
    await server.start();
    await vi.waitFor(() => {
      expect(server.status.state).toBe('crashed');
    });
    await server.stop();
    expect(server.status.state).toBe('stopped');
    await new Promise((resolve) => setTimeout(resolve, RESTART_FIRST_DELAY_MS * 3));
    expect(changes()).toEqual(['started 1', 'ready 1', 'exited 1 9']);
  });
});

describe('a crash', () => {
  it('is told within a second, and followed by a new process on the same port', async () => {
    const { server, journal, changes } = keepServer(GOOD_SERVER);
    await server.start();
    const { pid } = server.status;
    const killedMs = performance.now();
    process.kill(pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(changes()).toContain('exited 1 SIGKILL');
    });
    expect(performance.now() - killedMs).toBeLessThan(1_000);
    expect(journal.read(0, 99).events().at(-1)).toMatchObject({ change: 'exited', restartMs: RESTART_FIRST_DELAY_MS });
    await vi.waitFor(() => {
      expect(server.status.state).toBe('listening');
    });
    expect(server.status.pid).not.toBe(pid);
    expect(server.status.tcpPort).toBe(4_000);
    expect(changes()).toEqual(['started 1', 'ready 1', 'exited 1 SIGKILL', 'started 2', 'ready 2']);
    expect(server.supervisor.status.restarts).toBe(1);
  });

  it('counts whoever was alive as lost, and the totals still add up', async () => {
    const { server } = keepServer(`onOrder(obey); ready(); beat({ server: { ...server, accepted: 10, replied: 4, reset: 1, live: 5, held: 3 } });`);
    await server.start();
    await vi.waitFor(() => {
      expect(server.totals.live).toBe(5);
    });
    await server.supervisor.kill();
    expect(server.totals).toEqual({ accepted: 10, replied: 4, closedWithoutByte: 0, reset: 1, lost: 5, live: 0, held: 0 });
    expect(reconciles(server)).toBe(true);
  });

  it('completes the totals by what the process told after its last beat', async () => {
    const told = callRecords([
      { call: 'accept4', fd: 7 },
      { call: 'accept4', fd: 8 },
      { call: 'write', fd: 7, returned: 1 },
      { call: 'accept4', fd: -1 },
      { call: 'write', fd: 8, returned: -1 },
    ]);
    const { server } = keepServer(`records(Buffer.from(${JSON.stringify([
      ...callRecords([
        { call: 'accept4', fd: 5 },
        { call: 'accept4', fd: 6 },
      ]),
    ])}));
      ready(); beat({ server: { ...server, accepted: 2, live: 2, held: 2 } }); records(Buffer.from(${JSON.stringify([...told])})); process.exit(1);`);
    await server.start();
    await vi.waitFor(() => {
      expect(server.status.state).toBe('crashed');
    });
    // Two before the beat and two after it, of which one was replied to.
    expect(server.totals).toEqual({ accepted: 4, replied: 1, closedWithoutByte: 0, reset: 0, lost: 3, live: 0, held: 0 });
    expect(reconciles(server)).toBe(true);
  });

  it('closes the dead process’s connections in the journal', async () => {
    const { server, journal } = keepServer(
      `ready(); records(Buffer.from(${JSON.stringify([...callRecords([{ call: 'accept4', fd: 7 }])])})); setTimeout(() => process.exit(1), 50);`,
    );
    await server.start();
    await vi.waitFor(() => {
      expect(server.status.state).toBe('crashed');
    });
    expect(
      journal
        .present(0)
        .events()
        .filter((event) => event.kind === 'call'),
    ).toEqual([]);
  });

  it('too often in a minute ends in gave-up, and only a start by hand begins again', async () => {
    const { server, changes } = keepServer(`process.exit(1);`);
    expect(await server.start()).toEqual({ ok: false, failure: null });
    await vi.waitFor(
      () => {
        expect(server.status.state).toBe('gave-up');
      },
      { timeout: 20_000, interval: 50 },
    );
    expect(changes().filter((change) => change.startsWith('exited'))).toHaveLength(CRASHES_PER_WINDOW);
    expect(changes().at(-1)).toBe(`gave-up ${CRASHES_PER_WINDOW}`);
    await server.start();
    expect(server.status.state).toBe('crashed');
  });

  it('for malformed output is a crash too', async () => {
    const { server, changes } = keepServer(`ready(); say({ type: 'nonsense' }); setInterval(() => {}, 1000);`);
    await server.start();
    await vi.waitFor(() => {
      expect(changes()).toContain('exited 1 SIGKILL');
    });
  });
});

it('a stopped engine is called unresponsive after its beats are stale, and responsive when it goes on', async () => {
  const { server, changes } = keepServer(GOOD_SERVER);
  await server.start();
  await vi.waitFor(() => {
    expect(server.healthy).toBe(true);
  });
  const pid = server.status.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  await vi.waitFor(
    () => {
      expect(server.status.state).toBe('unresponsive');
    },
    { timeout: HEARTBEAT_STALE_MS + 2_000 },
  );
  expect(server.healthy).toBe(false);
  process.kill(pid, 'SIGCONT');
  await vi.waitFor(() => {
    expect(server.status.state).toBe('listening');
  });
  expect(changes()).toEqual(['started 1', 'ready 1', 'unresponsive 1', 'responsive 1']);
});

it('tells dropped events in the trace, before those that came behind the hole', async () => {
  const { server, journal } = keepServer(
    `ready(); records(Buffer.from(${JSON.stringify([...callRecords([{ call: 'read', fd: 7, atNs: 55 }])])}), 12); onOrder(obey);`,
  );
  await server.start();
  await vi.waitFor(() => {
    expect(server.supervisor.dropped).toBe(12);
  });
  expect(journal.read(2, 9).events()).toMatchObject([
    { kind: 'dropped', count: 12, atNs: 55, process: 'increment-server' },
    { kind: 'call', call: 'read', atNs: 55 },
  ]);
});

describe('clients', () => {
  const keepClients = (body: string): ClientKeeper => {
    const clients = new ClientKeeper(sampleEngine(body), new Journal(1_000), new RunClock(), () => undefined);
    living.push(clients);
    return clients;
  };
  const spawn = { count: 3, byte: 65, ip: '127.0.0.1', port: 1, plan: 'reply', afterMs: 0, holdMs: 0 } as const;

  it('are numbered over the whole run, through a crash of their process', async () => {
    const clients = keepClients(GOOD_CLIENT);
    expect(await clients.spawn(spawn)).toEqual(['c1', 'c2', 'c3']);
    process.kill(clients.supervisor.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(clients.supervisor.pid).toBeNull();
    });
    // The process is started for them, without waiting for the restart.
    expect(await clients.spawn({ ...spawn, count: 1 })).toEqual(['c4']);
    expect(clients.supervisor.state).toBe('running');
  });

  it('have room for those that beats said are done, and for no more', async () => {
    const clients = keepClients(
      `onOrder((order) => { answer(order); if (order.type === 'spawn') beat({ clients: { ...clients, started: order.count, replied: 1, live: order.count - 1 } }); }); ready(0);`,
    );
    const all = clients.room;
    await clients.spawn(spawn);
    await vi.waitFor(() => {
      expect(clients.totals.live).toBe(2);
    });
    expect(clients.room).toBe(all - 2);
    await clients.supervisor.kill();
    expect(clients.totals).toEqual({ started: 3, replied: 1, failed: 2, ended: 0, live: 0 });
    expect(clients.room).toBe(all);
  });

  it('that do not exist cannot be ended', async () => {
    const clients = keepClients(`onOrder((order) => answer(order, order.client === 2 ? { unknownClient: true } : {})); ready(0);`);
    await clients.spawn(spawn);
    expect(await clients.end('c1', 'reset')).toBe(true);
    expect(await clients.end('c2', 'reset')).toBe(false);
    for (const id of ['c0', 'c4', 'c01', 'c-1', '1', 'c1 ', 'c', '', 'c999999999999999999999']) expect(await clients.end(id, 'close')).toBe(false);
  });
});

it('restarts after a growing delay, gives up after too many in a window, and forgets old crashes', () => {
  const policy = new RestartPolicy();
  const delays = Array.from({ length: CRASHES_PER_WINDOW }, (_, index) => policy.crashed(index * 1_000));
  expect(delays).toEqual([100, 200, 400, 800, 1_600, null]);
  expect(policy.crashed(CRASHES_PER_WINDOW * 1_000 + CRASH_WINDOW_MS)).toBe(RESTART_FIRST_DELAY_MS);
  policy.forget();
  const slow = new RestartPolicy();
  for (let crash = 0; crash < 50; crash += 1) expect(slow.crashed(crash * 20_000)).toBeLessThanOrEqual(RESTART_MAX_DELAY_MS);
});
