// The page as an instrument: its evidence and controls by role and name, by keyboard, in both languages.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect, test, type Locator, type Page } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { connectButton, openPage, preset, region, rows } from './page-parts.ts';
import { needs } from './programs.ts';

const execute = promisify(execFile);
const lines = (page: Page): Locator => region(page, 'Trace').getByRole('listbox').getByRole('option');
const search = (page: Page): Locator => region(page, 'Trace').getByRole('searchbox');

/** Script that must be there before the page can draw: design's bound. */
const FIRST_SCRIPT_MAX_BYTES = 100_000;

let bridge: BridgeUnderTest;

test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', '1500']);
});

test.afterAll(async () => {
  await bridge.stop();
});

async function open(page: Page): Promise<void> {
  await openPage(page, bridge.url);
}

test('the first script stays within its bound', async ({ page }) => {
  needs('chromium');
  let bytes = 0;
  const scripts: Promise<void>[] = [];
  page.on('response', (response) => {
    if (response.request().resourceType() !== 'script') return;
    scripts.push(response.body().then((body) => void (bytes += gzipSync(body).length)));
  });
  await open(page);
  await Promise.all(scripts);
  expect(bytes).toBeGreaterThan(10_000);
  expect(bytes).toBeLessThanOrEqual(FIRST_SCRIPT_MAX_BYTES);
});

test('the classic run by keyboard alone', async ({ page }) => {
  await open(page);
  await page.getByRole('textbox', { name: 'Byte' }).focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('x');
  await page.keyboard.press('Tab');
  await expect(page.getByRole('spinbutton', { name: 'Count' })).toBeFocused();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('2');
  await page.keyboard.press('Enter');
  await expect(rows(page).filter({ hasText: 'x → y' })).toHaveCount(2);
  // From the button on, Tab alone leads to the list of connections.
  const list = region(page, 'Connections').getByRole('listbox');
  for (let i = 0; i < 60 && !(await list.evaluate((element) => element === document.activeElement)); i += 1) await page.keyboard.press('Tab');
  await expect(list).toBeFocused();
  await page.keyboard.press('Home');
  await expect(rows(page).first()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('ArrowDown');
  await expect(rows(page).nth(1)).toHaveAttribute('aria-selected', 'true');
  // Tabs by arrow keys, one of them in the tab order.
  await page.getByRole('tab', { name: 'Trace' }).focus();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('tab', { name: 'Sockets' })).toBeFocused();
  await expect(region(page, 'Sockets')).toBeVisible();
  await page.keyboard.press('Home');
  await expect(region(page, 'Trace')).toBeVisible();
});

test('connections are filtered, sorted, zoomed; a row chosen elsewhere stays chosen', async ({ page }) => {
  await open(page);
  await expect(await preset(page, /Three clients/)).toContainText('All 3 got their reply.');
  const connections = region(page, 'Connections');
  await connections.getByRole('combobox', { name: 'Show' }).selectOption('outcome:replied');
  await expect(rows(page).filter({ hasText: 'A → B' }).first()).toBeVisible();
  await connections.getByRole('combobox', { name: 'Show' }).selectOption('phase:held');
  await expect(connections).toContainText('No connection matches this filter.');
  await connections.getByRole('combobox', { name: 'Show' }).selectOption('all');
  const newest = (await rows(page).first().getAttribute('id')) ?? '';
  await connections.getByRole('combobox', { name: 'Order' }).selectOption('oldest');
  await connections.getByRole('listbox').press('End');
  await expect(rows(page).last()).toHaveAttribute('id', newest);
  await expect(rows(page).last()).toHaveAttribute('aria-selected', 'true');
  await connections.getByRole('combobox', { name: 'Order' }).selectOption('newest');
  const fit = connections.getByRole('button', { name: 'fit' });
  await expect(fit).toHaveAttribute('aria-pressed', 'true');
  await connections.getByRole('listbox').focus();
  await page.keyboard.press('+');
  await expect(fit).toHaveAttribute('aria-pressed', 'false');
  await page.keyboard.press('0');
  await expect(fit).toHaveAttribute('aria-pressed', 'true');
});

test('the trace is searched in one language, and says what it does not understand', async ({ page }) => {
  await open(page);
  await expect(await preset(page, /Three clients/)).toContainText('All 3 got their reply.');
  await search(page).fill('call:accept4 -errno:EAGAIN');
  await expect(lines(page).first()).toContainText('accept4(');
  for (const text of await lines(page).allTextContents()) expect(text).toMatch(/accept4\(.*\) = \d+/);
  await search(page).fill('colour:red');
  await expect(region(page, 'Trace').getByRole('alert')).toContainText('no such key');
  await search(page).fill('');
  await rows(page).first().click();
  await region(page, 'Trace').getByRole('button', { name: 'this connection' }).click();
  await expect(search(page)).toHaveValue(/^conn:\d+$/);
  // Both ends, and the client's first call, though its port was not known then.
  await region(page, 'Trace').getByRole('listbox').press('Home');
  await page.getByRole('button', { name: 'Larger' }).click();
  await expect(lines(page).filter({ hasText: 'socket(AF_INET' })).toHaveCount(1);
  await expect(lines(page).filter({ hasText: 'accept4(' })).toHaveCount(1);
});

test('a process whose name has a line break has lines as high as any other', async ({ page }) => {
  await open(page);
  const client = `require('node:fs').writeFileSync('/proc/self/comm', 'two\\nlines');
    const socket = require('node:net').connect(${bridge.tcpPort}, '127.0.0.1', () => socket.write('A')).resume();`;
  await execute(process.execPath, ['-e', client]);
  await search(page).fill('two');
  const line = lines(page).filter({ hasText: 'two lines' }).first();
  await expect(line).toBeVisible();
  expect(await line.evaluate((one) => [one, ...one.children].map((part) => part.scrollHeight))).toEqual([21, 21, 21]);
});

test('the trace is downloaded whole, as events and as strace prints it', async ({ page }) => {
  await open(page);
  await expect(await preset(page, /Three clients/)).toContainText('All 3 got their reply.');
  for (const [name, holds] of [
    ['NDJSON', /^\{"seq":1,/],
    ['strace text', /^\d+ +socket\(AF_INET/m],
  ] as const) {
    const [file] = await Promise.all([page.waitForEvent('download'), region(page, 'Trace').getByRole('button', { name }).click()]);
    expect(await readFile(await file.path(), 'utf8')).toMatch(holds);
  }
});

test('a frozen view stands still, countdowns too, and loses nothing', async ({ page }) => {
  needs('chromium');
  // A trace of its own, short enough to be told whole.
  const own = await startBridge(['--hold-ms', '1500']);
  await page.goto(own.url);
  await expect(connectButton(page)).toBeEnabled();
  await page.getByRole('spinbutton', { name: 'Count' }).fill('1');
  await connectButton(page).click();
  await expect(rows(page).first()).toContainText(/\d\.\d\s*s/);
  await region(page, 'Trace').getByRole('button', { name: 'Freeze view' }).click();
  const resume = region(page, 'Trace').getByRole('button', { name: /^Resume/ });
  const frozen = await region(page, 'Connections').textContent();
  const stage = await region(page, 'Stage').textContent();
  const line = await region(page, 'Trace').getByRole('listbox').textContent();
  // Its end, and one whole other connection, come meanwhile.
  await connectButton(page).click();
  await expect(resume).toContainText(/\(([3-9]\d|\d{3,}) came meanwhile\)/, { timeout: 20_000 });
  await expect(region(page, 'Conversation')).toContainText('The view is frozen, and this connection is not in it');
  expect(await region(page, 'Connections').textContent()).toBe(frozen);
  expect(await region(page, 'Stage').textContent()).toBe(stage);
  expect(await region(page, 'Trace').getByRole('listbox').textContent()).toBe(line);
  await resume.click();
  await expect(rows(page).nth(1)).toContainText('A → B');
  await expect(rows(page).first()).toContainText('A → B');
  const lineCount = async (): Promise<string | undefined> => /([\d,]+) lines/.exec((await region(page, 'Trace').textContent()) ?? '')?.[1];
  const lastSeq = async (): Promise<string> => {
    const status = (await (await page.request.get(`${own.url}/api/status`)).json()) as { journal: { lastSeq: number } };
    return status.journal.lastSeq.toLocaleString('en');
  };
  // The kernel's last words on a closed socket may come between the two looks.
  await expect(async () => expect(await lineCount()).toBe(await lastSeq())).toPass({ timeout: 15_000 });
  await own.stop();
});

test('a view frozen in the moment its lines were drawn stays at their end', async ({ page }) => {
  await open(page);
  const list = region(page, 'Trace').getByRole('listbox');
  const place = async (): Promise<number> => await list.evaluate((box) => box.scrollHeight - box.clientHeight - box.scrollTop);
  await page.getByRole('spinbutton', { name: 'Count' }).fill('5');
  // Before the scroll event of those lines: with the frame in which they came, not after it.
  const frozen = list.evaluate(async (box) => {
    const before = box.scrollHeight;
    await new Promise<void>((grown) => {
      const observer = new MutationObserver(() => {
        if (box.scrollHeight < before + box.clientHeight) return;
        observer.disconnect();
        grown();
      });
      observer.observe(box, { subtree: true, childList: true, characterData: true, attributes: true });
    });
    box.closest('section')?.querySelector<HTMLElement>('button[aria-pressed]:not(.chip)')?.click();
  });
  await connectButton(page).click();
  await frozen;
  await expect(region(page, 'Trace').getByRole('button', { name: /^Resume/ })).toBeVisible();
  expect(await place()).toBeLessThan(1);
});

test('hold and backlog can be undone', async ({ page }) => {
  await open(page);
  const hold = page.getByRole('spinbutton', { name: 'Hold' });
  await hold.fill('1200');
  await hold.press('Enter');
  const undo = region(page, 'Server').getByRole('button', { name: /Undo: back to Hold 1500 ms/ });
  await undo.click();
  await expect(hold).toHaveValue('1500');
  await expect(undo).toHaveCount(0);
});

test('the address bytes of a connection are those of its port', async ({ page }) => {
  await open(page);
  await expect(await preset(page, /Three clients/)).toContainText('All 3 got their reply.');
  await page.getByRole('tab', { name: 'Address bytes' }).click();
  const port = bridge.tcpPort.toString(16).padStart(4, '0');
  const bytes = region(page, 'Address bytes');
  await expect(bytes).toContainText('02 00');
  await expect(bytes).toContainText(`${port.slice(0, 2)} ${port.slice(2)}`);
  await expect(bytes).toContainText('7f 00 00 01');
  await expect(bytes).toContainText('connect(');
  await expect(bytes).toContainText('accept4(');
});

test('the charts count what happened, also as a table', async ({ page }) => {
  await open(page);
  await page.getByRole('tab', { name: 'Charts' }).click();
  const charts = region(page, 'Charts');
  await expect(charts.getByRole('img')).toHaveCount(4);
  await expect(await preset(page, /Three clients/)).toContainText('All 3 got their reply.');
  await charts.getByRole('button', { name: 'as a table' }).click();
  await expect(charts.getByRole('columnheader')).toHaveCount(6);
  const answered = async (): Promise<number> =>
    (await charts.locator('tbody tr td:first-of-type').allTextContents()).reduce((sum, text) => sum + Number(text), 0);
  await expect.poll(answered).toBeGreaterThanOrEqual(3);
});

test('the same in code compiles, and the client shown gets its byte', async ({ page }) => {
  await open(page);
  const folder = await mkdtemp(join(tmpdir(), 'sockscope-code-'));
  try {
    await page.getByRole('tab', { name: 'The same in code' }).click();
    const code = region(page, 'The same in code');
    const shown = async (language: string, side: string): Promise<string> => {
      await code.getByRole('button', { name: language, exact: true }).click();
      const program = await code
        .getByRole('group', { name: `${side} in ${language}` })
        .locator('code')
        .allTextContents();
      return `${program.join('\n')}\n`;
    };
    const file = async (name: string, text: string): Promise<string> => {
      const path = join(folder, name);
      await writeFile(path, text);
      return path;
    };
    for (const side of ['client', 'increment server']) {
      const source = await file(`${side.replace(' ', '-')}.c`, await shown('C', side));
      await execute('cc', ['-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE', '-o', source.replace('.c', ''), source]);
    }
    expect((await execute(join(folder, 'client'))).stdout).toBe('char from server = B\n');
    await execute('python3', ['-m', 'py_compile', await file('server.py', await shown('Python', 'increment server'))]);
    expect((await execute('python3', [await file('client.py', await shown('Python', 'client'))])).stdout).toBe('char from server = B\n');
    const { default: ts } = await import('typescript');
    for (const side of ['client', 'increment server']) {
      const { diagnostics } = ts.transpileModule(await shown('TypeScript', side), { reportDiagnostics: true });
      expect(diagnostics).toEqual([]);
    }
    const { outputText } = ts.transpileModule(await shown('TypeScript', 'client'), { compilerOptions: { module: ts.ModuleKind.ESNext } });
    expect((await execute(process.execPath, [await file('client.mjs', outputText)])).stdout).toBe('char from server = B\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('neither a count with more digits nor a frozen view moves the page', async ({ page }) => {
  const wide = await startBridge(['--backlog', '4096']);
  await openPage(page, wide.url);
  await expect(page.locator('.counts b')).toHaveCount(3);
  const height = (counts: readonly string[]): Promise<number | undefined> =>
    page.getByRole('banner').evaluate((header, texts) => {
      header.querySelectorAll('.counts b').forEach((count, at) => (count.textContent = texts[at] ?? ''));
      return header.getBoundingClientRect().height;
    }, counts);
  const freeze = region(page, 'Trace').locator('button[aria-pressed]:not(.chip)');
  for (const width of [1280, 1366, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const least = await height(['9', '9', '9']);
    expect(await height(['99999', '99999999', '9999']), `at ${width} px`).toBe(least);
    await freeze.click();
    expect(await height(['99999', '99999999', '9999']), `frozen, at ${width} px`).toBe(least);
    await freeze.click();
  }
  await wide.stop();
});

test('on a low screen the conversation keeps its height, and who steps through it sees its picture and its words', async ({ page }) => {
  await page.setViewportSize({ width: 1280, height: 720 });
  await open(page);
  await connectButton(page).click();
  const conversation = region(page, 'Conversation');
  const picture = conversation.getByRole('group', { name: 'Conversation' });
  await expect(conversation).toContainText('closed in order by the server', { timeout: 15_000 });
  expect((await picture.boundingBox())?.height).toBeGreaterThan(200);
  const words = conversation.getByText(/^returned to pid/);
  await expect(words).not.toBeInViewport();
  await conversation.getByRole('button', { name: 'Next step' }).click();
  await expect(words).toBeInViewport({ ratio: 1 });
  // The keys step wherever in the conversation one is; not in the slider, which has them for itself.
  await expect(conversation).toContainText(/\b2 \/ \d+/);
  await page.keyboard.press('ArrowRight');
  await expect(conversation).toContainText(/\b3 \/ \d+/);
  await conversation.getByRole('slider').press('ArrowRight');
  await expect(conversation).toContainText(/\b4 \/ \d+/);
  await conversation.getByRole('button', { name: 'State diagram' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).press('ArrowRight');
  await page.keyboard.press('Escape');
  await expect(conversation).toContainText(/\b4 \/ \d+/);
  await expect(picture).toBeInViewport({ ratio: 1 });
  await expect(search(page)).toBeInViewport({ ratio: 1 });
});

test('a term explains itself where it stands', async ({ page }) => {
  await open(page);
  await page
    .getByRole('banner')
    .getByRole('button', { name: /accept queue/ })
    .click();
  await expect(page.getByRole('dialog')).toContainText('the program has not taken with accept() yet');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test.describe('in Chinese', () => {
  test.use({ locale: 'zh-CN' });

  test('the browser’s language is taken, can be changed, and is remembered', async ({ page }) => {
    needs('chromium');
    await page.goto(bridge.url);
    await expect(page.getByRole('button', { name: '连接', exact: true })).toBeEnabled();
    await expect(page.locator('html')).toHaveAttribute('lang', 'zh-Hans');
    for (const name of ['客户端', '服务器', '服务器步骤', '舞台', '连接', '对话', '跟踪']) await expect(region(page, name)).toBeVisible();
    await page.getByRole('button', { name: /三个客户端/ }).click();
    await expect(region(page, '客户端').getByRole('status')).toContainText('3 个全部得到应答。');
    // No English sentence is left: what stands in Latin letters are names of calls, states and programs.
    for (const name of ['客户端', '服务器', '对话']) expect(await region(page, name).textContent()).not.toMatch(/\b(the|and|is|of|what)\b/i);
    await page.getByRole('button', { name: 'EN', exact: true }).click();
    await expect(connectButton(page)).toBeVisible();
    await page.reload();
    await expect(connectButton(page)).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  });
});
