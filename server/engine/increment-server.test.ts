// The increment server in its own process, on the real kernel: what clients get, what a stop leaves behind, what limits do.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { EVICT_SILENT_AFTER_MS } from '../wire/limits.ts';
import type { ServerOptions } from '../wire/engine-message.ts';
import { EngineRun, serverOptions } from './sample-run.ts';

const hasPrlimit = process.env.CI === 'true' || spawnSync('prlimit', ['--version']).error === undefined;
const runs: EngineRun[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const run of runs.splice(0)) {
    await run.kill();
    // Every event of a real run is one that the schema knows.
    expect(run.unknownEvents).toEqual([]);
  }
});

async function started(changes: Partial<ServerOptions> = {}, wrapper: readonly string[] = []): Promise<{ run: EngineRun; port: number }> {
  const run = new EngineRun('increment-server', serverOptions(changes), wrapper);
  runs.push(run);
  return { run, port: await run.port() };
}

interface Client {
  socket: Socket;
  /** All it received, once the server said FIN or the connection broke. */
  reply: Promise<string>;
}

async function client(port: number, send?: string): Promise<Client> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  sockets.push(socket);
  const reply = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('end', () => {
      resolve(text);
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(`${text}${error.code ?? ''}`));
  });
  await once(socket, 'connect');
  if (send !== undefined) socket.write(send);
  return { socket, reply };
}

const held = (run: EngineRun, count: number): Promise<unknown> => run.until(() => run.of('hold').length >= count);
const totals = (run: EngineRun): Record<string, number> | undefined => {
  for (const report of [...run.reports].reverse()) if (report.type === 'beat') return report.server;
  return undefined;
};

describe('serving', () => {
  it('answers many at once, each after its own hold and never early, and its totals add up', async () => {
    const { run, port } = await started({ holdMs: 300 });
    const clients = await Promise.all(Array.from({ length: 100 }, (_, i) => client(port, String.fromCharCode(i))));
    expect(await Promise.all(clients.map(({ reply }) => reply))).toEqual(clients.map((_, i) => String.fromCharCode(i + 1)));
    await run.until(() => totals(run)?.['replied'] === 100 && totals(run)?.['live'] === 0);
    expect(totals(run)).toEqual({ accepted: 100, replied: 100, closedWithoutByte: 0, reset: 0, lost: 0, live: 0, held: 0 });
    const writes = run.calls('write');
    expect(writes.length).toBe(100);
    for (const write of writes) {
      const read = run.calls('read').find((event) => event.socket === write.socket && event.returned === 1)!;
      expect(write.atNs - (read.atNs + read.durationNs)).toBeGreaterThanOrEqual(300e6);
    }
  });

  it('a descriptor number used again is another connection', async () => {
    const { run, port } = await started({ holdMs: 0 });
    for (let i = 1; i <= 5; i += 1) {
      expect(await (await client(port, 'A')).reply).toBe('B');
      await run.until(() => run.calls('close').length === i);
    }
    const accepts = run.calls('accept4').filter((event) => event.returned >= 0);
    expect(new Set(accepts.map((event) => event.returned)).size).toBe(1);
    expect(new Set(accepts.map((event) => event.socket)).size).toBe(5);
  });

  it('hold and backlog change while it runs; each connection keeps the hold it was given', async () => {
    const { run, port } = await started({ holdMs: 60_000 });
    const long = await client(port, 'A');
    await held(run, 1);
    expect(await run.order({ type: 'set-hold', holdMs: 20 })).toEqual({ type: 'answer', id: 1 });
    expect(await (await client(port, 'A')).reply).toBe('B');
    expect(run.of('hold').map((event) => event.holdMs)).toEqual([60_000, 20]);
    expect(long.socket.bytesRead).toBe(0);
    expect(await run.order({ type: 'set-backlog', backlog: 7 })).toEqual({ type: 'answer', id: 2 });
    expect(run.calls('listen').map((event) => event.args)).toEqual([{ backlog: 512 }, { backlog: 7 }]);
    await run.until(() => run.of('accept-queue').some((event) => event.limit === 7));
    expect(run.of('setting').map(({ name, value }) => [name, value])).toEqual([
      ['holdMs', 60_000],
      ['backlog', 512],
      ['holdMs', 20],
      ['backlog', 7],
    ]);
  });

  it('told to pause it accepts nobody, the queue is seen to fill, and afterwards all are served', async () => {
    const { run, port } = await started({ holdMs: 0 });
    await run.order({ type: 'pause-accept', pauseMs: 1_500 });
    const clients = await Promise.all([client(port, 'A'), client(port, 'B'), client(port, 'C')]);
    await run.until(() => run.of('accept-queue').some((event) => event.length === 3));
    expect(run.calls('accept4')).toEqual([]);
    expect(await Promise.all(clients.map(({ reply }) => reply))).toEqual(['B', 'C', 'D']);
    expect(run.of('accept-paused')).toMatchObject([{ reason: 'command', pauseMs: 1_500 }]);
    // The replies may be here before the report of what led to them.
    await run.until(() => run.of('accept-resumed').length === 1);
    await run.until(() => run.of('accept-queue').at(-1)?.length === 0);
  });

  it('a client that resets before anybody accepted it is an outcome, told by its read', async () => {
    const { run, port } = await started();
    await run.order({ type: 'pause-accept', pauseMs: 1_000 });
    const { socket } = await client(port);
    socket.resetAndDestroy();
    await run.until(() => totals(run)?.['reset'] === 1);
    const accepted = run.calls('accept4').find((event) => event.returned >= 0)!;
    expect(accepted.args.address).toMatchObject({ family: 'AF_INET', ip: '127.0.0.1' });
    expect(run.calls('read').map((event) => event.errno)).toEqual(['ECONNRESET']);
    expect(run.calls('write')).toEqual([]);
  });

  it('connections that are only held cost next to nothing: no spinning on half-closed, talkative or reset peers', async () => {
    const { run, port } = await started({ holdMs: 60_000 });
    const clients = await Promise.all(Array.from({ length: 30 }, () => client(port, 'A and more that nobody reads')));
    await held(run, 30);
    for (const { socket } of clients.slice(0, 10)) socket.end();
    for (const { socket } of clients.slice(10, 20)) socket.resetAndDestroy();
    await run.until(() => totals(run)?.['reset'] === 10);
    const cpuMs = run.cpuMs;
    const waits = run.calls('epoll_wait').length;
    const beats = run.reports.length;
    await run.until(() => run.reports.length >= beats + 4);
    expect(run.cpuMs - cpuMs).toBeLessThan(300);
    expect(run.calls('epoll_wait').length - waits).toBeLessThan(5);
    expect(totals(run)).toMatchObject({ held: 20, reset: 10, live: 20 });
  });
});

describe('the orderly stop', () => {
  it('SIGTERM: those queued are accepted, the listener closed, the held answered, then exit 0', async () => {
    const { run, port } = await started({ holdMs: 1_500 });
    const first = await client(port, 'A');
    await held(run, 1);
    await run.order({ type: 'pause-accept', pauseMs: 60_000 });
    const queued = await Promise.all([client(port, 'H'), client(port, 'X')]);
    await run.until(() => run.of('accept-queue').some((event) => event.length === 2));
    run.child.kill('SIGTERM');
    expect(await Promise.all([first, ...queued].map(({ reply }) => reply))).toEqual(['B', 'I', 'Y']);
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const listener = run.calls('socket')[0]!.returned;
    const closedAt = run.calls('close').find((event) => event.fd === listener)!.seq;
    expect(
      run
        .calls('accept4')
        .filter((event) => event.returned >= 0)
        .every((event) => event.seq < closedAt),
    ).toBe(true);
    expect(run.calls('write').every((event) => event.seq > closedAt)).toBe(true);
    expect(totals(run)).toMatchObject({ accepted: 3, replied: 3, lost: 0, live: 0 });
  });

  it('with nobody there it is over at once', async () => {
    const { run } = await started();
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 0, signal: null });
  });

  it('those who never sent a byte are waited for only briefly, and are no loss', async () => {
    const { run, port } = await started({ drainTimeoutMs: 20_000 });
    const silent = await client(port);
    await run.until(() => run.calls('accept4').length > 0);
    const told = performance.now();
    run.child.kill('SIGTERM');
    expect(await silent.reply).toBe('');
    expect(await run.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - told).toBeLessThan(10_000);
    expect(totals(run)).toMatchObject({ closedWithoutByte: 1, lost: 0 });
  });

  it('beyond the drain timeout it exits 4, and its totals say how many were lost', async () => {
    const { run, port } = await started({ holdMs: 60_000, drainTimeoutMs: 300 });
    await Promise.all([client(port, 'A'), client(port, 'B'), client(port, 'C'), client(port)]);
    await held(run, 3);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 4, signal: null });
    expect(totals(run)).toMatchObject({ accepted: 4, lost: 3, closedWithoutByte: 1, live: 0 });
    expect(run.of('cut').map((event) => event.reason)).toEqual(Array(4).fill('drain-timeout'));
  });

  it('a second signal ends it at once', async () => {
    const { run, port } = await started({ holdMs: 60_000, drainTimeoutMs: 60_000 });
    await client(port, 'A');
    await held(run, 1);
    run.child.kill('SIGTERM');
    // The first one was heard when the listener is closed.
    await run.until(() => run.calls('close').length > 0);
    run.child.kill('SIGTERM');
    expect(await run.ended).toEqual({ code: 4, signal: null });
  });

  it('told by its pipe: stop answers, end loses; and its port can be bound again at once, TIME-WAIT or not', async () => {
    const { run, port } = await started({ holdMs: 0 });
    expect(await (await client(port, 'A')).reply).toBe('B');
    await run.order({ type: 'stop' });
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const again = await started({ tcpPort: port, holdMs: 60_000 });
    expect(again.port).toBe(port);
    await client(port, 'A');
    await held(again.run, 1);
    await again.run.order({ type: 'end' });
    expect(await again.run.ended).toEqual({ code: 4, signal: null });
  });

  it("Ctrl-C and a terminal's end are for its parent to say: they alone change nothing", async () => {
    const { run, port } = await started();
    run.child.kill('SIGINT');
    run.child.kill('SIGHUP');
    const beats = run.reports.length;
    await run.until(() => run.reports.length > beats + 1);
    expect(await (await client(port, 'A')).reply).toBe('B');
  });

  it('stopped and continued in the middle of a wait (EINTR), it goes on', async () => {
    const { run, port } = await started({ holdMs: 300 });
    const one = await client(port, 'A');
    await held(run, 1);
    run.child.kill('SIGSTOP');
    run.child.kill('SIGCONT');
    expect(await one.reply).toBe('B');
  });

  it('kill -9 of its parent ends it, though the pipe of its orders is still open', async () => {
    // A parent in between hands its own pipes on: this test keeps their other ends.
    const between = `require('node:child_process').spawn(process.argv[1], process.argv.slice(2), { stdio: ['ignore', 'inherit', 'inherit', 3, 4] })`;
    const { run, port } = await started({ holdMs: 60_000 }, [process.execPath, '-e', between]);
    await client(port, 'A');
    await held(run, 1);
    const { pid } = run.events[0]!;
    expect(pid).not.toBe(run.pid);
    run.child.kill('SIGKILL');
    // Its end of the reports closes with it.
    expect(await run.ended).toEqual({ code: null, signal: 'SIGKILL' });
    const gone = (): boolean => !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
    await expect.poll(gone, { timeout: 2_000 }).toBe(true);
    const refused = connect(port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('the end of its orders is the end of its parent: it goes, and the port is free', async () => {
    const { run, port } = await started({ holdMs: 60_000 });
    await client(port, 'A');
    await held(run, 1);
    run.hangUp();
    expect(await run.ended).toEqual({ code: 0, signal: null });
    const refused = connect(port, '127.0.0.1');
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });
});

describe('a start that fails', () => {
  it('names the call and the errno, closes what it opened, and exits 3', async () => {
    const { port } = await started();
    const second = new EngineRun('increment-server', serverOptions({ tcpPort: port }));
    runs.push(second);
    expect(await second.ended).toEqual({ code: 3, signal: null });
    expect(second.reports).toContainEqual({ type: 'failed', failure: { call: 'bind', errno: 'EADDRINUSE' } });
    expect(second.calls().map((event) => event.call)).toEqual(['epoll_create1', 'socket', 'setsockopt', 'bind', 'close']);
    const nowhere = new EngineRun('increment-server', serverOptions({ tcpHost: '192.0.2.1' }));
    runs.push(nowhere);
    expect(await nowhere.ended).toEqual({ code: 3, signal: null });
    expect(nowhere.reports).toContainEqual({ type: 'failed', failure: { call: 'bind', errno: 'EADDRNOTAVAIL' } });
  });
});

describe.skipIf(!hasPrlimit)('out of descriptors (prlimit)', () => {
  /** Room for this many connections beside what the process itself needs. */
  async function capped(room: number, changes: Partial<ServerOptions> = {}): Promise<{ run: EngineRun; port: number }> {
    const probe = await started();
    const own = readdirSync(`/proc/${probe.run.pid}/fd`).length;
    // The listener is opened after the cap was reckoned, and eight are kept in reserve.
    return started(changes, ['prlimit', `--nofile=${own - 1 + 8 + room}`]);
  }

  it('at its cap the oldest silent connection makes room once it has been silent for long; those held never', async () => {
    const { run, port } = await capped(4, { holdMs: 4_000 });
    const busy = [await client(port, 'A'), await client(port, 'A')];
    await held(run, 2);
    const silent = [await client(port), await client(port)];
    await run.until(() => run.calls('accept4').filter((event) => event.returned >= 0).length === 4);
    const late = await client(port, 'Y');
    expect(await silent[0]!.reply).toBe('');
    expect(await late.reply).toBe('Z');
    expect(await Promise.all(busy.map(({ reply }) => reply))).toEqual(['B', 'B']);
    expect(run.of('cut').filter((event) => event.reason === 'evicted').length).toBe(1);
    const evicted = run.of('cut').find((event) => event.reason === 'evicted')!;
    const first = run.calls('accept4').filter((event) => event.returned >= 0)[2]!;
    expect(evicted.socket).toBe(first.socket);
    expect(evicted.atNs - first.atNs).toBeGreaterThanOrEqual(EVICT_SILENT_AFTER_MS * 1e6);
    expect(run.of('accept-paused').every((event) => event.reason === 'connection-cap')).toBe(true);
    expect(run.of('accept-paused').length).toBeGreaterThan(0);
  });

  it('EMFILE from accept pauses it: nobody is dropped, it is shown, it costs little, and ends when there is room', async () => {
    const { run, port } = await started({ holdMs: 0 });
    expect(await (await client(port, 'A')).reply).toBe('B');
    await run.until(() => run.calls('close').length === 1);
    run.limitDescriptors(0);
    const waiting = await Promise.all([client(port, 'A'), client(port, 'B'), client(port, 'C')]);
    await run.until(() => run.of('accept-paused').length >= 4);
    expect(run.of('accept-paused')[0]).toMatchObject({ reason: 'errno', errno: 'EMFILE' });
    const failures = run.calls('accept4').filter((event) => event.errno === 'EMFILE');
    expect(failures.length).toBeLessThanOrEqual(run.of('accept-paused').length);
    const cpuMs = run.cpuMs;
    const pauses = run.of('accept-paused').length;
    await run.until(() => run.of('accept-paused').length >= pauses + 4);
    expect(run.cpuMs - cpuMs).toBeLessThan(300);
    run.restoreDescriptors();
    expect(await Promise.all(waiting.map(({ reply }) => reply))).toEqual(['B', 'C', 'D']);
  });
});
