// strace is the referee: what our engines report of their sockets, and what strace saw the same processes do, call for call.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'playwright/test';
import { MAIN, startBridge } from './bridge-under-test.ts';
import { FeedClient, trace, type TraceEvent } from './feed-client.ts';
import { needs, run } from './programs.ts';

const CALLS =
  'socket,setsockopt,bind,listen,accept4,connect,getsockname,getsockopt,read,write,shutdown,close,epoll_create1,epoll_ctl,epoll_wait,recvfrom,sendto,recvmsg,sendmsg,accept,getpeername';

let directory = '';
test.beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sockscope-strace-'));
});
test.afterAll(() => {
  rmSync(directory, { recursive: true });
});

const TCP_STATES = [
  '',
  'ESTABLISHED',
  'SYN-SENT',
  'SYN-RECEIVED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'CLOSED',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
];
const LETTERS: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, '\\': 92 };

/** The bytes of a string as strace prints it. */
function bytesOf(text: string): Buffer {
  const bytes: number[] = [];
  for (const [, octal, letter, plain] of text.matchAll(/\\([0-7]{1,3})|\\(.)|([^\\])/g)) {
    if (octal !== undefined) bytes.push(parseInt(octal, 8));
    else if (letter !== undefined) bytes.push(LETTERS[letter] ?? NaN);
    else bytes.push((plain ?? '').charCodeAt(0));
  }
  return Buffer.from(bytes);
}

/** strace prints the first bytes of struct tcp_info where we name three of its fields: read those bytes. */
function tcpInfoInWords(line: string): string {
  return line.replace(/TCP_INFO, "((?:[^"\\]|\\.)*)"\.\.\./, (_, text: string) => {
    const bytes = bytesOf(text);
    return `TCP_INFO, {tcpi_state=${TCP_STATES[bytes[0] ?? 0] ?? '?'}, tcpi_unacked=${bytes.readUInt32LE(24)}, tcpi_sacked=${bytes.readUInt32LE(28)}, ...}`;
  });
}

/** Of many ready descriptors we keep four and then say `...`; strace does the same after 32. */
function fourReady(line: string): string {
  const ready = [...line.matchAll(/\{events=[^{}]*, data=\{[^{}]*\}\}/g)].map(([one]) => one);
  return line.startsWith('epoll_wait') && ready.length > 4 ? line.replace(/\[.*\]/, `[${ready.slice(0, 4).join(', ')}, ...]`) : line;
}

/** What strace saw one process do with its sockets, in our spelling of the two things it spells out more or less than we do. */
function seenByStrace(prefix: string, pid: number, epollFd: number, alreadyOpen: readonly number[] = []): string[] {
  const sockets = new Set(alreadyOpen);
  const kept: string[] = [];
  for (const raw of readFileSync(`${prefix}.${pid}`, 'utf8').split('\n')) {
    // strace lines the results up in a column.
    const line = raw.replace(/\)\s+= (?=[^=]*$)/, ') = ');
    const [, call = '', first = ''] = /^(\w+)\((\w*)/.exec(line) ?? [];
    const returned = Number(/\) = (-?\d+)/.exec(line)?.[1]);
    const fd = Number(first);
    switch (call) {
      case '':
        continue;
      case 'socket':
        if (first !== 'AF_INET') continue;
        if (returned >= 0) sockets.add(returned);
        break;
      case 'epoll_create1':
        // Node's own loop has one too; it is told apart by its number.
        if (returned !== epollFd) continue;
        break;
      case 'epoll_ctl':
        // The pipes to our own parent are plumbing.
        if (fd !== epollFd || !sockets.has(Number(/^epoll_ctl\(\d+, \w+, (\d+)/.exec(line)?.[1]))) continue;
        break;
      case 'epoll_wait':
        // A wait that brought no socket (its time was over, a pipe was ready, a signal came) is not reported.
        if (fd !== epollFd || ![...line.matchAll(/u32=(\d+)/g)].some(([, ready]) => sockets.has(Number(ready)))) continue;
        break;
      default:
        if (!sockets.has(fd)) continue;
        if (call === 'accept4' && returned >= 0) sockets.add(returned);
        if (call === 'close') sockets.delete(fd);
    }
    kept.push(fourReady(tcpInfoInWords(line)));
  }
  return kept;
}

/** Both tell the same story; where they part, the lines around it are shown. */
function agree(ours: readonly string[], straces: readonly string[]): void {
  const part = ours.findIndex((line, i) => line !== straces[i]);
  const at = part < 0 ? Math.min(ours.length, straces.length) : part;
  const around = (lines: readonly string[]): readonly string[] => lines.slice(Math.max(0, at - 3), at + 3);
  expect(around(ours), `they part at call ${at} of ${ours.length} and ${straces.length}`).toEqual(around(straces));
  expect(ours.length).toBe(straces.length);
}

/** Attaches strace to running processes; resolves when it holds them all. */
async function attached(prefix: string, pids: readonly number[]): Promise<ChildProcess> {
  const strace = spawn('strace', ['-ff', '-o', prefix, '-e', `trace=${CALLS}`, ...pids.flatMap((pid) => ['-p', String(pid)])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const waiting = new Set(pids);
  const said: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(strace.stderr).on('line', (line) => {
      said.push(line);
      waiting.delete(Number(/Process (\d+) attached/.exec(line)?.[1]));
      if (waiting.size === 0) resolve();
    });
    strace.once('exit', () => {
      reject(new Error(`strace ended: ${said.join(' ')}`));
    });
  });
  return strace;
}

/** A foreign client with a plan of its own; resolves when its socket is closed. */
function foreigner(port: number, act: (socket: ReturnType<typeof connect>) => void): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => {
      act(socket);
    });
    socket.on('end', () => socket.end());
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve();
    });
    socket.resume();
  });
}

test('over 100 mixed exchanges strace and /api/trace agree call for call, on both engines', async () => {
  needs('strace', 'nc');
  test.setTimeout(180_000);
  const bridge = await startBridge(['--hold-ms', '100', '--backlog', '128']);
  const feed = await FeedClient.connect(bridge.url);
  const status = async (): Promise<{
    server: { fd: number };
    processes: { name: string; pid: number }[];
    totals: { server: { live: number; accepted: number }; clients: { live: number } };
  }> => (await (await fetch(`${bridge.url}/api/status`)).json()) as Awaited<ReturnType<typeof status>>;
  const before = await status();
  const pidOf = (name: string): number => before.processes.find((process) => process.name === name)?.pid ?? 0;
  const engines = ['increment-server', 'tcp-client'].map((name) => ({ name, pid: pidOf(name) }));
  let start: TraceEvent[] = [];
  const epollFd = (pid: number): number => start.find((event) => event.pid === pid && event.call === 'epoll_create1')?.returned ?? -1;
  await expect
    .poll(async () => {
      start = await trace(bridge.url);
      return engines.every(({ pid }) => epollFd(pid) >= 0);
    })
    .toBe(true);

  const prefix = join(directory, 'exchanges');
  const strace = await attached(
    prefix,
    engines.map(({ pid }) => pid),
  );
  const since = (await trace(bridge.url)).at(-1)?.seq ?? 0;

  const spawnClients = (more: Record<string, unknown>): Promise<unknown> => feed.command({ type: 'spawn-clients', byte: 65, ...more });
  await spawnClients({ count: 40 });
  await spawnClients({ count: 8, byte: 0xff, plan: 'half-close' });
  await spawnClients({ count: 8, plan: 'reset', afterMs: 30 });
  await spawnClients({ count: 8, plan: 'close', afterMs: 30 });
  const silent = await feed.command({ type: 'spawn-clients', byte: 65, count: 6, plan: 'silent' });
  const ids = silent['clientIds'] as string[];
  for (const id of ids) await feed.event((event) => event.clientId === id && event.call === 'getsockopt' && event.args?.['option'] === 'SO_ERROR');
  for (const [i, clientId] of ids.entries()) await feed.command({ type: 'end-client', clientId, how: ['close', 'reset', 'half-close'][i % 3] });
  for (let i = 0; i < 8; i += 1) {
    const end = await run('nc', [...(i % 2 === 0 ? ['-N'] : []), '127.0.0.1', String(bridge.tcpPort)], { input: `A${'\n'.repeat(i)}` });
    expect(end.stdout.toString()).toBe('B');
  }
  // Bytes that need every escape there is, in an order that puts digits behind them.
  const bytes = (i: number): Buffer =>
    Buffer.from(Array.from({ length: 1 + ((i * 7) % 60) }, (_, k) => (k * (i % 5 === 0 ? 1 : 37) + i * 11 + (k % 3 === 2 ? 48 : 0)) % 256));
  await Promise.all([
    ...Array.from({ length: 20 }, (_, i) => foreigner(bridge.tcpPort, (socket) => socket.write(bytes(i)))),
    ...Array.from({ length: 5 }, () => foreigner(bridge.tcpPort, (socket) => socket.end())),
    ...Array.from({ length: 5 }, () => foreigner(bridge.tcpPort, (socket) => socket.end('A and then FIN'))),
    ...Array.from({ length: 5 }, () =>
      foreigner(bridge.tcpPort, (socket) => {
        socket.write('A');
        setTimeout(() => socket.resetAndDestroy(), 20);
      }),
    ),
    ...Array.from({ length: 5 }, () => foreigner(bridge.tcpPort, (socket) => socket.resetAndDestroy())),
  ]);
  await expect
    .poll(async () => {
      const { server, clients } = (await status()).totals;
      return [server.live, clients.live];
    })
    .toEqual([0, 0]);
  expect((await status()).totals.server.accepted).toBeGreaterThanOrEqual(110);
  // Nothing more is to come: the trace has stopped growing.
  let lastSeq = -1;
  await expect
    .poll(
      async () => {
        const before = lastSeq;
        lastSeq = (await trace(bridge.url)).at(-1)?.seq ?? 0;
        return lastSeq === before;
      },
      { intervals: [400] },
    )
    .toBe(true);

  strace.kill('SIGTERM');
  await once(strace, 'exit');
  const text = await (await fetch(`${bridge.url}/api/trace?format=strace&since=${since}&limit=100000`)).text();
  expect(text).not.toContain('were not recorded');
  for (const { name, pid } of engines) {
    const ours = text
      .split('\n')
      .filter((line) => line.startsWith(`${pid} `))
      .map((line) => line.slice(String(pid).padEnd(5).length + 1))
      // strace's own attaching and detaching break a wait off, which it does not print itself.
      .filter((line) => !/^epoll_wait\(\d+, 0x\w+, \d+, \d+\) = -1 EINTR /.test(line));
    expect(ours.length, name).toBeGreaterThan(500);
    agree(ours, seenByStrace(prefix, pid, epollFd(pid), name === 'increment-server' ? [before.server.fd] : []));
  }
  feed.close();
  expect(await bridge.stop()).toBe(0);
});

/** A command line of ours under strace from its first instruction; its engine's lines and strace's. */
async function wholeRun(name: string, args: readonly string[], work: (port: string) => Promise<void>): Promise<{ ours: string[]; straces: string[] }> {
  const prefix = join(directory, name);
  const strace = spawn('strace', ['-ff', '-o', prefix, '-e', `trace=${CALLS}`, process.execPath, MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const printed: string[] = [];
  let enginePid = 0;
  const listening = new Promise<string>((resolve) => {
    createInterface(strace.stderr).on('line', (line) => {
      const [, port, pid] = /LISTEN \S+:(\d+) · pid (\d+)/.exec(line) ?? [];
      if (port === undefined) return;
      enginePid = Number(pid);
      resolve(port);
    });
  });
  createInterface(strace.stdout).on('line', (line) => printed.push(line));
  await work(await listening);
  const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${enginePid}/status`, 'utf8'))?.[1]);
  process.kill(parent, 'SIGTERM');
  const [code] = (await once(strace, 'close')) as [number];
  expect(code).toBe(0);
  const ours = printed.filter((line) => !line.startsWith('--- '));
  const epollFd = Number(/^epoll_create1\(EPOLL_CLOEXEC\) = (\d+)$/.exec(ours[0] ?? '')?.[1]);
  return { ours, straces: seenByStrace(prefix, enginePid, epollFd) };
}

test('one whole run of `sockscope server`, from epoll_create1 to its last close, is what strace saw', async () => {
  needs('strace', 'nc');
  const { ours, straces } = await wholeRun('server', ['server', '--tcp-host', '127.0.0.1', '--tcp-port', '0', '--hold-ms', '100'], async (port) => {
    for (const input of ['A', 'A\n', '\u001b[31m0']) expect((await run('nc', ['-N', '127.0.0.1', port], { input })).stdout.length).toBe(1);
  });
  agree(ours, straces);
  expect(ours.slice(0, 7).map((line) => /^\w+/.exec(line)?.[0])).toEqual([
    'epoll_create1',
    'socket',
    'setsockopt',
    'bind',
    'listen',
    'getsockname',
    'epoll_ctl',
  ]);
  expect(ours.filter((line) => line.startsWith('write(')).length).toBe(3);
});

test('`sockscope client --trace` prints what strace saw, of a refused connect too', async () => {
  needs('strace');
  const bridge = await startBridge(['--hold-ms', '50']);
  for (const [name, port] of [
    ['replied', bridge.tcpPort],
    ['refused', 1],
  ] as const) {
    const prefix = join(directory, name);
    const end = await run('strace', [
      '-ff',
      '-o',
      prefix,
      '-e',
      `trace=${CALLS}`,
      process.execPath,
      MAIN,
      'client',
      'A',
      '--trace',
      '--tcp-port',
      String(port),
    ]);
    const ours = end.stderr.split('\n').filter((line) => /^\w+\(/.test(line));
    const epollFd = Number(/^epoll_create1\(EPOLL_CLOEXEC\) = (\d+)$/.exec(ours[0] ?? '')?.[1]);
    // The engine is the process that strace saw connect to this port.
    const pid = Number(
      (await run('grep', ['-l', `htons(${port})`, '-r', directory])).stdout
        .toString()
        .split('\n')
        .find((file) => file.startsWith(`${prefix}.`))
        ?.slice(prefix.length + 1),
    );
    agree(ours, seenByStrace(prefix, pid, epollFd));
    expect(ours.some((line) => line.startsWith('connect('))).toBe(true);
  }
  expect(await bridge.stop()).toBe(0);
});
