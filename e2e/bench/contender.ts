// Who is compared: each starts a server on a port of the kernel's choice, and can be ended.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MAIN, startBridge } from '../bridge-under-test.ts';
import { compiled } from '../programs.ts';
import { compilerIsHere } from './load.ts';
import { startWatchers } from './watcher-process.ts';

/** Every contender gets the same, the most that net.core.somaxconn allows by default, so that the queue is nobody's limit. */
export const BACKLOG = 4_096;

/** A server that runs. */
export interface Running {
  port: number;
  /** The process that serves; for sockscope its engine. */
  pid: number;
  /** The bridge, where there is one. */
  bridge?: { pid: number; url: string };
  stop(): Promise<void>;
}

export interface Contender {
  name: string;
  needsCompiler: boolean;
  start(holdMs: number): Promise<Running>;
}

const NET_SERVER = fileURLToPath(new URL('net-server.mjs', import.meta.url));
const ENGINE = MAIN.replace('main.js', 'increment-server-process.js');

export type ContenderName = 'fork' | 'barest' | 'sameCalls' | 'net' | 'silent' | 'engine' | 'bridge' | 'watched';

export const CONTENDERS: Record<ContenderName, Contender> = {
  fork: {
    name: 'C, one process per connection',
    needsCompiler: true,
    start: (holdMs) => onFreePort((port) => program(compiled('c/classic-server'), [String(port), String(holdMs), String(BACKLOG)]), 'server waiting'),
  },
  barest: {
    name: 'C, epoll, barest',
    needsCompiler: true,
    start: () => onFreePort((port) => program(compiled('bench/epoll-server'), [String(port), String(BACKLOG)]), 'listening'),
  },
  sameCalls: {
    name: 'C, epoll, same calls as ours',
    needsCompiler: true,
    start: () => onFreePort((port) => program(compiled('bench/epoll-server', '-DSAME_CALLS'), [String(port), String(BACKLOG)]), 'listening'),
  },
  net: {
    name: 'Node net',
    needsCompiler: false,
    async start(holdMs) {
      const child = program(process.execPath, [NET_SERVER, String(holdMs), String(BACKLOG)]);
      const port = Number((await line(child, 'listening')).split(' ')[1]);
      return { port, pid: child.pid ?? 0, stop: () => end(child) };
    },
  },
  silent: { name: 'sockscope engine, nothing recorded', needsCompiler: false, start: (holdMs) => startEngine(holdMs, false) },
  engine: { name: 'sockscope engine, records thrown away', needsCompiler: false, start: (holdMs) => startEngine(holdMs, true) },
  bridge: { name: 'sockscope, recorded by the bridge', needsCompiler: false, start: (holdMs) => startSockscope(holdMs) },
  watched: {
    name: 'sockscope, one page watching',
    needsCompiler: false,
    async start(holdMs) {
      const running = await startSockscope(holdMs);
      const watchers = await startWatchers(running.bridge.url, 1);
      return {
        ...running,
        async stop() {
          await watchers.stop();
          await running.stop();
        },
      };
    },
  },
};

/** Those of `names` that can be had here; says which are left out. */
export function available(names: readonly ContenderName[], say: (line: string) => void): ContenderName[] {
  return names.filter((name) => {
    const here = !CONTENDERS[name].needsCompiler || compilerIsHere;
    if (!here) say(`left out, no C compiler here: ${CONTENDERS[name].name}`);
    return here;
  });
}

/** `sockscope serve` with everything recorded. */
export async function startSockscope(holdMs: number, flags: readonly string[] = []): Promise<Running & { bridge: { pid: number; url: string } }> {
  const bridge = await startBridge(['--hold-ms', String(holdMs), '--backlog', String(BACKLOG), ...flags]);
  const status = (await (await fetch(`${bridge.url}/api/status`)).json()) as { server: { pid: number } };
  return {
    port: bridge.tcpPort,
    pid: status.server.pid,
    bridge: { pid: bridge.child.pid ?? 0, url: bridge.url },
    async stop() {
      await bridge.stop();
    },
  };
}

/** The engine without its bridge: what it reports goes nowhere. */
async function startEngine(holdMs: number, record: boolean): Promise<Running> {
  return onFreePort((port) => {
    const options = { runStartNs: '0', tcpHost: '0.0.0.0', tcpPort: port, backlog: BACKLOG, holdMs, drainTimeoutMs: 1_000, ...(record ? {} : { record }) };
    // Its orders come on descriptor 3, which stays silent; its reports go to descriptor 4, which leads to /dev/null.
    return spawn(process.execPath, ['--single-threaded-gc', ENGINE, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit', 'pipe', 'ignore'] });
  }, null);
}

function program(command: string, args: readonly string[]): ChildProcess {
  return spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** For programs that do not tell which port they were given: one that was free a moment ago. */
async function onFreePort(start: (port: number) => ChildProcess, greeting: string | null): Promise<Running> {
  const probe = createServer().listen(0, '0.0.0.0');
  await once(probe, 'listening');
  const address = probe.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  probe.close();
  await once(probe, 'close');
  const child = start(port);
  if (greeting !== null) await line(child, greeting);
  else await accepted(port);
  return { port, pid: child.pid ?? 0, stop: () => end(child) };
}

async function line(child: ChildProcess, beginning: string): Promise<string> {
  if (child.stdout === null) throw new Error('no standard output to listen to');
  for await (const text of createInterface(child.stdout)) if (text.startsWith(beginning)) return text;
  throw new Error(`${child.spawnfile} ended before it was ready`);
}

/** Somebody listens there now: the kernel's own table says so, and no connection is spent on asking. */
async function accepted(port: number): Promise<void> {
  const row = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`;
  for (let tries = 200; tries > 0; tries -= 1) {
    if (readFileSync('/proc/net/tcp', 'utf8').includes(row)) return;
    await sleep(25);
  }
  throw new Error(`nobody listens on port ${port}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const killed = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await once(child, 'exit');
  clearTimeout(killed);
}
