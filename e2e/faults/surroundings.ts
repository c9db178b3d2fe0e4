// What a fault may need of the machine: root, a network namespace of our own, strace, a kernel that can do it; and faults made with them.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** 'root' or 'user' where the suite runs in a network namespace of its own (.dev/own-network.mjs). */
const ownNetwork = process.env['SOCKSCOPE_OWN_NETWORK'];

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

export function needsStrace(): string | null {
  if (!works('strace', '-V')) return 'strace is not installed';
  return works('strace', '-qq', '-o', '/dev/null', '-e', 'inject=none:error=EPERM', 'true') || works('strace', '-qq', '-o', '/dev/null', 'true')
    ? null
    : 'strace may not trace here (ptrace is forbidden)';
}

export function needsOwnNetwork(): string | null {
  return ownNetwork === undefined ? 'no network namespace of its own (unshare --net needs root or user namespaces)' : null;
}

export function needsFirewall(): string | null {
  return needsOwnNetwork() ?? (works('nft', 'list', 'tables') ? null : 'nft is not installed, or may not filter here');
}

export function needsRoot(): string | null {
  return process.getuid?.() === 0 && ownNetwork !== 'user' ? null : 'only root can become another user';
}

/** A network namespace has its own settings; outside of one they are everybody's and not for us to change. */
export function withSysctl(name: string, value: string): { restore(): void } {
  const path = `/proc/sys/${name.replaceAll('.', '/')}`;
  const before = execFileSync('cat', [path]).toString().trim();
  const write = (text: string): void => {
    execFileSync('sh', ['-c', 'printf "%s" "$1" > "$2"', 'sh', text, path]);
  };
  write(value);
  return {
    restore() {
      write(before);
    },
  };
}

/** A firewall rule of our own namespace: TCP segments that match `match` are dropped. */
export class DroppedSegments {
  static #made = 0;
  readonly #table = `sockscope_${process.pid}_${(DroppedSegments.#made += 1)}`;

  constructor(match: string) {
    const text = `add table ip ${this.#table}
add chain ip ${this.#table} arriving { type filter hook input priority 0; }
add rule ip ${this.#table} arriving ${match} counter drop
`;
    execFileSync('nft', ['-f', '-'], { input: text });
  }

  /** Segments dropped so far. */
  get count(): number {
    return Number(/counter packets (\d+)/.exec(execFileSync('nft', ['list', 'table', 'ip', this.#table]).toString())?.[1] ?? NaN);
  }

  end(): void {
    execFileSync('nft', ['delete', 'table', 'ip', this.#table]);
  }
}

/** strace on the main thread of `pid` while `work` runs; its lines. `injection` as in `-e inject=`, such as accept4:error=EMFILE:when=1..3. */
export async function traced(pid: number, calls: string, injection: string | null, work: () => Promise<void>): Promise<string[]> {
  const flags = ['-p', String(pid), '-e', `trace=${calls}`, ...(injection === null ? [] : ['-e', `inject=${injection}`])];
  const strace = spawn('strace', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    createInterface(strace.stderr).on('line', (line) => {
      lines.push(line);
      if (line.includes(`Process ${pid} attached`)) resolve();
    });
    strace.once('exit', () => {
      reject(new Error(`strace ended: ${lines.join('\n')}`));
    });
  });
  try {
    await work();
  } finally {
    strace.kill('SIGINT');
    if (strace.exitCode === null && strace.signalCode === null) await once(strace, 'close');
  }
  return lines;
}
