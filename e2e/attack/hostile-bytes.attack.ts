// Bytes that would be commands elsewhere: escape sequences for a terminal, marks that turn text round, HTML for a page. Here they are bytes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chromium, expect, test } from 'playwright/test';
import { MAIN } from '../bridge-under-test.ts';
import { exchange, Peer } from '../peers.ts';
import { run } from '../programs.ts';
import { ask } from '../upkeep.ts';
import { withstands } from './withstands.ts';

const HTML = '<img src=x onerror="window.sockscopeWasHere=1"><script>window.sockscopeWasHere=1</script>';
const PAYLOADS = [
  '\u001b[2J\u001b[1;1H\u001b]0;owned\u0007',
  '\u001b]52;c;b3duZWQ=\u0007',
  '\r\nHTTP/1.1 200 OK\r\n\r\n',
  '\u202e\u2066reversed\u2069',
  '\u009b31m\u0090q\u009c',
  '\u0000\u0007\u0008\u007f',
  '\ufeff\ufffe\ud800',
  HTML,
  `"'><svg onload=window.sockscopeWasHere=1>`,
  '{{constructor.constructor("window.sockscopeWasHere=1")()}}',
];

/** A control character, or a mark that turns the reading round; a line feed and a tab are neither. */
function obeys(mark: string): boolean {
  const code = mark.codePointAt(0) ?? 0;
  if (mark === '\n' || mark === '\t') return false;
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) || /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u.test(mark);
}

/** Everything of a text that a terminal might obey. */
const obeyed = (text: string): string[] => Array.from(text).filter(obeys);

withstands('in the trace, as JSON and as strace prints it, and in the log', { flags: ['--log-level', 'trace'] }, async ({ bridge }) => {
  for (const payload of PAYLOADS) await exchange(bridge.tcpPort, payload);
  for (let byte = 0; byte < 256; byte += 16) {
    await Promise.all(Array.from({ length: 16 }, (_, low) => new Peer(bridge.tcpPort).send(Buffer.from([byte + low])).ended));
  }
  for (const path of ['/api/trace', '/api/trace?format=strace', '/api/status', '/metrics'])
    expect(obeyed((await ask(bridge.url + path)).body), path).toEqual([]);
  expect(obeyed(bridge.lines.join('\n'))).toEqual([]);
});

withstands('on the page: text, and no element and no script of theirs', { timeoutMs: 120_000 }, async ({ bridge, bystander }) => {
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => complaints.push(dialog.message()));
    await page.goto(`${bridge.url}/`);
    await expect(page.getByRole('region', { name: 'Server steps' })).toContainText('listen');
    for (const payload of PAYLOADS) await exchange(bridge.tcpPort, payload);
    for (const type of [HTML, '__proto__', '\u202e']) await bystander.command({ type });
    await expect(page.getByRole('region', { name: 'Connections' })).toContainText(/:\d{4,5}/);
    const trace = page.getByRole('region', { name: 'Trace' });
    // Whoever follows the end has its newest lines only; these are further up.
    await trace.getByRole('searchbox').fill('call:read');
    await expect(trace).toContainText('read(');
    expect(await page.evaluate(() => (window as unknown as { sockscopeWasHere?: number }).sockscopeWasHere)).toBeUndefined();
    expect(await page.locator('img[src="x"], svg[onload]').count()).toBe(0);
    expect(obeyed(await page.locator('body').innerText())).toEqual([]);
    expect(complaints).toEqual([]);
  } finally {
    await browser.close();
  }
});

test('in a terminal: `sockscope server` and `sockscope client` print nothing that it would obey', async () => {
  const server = spawn(process.execPath, [MAIN, 'server', '--tcp-port', '0', '--hold-ms', '0', '--backlog', '512'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let printed = '';
  let port = 0;
  server.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  server.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
    port ||= Number(/LISTEN \S+:(\d+) /.exec(printed)?.[1] ?? 0);
  });
  await expect.poll(() => port).toBeGreaterThan(0);
  for (const payload of PAYLOADS) await exchange(port, payload);
  const bytes = Array.from({ length: 256 }, (_, byte) => `0x${byte.toString(16)}`).join(',');
  const client = await run(process.execPath, [MAIN, 'client', bytes, '--trace', '--tcp-port', String(port)]);
  expect(client.code).toBe(0);
  expect(obeyed(client.stdout.toString() + client.stderr)).toEqual([]);
  expect(client.stdout.toString().match(/char from server = /g)).toHaveLength(256);
  server.kill('SIGTERM');
  await once(server, 'exit');
  expect(printed).toContain('read(');
  expect(obeyed(printed)).toEqual([]);
});
