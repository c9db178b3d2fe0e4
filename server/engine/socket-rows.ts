// The kernel's socket table in words, as ss prints it: listeners first, each row with whoever holds it.
import type { SocketOwners } from '../kernel/socket-owner.ts';
import type { SocketTable } from '../kernel/socket-table.ts';
import { endpointText } from '../wire/address.ts';
import type { SocketRow, SocketsAnswer } from '../wire/message.ts';
import { OWNER_SEARCH_PATIENCE_MS } from '../wire/tap-limits.ts';
import { tcpStateText } from '../wire/tcp-state.ts';

const ESTABLISHED = 1;
const CLOSE_WAIT = 8;
const LISTEN = 10;
const TIMERS = ['none', 'retransmission', 'keepalive', 'time-wait', 'zero-window'] as const;

/** The places of the rows, listeners first and otherwise as the kernel gave them. */
function ordered(table: SocketTable): number[] {
  const places = Array.from({ length: table.count }, (_, index) => index);
  const listens = (index: number): number => (table.state[index] === LISTEN ? 0 : 1);
  return places.sort((a, b) => listens(a) - listens(b) || a - b);
}

/** Rows `offset` … of the table, at most `limit`; owners are searched for a little while. `own`: our processes by number, which go by their role. */
export function socketRows(table: SocketTable, owners: SocketOwners, own: ReadonlyMap<number, string>, offset: number, limit: number): SocketsAnswer {
  const places = ordered(table).slice(offset, offset + limit);
  const beganMs = performance.now();
  for (const index of places) owners.of(table.inode[index] ?? 0, beganMs);
  while (owners.searching > 0 && performance.now() - beganMs < OWNER_SEARCH_PATIENCE_MS) owners.step(performance.now());
  return {
    atNs: table.atNs,
    durationNs: table.atNs - table.fromNs,
    evidence: table.evidence,
    total: table.count,
    interrupted: table.interrupted,
    truncated: table.truncated,
    rows: places.map((index) => rowOf(table, owners, own, index, beganMs)),
  };
}

function rowOf(table: SocketTable, owners: SocketOwners, own: ReadonlyMap<number, string>, index: number, nowMs: number): SocketRow {
  const row = table.row(index);
  const ownership = owners.of(row.inode, nowMs);
  const known = typeof ownership === 'object' ? ownership : null;
  // No descriptor, and data could still come: nobody has accepted it yet (field test; an orphan has sent its FIN).
  const queued = row.inode === 0 && (row.state === ESTABLISHED || row.state === CLOSE_WAIT);
  return {
    state: tcpStateText(row.state),
    recvQ: row.rqueue,
    sendQ: row.wqueue,
    local: endpointText(row.localIp, row.localPort),
    remote: endpointText(row.remoteIp, row.remotePort),
    process: known === null ? null : (own.get(known.pid) ?? known.comm),
    pid: known?.pid ?? null,
    fd: known?.fd ?? null,
    owner: known !== null ? 'known' : queued ? 'accept-queue' : ownership === 'searching' || ownership === 'not-permitted' ? ownership : 'none',
    uid: row.uid,
    inode: row.inode,
    timer: TIMERS[row.timer] ?? 'unknown',
    expiresMs: row.expiresMs,
    retransmits: row.retransmits,
    drops: row.drops,
  };
}
