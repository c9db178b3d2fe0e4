// The load: exchanges with whatever listens on a port, made by the C program where there is a compiler, else by its twin on Node.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { compiled, run } from '../programs.ts';

export interface Load {
  concurrency: number;
  /** Exchanges to make; it ends before that when `maxSeconds` are over. */
  total: number;
  maxSeconds: number;
  /** Exchanges begun per second; 0: as many as go. */
  rate?: number;
  /** The hold of the server: lateness is told against it. */
  holdMs?: number;
}

/** What came of it. Times in milliseconds; lateness is from the write of the byte to the reply, less the hold. */
export interface LoadEnd {
  done: number;
  replied: number;
  wrong: number;
  failed: number;
  seconds: number;
  perSecond: number;
  /** From the first connect to the last reply. */
  lastReplyMs: number;
  lateMs: { least: number; p50: number; p99: number; most: number };
}

/** Where there is no compiler, the contenders in C are left out, and the load is weaker. */
export const compilerIsHere = spawnSync('cc', ['--version'], { stdio: 'ignore' }).error === undefined;

const NODE_LOAD = fileURLToPath(new URL('load.mjs', import.meta.url));

export async function load(port: number, load: Load): Promise<LoadEnd> {
  const numbers = [port, load.concurrency, load.total, load.maxSeconds, load.rate ?? 0, load.holdMs ?? 0].map(String);
  const [command, args] = compilerIsHere ? [compiled('bench/load'), numbers] : [process.execPath, [NODE_LOAD, ...numbers]];
  const end = await run(command, args, { timeoutMs: (load.maxSeconds + 30) * 1e3 });
  const line = end.stdout.toString().trim();
  if (line === '') throw new Error(`the load generator said nothing (exit code ${String(end.code)}): ${end.stderr}`);
  return JSON.parse(line) as LoadEnd;
}
