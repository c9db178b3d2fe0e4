// The kernel's socket table as /proc/net/tcp prints it, proc(5): the fallback where netlink does not answer, with fewer columns.
import { closeSync, openSync, readSync } from 'node:fs';
import { errnoName, type Errno } from '../wire/errno.ts';
import { nowNs } from './clock.ts';
import type { SocketRow, SocketTable } from './socket-table.ts';

/** Why /proc/net/tcp could not be read. */
export interface ProcFailure {
  readonly ok: false;
  readonly call: 'open' | 'read';
  readonly errno: Errno;
}

const READ_BYTES = 65_536;
/** Clock ticks a second that procfs counts in (USER_HZ): 100 on every architecture Node runs on. */
const MS_PER_TICK = 10;

// sl local remote state tx:rx timer:when retransmits uid probes inode
const LINE =
  /^ *\d+: ([0-9A-F]{8}):([0-9A-F]{4}) ([0-9A-F]{8}):([0-9A-F]{4}) ([0-9A-F]{2}) ([0-9A-F]{8}):([0-9A-F]{8}) ([0-9A-F]{2}):([0-9A-F]{8}) ([0-9A-F]{8}) +(\d+) +\d+ +(\d+)(?: |$)/;

/** One line of /proc/net/tcp; null for a line that is none (such as its heading). Addresses stand there as the machine's own (little-endian) words. */
export function parseTcpLine(line: string): SocketRow | null {
  const match = LINE.exec(line);
  if (match === null) return null;
  const hex = (group: number): number => parseInt(match[group] ?? '', 16);
  const uid = Number(match[11]);
  const inode = Number(match[12]);
  if (uid > 0xffffffff || inode > 0xffffffff) return null;
  const state = hex(5);
  return {
    state,
    localIp: swapped(hex(1)),
    localPort: hex(2),
    remoteIp: swapped(hex(3)),
    remotePort: hex(4),
    rqueue: hex(7),
    wqueue: hex(6),
    uid,
    inode,
    timer: hex(8),
    retransmits: Math.min(255, hex(10)),
    expiresMs: hex(8) === 0 ? 0 : Math.min(0xffffffff, hex(9) * MS_PER_TICK),
    drops: 0,
    cookie: 0,
  };
}

function swapped(word: number): number {
  return (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

/** The local and remote port of a line, by their places in it; for every other text whatever stands there. Cheap: most lines are not ours. */
function endsOf(line: string): { local: number; remote: number } {
  const colon = line.indexOf(':');
  return { local: parseInt(line.slice(colon + 11, colon + 15), 16), remote: parseInt(line.slice(colon + 25, colon + 29), 16) };
}

/** Adds the rows of `text` (whole lines, without the heading) that have one of `ports` at either end; false when the table is full. */
export function addTcpLines(table: SocketTable, text: string, ports: readonly number[]): boolean {
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { local, remote } = endsOf(line);
    if (Number.isNaN(local) || Number.isNaN(remote)) {
      table.malformed += 1;
      continue;
    }
    if (!ports.includes(local) && !ports.includes(remote)) continue;
    const parsed = parseTcpLine(line);
    if (parsed === null) {
      table.malformed += 1;
      continue;
    }
    const row = table.next();
    if (row < 0) return false;
    table.set(row, parsed);
  }
  return true;
}

/** Fills `table` with the IPv4 sockets of `ports` from /proc/net/tcp. The whole file is made and read for it: on a busy machine this is the slow way. */
export function readProcNetTcp(table: SocketTable, ports: readonly number[], path = '/proc/net/tcp'): ProcFailure | null {
  table.begin('procfs', nowNs());
  let fd;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return failure('open', error);
  }
  try {
    const bytes = Buffer.allocUnsafe(READ_BYTES);
    let rest = '';
    let heading = true;
    for (;;) {
      const count = readSync(fd, bytes, 0, READ_BYTES, null);
      if (count === 0) break;
      const text = rest + bytes.toString('latin1', 0, count);
      const end = text.lastIndexOf('\n');
      rest = text.slice(end + 1);
      const begin = heading ? text.indexOf('\n') + 1 : 0;
      if (begin <= end) heading = false;
      if (!addTcpLines(table, text.slice(begin, end + 1), ports)) break;
    }
    if (rest !== '') table.malformed += 1;
  } catch (error) {
    return failure('read', error);
  } finally {
    closeSync(fd);
  }
  table.atNs = nowNs();
  return null;
}

function failure(call: 'open' | 'read', error: unknown): ProcFailure {
  const errno = (error as NodeJS.ErrnoException).errno ?? 0;
  return { ok: false, call, errno: errnoName(-errno) };
}
