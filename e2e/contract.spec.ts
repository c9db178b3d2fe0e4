// What outsiders rely on: the endpoints, the feed's messages, the commands and their replies, the exit codes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { expect, test } from 'playwright/test';
import { MAIN, startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { FeedClient, trace, traceOnce, type FeedMessage, type TraceEvent } from './feed-client.ts';
import { run } from './programs.ts';

let bridge: BridgeUnderTest;

test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', '150']);
});
test.afterAll(async () => {
  expect(await bridge.stop()).toBe(0);
});

/** A raw request, so that Host and Origin can be what a browser would never send. */
function ask(path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: bridge.httpPort, path, headers }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('/healthz, /api/status, /metrics and / answer', async () => {
  const health = await fetch(`${bridge.url}/healthz`);
  expect(health.status).toBe(200);
  const status = (await (await fetch(`${bridge.url}/api/status`)).json()) as {
    server: Record<string, unknown>;
    totals: object;
    processes: { name: string; pid: number }[];
  };
  expect(status.server).toMatchObject({ state: 'listening', tcpHost: '0.0.0.0', tcpPort: bridge.tcpPort, holdMs: 150, backlog: 5, failure: null });
  expect(status.processes.map((process) => process.name)).toEqual(expect.arrayContaining(['bridge', 'increment-server', 'tcp-client']));
  for (const process of status.processes) expect(process.pid).toBeGreaterThan(1);
  const metrics = await (await fetch(`${bridge.url}/metrics`)).text();
  expect(metrics).toMatch(/^sockscope_connections_total\{/m);
  const page = await fetch(`${bridge.url}/`);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(page.headers.get('content-security-policy')).toMatch(/default-src '(self|none)'/);
  expect(page.headers.get('content-security-policy')).not.toContain('unsafe');
  expect(page.headers.get('access-control-allow-origin')).toBeNull();
});

test('the feed says hello with a snapshot, then events without a hole', async () => {
  const feed = await FeedClient.connect(bridge.url);
  const hello = await feed.wait((message) => message.type === 'hello');
  expect(hello).toMatchObject({ protocol: 1, role: 'control', server: { state: 'listening' } });
  const spawned = await feed.command({ type: 'spawn-clients', byte: 65, count: 3 });
  expect(spawned).toMatchObject({ ok: true });
  const clientIds = spawned['clientIds'] as string[];
  expect(clientIds).toHaveLength(3);
  for (const clientId of clientIds) {
    const ended = await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId);
    expect(ended.outcome).toBe('replied');
  }
  let next = (hello['snapshot'] as { seq: number }).seq + 1;
  for (const message of feed.messages) {
    if (message.type !== 'events') continue;
    expect(message['from']).toBe(next);
    const seqs = (message['events'] as TraceEvent[]).map((event) => event.seq);
    expect(seqs[0]).toBe(next);
    next = (message['to'] as number) + 1;
    expect(seqs).toEqual(Array.from({ length: seqs.length }, (_, i) => (message['from'] as number) + i));
    expect(seqs.at(-1)).toBe(message['to']);
  }
  feed.close();
});

test('/api/trace is gapless NDJSON, and tells one whole exchange call by call', async () => {
  const events = await traceOnce(bridge.url, (all) => all.filter((event) => event.call === 'close' && event.process === 'increment-server').length >= 3);
  events.forEach((event, i) => {
    expect(event.seq).toBe((events[0]?.seq ?? 0) + i);
  });
  const client = events.find((event) => event.kind === 'client-ended' && event.outcome === 'replied');
  const own = events.filter(
    (event) => event.process === 'tcp-client' && event.socket === client?.socket && event.kind === 'call' && event.call !== 'epoll_ctl',
  );
  // The reply and the end of file may come together, or one after the other with a read() in vain between them.
  const calls = own.filter((event) => event.args?.['option'] !== 'TCP_INFO' && event.errno !== 'EAGAIN').map((event) => event.call);
  expect(calls).toEqual(['socket', 'connect', 'getsockname', 'getsockopt', 'write', 'read', 'read', 'close']);
  const connection = own.find((event) => event.call === 'write')?.connection;
  const other = events.filter(
    (event) =>
      event.process === 'increment-server' &&
      event.kind === 'call' &&
      event.connection?.remote === connection?.local &&
      event.call !== 'epoll_ctl' &&
      event.args?.['option'] !== 'TCP_INFO',
  );
  expect(other.map((event) => event.call)).toEqual(['accept4', 'getsockname', 'read', 'read', 'write', 'shutdown', 'read', 'close']);
  for (const event of events.filter((one) => one.kind === 'call')) {
    expect(event).toMatchObject({ evidence: 'returned' });
    expect(event.atNs).toBeGreaterThan(0);
    expect(event.durationNs).toBeGreaterThan(0);
    expect(event.errno === undefined).toBe(event.returned !== -1);
  }
  const few = (await (await fetch(`${bridge.url}/api/trace?since=5&limit=2`)).text()).trim().split('\n');
  expect(few.map((line) => (JSON.parse(line) as TraceEvent).seq)).toEqual([6, 7]);
  expect((await fetch(`${bridge.url}/api/trace?since=x`)).status).toBe(400);
});

test('each bad command is answered, naming the field, and the feed stays', async () => {
  const feed = await FeedClient.connect(bridge.url);
  const errorOf = (message: FeedMessage): { code: string; message: string; field?: string } => message['error'] as { code: string; message: string };
  const badByte = await feed.command({ type: 'spawn-clients', byte: 300, count: 1 });
  expect(badByte).toMatchObject({ ok: false, error: { code: 'bad-command' } });
  expect(JSON.stringify(errorOf(badByte))).toContain('byte');
  expect(errorOf(await feed.command({ type: 'set-hold', holdMs: 1.5 })).code).toBe('bad-command');
  expect(errorOf(await feed.command({ type: 'set-hold', holdMs: 600_001 })).code).toBe('bad-command');
  expect(errorOf(await feed.command({ type: 'fly' })).code).toBe('unknown-command');
  expect(errorOf(await feed.command({ type: 'end-client', clientId: 'c999999', how: 'close' })).code).toBe('unknown-client');
  feed.socket.send('{"id":');
  const bad = await feed.wait((message) => message.type === 'reply' && message['id'] === null);
  expect(errorOf(bad).code).toBe('bad-json');
  expect(await feed.command({ type: 'set-hold', holdMs: 150 })).toMatchObject({ ok: true });
  feed.close();
});

test('hold and backlog change while it runs: listen(2) is called again', async () => {
  const feed = await FeedClient.connect(bridge.url);
  expect(await feed.command({ type: 'set-backlog', backlog: 7 })).toMatchObject({ ok: true });
  const listened = await feed.event((event) => event.call === 'listen');
  expect(listened.args).toEqual({ backlog: 7 });
  expect(listened.returned).toBe(0);
  expect(await feed.command({ type: 'set-backlog', backlog: 5 })).toMatchObject({ ok: true });
  feed.close();
});

test('end-client closes, resets or half-closes a living client', async () => {
  const feed = await FeedClient.connect(bridge.url);
  for (const [how, outcome] of [
    ['close', 'ended'],
    ['reset', 'ended'],
    ['half-close', 'closed-without-reply'],
  ] as const) {
    const reply = await feed.command({ type: 'spawn-clients', byte: 65, count: 1, plan: 'silent' });
    const [clientId] = reply['clientIds'] as [string];
    await feed.event(
      (event) => event.process === 'tcp-client' && event.clientId === clientId && event.call === 'getsockopt' && event.args?.['option'] === 'SO_ERROR',
    );
    expect(await feed.command({ type: 'end-client', clientId, how })).toMatchObject({ ok: true });
    expect((await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId)).outcome).toBe(outcome);
  }
  feed.close();
});

test('stop-server, then a client is refused at its connect; start-server, then all is well', async () => {
  const feed = await FeedClient.connect(bridge.url);
  expect(await feed.command({ type: 'stop-server' })).toMatchObject({ ok: true });
  await feed.event((event) => event.kind === 'process' && event.process === 'increment-server' && event.change === 'exited');
  expect((await fetch(`${bridge.url}/healthz`)).status).toBe(503);
  const refused = await feed.command({ type: 'spawn-clients', byte: 65, count: 1 });
  const [clientId] = refused['clientIds'] as [string];
  const ended = await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId);
  expect(ended).toMatchObject({ outcome: 'refused', errno: 'ECONNREFUSED' });
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: true });
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: false, error: { code: 'already-listening' } });
  await expect.poll(async () => (await fetch(`${bridge.url}/healthz`)).status).toBe(200);
  feed.close();
});

test('the answer to stop-server means that nobody can connect any more, while those held are still answered', async () => {
  const feed = await FeedClient.connect(bridge.url);
  await feed.command({ type: 'set-hold', holdMs: 800 });
  const held = await feed.command({ type: 'spawn-clients', byte: 65, count: 1 });
  await feed.event((event) => event.kind === 'hold');
  const { pid } = ((await (await fetch(`${bridge.url}/api/status`)).json()) as { server: { pid: number } }).server;
  process.kill(pid, 'SIGSTOP');
  const order: string[] = [];
  const stopped = feed.command({ type: 'stop-server' }).then(() => order.push('stopped'));
  // Its listener is still open: it has not even read the order. What comes twice later is answered before.
  for (const clientId of ['c998', 'c999']) await feed.command({ type: 'end-client', clientId }).then(() => order.push(clientId));
  process.kill(pid, 'SIGCONT');
  await stopped;
  expect(order).toEqual(['c998', 'c999', 'stopped']);
  const [refused] = (await feed.command({ type: 'spawn-clients', byte: 65, count: 1 }))['clientIds'] as [string];
  const outcome = async (clientId: unknown): Promise<unknown> =>
    (await feed.event((event) => event.kind === 'client-ended' && event.clientId === clientId)).outcome;
  expect(await outcome(refused)).toBe('refused');
  expect(await outcome((held['clientIds'] as [string])[0])).toBe('replied');
  await feed.event((event) => event.kind === 'process' && event.process === 'increment-server' && event.change === 'exited' && event.pid === pid);
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: true });
  await feed.command({ type: 'set-hold', holdMs: 150 });
  feed.close();
});

test('a foreign Host or Origin gets no data', async () => {
  const host = `127.0.0.1:${bridge.httpPort}`;
  for (const path of ['/', '/healthz', '/metrics', '/api/status', '/api/trace']) {
    for (const foreign of ['evil.example', `evil.example:${bridge.httpPort}`, `127.0.0.1.evil.example:${bridge.httpPort}`, '127.0.0.1:1']) {
      const answer = await ask(path, { host: foreign });
      expect([400, 403], `${path} for Host '${foreign}'`).toContain(answer.status);
      expect(answer.body).not.toContain('seq');
      expect(answer.body).not.toContain('pid');
    }
    expect((await ask(path, { host })).status).toBe(200);
  }
  for (const origin of ['http://evil.example', 'null', `https://${host}`, `http://127.0.0.1:${bridge.httpPort + 1}`, `http://${host}.evil.example`]) {
    await expect(FeedClient.connect(bridge.url, { origin }), `Origin ${origin}`).rejects.toThrow(/403|400/);
  }
  const own = await FeedClient.connect(bridge.url, { origin: bridge.url });
  own.close();
});

test('with its TCP port taken, serve still brings the page up, says which call failed, and can start later', async () => {
  const squatter = createServer();
  squatter.listen(0, '0.0.0.0');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { port: number };
  const blocked = await startBridge(['--tcp-port', String(port)]);
  expect(blocked.lines.join('\n')).toContain('EADDRINUSE');
  const feed = await FeedClient.connect(blocked.url);
  const hello = await feed.wait((message) => message.type === 'hello');
  expect(hello['server']).toMatchObject({ state: 'failed', failure: { call: 'bind', errno: 'EADDRINUSE' } });
  expect(feed.events.find((event) => event.call === 'bind')).toMatchObject({ returned: -1, errno: 'EADDRINUSE' });
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: false, error: { code: 'call-failed' } });
  squatter.close();
  await once(squatter, 'close');
  expect(await feed.command({ type: 'start-server' })).toMatchObject({ ok: true });
  feed.close();
  expect(await blocked.stop()).toBe(0);
});

test('exit codes: 2 for wrong usage, 3 for a taken page port, 4 for a drain with losses', async () => {
  expect((await run(process.execPath, [MAIN, 'serve', '--hold-ms', 'soon'])).code).toBe(2);
  expect((await run(process.execPath, [MAIN, 'serve', '--http-host', '0.0.0.0', '--http-port', '0'])).code).toBe(2);
  const taken = await run(process.execPath, [MAIN, 'serve', '--http-port', String(bridge.httpPort), '--tcp-port', '0']);
  expect(taken.code).toBe(3);
  expect(taken.stderr).toContain('--http-port');
  const hasty = await startBridge(['--hold-ms', '60000', '--drain-timeout-ms', '300']);
  const feed = await FeedClient.connect(hasty.url);
  await feed.command({ type: 'spawn-clients', byte: 65, count: 2 });
  await feed.event((event) => event.kind === 'hold');
  await expect.poll(() => feed.events.filter((event) => event.kind === 'hold').length).toBe(2);
  expect(await hasty.stop()).toBe(4);
  expect(hasty.lines.join('\n')).toContain('2 connections were lost');
});

test('SIGTERM answers those who are held, then exits 0', async () => {
  const slow = await startBridge(['--hold-ms', '1500']);
  const client = spawn(process.execPath, [MAIN, 'client', 'A', '--tcp-port', String(slow.tcpPort)], { stdio: ['ignore', 'pipe', 'ignore'] });
  let printed = '';
  client.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  await expect.poll(async () => (await trace(slow.url)).some((event) => event.kind === 'hold')).toBe(true);
  expect(await slow.stop()).toBe(0);
  if (client.exitCode === null) await once(client, 'close');
  expect(printed).toBe('char from server = B\n');
});
