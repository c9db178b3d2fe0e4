// TCP clients in their own process against servers of every temper: each outcome is told apart, by the errno that the kernel gave.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { ClientOrder } from '../wire/engine-message.ts';
import type { TraceEvent } from '../wire/event.ts';
import { EngineRun, serverOptions } from './sample-run.ts';

type Spawn = Extract<ClientOrder, { type: 'spawn' }>;
type Ended = Extract<TraceEvent, { kind: 'client-ended' }>;

const CI = process.env.CI === 'true';
const hasPrlimit = CI || spawnSync('prlimit', ['--version']).error === undefined;
/** In a network namespace of its own: loopback up, and four ports for connect() to choose from. */
const FOUR_PORTS = 'ip link set lo up && echo "40000 40003" > /proc/sys/net/ipv4/ip_local_port_range';
const lacksPrograms = ['unshare', 'nsenter', 'ip'].some((program) => spawnSync(program, ['-V']).error !== undefined);
const hasNamespaces = spawnSync('unshare', ['-n', 'sh', '-c', FOUR_PORTS]).status === 0 || (CI && lacksPrograms);
const runs: EngineRun[] = [];
const servers: Server[] = [];

afterEach(async () => {
  for (const run of runs.splice(0)) {
    await run.kill();
    // Every event of a real run is one that the schema knows.
    expect(run.unknownEvents).toEqual([]);
  }
  for (const server of servers.splice(0)) server.close();
});

async function engine(wrapper: readonly string[] = []): Promise<EngineRun> {
  const run = new EngineRun('tcp-client', { runStartNs: String(process.hrtime.bigint()) }, wrapper);
  runs.push(run);
  await run.port();
  return run;
}

/** A server of the test's own that does `behave` with each connection; its port. */
async function serving(behave: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    behave(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1', 511);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function unusedPort(): Promise<number> {
  const port = await serving(() => undefined);
  const server = servers.pop()!;
  server.close();
  await once(server, 'close');
  return port;
}

let lastClient = 0;
async function spawned(run: EngineRun, port: number, changes: Partial<Spawn> = {}): Promise<number> {
  const count = changes.count ?? 1;
  const firstClient = lastClient + 1;
  lastClient += count;
  const order = { type: 'spawn', firstClient, count, byte: 65, ip: '127.0.0.1', port, plan: 'reply', afterMs: 0, timeoutMs: 20_000, ...changes } as const;
  expect(await run.order(order)).toMatchObject({ type: 'answer' });
  return firstClient;
}

const ended = (run: EngineRun, client: number): Promise<Ended> => run.until(() => run.of('client-ended').find((event) => event.socket === client));
const callsOf = (run: EngineRun, client: number): string[] =>
  run
    .calls()
    .filter((event) => event.socket === client && event.call !== 'epoll_ctl' && !(event.call === 'getsockopt' && event.args.option === 'TCP_INFO'))
    .map((event) => `${event.call} ${event.errno ?? event.returned}`);

async function outcome(run: EngineRun, port: number, changes: Partial<Spawn> = {}): Promise<{ outcome: string; errno: string | undefined; calls: string[] }> {
  const client = await spawned(run, port, changes);
  const { outcome: became, errno } = await ended(run, client);
  return { outcome: became, errno, calls: callsOf(run, client).map((call) => call.replace(/^(socket|close|getsockname|shutdown) \d+$/, '$1')) };
}

const CONNECTED = ['socket', 'connect EINPROGRESS', 'getsockname', 'getsockopt 0'];

describe('each outcome', () => {
  it('replied: one byte out, one byte in, end of file, close', async () => {
    const port = await serving((socket) => socket.once('data', (byte: Buffer) => socket.end(Buffer.of((byte[0] ?? 0) + 1))));
    const run = await engine();
    const came = await outcome(run, port);
    expect(came).toMatchObject({ outcome: 'replied', errno: undefined });
    expect(came.calls.filter((call) => call !== 'read EAGAIN')).toEqual([...CONNECTED, 'write 1', 'read 1', 'read 0', 'close']);
    expect(run.calls('write')[0]).toMatchObject({ args: { data: '41', count: 1 } });
    expect(run.calls('read').find((event) => event.returned === 1)).toMatchObject({ args: { data: '42' } });
  });

  it('refused: nobody listens', async () => {
    const came = await outcome(await engine(), await unusedPort());
    expect(came).toMatchObject({ outcome: 'refused', errno: 'ECONNREFUSED' });
    expect(came.calls).not.toContain('write 1');
    expect(came.calls.at(-1)).toBe('close');
  });

  it('reset: the server sent RST instead of a reply', async () => {
    const port = await serving((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const came = await outcome(await engine(), port);
    expect(came).toMatchObject({ outcome: 'reset', errno: 'ECONNRESET' });
    expect(came.calls.slice(-2)).toEqual(['read ECONNRESET', 'close']);
  });

  it('a reset behind the reply takes nothing back', async () => {
    const port = await serving((socket) => socket.once('data', () => socket.write('B', () => setTimeout(() => socket.resetAndDestroy(), 50))));
    expect(await outcome(await engine(), port)).toMatchObject({ outcome: 'replied' });
  });

  it('closed without a reply: end of file came first', async () => {
    const port = await serving((socket) => socket.once('data', () => socket.end()));
    const came = await outcome(await engine(), port);
    expect(came).toMatchObject({ outcome: 'closed-without-reply', errno: undefined });
    expect(came.calls.slice(-2)).toEqual(['read 0', 'close']);
  });

  it('timed out: connected, but nothing came in time', async () => {
    const port = await serving(() => undefined);
    const run = await engine();
    const client = await spawned(run, port, { timeoutMs: 300 });
    const end = await ended(run, client);
    expect(end.outcome).toBe('timed-out');
    const socket = run.calls('socket').find((event) => event.socket === client)!;
    expect(end.atNs - socket.atNs).toBeGreaterThanOrEqual(300e6);
    expect(run.of('cut')).toMatchObject([{ socket: client, reason: 'timeout' }]);
  });

  it('timed out: replied, but never an end of file', async () => {
    const port = await serving((socket) => socket.once('data', () => socket.write('B')));
    expect(await outcome(await engine(), port, { timeoutMs: 300 })).toMatchObject({ outcome: 'timed-out' });
  });

  it('a bad destination is an outcome too', async () => {
    const came = await outcome(await engine(), 9, { ip: '255.255.255.255' });
    expect(['failed', 'no-local-port']).toContain(came.outcome);
    expect(came.errno).toMatch(/^E/);
  });

  it.skipIf(!hasPrlimit)('no descriptor left (prlimit): those beyond it fail at socket(), the others do not', async () => {
    const port = await serving(() => undefined);
    const run = await engine();
    run.limitDescriptors(3);
    const first = await spawned(run, port, { count: 5, plan: 'silent' });
    await run.until(() => run.of('client-ended').length >= 2);
    expect(run.of('client-ended')).toMatchObject(Array(2).fill({ outcome: 'no-descriptor', errno: 'EMFILE' }));
    expect(callsOf(run, first + 4)).toEqual(['socket EMFILE']);
    expect(run.calls('socket').filter((event) => event.returned >= 0).length).toBe(3);
  });

  it.skipIf(!hasNamespaces)('no local port left (a network namespace with four ports, root only)', async () => {
    const pair = await engine(['unshare', '-n', 'sh', '-c', `${FOUR_PORTS} && exec "$@"`, 'sh']);
    const server = new EngineRun('increment-server', serverOptions({ tcpPort: 9_000, holdMs: 60_000 }), ['nsenter', '-t', String(pair.pid), '-n']);
    runs.push(server);
    await server.port();
    await spawned(pair, 9_000, { count: 6 });
    await pair.until(() => pair.of('client-ended').length >= 2);
    expect(pair.of('client-ended')).toMatchObject(Array(2).fill({ outcome: 'no-local-port', errno: 'EADDRNOTAVAIL' }));
    expect(pair.calls('connect').filter((event) => event.errno === 'EADDRNOTAVAIL').length).toBe(2);
    await server.until(() => server.of('hold').length === 4);
  });
});

describe('ending early', () => {
  /** Resolves with how the server saw its one connection end. */
  function watching(): { port: Promise<number>; seen: Promise<string> } {
    let tell: (how: string) => void = () => undefined;
    const seen = new Promise<string>((resolve) => {
      tell = resolve;
    });
    const port = serving((socket) => {
      socket.resume();
      socket.on('end', () => tell('FIN'));
      socket.on('error', (error: NodeJS.ErrnoException) => tell(error.code ?? '?'));
    });
    return { port, seen };
  }

  it.each([
    ['close', 'FIN', 'ended'],
    ['reset', 'ECONNRESET', 'ended'],
  ] as const)('a plan to %s after a while: the server sees %s', async (plan, seen, became) => {
    const server = watching();
    const run = await engine();
    const client = await spawned(run, await server.port, { plan, afterMs: 150 });
    expect(await server.seen).toBe(seen);
    expect((await ended(run, client)).outcome).toBe(became);
    const [write, close] = ['write', 'close'].map((name) => run.calls().find((event) => event.call === name && event.socket === client)!);
    expect(close!.atNs - write!.atNs).toBeGreaterThanOrEqual(150e6);
    expect(run.of('cut')).toMatchObject([{ reason: 'asked' }]);
  });

  it('half-close by plan: FIN behind the byte, and the reply still comes', async () => {
    const port = await serving((socket) => {
      socket.resume();
      socket.on('end', () => socket.end('B'));
    });
    const came = await outcome(await engine(), port, { plan: 'half-close' });
    expect(came.outcome).toBe('replied');
    expect(came.calls.filter((call) => call !== 'read EAGAIN').slice(4)).toEqual(['write 1', 'shutdown', 'read 1', 'read 0', 'close']);
  });

  it('silent: connects, and never writes', async () => {
    const port = await serving(() => undefined);
    const came = await outcome(await engine(), port, { plan: 'silent', timeoutMs: 300 });
    expect(came.outcome).toBe('timed-out');
    expect(came.calls).toEqual([...CONNECTED, 'close']);
  });

  it.each([
    ['close', 'FIN'],
    ['reset', 'ECONNRESET'],
    ['half-close', 'FIN'],
  ] as const)('told to %s: the server sees %s', async (how, seen) => {
    const server = watching();
    const run = await engine();
    const client = await spawned(run, await server.port, { plan: 'silent', timeoutMs: 60_000 });
    await run.until(() => run.calls('getsockopt').some((event) => event.socket === client && event.args.option === 'SO_ERROR'));
    expect(await run.order({ type: 'end-client', client, how })).not.toHaveProperty('unknownClient');
    expect(await server.seen).toBe(seen);
    const alive = run.of('client-ended').length === 0;
    expect(alive).toBe(how === 'half-close');
    expect(await run.order({ type: 'end-client', client, how: 'close' })).toMatchObject(alive ? { type: 'answer' } : { unknownClient: true });
    expect((await ended(run, client)).outcome).toBe('ended');
  });

  it('a client that is not, or is no more, is unknown', async () => {
    const run = await engine();
    expect(await run.order({ type: 'end-client', client: 999_999, how: 'close' })).toMatchObject({ unknownClient: true });
  });

  it('SIGTERM ends all that live, starts no more, and exits 0; totals add up', async () => {
    const port = await serving(() => undefined);
    const run = await engine();
    await spawned(run, port, { count: 20, plan: 'silent' });
    await run.until(() => run.calls('connect').length === 20);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const last = run.reports.filter((report) => report.type === 'beat').at(-1);
    expect(last).toMatchObject({ clients: { started: 20, replied: 0, failed: 0, ended: 20, live: 0 } });
    expect(run.of('client-ended').length).toBe(20);
  });
});

it('two thousand at once against our own server: every one replied, none lost, no call unaccounted for', async () => {
  const server = new EngineRun('increment-server', serverOptions({ backlog: 4_096, holdMs: 1_000 }));
  runs.push(server);
  const port = await server.port();
  const run = await engine();
  await spawned(run, port, { count: 2_000, byte: 255 });
  await run.until(() => run.of('client-ended').length === 2_000);
  expect(new Set(run.of('client-ended').map((event) => event.outcome))).toEqual(new Set(['replied']));
  expect(
    run
      .calls('read')
      .filter((event) => event.returned === 1)
      .every((event) => event.args.data === '00'),
  ).toBe(true);
  expect([run.dropped, server.dropped]).toEqual([0, 0]);
  for (const one of [run, server]) {
    const opened = one.calls().filter((event) => (event.call === 'socket' || event.call === 'accept4') && event.returned >= 0);
    await one.until(() => one.calls('close').length === 2_000);
    expect(opened.length).toBe(one === run ? 2_000 : 2_001);
  }
});
