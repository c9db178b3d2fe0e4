// What a process costs, by the kernel's own accounts: memory, processor time and descriptors from /proc, proc(5).
import { readdirSync, readFileSync } from 'node:fs';

const MIB = 1_048_576;

/** Resident memory in MiB; 0 for a process that is gone. */
export function residentMiB(pid: number): number {
  return fileOf(pid, 'status', (text) => Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1024);
}

/** Processor time used so far by all its threads, in milliseconds, as the scheduler counted it: to the nanosecond, where `stat` counts in ticks. */
export function processorMs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((all, thread) => all + fileOf(pid, `task/${thread}/schedstat`, (text) => Number(text.split(' ')[0]) / 1e6), 0);
  } catch {
    return 0;
  }
}

/** Open descriptors; 0 for a process that is gone. */
export function descriptors(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

/** Of the time of all processors since the machine began: how much there was, and how much the host gave to others while something here would have run ("steal"); in ticks. */
export function processorTicks(): { all: number; stolen: number } {
  // user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in them already.
  const ticks = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').slice(0, 8).map(Number);
  return { all: ticks.reduce((sum, some) => sum + some, 0), stolen: ticks[7] ?? 0 };
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
