// What a process costs, by the kernel's own accounts: memory, processor time and descriptors from /proc, proc(5).
import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ, sysconf(_SC_CLK_TCK): 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const MIB = 1_048_576;

/** Resident memory in MiB; 0 for a process that is gone. */
export function residentMiB(pid: number): number {
  return fileOf(pid, 'status', (text) => Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024);
}

/** Processor time used so far, in milliseconds. */
export function processorMs(pid: number): number {
  return fileOf(pid, 'stat', (text) => {
    // The name, in parentheses, may hold anything: fields are counted behind it. utime and stime are the 14th and 15th of all.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1e3) / TICKS_PER_SECOND;
  });
}

/** Open descriptors; 0 for a process that is gone. */
export function descriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/** What the whole machine could still give, in MiB: the only honest figure for ten thousand processes that share their pages. */
export function machineAvailableMiB(): number {
  return (Number(/^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024) / MIB;
}

/** Calls `look` every `everyMs` while `work` is under way; gives the largest value seen, and what the work came to. */
export async function highest<T>(look: () => number, work: Promise<T>, everyMs = 50): Promise<{ value: number; result: T }> {
  let value = look();
  const timer = setInterval(() => {
    value = Math.max(value, look());
  }, everyMs);
  try {
    return { result: await work, value };
  } finally {
    clearInterval(timer);
  }
}

function fileOf(pid: number, name: string, read: (text: string) => number): number {
  try {
    return read(readFileSync(`/proc/${pid}/${name}`, 'utf8'));
  } catch {
    return 0;
  }
}
