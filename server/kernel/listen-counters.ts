// How often listeners of this network namespace dropped something since it began: /proc/net/netstat, proc(5).
import { readFileSync } from 'node:fs';

/** Counters of the whole namespace, not of one listener: show differences. */
export interface ListenCounters {
  /** The accept queue was full. */
  readonly overflows: number;
  /** All drops of listeners, overflows included. */
  readonly drops: number;
}

/** The counters in the text of /proc/net/netstat (a line of names, a line of values, each beginning 'TcpExt:'); null where they are not in it. */
export function parseListenCounters(text: string): ListenCounters | null {
  const lines = text.split('\n').filter((line) => line.startsWith('TcpExt: '));
  const names = lines[0]?.split(' ');
  const values = lines[1]?.split(' ');
  if (names === undefined || values === undefined) return null;
  const counter = (name: string): number => {
    const value = values[names.indexOf(name)];
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : NaN;
  };
  const overflows = counter('ListenOverflows');
  const drops = counter('ListenDrops');
  return Number.isNaN(overflows) || Number.isNaN(drops) ? null : { overflows, drops };
}

/** The counters now; null where the kernel does not tell. */
export function readListenCounters(): ListenCounters | null {
  try {
    return parseListenCounters(readFileSync('/proc/net/netstat', 'latin1'));
  } catch {
    return null;
  }
}
