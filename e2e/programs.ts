// Foreign programs that tests run: netcat and its kin, C programs of our own compiled on the spot, and what they came to.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'playwright/test';

/** What a program came to. */
export interface ProgramEnd {
  code: number | null;
  stdout: Buffer;
  stderr: string;
  durationMs: number;
}

/** Runs `command`, writes `input` to it and, unless `keepOpen`, ends its standard input; killed by pid after `timeoutMs`. */
export function run(
  command: string,
  args: readonly string[],
  options: { input?: string | Buffer; keepOpen?: boolean; timeoutMs?: number } = {},
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdout: Buffer[] = [];
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout), stderr, durationMs: performance.now() - startMs });
    });
    if (options.input !== undefined) child.stdin.write(options.input);
    if (options.keepOpen !== true) child.stdin.end();
  });
}

const missing = new Set((process.env['SOCKSCOPE_TEST_MISSING'] ?? '').split(',').filter((name) => name !== ''));

/** Skips the test, by name, where a program is not to be had; `npm test` says which, and fails on it when CI=true. */
export function needs(...programs: string[]): void {
  const lacking = programs.filter((program) => missing.has(program));
  test.skip(lacking.length > 0, `not installed: ${lacking.join(', ')}`);
}

let folder: string | null = null;
const built = new Map<string, string>();

/** Compiles `e2e/PATH.c` once; returns the program's path. */
export function compiled(path: string, ...flags: string[]): string {
  const key = [path, ...flags].join(' ');
  let program = built.get(key);
  if (program === undefined) {
    folder ??= mkdtempSync(join(tmpdir(), 'sockscope-test-'));
    program = join(folder, key.replaceAll(/[^a-zA-Z0-9-]/g, '-'));
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', ...flags, '-o', program, fileURLToPath(new URL(`${path}.c`, import.meta.url))]);
    built.set(key, program);
  }
  return program;
}

/** TCP segments with RST sent since the machine (or the network namespace that `inside` enters) started: nstat's TcpOutRsts. */
export function resetsSent(inside: readonly string[] = []): number {
  const [program, ...args] = [...inside, 'nstat', '-az', 'TcpOutRsts'];
  return Number(/TcpOutRsts\s+(\d+)/.exec(execFileSync(program, args).toString())?.[1] ?? NaN);
}

/** Becomes a program in a network namespace of its own, whose counters are nobody else's; empty where there is none to be had. */
export function ownNetwork(): string[] {
  const way = ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  return spawnSync(way[0] ?? '', [...way.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? way : [];
}
