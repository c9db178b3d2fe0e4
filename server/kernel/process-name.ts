// What procfs tells of a process or thread by its number, proc(5): its name, the process a thread belongs to, when it started.
import { readFileSync } from 'node:fs';

function procText(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return null;
  }
}

/** Its name as ps shows it (comm, at most 15 bytes); null when it is gone. Whoever runs it chose the name: escape it where it is printed. */
export function processName(pid: number): string | null {
  return procText(pid, 'comm')?.replace(/\n$/, '') ?? null;
}

/** The process (thread group) that thread `tid` belongs to; null when it is gone. */
export function processOfThread(tid: number): number | null {
  const tgid = /^Tgid:\t(\d+)$/m.exec(procText(tid, 'status') ?? '')?.[1];
  return tgid === undefined ? null : Number(tgid);
}

/** When a process started, in clock ticks since boot: with its number it names the process for ever. From the text of /proc/PID/stat; null where it is not in it. */
export function parseStartTicks(stat: string): number | null {
  // The name in parentheses may itself hold spaces and parentheses; the 22nd field is the 20th after it.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return stat.includes(')') && ticks !== undefined && /^\d{1,15}$/.test(ticks) ? Number(ticks) : null;
}

/** True for a process whose parent is ours too: another engine of the same bridge. */
export function isSibling(pid: number): boolean {
  return /^PPid:\t(\d+)$/m.exec(procText(pid, 'status') ?? '')?.[1] === String(process.ppid);
}

/** When process `pid` started, in clock ticks since boot; null when it is gone. */
export function startTicks(pid: number): number | null {
  return parseStartTicks(procText(pid, 'stat') ?? '');
}
