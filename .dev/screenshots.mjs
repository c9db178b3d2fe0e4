// `npm run screenshots`: the README's pictures, taken of a real run of the built program in a real Chromium.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { installModules, root } from './modules.mjs';

installModules();
const { chromium } = await import('playwright');
const { findTools } = await import('./tools.mjs');
const { browser: executablePath } = await findTools();
if (executablePath === null) throw new Error('no Chromium: set CHROMIUM_PATH');
const FOLDER = `${root}.readme/`;
mkdirSync(FOLDER, { recursive: true });

/** A bridge on free ports; resolves with the page's address and the TCP port (0 where it could not listen). */
async function serve(...flags) {
  const child = spawn(process.execPath, [`${root}dist/server/main.js`, 'serve', '--http-port', '0', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let url = '';
  const tcpPort = await new Promise((resolve) => {
    const hear = (line) => {
      url = /^page {2}(\S+)/.exec(line)?.[1] ?? url;
      if (line.startsWith('tcp ')) resolve(Number(/LISTEN \S+:(\d+)/.exec(line)?.[1] ?? 0));
    };
    createInterface(child.stdout).on('line', hear);
    createInterface(child.stderr).on('line', hear);
  });
  // A picture that could not be taken leaves no server behind.
  process.once('exit', () => child.kill('SIGKILL'));
  return { url, tcpPort, stop: () => child.kill('SIGTERM') };
}

const browser = await chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });

/** Opens the page; `live` once the feed has said hello. */
async function open(url, colorScheme, viewport = { width: 1440, height: 900 }) {
  const page = await browser.newPage({ colorScheme, viewport, locale: 'en-GB' });
  await page.goto(url);
  await page.getByRole('button', { name: 'Connect', exact: true }).and(page.locator(':enabled')).waitFor();
  return page;
}

async function shoot(page, name) {
  await page.screenshot({ path: `${FOLDER}${name}.png` });
  console.log(`.readme/${name}.png`);
}

/** A netcat of our own: connects, sends `byte`, half-closes, as `printf A | nc -N` does. */
function netcat(port, byte) {
  const child = spawn('nc', ['-N', '127.0.0.1', String(port)], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end(byte);
}

const held = (page) => page.getByRole('region', { name: 'Stage' }).getByText('left').first().waitFor();

const { url, tcpPort, stop } = await serve('--tcp-port', '0');
const dark = await open(url, 'dark');
const light = await open(url, 'light');
await shoot(light, 'idle-light');
await dark.getByRole('button', { name: 'Connect', exact: true }).click();
await held(dark);
netcat(tcpPort, 'z');
await dark.getByRole('region', { name: 'Connections' }).getByRole('option', { name: /^nc :/ }).waitFor();
await dark.waitForTimeout(1_500);
await shoot(dark, 'three-dark');
await shoot(light, 'three-light');
const phone = await open(url, 'dark', { width: 390, height: 844 });
await phone.screenshot({ path: `${FOLDER}phone-dark.png` });
await light.getByRole('region', { name: 'Connections' }).getByText('z → {').waitFor();
await light.getByRole('region', { name: 'Connections' }).getByRole('listbox').getByRole('option').nth(1).click();
await shoot(light, 'conversation-light');
await light.getByRole('button', { name: 'Overflow the backlog' }).click();
await light.getByRole('region', { name: 'Stage' }).getByText('SYN again').first().waitFor();
await shoot(light, 'overflow-light');
await dark.getByRole('button', { name: 'Burst of 100' }).click();
await held(dark);
await dark.waitForTimeout(1_000);
await shoot(dark, 'burst-dark');
stop();

const squatter = createServer();
await new Promise((resolve) => squatter.listen(0, '0.0.0.0', resolve));
const blocked = await serve('--tcp-port', String(squatter.address().port));
const failed = await open(blocked.url, 'dark');
await failed.getByText('EADDRINUSE').first().waitFor();
await shoot(failed, 'port-taken-dark');
blocked.stop();
squatter.close();
await browser.close();
