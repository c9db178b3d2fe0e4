// The command line as a shell meets it: what it prints where, how it exits, what the environment says, and that it runs from a packed tarball.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'playwright/test';
import { endsWithWorker, MAIN, startBridge } from './bridge-under-test.ts';
import { needs, run, type ProgramEnd } from './programs.ts';

const sockscope = (...args: string[]): Promise<ProgramEnd> => run(process.execPath, [MAIN, ...args], { timeoutMs: 30_000 });

/** A running `sockscope server`, its output by lines. */
interface ServerUnderTest {
  child: ChildProcess;
  port: number;
  lines: string[];
  bytes: Buffer[];
  stop(): Promise<number | null>;
}

async function startServer(flags: readonly string[] = [], environment: NodeJS.ProcessEnv = {}): Promise<ServerUnderTest> {
  const own = flags.includes('--tcp-port') || 'SOCKSCOPE_TCP_PORT' in environment ? [] : ['--tcp-port', '0'];
  const child = spawn(process.execPath, [MAIN, 'server', ...own, ...flags], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  endsWithWorker(child);
  const lines: string[] = [];
  const bytes: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => bytes.push(chunk));
  createInterface(child.stdout).on('line', (line) => lines.push(line));
  const port = await new Promise<number>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      const listening = /^LISTEN \S+:(\d+) · pid \d+ · fd \d+ /.exec(line)?.[1];
      if (listening !== undefined) resolve(Number(listening));
    });
    child.once('exit', (code) => {
      reject(new Error(`server ended with ${String(code)}`));
    });
  });
  return {
    child,
    port,
    lines,
    bytes,
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'close');
      }
      return child.exitCode;
    },
  };
}

/** A server of another kind: does `behave` with each connection. */
async function other(behave: (socket: Socket) => void): Promise<{ server: Server; port: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    behave(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: String((server.address() as AddressInfo).port) };
}

async function unusedPort(): Promise<string> {
  const { server, port } = await other(() => undefined);
  server.close();
  await once(server, 'close');
  return port;
}

let server: ServerUnderTest;
test.beforeAll(async () => {
  server = await startServer(['--hold-ms', '100', '--backlog', '512']);
});
test.afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

test.describe('sockscope client', () => {
  test('prints the reply and exits 0; A is the default', async () => {
    for (const bytes of [['A'], []]) {
      const end = await sockscope('client', ...bytes, '--tcp-port', String(server.port));
      expect([end.stdout.toString(), end.stderr, end.code]).toEqual(['char from server = B\n', '', 0]);
    }
  });

  test('a client for each character, as many as --count says', async () => {
    const end = await sockscope('client', 'AYz', '--count', '2', '--tcp-port', String(server.port));
    expect(end.stdout.toString().trim().split('\n').sort()).toEqual(['B', 'B', 'Z', 'Z', '{', '{'].map((byte) => `char from server = ${byte}`));
    expect(end.code).toBe(0);
  });

  test('a refused connect is one line on stderr, exit 1', async () => {
    const port = await unusedPort();
    const end = await sockscope('client', 'A', '--tcp-port', port);
    expect([end.stdout.toString(), end.stderr, end.code]).toEqual(['', `connect: ECONNREFUSED (connection refused) 127.0.0.1:${port}\n`, 1]);
  });

  test('a reset, an early end and a silence are told apart, exit 1', async () => {
    const reset = await other((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const early = await other((socket) => socket.once('data', () => socket.end()));
    const mute = await other(() => undefined);
    const came = await Promise.all([
      sockscope('client', 'A', '--tcp-port', reset.port),
      sockscope('client', 'A', '--tcp-port', early.port),
      sockscope('client', 'A', '--tcp-port', mute.port, '--timeout-ms', '300'),
    ]);
    expect(came.map((end) => end.stderr)).toEqual([
      `read: ECONNRESET (connection reset by peer) 127.0.0.1:${reset.port}\n`,
      `read: end of file, the server closed without a reply 127.0.0.1:${early.port}\n`,
      `timed out: no reply within 300 ms from 127.0.0.1:${mute.port}\n`,
    ]);
    expect(came.map((end) => [end.stdout.length, end.code])).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(came[2].durationMs).toBeGreaterThanOrEqual(300);
    for (const one of [reset, early, mute]) one.server.close();
  });

  test('--json is one object a line, of failures too', async () => {
    const good = await sockscope('client', 'A', '--json', '--tcp-port', String(server.port));
    expect(JSON.parse(good.stdout.toString())).toEqual({ byte: 65, reply: 66, outcome: 'replied', durationNs: expect.any(Number) });
    const port = await unusedPort();
    const bad = await sockscope('client', 'A', '--json', '--tcp-port', port);
    expect(JSON.parse(bad.stdout.toString())).toMatchObject({ byte: 65, reply: null, outcome: 'refused', call: 'connect', errno: 'ECONNREFUSED' });
    expect(bad.code).toBe(1);
  });

  test('--trace prints its calls on stderr and leaves stdout alone', async () => {
    const end = await sockscope('client', 'A', '--trace', '--tcp-port', String(server.port));
    expect(end.stdout.toString()).toBe('char from server = B\n');
    const calls = end.stderr.split('\n').filter((line) => /^\w+\(/.test(line));
    expect(calls[0]).toMatch(/^epoll_create1\(EPOLL_CLOEXEC\) = \d+$/);
    expect(calls[1]).toMatch(/^socket\(AF_INET, SOCK_STREAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK, IPPROTO_IP\) = \d+$/);
    expect(calls.some((line) => line.includes(`sin_port=htons(${server.port}), sin_addr=inet_addr("127.0.0.1")}, 16) = `))).toBe(true);
    expect(calls.at(-1)).toMatch(/^close\(\d+\) = 0$/);
  });

  test('all 256 byte values come back plus one, 255 as 0', async () => {
    const all = Array.from({ length: 256 }, (_, byte) => `0x${byte.toString(16).padStart(2, '0')}`).join(',');
    const end = await sockscope('client', all, '--json', '--tcp-port', String(server.port));
    const replies = new Map(
      end.stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { byte: number; reply: number })
        .map(({ byte, reply }) => [byte, reply]),
    );
    expect(replies).toEqual(new Map(Array.from({ length: 256 }, (_, byte) => [byte, (byte + 1) % 256])));
    expect(end.code).toBe(0);
  });
});

test.describe('a terminal never gets a raw byte of a peer', () => {
  // ESC, CR, BEL, a C1 control, a bidi override in UTF-8, DEL.
  const NASTY = Buffer.from([0x1b, 0x5b, 0x33, 0x31, 0x6d, 0x0d, 0x07, 0x9b, 0xe2, 0x80, 0xae, 0x7f, 0x00]);

  test('in the lines of the server', async () => {
    const own = await startServer(['--hold-ms', '0']);
    await run('node', ['-e', `require('net').connect(${own.port}, '127.0.0.1').end(Buffer.from('${NASTY.toString('hex')}', 'hex')).resume()`]);
    await expect.poll(() => own.lines.some((line) => line.startsWith('shutdown('))).toBe(true);
    expect(await own.stop()).toBe(0);
    const printed = Buffer.concat(own.bytes);
    expect(printed.toString()).toMatch(/read\(\d+, "\\33", 1\) = 1/);
    expect(printed.toString()).toMatch(/read\(\d+, "\[31m\\r\\7\\233\\342\\200\\256\\177\\0", \d+\) = 12/);
    expect(printed.filter((byte) => byte !== 10 && (byte < 32 || byte > 126))).toHaveLength(0);
  });

  test('in the replies that a client prints', async () => {
    let next = 0;
    const nasty = [...NASTY, 0x5c, 0xff];
    const echo = await other((socket) =>
      socket.once('data', () => {
        socket.end(Buffer.of(nasty[next] ?? 0));
        next += 1;
      }),
    );
    const end = await sockscope('client', 'A', '--count', String(nasty.length), '--trace', '--tcp-port', echo.port);
    echo.server.close();
    expect(end.stdout.filter((byte) => byte !== 10 && (byte < 32 || byte > 126))).toHaveLength(0);
    expect(Buffer.from(end.stderr).filter((byte) => byte !== 10 && (byte < 32 || byte > 126))).toHaveLength(0);
    const replies = end.stdout.toString().trim().split('\n').sort();
    const escaped = ['\\33', '[', '3', '1', 'm', '\\r', '\\7', '\\233', '\\342', '\\200', '\\256', '\\177', '\\0', '\\\\', '\\377'];
    expect(replies).toEqual(escaped.map((text) => `char from server = ${text}`).sort());
  });
});

test.describe('sockscope server', () => {
  test('--json is one event a line', async () => {
    const own = await startServer(['--json', '--hold-ms', '10']);
    expect((await sockscope('client', 'A', '--tcp-port', String(own.port))).code).toBe(0);
    await expect.poll(() => own.lines.filter((line) => line.includes('"call":"close"')).length).toBeGreaterThan(0);
    expect(await own.stop()).toBe(0);
    const events = own.lines.map((line) => JSON.parse(line) as { seq: number; kind: string; call?: string; process: string });
    expect(events.map((event) => event.seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.filter((event) => event.kind === 'call').map((event) => event.call)).toEqual(
      expect.arrayContaining(['socket', 'setsockopt', 'bind', 'listen', 'accept4', 'read', 'write', 'shutdown', 'close']),
    );
  });

  test('goes on serving when the reader of its output has left', async () => {
    const own = await startServer(['--hold-ms', '0']);
    own.child.stdout?.destroy();
    for (let i = 0; i < 5; i += 1) expect((await sockscope('client', 'A', '--tcp-port', String(own.port))).stdout.toString()).toBe('char from server = B\n');
    expect(await own.stop()).toBe(0);
  });

  test('and in a real pipe into head -1', async () => {
    const port = await unusedPort();
    const shell = spawn('sh', ['-c', '"$0" "$1" server --tcp-host 127.0.0.1 --tcp-port "$2" --hold-ms 0 2>/dev/null | head -1', process.execPath, MAIN, port], {
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    let printed = '';
    shell.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    try {
      await expect.poll(() => printed).toMatch(/^epoll_create1\(EPOLL_CLOEXEC\) = \d+\n$/);
      for (let i = 0; i < 3; i += 1)
        await expect.poll(async () => (await sockscope('client', 'A', '--tcp-port', port)).stdout.toString()).toBe('char from server = B\n');
      expect(printed.split('\n').length).toBe(2);
    } finally {
      // The shell and what it started are a process group of their own.
      if (shell.pid !== undefined) process.kill(-shell.pid, 'SIGTERM');
      await once(shell, 'close');
    }
  });

  test('exits 3 where its port is taken or forbidden, and says what to do', async () => {
    const taken = await sockscope('server', '--tcp-port', String(server.port));
    expect(taken.code).toBe(3);
    expect(taken.stderr).toContain(`bind: EADDRINUSE 0.0.0.0:${server.port}: another socket holds this port`);
    expect(taken.stdout.toString()).toMatch(/bind\(\d+, .*\) = -1 EADDRINUSE \(Address already in use\)/);
    const nowhere = await sockscope('server', '--tcp-host', '192.0.2.1', '--tcp-port', '0');
    expect([nowhere.code, nowhere.stderr]).toEqual([3, expect.stringContaining('bind: EADDRNOTAVAIL')]);
  });

  test('exits 4 when those held were not answered in time, and says how many', async () => {
    const own = await startServer(['--hold-ms', '60000', '--drain-timeout-ms', '200']);
    let said = '';
    own.child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const client = spawn(process.execPath, [MAIN, 'client', 'A', '--tcp-port', String(own.port)], { stdio: 'ignore' });
    await expect.poll(() => own.lines.some((line) => line.includes('the byte is held'))).toBe(true);
    expect(await own.stop()).toBe(4);
    expect(said).toContain('stopped: 1 connection was lost\n');
    if (client.exitCode === null) await once(client, 'exit');
    expect(client.exitCode).toBe(1);
  });
});

test.describe('flags, environment and help', () => {
  test('each flag has an environment twin; a flag given wins', async () => {
    const port = await unusedPort();
    const own = await startServer([], {
      SOCKSCOPE_TCP_PORT: port,
      SOCKSCOPE_TCP_HOST: '127.0.0.1',
      SOCKSCOPE_HOLD_MS: '7',
      SOCKSCOPE_BACKLOG: '9',
      SOCKSCOPE_JSON: '1',
    });
    expect(String(own.port)).toBe(port);
    await expect
      .poll(() => own.lines.filter((line) => line.includes('"setting"')).map((line) => (JSON.parse(line) as { value: number }).value))
      .toEqual([7, 9]);
    expect(await own.stop()).toBe(0);
    const won = await startServer(['--backlog', '11'], { SOCKSCOPE_BACKLOG: '9' });
    await expect.poll(() => won.lines.some((line) => /^listen\(\d+, 11\) = 0$/.test(line))).toBe(true);
    expect(await won.stop()).toBe(0);
    const bad = spawn(process.execPath, [MAIN, 'server'], { stdio: 'ignore', env: { ...process.env, SOCKSCOPE_BACKLOG: 'many' } });
    expect(await once(bad, 'exit')).toEqual([2, null]);
  });

  const HELP: Record<string, string[]> = {
    serve: ['http-host', 'http-port', 'tcp-host', 'tcp-port', 'backlog', 'hold-ms', 'allow-host', 'allow-target', 'token', 'drain-timeout-ms', 'log-level'],
    server: ['tcp-host', 'tcp-port', 'backlog', 'hold-ms', 'json'],
    client: ['tcp-host', 'tcp-port', 'count', 'trace', 'json', 'timeout-ms'],
  };
  for (const [command, flags] of Object.entries(HELP)) {
    test(`${command} --help names every flag and its twin`, async () => {
      const help = await sockscope(command, '--help');
      expect([help.code, help.stderr]).toEqual([0, '']);
      for (const flag of flags) {
        expect(help.stdout.toString()).toContain(`--${flag}`);
        expect(help.stdout.toString()).toContain(`SOCKSCOPE_${flag.toUpperCase().replaceAll('-', '_')}`);
      }
    });
  }

  test('--help names the commands and the exit codes; --version is that of the package', async () => {
    const help = await sockscope('--help');
    for (const word of [
      'serve',
      'server',
      'client',
      'schema',
      'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 port taken or forbidden, 4 drained with losses.',
    ])
      expect(help.stdout.toString()).toContain(word);
    expect((await sockscope('--version')).stdout.toString()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  for (const args of [
    ['fly'],
    ['client', '--tcp-port', '70000'],
    ['client', '--tcp-port', '0'],
    ['client', '--count', '0'],
    ['client', '--timeout-ms', '-1'],
    ['client', '€'],
    ['client', ''],
    ['client', 'A', 'B'],
    ['server', '--tcp-host', 'example.com'],
    ['server', '--hold-ms', '1e3'],
    ['server', '--unknown'],
    ['schema', 'everything'],
  ]) {
    test(`wrong usage exits 2 and says what is allowed: ${args.join(' ')}`, async () => {
      const end = await sockscope(...args);
      expect([end.code, end.stdout.toString()]).toEqual([2, '']);
      expect(end.stderr).toMatch(/^error: /);
    });
  }

  test('schema prints JSON Schema', async () => {
    for (const what of ['events', 'commands', 'messages'])
      expect(JSON.parse((await sockscope('schema', what)).stdout.toString())).toMatchObject({ $schema: expect.stringContaining('json-schema.org') });
    expect(Object.keys((JSON.parse((await sockscope('schema')).stdout.toString()) as { $defs: object }).$defs)).toEqual(['events', 'commands', 'messages']);
  });
});

test('serve ends with its terminal: Ctrl-C, twice when it is in a hurry', async () => {
  const bridge = await startBridge(['--hold-ms', '60000', '--drain-timeout-ms', '60000']);
  const client = spawn(process.execPath, [MAIN, 'client', 'A', '--tcp-port', String(bridge.tcpPort)], { stdio: 'ignore' });
  await expect.poll(async () => await (await fetch(`${bridge.url}/api/trace`)).text()).toContain('"kind":"hold"');
  bridge.child.kill('SIGINT');
  await expect.poll(async () => await (await fetch(`${bridge.url}/api/status`)).text()).toContain('"state":"stopping"');
  bridge.child.kill('SIGINT');
  expect(await once(bridge.child, 'exit')).toEqual([4, null]);
  if (client.exitCode === null) await once(client, 'exit');
});

test('from a packed tarball, installed elsewhere, `npx sockscope` works', async () => {
  needs('npm');
  test.setTimeout(180_000);
  const directory = mkdtempSync(join(tmpdir(), 'sockscope-pack-'));
  try {
    const root = fileURLToPath(new URL('..', import.meta.url));
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', directory, root], { timeoutMs: 60_000 });
    expect(packed.code, packed.stderr).toBe(0);
    const tarball = packed.stdout.toString().trim().split('\n').at(-1) ?? '';
    const install = ['install', '--prefix', directory, '--prefer-offline', '--no-audit', '--no-fund', join(directory, tarball)];
    const installed = await run('npm', install, { timeoutMs: 120_000 });
    const unreachable = /ENOTFOUND|EAI_AGAIN|ENOTCACHED|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/.test(installed.stderr + installed.stdout.toString());
    test.skip(installed.code !== 0 && unreachable && process.env['CI'] !== 'true', 'the npm registry (koffi) cannot be reached');
    expect(installed.code, installed.stderr).toBe(0);
    const there = 'cd "$0" && exec npx --no sockscope client A --tcp-port "$1"';
    const end = await run('sh', ['-c', there, directory, String(server.port)]);
    expect([end.stdout.toString(), end.code]).toEqual(['char from server = B\n', 0]);
    // The page came along too.
    const listed = await run('tar', ['-tf', join(directory, tarball)]);
    expect(listed.stdout.toString()).toContain('package/dist/web/index.html');
    expect(listed.stdout.toString()).not.toMatch(/package\/(server|web|e2e|node_modules)\//);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
