// Who may ask: foreign Hosts and Origins, names that are made to point here, tokens, paths that climb, requests that never end.
import { connect, type Socket } from 'node:net';
import { chromium, expect, test } from 'playwright/test';
import { startBridge } from '../bridge-under-test.ts';
import { FeedClient } from '../feed-client.ts';
import { ask } from '../upkeep.ts';
import { withstands } from './withstands.ts';

/** A reset is one way to be closed: events.once would call it an error. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

/** Sends `text` as it is and reads until the server ends the connection. */
async function rawAnswer(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => undefined);
  socket.write(text);
  await closed(socket);
  return Buffer.concat(chunks).toString('latin1');
}

const PATHS = ['/', '/healthz', '/metrics', '/api/status', '/api/trace', '/nothing-here'];

/** Every way to say a name that is not ours, or only looks like it; PORT is the page's. */
const FOREIGN_HOSTS = [
  'evil.example',
  'evil.example:PORT',
  '127.0.0.1.evil.example:PORT',
  '127.0.0.1.nip.io:PORT',
  'localhost.evil.example:PORT',
  'localhost.:PORT',
  'xlocalhost:PORT',
  '127.0.0.1:1',
  '127.0.0.1:PORT0',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:PORT:PORT',
  '127.0.0.1:PORT@evil.example',
  'evil.example@127.0.0.1:PORT',
  '127.0.0.1:PORT,evil.example',
  '127.0.0.1:PORT/evil',
  '127.1:PORT',
  '0x7f.1:PORT',
  '2130706433:PORT',
  '0.0.0.0:PORT',
  '127.0.0.2:PORT',
  '[::]:PORT',
  '[::ffff:127.0.0.1]:PORT',
  '\u00e9vil:PORT',
  '',
];

withstands('foreign, missing, doubled and disguised Hosts get no data', {}, async ({ bridge, host, figure }) => {
  const run = (JSON.parse((await ask(`${bridge.url}/api/status`)).body) as { run: string }).run;
  let refused = 0;
  const refuse = async (what: string, text: string): Promise<void> => {
    const answer = await rawAnswer(bridge.httpPort, text);
    expect(answer, what).toMatch(/^HTTP\/1\.1 (400|403) /);
    expect(answer, what).not.toContain(run);
    expect(answer, what).not.toMatch(/<html|sockscope_|"seq"|access-control-allow/i);
    refused += 1;
  };
  for (const path of PATHS) {
    for (const foreign of FOREIGN_HOSTS.map((text) => text.replaceAll('PORT', String(bridge.httpPort)))) {
      await refuse(`${path} with Host '${foreign}'`, `GET ${path} HTTP/1.1\r\nHost: ${foreign}\r\nConnection: close\r\n\r\n`);
    }
    await refuse(`${path} without Host`, `GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`);
    await refuse(`${path} without Host, 1.0`, `GET ${path} HTTP/1.0\r\n\r\n`);
    await refuse(`${path} with two Hosts`, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
    await refuse(`${path} with two good Hosts`, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    await refuse(`${path} in absolute form`, `GET http://evil.example${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect((await ask(`${bridge.url}${path}`)).status).toBe(path === '/nothing-here' ? 404 : 200);
  }
  figure(`${refused} requests refused`);
});

withstands('a feed is opened by our own page or a program, and by nobody else', {}, async ({ bridge, host }) => {
  const { httpPort } = bridge;
  for (const origin of [
    'null',
    'http://evil.example',
    `http://evil.example:${httpPort}`,
    `https://${host}`,
    `ws://${host}`,
    `http://${host}.evil.example`,
    `http://${host}@evil.example`,
    `http://127.0.0.1:${httpPort + 1}`,
    `http://127.0.0.1`,
    `http://127.1:${httpPort}`,
    `http://localhost.evil.example:${httpPort}`,
    `file://`,
    `chrome-extension://abcdef`,
    `http://${host}/`,
  ]) {
    await expect(FeedClient.connect(bridge.url, { origin }), `Origin ${origin}`).rejects.toThrow(/403|400/);
  }
  await expect(
    FeedClient.connect(bridge.url, { headers: { host: `rebound.example:${httpPort}` }, origin: `http://rebound.example:${httpPort}` }),
  ).rejects.toThrow(/403/);
  (await FeedClient.connect(bridge.url, { origin: bridge.url })).close();
  (await FeedClient.connect(bridge.url, { origin: `http://localhost:${httpPort}` })).close();
});

withstands('paths that climb, long URLs, bodies, large headers and other methods come to nothing', {}, async ({ bridge, host }) => {
  const get = (path: string, more = ''): Promise<string> =>
    rawAnswer(bridge.httpPort, `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`);
  for (const path of [
    '/../../../../etc/passwd',
    '/..%2f..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/package.json',
    '/assets/..%5c..%5cpackage.json',
    '/assets/%252e%252e/package.json',
    '/assets//../../server/main.js',
    '/....//....//etc/passwd',
    '/index.html%00.js',
    '//etc/passwd',
    '/assets/',
    '/%',
    '/%ff%fe',
  ]) {
    const answer = await get(path);
    expect(answer, path).toMatch(/^HTTP\/1\.1 (400|403|404) /);
    expect(answer, path).not.toMatch(/root:|"name": "sockscope"|#!\/usr/);
  }
  expect(await get(`/${'a'.repeat(2_048)}`)).toMatch(/^HTTP\/1\.1 414 /);
  expect(await get(`/${'a'.repeat(100_000)}`)).toMatch(/^HTTP\/1\.1 (414|431) /);
  expect(await get('/', `X-Large: ${'a'.repeat(100_000)}\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  const post = (path: string): Promise<string> =>
    rawAnswer(
      bridge.httpPort,
      `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n{}`,
    );
  for (const path of PATHS) expect(await post(path), path).toMatch(/^HTTP\/1\.1 (404|405|413|415) /);
  for (const query of ['since=-1', 'since=1e9', 'since=x', 'limit=0', 'limit=100001', 'since=1&since=2', 'format=<script>', '__proto__=1']) {
    const answer = await ask(`${bridge.url}/api/trace?${encodeURI(query)}`);
    expect([200, 400], query).toContain(answer.status);
    if (answer.status === 400) expect(JSON.parse(answer.body), query).toHaveProperty('error.code');
  }
});

withstands('requests that never end are ended, and nobody waits for them', { timeoutMs: 90_000 }, async ({ bridge, host, bystander }) => {
  const slow = Array.from({ length: 100 }, () => {
    const socket = connect(bridge.httpPort, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(`GET /api/status HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `);
    return closed(socket);
  });
  expect(await bystander.command({ type: 'set-hold', holdMs: 90 })).toMatchObject({ ok: true });
  expect((await ask(`${bridge.url}/healthz`)).status).toBe(200);
  await Promise.all(slow);
});

const TOKEN = 'correct-horse/battery+staple';
const WATCH_TOKEN = 'only-looking';

test('beyond loopback a token is needed for every datum; it gives its role, and stands in no log and no URL', async () => {
  const bridge = await startBridge(['--http-host', '0.0.0.0', '--log-level', 'trace', '--allow-host', 'lecture.example'], {
    SOCKSCOPE_TOKEN: TOKEN,
    SOCKSCOPE_WATCH_TOKEN: WATCH_TOKEN,
  });
  const url = `http://127.0.0.1:${bridge.httpPort}`;
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
  for (const path of ['/api/status', '/api/trace', '/metrics']) {
    expect((await ask(url + path)).status, path).toBe(401);
    for (const wrong of ['wrong', TOKEN.slice(0, -1), `${TOKEN}x`, TOKEN.toUpperCase(), WATCH_TOKEN.slice(1)]) {
      expect((await ask(url + path, bearer(wrong))).status, `${path} ${wrong}`).toBe(401);
    }
    // In the URL proper it would stand in logs, histories and referrers: it counts for nothing there.
    expect((await ask(`${url}${path}?token=${encodeURIComponent(TOKEN)}`)).status, path).toBe(401);
    for (const right of [TOKEN, WATCH_TOKEN]) expect((await ask(url + path, bearer(right))).status, path).toBe(200);
  }
  expect((await ask(`${url}/api/status`, { ...bearer(TOKEN), host: 'evil.example' })).status).toBe(403);
  await expect(FeedClient.connect(url)).rejects.toThrow(/401/);
  await expect(FeedClient.connect(url, { headers: bearer('wrong') })).rejects.toThrow(/401/);
  const watcher = await FeedClient.connect(url, { headers: bearer(WATCH_TOKEN) });
  expect(watcher.messages[0]).toMatchObject({ role: 'watch' });
  for (const command of [{ type: 'stop-server' }, { type: 'spawn-clients', byte: 65, count: 1 }, { type: 'set-hold', holdMs: 1 }]) {
    expect(await watcher.command(command)).toMatchObject({ ok: false, error: { code: 'forbidden' } });
  }
  const controller = await FeedClient.connect(url, { headers: bearer(TOKEN) });
  expect(controller.messages[0]).toMatchObject({ role: 'control' });
  expect(await controller.command({ type: 'set-hold', holdMs: 90 })).toMatchObject({ ok: true });

  const browser = await chromium.launch({
    ...(process.env['CHROMIUM_PATH'] === undefined ? { executablePath: '/usr/bin/chromium' } : { executablePath: process.env['CHROMIUM_PATH'] }),
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  try {
    const page = await browser.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(`${request.url()} ${JSON.stringify(request.headers())}`));
    await page.goto(`${url}/#token=${encodeURIComponent(TOKEN)}`);
    await expect(page.getByRole('region', { name: 'Server steps' })).toContainText('listen');
    await expect(page.locator('header')).toContainText(String(bridge.tcpPort));
    expect(asked.filter((line) => line.includes('correct-horse'))).toEqual([]);
  } finally {
    await browser.close();
  }
  watcher.close();
  controller.close();
  expect(await bridge.stop()).toBe(0);
  const printed = bridge.lines.join('\n');
  for (const secret of [TOKEN, encodeURIComponent(TOKEN), WATCH_TOKEN]) expect(printed).not.toContain(secret);
});
