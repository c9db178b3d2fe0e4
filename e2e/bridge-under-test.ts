// A bridge of the test's own: the built program on free ports, its output kept, ended by pid.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const MAIN = join(ROOT, 'dist/server/main.js');

/** main.js where everybody may read it: a clone may stand in a folder that is root's alone. Gone when the worker ends. */
export function mainForEverybody(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-for-all-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  chmodSync(folder, 0o755);
  for (const path of ['package.json', 'dist', 'node_modules/koffi', 'node_modules/@koromix'])
    if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  return join(folder, 'dist/server/main.js');
}

/** What a test that failed leaves running ends with its worker. */
export function endsWithWorker(child: ChildProcess): void {
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
}

/** A running `sockscope serve`. */
export interface BridgeUnderTest {
  readonly child: ChildProcess;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly httpPort: number;
  /** 0 where the increment server could not start. */
  readonly tcpPort: number;
  /** Lines of both outputs so far. */
  readonly lines: string[];
  /** SIGTERM, then the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts `serve` with free ports and `flags`; resolves when the page and the outcome of the TCP start are known.
 * `through` is a program that becomes node, such as ['prlimit', '--nofile=64']: the pid stays the same.
 */
export async function startBridge(
  flags: readonly string[] = [],
  environment: NodeJS.ProcessEnv = {},
  through: readonly string[] = [],
  main = MAIN,
): Promise<BridgeUnderTest> {
  const own = ['--http-port', '0', ...(flags.includes('--tcp-port') ? [] : ['--tcp-port', '0']), '--log-level', 'warn'];
  const [command = '', ...args] = [...through, process.execPath, main, 'serve', ...own, ...flags];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
  endsWithWorker(child);
  const lines: string[] = [];
  const started = await new Promise<{ url: string; tcpPort: number }>((resolve, reject) => {
    let url = '';
    let tcpPort: number | null = null;
    const hear = (line: string): void => {
      lines.push(line);
      url = /^page {2}(http:\/\/[^/]+)\//.exec(line)?.[1] ?? url;
      const listening = /^tcp {3}LISTEN \S+:(\d+) /.exec(line)?.[1];
      if (listening !== undefined) tcpPort = Number(listening);
      else if (line.startsWith('tcp   ')) tcpPort = 0;
      if (url !== '' && tcpPort !== null) resolve({ url, tcpPort });
    };
    createInterface(child.stdout).on('line', hear);
    createInterface(child.stderr).on('line', hear);
    child.once('exit', (code) => {
      reject(new Error(`serve ended with ${String(code)} before it was ready:\n${lines.join('\n')}`));
    });
  });
  return {
    child,
    lines,
    ...started,
    httpPort: Number(new URL(started.url).port),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      return child.exitCode;
    },
  };
}
