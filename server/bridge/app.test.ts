import type { FastifyInstance } from 'fastify';
import { existsSync, mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import type { TraceEvent } from '../wire/event.ts';
import { FEED_FRAGMENTS_MAX, FEED_FRAME_MAX_BYTES, JOURNAL_RECORDS } from '../wire/limits.ts';
import type { FeedMessage, Reply, SnapshotPart, Status } from '../wire/message.ts';
import { readRecordFrame } from '../wire/record-frame.ts';
import { buildApp } from './app.ts';
import type { BridgeOptions } from './options.ts';
import { GOOD_CLIENT, GOOD_SERVER, sampleEngine } from './sample-engine.ts';
import { idleRecords } from './sample-records.ts';

const built = (name: string): string => fileURLToPath(new URL(`../../dist/server/${name}.js`, import.meta.url));
const SERVER_ENTRY = built('increment-server-process');
const CLIENT_ENTRY = built('tcp-client-process');

let pageDir = '';
beforeAll(() => {
  for (const entry of [SERVER_ENTRY, CLIENT_ENTRY]) if (!existsSync(entry)) throw new Error(`${entry} is missing: npm run build`);
  pageDir = mkdtempSync(join(tmpdir(), 'sockscope-page-'));
  writeFileSync(join(pageDir, 'index.html'), '<!doctype html><title>the page</title>');
  mkdirSync(join(pageDir, 'assets'));
  writeFileSync(join(pageDir, 'assets', 'page-abc123.js'), 'export {};');
});
afterAll(() => {
  rmSync(pageDir, { recursive: true });
});

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Running {
  app: FastifyInstance;
  port: number;
  url: string;
}

async function serve(options: Partial<BridgeOptions> = {}, start = true): Promise<Running> {
  const app = await buildApp({
    version: '0.0.0',
    httpHost: '127.0.0.1',
    httpPort: 0,
    tcpHost: '127.0.0.1',
    tcpPort: 0,
    // A burst beyond the backlog would wait for its SYN to be sent again.
    backlog: 128,
    holdMs: 50,
    allowHosts: [],
    allowTargets: [],
    drainTimeoutMs: 2_000,
    logLevel: 'silent',
    pageDir,
    serverEntry: SERVER_ENTRY,
    clientEntry: CLIENT_ENTRY,
    ...options,
  });
  cleanups.push(() => app.close());
  await app.listen({ host: '127.0.0.1', port: 0 });
  if (start) await app.bridge.start();
  const address = app.server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { app, port, url: `http://127.0.0.1:${port}` };
}

/** A page without a browser: what it was told, and commands with their replies. */
class TestPage {
  readonly socket: WebSocket;
  readonly messages: (FeedMessage | SnapshotPart)[] = [];
  closed: number | null = null;
  #lastId = 0;

  constructor(port: number, protocols: string[] = [], options: ClientOptions = {}, query = '') {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/ws${query}`, protocols, options);
    this.socket.on('message', (data: Buffer, isBinary: boolean) =>
      this.messages.push(isBinary ? readRecordFrame(Uint8Array.from(data).buffer) : (JSON.parse(data.toString()) as FeedMessage)),
    );
    this.socket.on('close', (code) => (this.closed = code));
    cleanups.push(() => {
      this.socket.terminate();
      return Promise.resolve();
    });
  }

  static async open(port: number, protocols: string[] = [], options: ClientOptions = {}, query = ''): Promise<TestPage> {
    const page = new TestPage(port, protocols, options, query);
    await new Promise((resolve, reject) => page.socket.once('open', resolve).once('error', reject));
    return page;
  }

  async ask(command: object): Promise<Reply> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.socket.send(JSON.stringify({ id, ...command }));
    return vi.waitFor(
      () => {
        const reply = this.messages.find((message): message is Reply => message.type === 'reply' && message.id === id);
        if (reply === undefined) throw new Error(`no reply to ${JSON.stringify(command)}`);
        return reply;
      },
      { timeout: 5_000, interval: 5 },
    );
  }

  /** Every event it was told of, by snapshot or live, in the order told. */
  get events(): TraceEvent[] {
    return this.messages.flatMap((message) => (message.type === 'hello' ? message.snapshot.events : message.type === 'events' ? message.events : []));
  }
}

/** Sends bytes as they are and gives the whole answer. */
function raw(port: number, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(request));
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('close', () => {
      resolve(answer);
    });
    socket.on('error', reject);
  });
}

/** One exchange with the increment server, as netcat does it. */
function exchange(port: number, byte: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(byte));
    socket.on('data', (data) => (answer += data.toString()));
    socket.on('close', () => {
      resolve(answer);
    });
    socket.on('error', reject);
  });
}

const status = async (url: string): Promise<Status> => (await (await fetch(`${url}/api/status`)).json()) as Status;
const trace = async (url: string, query = ''): Promise<TraceEvent[]> => {
  const lines = (await (await fetch(`${url}/api/trace${query}`)).text()).split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as TraceEvent);
};

describe('HTTP', () => {
  it('serves the page and its assets, with a policy that lets nothing foreign in', async () => {
    const { url, port } = await serve({}, false);
    const page = await fetch(url);
    expect(await page.text()).toContain('the page');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${port}`);
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(page.headers.get('access-control-allow-origin')).toBeNull();
    const asset = await fetch(`${url}/assets/page-abc123.js`);
    expect(asset.headers.get('cache-control')).toContain('immutable');
    expect(asset.headers.get('content-type')).toContain('javascript');
  });

  it.each(['/nope', '/api/nope', '/assets/', '/..%2f..%2fetc%2fpasswd', '/%2e%2e/package.json', '/assets/..%5c..%5cx', '/index.html%00.js'])(
    'has nothing at %s, and says so in JSON',
    async (path) => {
      const { port } = await serve({}, false);
      const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1\.1 (404|403|400) /);
      const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)) as { error: { code: string } };
      expect(body.error.code).toBeTruthy();
    },
  );

  it.each<[string, string[], RegExp]>([
    ['a foreign Host', ['GET /api/status HTTP/1.1', 'Host: evil.example'], /^HTTP\/1\.1 403 /],
    ['a foreign Host on a path that is not there', ['GET /nope HTTP/1.1', 'Host: evil.example'], /^HTTP\/1\.1 403 /],
    ['a foreign Host for the page', ['GET / HTTP/1.1', 'Host: evil.example'], /^HTTP\/1\.1 403 /],
    ['our Host with another port', ['GET /api/status HTTP/1.1', 'Host: 127.0.0.1:1'], /^HTTP\/1\.1 403 /],
    ['two Hosts', ['GET /api/status HTTP/1.1', 'Host: 127.0.0.1:PORT', 'Host: evil.example'], /^HTTP\/1\.1 400 /],
    ['no Host', ['GET /api/status HTTP/1.1'], /^HTTP\/1\.1 400 /],
    ['no Host, as HTTP/1.0 allows it', ['GET /api/status HTTP/1.0'], /^HTTP\/1\.1 400 /],
    ['the absolute form', ['GET http://evil.example/api/status HTTP/1.1', 'Host: 127.0.0.1:PORT'], /^HTTP\/1\.1 400 /],
    ['the absolute form of our own name', ['GET http://127.0.0.1:PORT/api/status HTTP/1.1', 'Host: 127.0.0.1:PORT'], /^HTTP\/1\.1 400 /],
    ['a URL that is too long', [`GET /api/status?${'a'.repeat(3_000)} HTTP/1.1`, 'Host: 127.0.0.1:PORT'], /^HTTP\/1\.1 414 /],
    [
      'an upgrade with a foreign Host',
      [
        'GET /ws HTTP/1.1',
        'Host: evil.example',
        'Upgrade: websocket',
        'Connection: upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
      /^HTTP\/1\.1 403 /,
    ],
    [
      'an upgrade from a foreign page',
      [
        'GET /ws HTTP/1.1',
        'Host: 127.0.0.1:PORT',
        'Origin: http://evil.example',
        'Upgrade: websocket',
        'Connection: upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
      /^HTTP\/1\.1 403 /,
    ],
    [
      'an upgrade from nowhere',
      [
        'GET /ws HTTP/1.1',
        'Host: 127.0.0.1:PORT',
        'Origin: null',
        'Upgrade: websocket',
        'Connection: upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ],
      /^HTTP\/1\.1 403 /,
    ],
  ])('gives no data for %s', async (_what, lines, expected) => {
    const { port, app } = await serve();
    const answer = await raw(
      port,
      `${lines.join('\r\n').replaceAll('PORT', String(port))}\r\nConnection: close\r\n\r\n`.replace(
        'Connection: upgrade\r\nConnection: close',
        'Connection: upgrade',
      ),
    );
    expect(answer).toMatch(expected);
    expect(answer).not.toContain(app.bridge.run);
    expect(answer).not.toContain('the page');
    expect(app.bridge.broadcast.watchers).toBe(0);
  });

  it('answers a preflight with no permission at all', async () => {
    const { url } = await serve({}, false);
    const answer = await fetch(`${url}/api/status`, { method: 'OPTIONS', headers: { origin: 'http://evil.example', 'access-control-request-method': 'GET' } });
    expect(answer.status).toBe(404);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it('healthz follows the heart of the engine, not the port', async () => {
    const { app, url } = await serve({ serverEntry: sampleEngine(GOOD_SERVER), clientEntry: sampleEngine(GOOD_CLIENT) }, false);
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    await app.bridge.start();
    await vi.waitFor(async () => {
      const answer = await fetch(`${url}/healthz`);
      expect([answer.status, ((await answer.json()) as { status: string }).status]).toEqual([200, 'listening']);
    });
    const { pid } = app.bridge.server.status;
    process.kill(pid ?? 0, 'SIGSTOP');
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${url}/healthz`);
        expect([answer.status, ((await answer.json()) as { status: string }).status]).toEqual([503, 'unresponsive']);
      },
      { timeout: 3_000 },
    );
  });

  it('counts under the names that Prometheus scrapes', async () => {
    const { url, app } = await serve();
    await exchange(app.bridge.server.status.tcpPort, 'A');
    await vi.waitFor(async () => {
      const text = await (await fetch(`${url}/metrics`)).text();
      expect(text).toContain('sockscope_connections_total{outcome="replied"} 1');
      expect(text).toContain('sockscope_connections_accepted_total 1');
      expect(text).toMatch(/# TYPE sockscope_events_total counter\nsockscope_events_total \d+/);
      expect(text).toMatch(/sockscope_engine_heartbeat_age_seconds\{process="increment-server"\} \d/);
      for (const name of ['connections_live', 'clients_total', 'events_dropped_total', 'watchers', 'engine_restarts_total'])
        expect(text).toContain(`sockscope_${name}`);
    });
  });
});

describe('/api/trace', () => {
  it('gives the events after a number, as the feed gave them', async () => {
    const { port, url } = await serve();
    const page = await TestPage.open(port);
    await page.ask({ type: 'spawn-clients', byte: 65, count: 3 });
    await vi.waitFor(() => {
      expect(page.events.filter((event) => event.kind === 'client-ended')).toHaveLength(3);
    });
    const events = await trace(url);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
    expect(page.events).toEqual(events.slice(0, page.events.length));
    expect(await trace(url, '?since=5&limit=2')).toEqual(events.slice(5, 7));
    expect((await trace(url, `?since=${events.length + 1_000}`)).length).toBe(0);
  });

  it('gives lines as strace prints them', async () => {
    const { url, app } = await serve();
    const { pid, tcpPort } = app.bridge.server.status;
    const lines = (await (await fetch(`${url}/api/trace?format=strace`)).text()).split('\n').filter((line) => line.startsWith(String(pid)));
    const calls = lines.map((line) => line.replace(/^\d+ +/, ''));
    expect(calls).toContainEqual(expect.stringMatching(/^socket\(AF_INET, SOCK_STREAM\|SOCK_CLOEXEC\|SOCK_NONBLOCK, IPPROTO_IP\) = \d+$/));
    expect(calls).toContainEqual(
      expect.stringMatching(
        new RegExp(`^getsockname\\(\\d+, \\{sa_family=AF_INET, sin_port=htons\\(${tcpPort}\\), sin_addr=inet_addr\\("127.0.0.1"\\)\\}, \\[16\\]\\) = 0$`),
      ),
    );
  });

  it('says truly what it no longer holds', async () => {
    const { app, url } = await serve({}, false);
    app.bridge.journal.append(idleRecords(JOURNAL_RECORDS + 10));
    const late = await fetch(`${url}/api/trace?since=3&limit=1`);
    expect(late.headers.get('x-sockscope-first-seq')).toBe('11');
    expect(late.headers.get('x-sockscope-last-seq')).toBe(String(JOURNAL_RECORDS + 10));
    expect(late.headers.get('x-sockscope-note')).toBe('events 4 to 10 are no longer held; this answer begins at 11');
    expect(((await late.json()) as TraceEvent).seq).toBe(11);
    const early = await fetch(`${url}/api/trace?since=10&limit=1`);
    expect(early.headers.get('x-sockscope-note')).toBeNull();
    await early.text();
  });

  it('gives 100,000 events, each once, whole', async () => {
    const { app, url } = await serve({}, false);
    app.bridge.journal.append(idleRecords(100_000));
    const events = await trace(url, '?limit=100000');
    expect(events).toHaveLength(100_000);
    expect(events.every((event, index) => event.seq === index + 1)).toBe(true);
  });

  it.each<[string, string, RegExp]>([
    ['limit=0', '/limit', /limit must be an integer from 1 to 100000, not 0/],
    ['limit=100001', '/limit', /from 1 to 100000/],
    ['limit=1.5', '/limit', /must be an integer/],
    ['limit=-1', '/limit', /must be an integer/],
    ['since=x', '/since', /must be an integer from 0/],
    ['since=1e3', '/since', /must be an integer/],
    ['since=1&since=2', '/since', /not a list/],
    ['format=xml', '/format', /one of "ndjson", "strace", not "xml"/],
    ['sence=1', '/sence', /unknown field "sence"; allowed are since, limit, format/],
    ['__proto__=1', '/__proto__', /unknown field/],
  ])('refuses ?%s, naming the field', async (query, field, message) => {
    const { url } = await serve({}, false);
    const answer = await fetch(`${url}/api/trace?${query}`);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toEqual({ error: { code: 'bad-query', field, message: expect.stringMatching(message) as string } });
  });
});

describe('the feed', () => {
  it('begins with hello, even where a command came first', async () => {
    const { port } = await serve();
    const page = new TestPage(port);
    page.socket.once('open', () => {
      page.socket.send('{"id":"early","type":"set-hold","holdMs":1}');
    });
    await vi.waitFor(() => {
      expect(page.messages.some((message) => message.type === 'reply')).toBe(true);
    });
    expect(page.messages[0]).toMatchObject({
      type: 'hello',
      protocol: 1,
      role: 'control',
      server: { state: 'listening' },
      limits: { frameMaxBytes: FEED_FRAME_MAX_BYTES },
    });
    expect(page.messages.find((message) => message.type === 'reply')).toEqual({ type: 'reply', id: 'early', ok: true, holdMs: 1 });
  });

  it.each<[string, (socket: WebSocket) => void, number]>([
    [
      'a frame of 64 KiB and one byte',
      (socket) => {
        socket.send('x'.repeat(FEED_FRAME_MAX_BYTES + 1));
      },
      1009,
    ],
    [
      'text that is not UTF-8',
      (socket) => {
        socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
      },
      1007,
    ],
    [
      'endless empty fragments',
      (socket) => {
        for (let i = 0; i < FEED_FRAGMENTS_MAX + 10; i += 1) socket.send('', { fin: false });
      },
      1008,
    ],
  ])('is closed for %s; the others go on', async (_what, misbehave, code) => {
    const { port } = await serve();
    const good = await TestPage.open(port);
    const bad = await TestPage.open(port);
    misbehave(bad.socket);
    await vi.waitFor(() => {
      expect(bad.closed).toBe(code);
    });
    expect(await good.ask({ type: 'set-hold', holdMs: 7 })).toMatchObject({ ok: true });
    expect(good.closed).toBeNull();
  });

  it('answers what it cannot read, and stays', async () => {
    const { port } = await serve();
    const page = await TestPage.open(port);
    page.socket.send(Buffer.from([1, 2, 3]), { binary: true });
    page.socket.send('{"id":');
    page.socket.send('x'.repeat(FEED_FRAME_MAX_BYTES));
    await vi.waitFor(() => {
      expect(page.messages.filter((message) => message.type === 'reply')).toHaveLength(3);
    });
    expect(await page.ask({ type: 'set-hold', holdMs: 7 })).toMatchObject({ ok: true });
  });

  it('takes a token as a subprotocol, never repeats it, and gives each token its role', async () => {
    const { port, url } = await serve({ token: 'control-it', watchToken: 'just look' });
    const refused = async (protocols: string[]): Promise<string> => {
      const page = new TestPage(port, protocols);
      return new Promise((resolve) => {
        page.socket.once('error', (error) => {
          resolve(error.message);
        });
      });
    };
    expect(await refused([])).toContain('401');
    expect(await refused(['sockscope', 'sockscope.wrong'])).toContain('401');
    const control = await TestPage.open(port, ['sockscope', 'sockscope.control-it']);
    expect(control.socket.protocol).toBe('sockscope');
    expect(await control.ask({ type: 'set-hold', holdMs: 7 })).toMatchObject({ ok: true });
    const watch = await TestPage.open(port, ['sockscope', `sockscope.${encodeURIComponent('just look')}`]);
    expect(await watch.ask({ type: 'set-hold', holdMs: 8 })).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    expect(watch.messages[0]).toMatchObject({ type: 'hello', role: 'watch' });

    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    for (const path of ['/api/status', '/api/trace', '/metrics']) {
      expect((await fetch(url + path)).status).toBe(401);
      expect((await fetch(url + path, { headers: { authorization: 'Bearer wrong' } })).status).toBe(401);
      expect((await fetch(url + path, { headers: { authorization: 'Bearer control-it' } })).status).toBe(200);
    }
  });
});

describe('with the real engines', () => {
  it('three clients reply, and every descriptor of theirs is in the trace from socket to close', async () => {
    const { port, url } = await serve();
    const page = await TestPage.open(port);
    const reply = await page.ask({ type: 'spawn-clients', byte: 255, count: 3 });
    expect(reply).toMatchObject({ ok: true, clientIds: ['c1', 'c2', 'c3'] });
    await vi.waitFor(async () => {
      expect((await status(url)).totals).toMatchObject({ server: { accepted: 3, replied: 3, live: 0 }, clients: { started: 3, replied: 3, live: 0 } });
    });
    const ended = (await trace(url)).filter((event) => event.kind === 'client-ended');
    expect(ended.map((event) => [event.clientId, event.outcome]).sort()).toEqual([
      ['c1', 'replied'],
      ['c2', 'replied'],
      ['c3', 'replied'],
    ]);
    // 255 + 1 is 0.
    const read = (await trace(url)).filter((event) => event.kind === 'call' && event.process === 'tcp-client' && event.call === 'read' && event.returned === 1);
    expect(read.map((event) => (event.kind === 'call' && event.call === 'read' ? event.args.data : ''))).toEqual(['00', '00', '00']);
  });

  it('a killed server is told within a second, its held connection is lost, and the next exchange is right', async () => {
    const { port, url, app } = await serve({ holdMs: 60_000 });
    const page = await TestPage.open(port);
    const before = app.bridge.server.status;
    const held = exchange(before.tcpPort, 'A').catch((error: unknown) => String(error));
    await vi.waitFor(async () => {
      expect((await status(url)).totals.server.held).toBe(1);
    });
    const killedMs = performance.now();
    process.kill(before.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(page.events.some((event) => event.kind === 'process' && event.change === 'exited' && event.signal === 'SIGKILL' && event.pid === before.pid)).toBe(
        true,
      );
    });
    expect(performance.now() - killedMs).toBeLessThan(1_000);
    await held;
    await vi.waitFor(() => {
      expect(app.bridge.server.status).toMatchObject({ state: 'listening', tcpPort: before.tcpPort });
    });
    await page.ask({ type: 'set-hold', holdMs: 0 });
    expect(await exchange(before.tcpPort, 'A')).toBe('B');
    await vi.waitFor(async () => {
      expect((await status(url)).totals.server).toEqual({ accepted: 2, replied: 1, closedWithoutByte: 0, reset: 0, lost: 1, live: 0, held: 0 });
    });
  });

  it('a killed tcp-client process fails its clients, and the next spawn works', async () => {
    const { port, url, app } = await serve({ holdMs: 60_000 });
    const page = await TestPage.open(port);
    await page.ask({ type: 'spawn-clients', byte: 65, count: 4 });
    await vi.waitFor(async () => {
      expect((await status(url)).totals.server.held).toBe(4);
    });
    process.kill(app.bridge.clients.supervisor.pid ?? 0, 'SIGKILL');
    await vi.waitFor(async () => {
      expect((await status(url)).totals.clients).toMatchObject({ started: 4, failed: 4, live: 0 });
    });
    await page.ask({ type: 'set-hold', holdMs: 0 });
    expect(await page.ask({ type: 'spawn-clients', byte: 65, count: 1 })).toMatchObject({ ok: true, clientIds: ['c5'] });
    await vi.waitFor(async () => {
      expect((await status(url)).totals.clients).toMatchObject({ started: 5, replied: 1, live: 0 });
    });
  });

  it('a page that asks for records gets hello after those of its snapshot', async () => {
    const { app, port } = await serve();
    app.bridge.journal.append(idleRecords(3_000));
    const page = await TestPage.open(port, [], {}, '?records=1');
    await vi.waitFor(() => {
      expect(page.messages.find((message) => message.type === 'hello')).toMatchObject({ snapshot: { events: [] } });
    });
    expect(page.messages.slice(0, 3).map((message) => message.type)).toEqual(['snapshot-part', 'snapshot-part', 'snapshot-part']);
  });

  it('a taken port is told at its bind, and can be started once it is free', async () => {
    const other: Server = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const tcpPort = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { port, url, app } = await serve({ tcpPort });
    expect(app.bridge.server.status).toMatchObject({ state: 'failed', pid: null, failure: { call: 'bind', errno: 'EADDRINUSE' } });
    const page = await TestPage.open(port);
    expect(await page.ask({ type: 'start-server' })).toMatchObject({ ok: false, error: { code: 'call-failed' } });
    await new Promise((resolve) => other.close(resolve));
    expect(await page.ask({ type: 'start-server' })).toMatchObject({ ok: true, server: { state: 'listening', tcpPort } });
    // The steps of the living server, and of no earlier one, are what a new page is told first.
    const late = await TestPage.open(port);
    const { pid } = (await status(url)).server;
    // A snapshot may be a moment old; what came since follows it as events.
    await vi.waitFor(() => {
      expect(
        late.events.filter((event) => event.kind === 'call' && event.pid === pid && ['socket', 'setsockopt', 'bind', 'listen'].includes(event.call)),
      ).toHaveLength(4);
    });
  });

  it('clients of a stopped server are refused at their connect', async () => {
    const { port, url } = await serve();
    const page = await TestPage.open(port);
    await page.ask({ type: 'stop-server' });
    await vi.waitFor(async () => {
      expect((await status(url)).server.state).toBe('stopped');
    });
    await page.ask({ type: 'spawn-clients', byte: 65, count: 1 });
    await vi.waitFor(() => {
      expect(page.events).toContainEqual(expect.objectContaining({ kind: 'client-ended', outcome: 'refused', errno: 'ECONNREFUSED' }));
    });
  });

  it('a living client can be ended, by FIN and by RST', async () => {
    const { port, url } = await serve({ holdMs: 60_000 });
    const page = await TestPage.open(port);
    await page.ask({ type: 'spawn-clients', byte: 65, count: 2 });
    await vi.waitFor(async () => {
      expect((await status(url)).totals.server.held).toBe(2);
    });
    expect(await page.ask({ type: 'end-client', clientId: 'c1', how: 'reset' })).toMatchObject({ ok: true });
    expect(await page.ask({ type: 'end-client', clientId: 'c2', how: 'close' })).toMatchObject({ ok: true });
    await vi.waitFor(async () => {
      expect((await status(url)).totals.clients).toMatchObject({ ended: 2, live: 0 });
    });
    expect(await page.ask({ type: 'end-client', clientId: 'c1', how: 'close' })).toMatchObject({ ok: false, error: { code: 'unknown-client' } });
  });

  it('the end answers those held and loses nobody', async () => {
    const { app } = await serve({ holdMs: 400 });
    const { tcpPort, pid } = app.bridge.server.status;
    const replies = Promise.all(Array.from({ length: 20 }, () => exchange(tcpPort, 'Y')));
    await vi.waitFor(() => {
      expect(app.bridge.server.totals.held).toBe(20);
    });
    expect(await app.bridge.close()).toBe(0);
    expect(await replies).toEqual(Array(20).fill('Z'));
    expect(() => process.kill(pid ?? 0, 0)).toThrow(/ESRCH/);
    expect(app.bridge.clients.supervisor.pid).toBeNull();
  });

  it('the end that is cut short says how many it lost', async () => {
    const { app } = await serve({ holdMs: 60_000, drainTimeoutMs: 300 });
    const { tcpPort } = app.bridge.server.status;
    const replies = Promise.allSettled(Array.from({ length: 7 }, () => exchange(tcpPort, 'Y')));
    await vi.waitFor(() => {
      expect(app.bridge.server.totals.held).toBe(7);
    });
    expect(await app.bridge.close()).toBe(7);
    await replies;
  });
});

it('refuses options that would open it to the network, or cannot be read', async () => {
  await expect(serve({ httpHost: '0.0.0.0' }, false)).rejects.toThrow(/needs a token/);
  await expect(serve({ allowTargets: ['everything'] }, false)).rejects.toThrow(/--allow-target "everything" is not/);
});
