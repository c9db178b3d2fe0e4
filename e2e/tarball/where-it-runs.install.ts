// Where it runs: the packed tarball, installed into an empty folder, under each Node it promises, as root and as an ordinary user.
import { chmodSync, copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'playwright/test';
import { FeedClient } from '../feed-client.ts';
import { exchange } from '../peers.ts';
import { run } from '../programs.ts';
import { alive, ask, expectNoMishap, type StatusAnswer } from '../upkeep.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** nobody, on every Linux. */
const ORDINARY_UID = 65_534;
const NODES = ['20', '22', '24'] as const;

let folder = '';
let tarball = '';

/** npm without the install scripts of packages, as the most careful install it. */
async function install(directory: string, ...packages: string[]): Promise<void> {
  const end = await run('npm', ['install', '--prefix', directory, '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...packages], {
    timeoutMs: 180_000,
  });
  expect(end.code, end.stderr).toBe(0);
}

test.beforeAll(async () => {
  test.setTimeout(120_000);
  folder = mkdtempSync(join(tmpdir(), 'sockscope-where-'));
  // Whoever runs it may have to read it.
  chmodSync(folder, 0o755);
  const packed = await run('npm', ['pack', '--silent', '--pack-destination', folder, ROOT], { timeoutMs: 100_000 });
  expect(packed.code, packed.stderr).toBe(0);
  tarball = join(folder, packed.stdout.toString().trim().split('\n').at(-1) ?? '');
  await install(join(folder, 'app'), tarball);
});
/** What a failed test left running. */
const started: ChildProcess[] = [];
test.afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
});
test.afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The binary of a Node release, from the npm package that brings it. */
async function nodeOf(release: string): Promise<string> {
  const to = join(folder, `node${release}`);
  if (existsSync(to)) return to;
  const directory = join(folder, `node-${release}`);
  const name = `node-linux-${process.arch}`;
  await install(directory, `${name}@${release}`);
  const from = join(directory, 'node_modules', name, 'bin', 'node');
  copyFileSync(from, to);
  chmodSync(to, 0o755);
  rmSync(directory, { recursive: true });
  return to;
}

async function serves(node: string, release: string, uid: number | null): Promise<string> {
  const main = join(folder, 'app', 'node_modules', 'sockscope', 'dist', 'server', 'main.js');
  const flags = ['serve', '--http-port', '0', '--tcp-port', '0', '--hold-ms', '300'];
  const child = spawn(node, [main, ...flags], {
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
    ...(uid === null ? {} : { uid, gid: uid }),
  });
  started.push(child);
  const lines: string[] = [];
  createInterface(child.stderr).on('line', (line) => lines.push(line));
  const startMs = performance.now();
  const { url, port } = await new Promise<{ url: string; port: number }>((resolve, reject) => {
    let page = '';
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      page = /^page {2}(http:\/\/[^/]+)\//.exec(line)?.[1] ?? page;
      const listening = /^tcp {3}LISTEN \S+:(\d+) /.exec(line)?.[1];
      if (listening !== undefined) resolve({ url: page, port: Number(listening) });
    });
    child.once('exit', (code) => {
      reject(new Error(`serve ended with ${String(code)}:\n${lines.join('\n')}`));
    });
  });
  const startedMs = performance.now() - startMs;
  expect((await exchange(port, 'A')).received.toString()).toBe('B');
  expect((await ask(`${url}/`)).body).toContain('<script');
  const feed = await FeedClient.connect(url);
  const reply = await feed.command({ type: 'spawn-clients', byte: 255, count: 20 });
  const ids = new Set(reply['clientIds'] as string[]);
  await expect.poll(() => feed.events.filter((event) => event.kind === 'client-ended' && ids.has(event.clientId ?? '')).length).toBe(20);
  expect(feed.events.filter((event) => event.kind === 'client-ended' && event.outcome !== 'replied')).toEqual([]);
  feed.close();
  const seen = JSON.parse((await ask(`${url}/api/status`)).body) as StatusAnswer;
  expect(seen.totals.server).toMatchObject({ accepted: 21, replied: 21 });
  const version = await run(node, ['--version']);
  expect(version.stdout.toString()).toMatch(new RegExp(`^v${release}\\.`));
  child.kill('SIGTERM');
  await once(child, 'exit');
  expect(child.exitCode).toBe(0);
  expect(seen.processes.flatMap(({ pid }) => (pid === null ? [] : [pid])).filter(alive)).toEqual([]);
  expectNoMishap(lines);
  const client = await run(node, [main, 'client', 'A', '--tcp-port', '1']);
  expect(client.code).toBe(1);
  expect(client.stderr).toContain('connect: ECONNREFUSED');
  return `${version.stdout.toString().trim()}: LISTEN after ${Math.round(startedMs)} ms`;
}

for (const release of NODES) {
  for (const who of ['root', 'an ordinary user'] as const) {
    test(`the packed tarball serves under Node ${release} as ${who}`, async () => {
      const root = process.getuid?.() === 0;
      test.skip(!root && who === 'root', 'only root can be root');
      test.setTimeout(240_000);
      const node = await nodeOf(release);
      const figure = await serves(node, release, root && who !== 'root' ? ORDINARY_UID : null);
      test.info().annotations.push({ type: 'figure', description: figure });
    });
  }
}
