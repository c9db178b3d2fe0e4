// Strangers get their byte back: netcat in its moods, ncat, socat, telnet, Python, the classic C client; and none is reset.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'playwright/test';
import { MAIN, startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { trace, traceOnce, type TraceEvent } from './feed-client.ts';
import { compiled, needs, ownNetwork, resetsSent, run } from './programs.ts';

const HOLD_MS = 700;
let bridge: BridgeUnderTest;

test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', String(HOLD_MS)]);
});
test.afterAll(async () => {
  expect(await bridge.stop()).toBe(0);
});

const port = (): string => String(bridge.tcpPort);
const inTime = (durationMs: number): void => {
  expect(durationMs).toBeGreaterThanOrEqual(HOLD_MS);
  expect(durationMs).toBeLessThan(HOLD_MS + 2_000);
};

for (const [name, program, args, input] of [
  ['nc with one byte', 'nc', ['127.0.0.1'], 'A'],
  ['nc with a newline behind it', 'nc', ['127.0.0.1'], 'A\n'],
  ['nc -N, which half-closes', 'nc', ['-N', '127.0.0.1'], 'A'],
  ['nc -N with 4 KiB behind it', 'nc', ['-N', '127.0.0.1'], `A${'x'.repeat(4096)}`],
  ['ncat', 'ncat', ['127.0.0.1'], 'A\n'],
] as const) {
  test(`${name} gets B after the hold, then a clean end`, async () => {
    needs(program);
    const end = await run(program, [...args, port()], { input });
    expect(end.stdout.toString()).toBe('B');
    expect(end.code).toBe(0);
    inTime(end.durationMs);
  });
}

test('socat gets B', async () => {
  needs('socat');
  // -t: socat waits that long for the other direction after its input has ended.
  const end = await run('socat', ['-t', '5', '-', `TCP:127.0.0.1:${port()}`], { input: 'A' });
  expect(end.stdout.toString()).toBe('B');
  inTime(end.durationMs);
});

test('telnet gets B and says that the host closed', async () => {
  needs('telnet');
  const end = await run('telnet', ['127.0.0.1', port()], { input: 'A\r\n', keepOpen: true });
  expect(end.stdout.toString()).toMatch(/Escape character is '\^\]'\.\r?\nB/);
  expect(end.stderr).toContain('Connection closed by foreign host');
  inTime(end.durationMs);
});

test('a Python client gets B', async () => {
  needs('python3');
  const program = `import socket\ns = socket.create_connection(('127.0.0.1', ${port()}))\ns.sendall(b'A')\nprint(s.recv(10), s.recv(10))`;
  const end = await run('python3', ['-c', program]);
  expect(end.stdout.toString().trim()).toBe("b'B' b''");
  inTime(end.durationMs);
});

test('the classic C client gets B', async () => {
  needs('cc');
  const end = await run(compiled('c/classic-client'), [port()]);
  expect(end.stdout.toString()).toBe('char from server = B\n');
  inTime(end.durationMs);
});

test('with the default hold of 5 s the reply comes after 5.0 to 5.25 s', async () => {
  needs('nc');
  const slow = await startBridge();
  const end = await run('nc', ['-N', '127.0.0.1', String(slow.tcpPort)], { input: 'A' });
  expect(end.stdout.toString()).toBe('B');
  const written = (event: TraceEvent): boolean => event.call === 'write' && event.process === 'increment-server';
  const events = await traceOnce(slow.url, (all) => all.some(written));
  const read = events.find((event) => event.call === 'read' && event.returned === 1);
  const write = events.find(written);
  const heldMs = ((write?.atNs ?? 0) - (read?.atNs ?? 0)) / 1e6;
  expect(heldMs).toBeGreaterThanOrEqual(5_000);
  expect(heldMs).toBeLessThan(5_250);
  expect(await slow.stop()).toBe(0);
});

test('fifty talkative netcats in a row lose no reply and cause no RST', async () => {
  needs('nc', 'nstat');
  const network = ownNetwork();
  const quick = await startBridge(['--hold-ms', '20'], {}, network);
  const inside = network.length === 0 ? [] : ['nsenter', '--net', '--target', String(quick.child.pid)];
  const [program, ...args] = [...inside, 'nc', '127.0.0.1', String(quick.tcpPort)];
  const before = resetsSent(inside);
  for (let i = 0; i < 50; i += 1) {
    const end = await run(program, args, { input: `A\n${'talk '.repeat(i * 10)}` });
    expect(end.stdout.toString(), `netcat number ${i}`).toBe('B');
  }
  const resets = resetsSent(inside) - before;
  expect(resets).toBe(0);
  expect(await quick.stop()).toBe(0);
});

test('all 256 byte values come back plus one', async () => {
  // 256 at once into a queue of 5 would be answered too, but only after many a SYN was sent again.
  const wide = await startBridge(['--backlog', '512', '--hold-ms', '300']);
  const replies = await Promise.all(
    Array.from({ length: 256 }, async (_, byte) => {
      const socket = connect({ port: wide.tcpPort, host: '127.0.0.1', allowHalfOpen: true });
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.write(Buffer.of(byte));
      await once(socket, 'end');
      socket.end();
      return Buffer.concat(chunks);
    }),
  );
  replies.forEach((reply, byte) => {
    expect([...reply], `the reply to ${byte}`).toEqual([(byte + 1) % 256]);
  });
  expect(await wide.stop()).toBe(0);
});

test('a netcat that is left open keeps nothing of the server busy: its connection ends with the reply', async () => {
  needs('nc');
  const child = spawn('nc', ['127.0.0.1', port()], { stdio: ['pipe', 'pipe', 'ignore'] });
  child.stdin.write('Q');
  const [reply] = (await once(child.stdout, 'data')) as [Buffer];
  expect(reply.toString()).toBe('R');
  // The server lingers for at most two seconds for the end of file that this netcat does not send.
  await expect
    .poll(async () => (await trace(bridge.url)).filter((event) => event.call === 'close' && event.process === 'increment-server').length, { timeout: 6_000 })
    .toBeGreaterThan(0);
  await expect
    .poll(async () => ((await (await fetch(`${bridge.url}/api/status`)).json()) as { totals: { server: { live: number } } }).totals.server.live, {
      timeout: 6_000,
    })
    .toBe(0);
  child.kill('SIGKILL');
});

test('sockscope client works against the classic C server', async () => {
  needs('cc', 'nc');
  const classicPort = String(20_000 + (process.pid % 20_000));
  const server = spawn(compiled('c/classic-server'), [classicPort, '300'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(server.stdout, 'data');
  try {
    const end = await run(process.execPath, [MAIN, 'client', 'A', '--tcp-port', classicPort]);
    expect(end.stdout.toString()).toBe('char from server = B\n');
    expect(end.code).toBe(0);
  } finally {
    server.kill('SIGKILL');
  }
});

test('sockscope server works with the classic C client, and prints the calls', async () => {
  needs('cc');
  const server = spawn(process.execPath, [MAIN, 'server', '--tcp-port', '0', '--hold-ms', '200'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  server.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const listening = await new Promise<string>((resolve) => {
    server.stderr.on('data', (chunk: Buffer) => {
      const found = /LISTEN 0\.0\.0\.0:(\d+)/.exec(chunk.toString())?.[1];
      if (found !== undefined) resolve(found);
    });
  });
  const end = await run(compiled('c/classic-client'), [listening]);
  expect(end.stdout.toString()).toBe('char from server = B\n');
  server.kill('SIGTERM');
  const [code] = (await once(server, 'close')) as [number];
  expect(code).toBe(0);
  expect(printed).toContain(`sin_port=htons(0), sin_addr=inet_addr("0.0.0.0")}, 16) = 0`);
  expect(printed).toMatch(/listen\(\d+, 5\) = 0/);
  expect(printed).toMatch(/read\(\d+, "A", 1\) = 1/);
  expect(printed).toMatch(/write\(\d+, "B", 1\) = 1/);
});
