// The kernel's socket table over netlink, sock_diag(7): what ss asks, filtered by port inside the kernel, TIME-WAIT and half-open sockets included.
import { WATCHED_PORTS_MAX } from '../wire/tap-limits.ts';
import { nowNs } from './clock.ts';
import { NetlinkSocket, NLMSGHDR_BYTES, type MessageHandler, type NetlinkFailure } from './netlink.ts';
import type { SocketTable } from './socket-table.ts';

/** The numbers of linux/sock_diag.h and linux/inet_diag.h; checked against the C compiler in a test. */
export const NETLINK_SOCK_DIAG = 4;
export const TCPDIAG_GETSOCK = 18;
export const AF_INET6 = 10;
export const INET_DIAG_REQ_BYTECODE = 1;
export const INET_DIAG_SKMEMINFO = 7;
export const INET_DIAG_BC_JMP = 1;
export const INET_DIAG_BC_S_EQ = 11;
export const INET_DIAG_BC_D_EQ = 12;
export const SK_MEMINFO_DROPS = 8;

/** struct inet_diag_req, and the offsets in it that we set. */
export const INET_DIAG_REQ = { bytes: 60, idiag_ext: 3, idiag_states: 52 } as const;

/** struct inet_diag_msg, and the offsets in it that we read; those of the inet_diag_sockid inside it counted from its beginning. */
export const INET_DIAG_MSG = {
  bytes: 72,
  idiag_family: 0,
  idiag_state: 1,
  idiag_timer: 2,
  idiag_retrans: 3,
  idiag_sport: 4,
  idiag_dport: 6,
  idiag_src: 8,
  idiag_dst: 24,
  idiag_cookie: 44,
  idiag_expires: 52,
  idiag_rqueue: 56,
  idiag_wqueue: 60,
  idiag_uid: 64,
  idiag_inode: 68,
} as const;

const ATTRIBUTE_HEADER_BYTES = 4;
const BYTECODE_OP_BYTES = 4;
/** Every TCP state the kernel has or may get: bit n is state n. */
const ALL_STATES = 0xffffffff;

/**
 * The filter `sport == P or dport == P or …` in inet_diag's byte code, as ss compiles it: a test that holds falls into a jump to the end (accepted),
 * one that fails jumps over it to the next; the last failure jumps beyond the end (refused).
 */
export function portFilter(ports: readonly number[]): Uint8Array {
  const tests = ports.flatMap((port) => [[INET_DIAG_BC_S_EQ, port] as const, [INET_DIAG_BC_D_EQ, port] as const]);
  const testBytes = 2 * BYTECODE_OP_BYTES;
  const total = tests.length * testBytes + (tests.length - 1) * BYTECODE_OP_BYTES;
  const code = new Uint8Array(total);
  const view = new DataView(code.buffer);
  let at = 0;
  tests.forEach(([op, port], index) => {
    const last = index === tests.length - 1;
    // struct inet_diag_bc_op: code, yes (bytes to go on when it holds), no (when not); the port stands in the `no` of a second one.
    view.setUint8(at, op);
    view.setUint8(at + 1, testBytes);
    view.setUint16(at + 2, testBytes + BYTECODE_OP_BYTES, true);
    view.setUint16(at + 6, port, true);
    at += testBytes;
    if (last) return;
    view.setUint8(at, INET_DIAG_BC_JMP);
    view.setUint8(at + 1, BYTECODE_OP_BYTES);
    view.setUint16(at + 2, total - at, true);
    at += BYTECODE_OP_BYTES;
  });
  return code;
}

/**
 * The whole request: nlmsghdr (left to NetlinkSocket), inet_diag_req, and the filter as an attribute. TCPDIAG_GETSOCK, which ss sends too when no family
 * is asked for, walks the kernel's table once for both families; SOCK_DIAG_BY_FAMILY would walk it twice, 2 ms each on a machine with large tables.
 */
export function diagRequest(ports: readonly number[]): Uint8Array {
  const filter = portFilter(ports);
  const bytes = new Uint8Array(NLMSGHDR_BYTES + INET_DIAG_REQ.bytes + ATTRIBUTE_HEADER_BYTES + filter.length);
  const view = new DataView(bytes.buffer);
  const request = NLMSGHDR_BYTES;
  view.setUint8(request + INET_DIAG_REQ.idiag_ext, 1 << (INET_DIAG_SKMEMINFO - 1));
  view.setUint32(request + INET_DIAG_REQ.idiag_states, ALL_STATES, true);
  const attribute = request + INET_DIAG_REQ.bytes;
  view.setUint16(attribute, ATTRIBUTE_HEADER_BYTES + filter.length, true);
  view.setUint16(attribute + 2, INET_DIAG_REQ_BYTECODE, true);
  bytes.set(filter, attribute + ATTRIBUTE_HEADER_BYTES);
  return bytes;
}

/** Adds the row of one TCPDIAG_GETSOCK message to `table`; false when the table is full. IPv6 rows are taken only where they speak IPv4 (::ffff:a.b.c.d). */
export function addDiagRow(table: SocketTable, view: DataView, at: number, length: number): boolean {
  if (length < INET_DIAG_MSG.bytes) {
    table.malformed += 1;
    return true;
  }
  let source = at + INET_DIAG_MSG.idiag_src;
  let destination = at + INET_DIAG_MSG.idiag_dst;
  if (view.getUint8(at + INET_DIAG_MSG.idiag_family) === AF_INET6) {
    if (!mapsIpv4(view, source) || !mapsIpv4(view, destination)) return true;
    source += 12;
    destination += 12;
  }
  const row = table.next();
  if (row < 0) return false;
  table.state[row] = view.getUint8(at + INET_DIAG_MSG.idiag_state);
  table.timer[row] = view.getUint8(at + INET_DIAG_MSG.idiag_timer);
  table.retransmits[row] = view.getUint8(at + INET_DIAG_MSG.idiag_retrans);
  table.localPort[row] = view.getUint16(at + INET_DIAG_MSG.idiag_sport);
  table.remotePort[row] = view.getUint16(at + INET_DIAG_MSG.idiag_dport);
  table.localIp[row] = view.getUint32(source);
  table.remoteIp[row] = view.getUint32(destination);
  table.cookie[row] = view.getUint32(at + INET_DIAG_MSG.idiag_cookie, true) + view.getUint32(at + INET_DIAG_MSG.idiag_cookie + 4, true) * 0x1_0000_0000;
  table.expiresMs[row] = view.getUint32(at + INET_DIAG_MSG.idiag_expires, true);
  table.rqueue[row] = view.getUint32(at + INET_DIAG_MSG.idiag_rqueue, true);
  table.wqueue[row] = view.getUint32(at + INET_DIAG_MSG.idiag_wqueue, true);
  table.uid[row] = view.getUint32(at + INET_DIAG_MSG.idiag_uid, true);
  table.inode[row] = view.getUint32(at + INET_DIAG_MSG.idiag_inode, true);
  table.drops[row] = dropsOf(view, at + INET_DIAG_MSG.bytes, at + length);
  return true;
}

/** SK_MEMINFO_DROPS of the INET_DIAG_SKMEMINFO attribute; 0 for a socket that has none (TIME-WAIT, half-open). */
function dropsOf(view: DataView, from: number, end: number): number {
  for (let at = from; at + ATTRIBUTE_HEADER_BYTES <= end;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > end) return 0;
    if (view.getUint16(at + 2, true) === INET_DIAG_SKMEMINFO) {
      const drops = at + ATTRIBUTE_HEADER_BYTES + SK_MEMINFO_DROPS * 4;
      return drops + 4 <= at + length ? view.getUint32(drops, true) : 0;
    }
    at += (length + 3) & ~3;
  }
  return 0;
}

function mapsIpv4(view: DataView, at: number): boolean {
  return view.getUint32(at) === 0 && view.getUint32(at + 4) === 0 && view.getUint32(at + 8) === 0xffff;
}

/** Asks the kernel for the TCP sockets of some ports; one netlink socket, used again. */
export class SockDiag {
  readonly #netlink: NetlinkSocket;
  readonly #request: Uint8Array;

  private constructor(netlink: NetlinkSocket, ports: readonly number[]) {
    this.#netlink = netlink;
    this.#request = diagRequest(ports);
  }

  /** `ports`: 1 to WATCHED_PORTS_MAX, a socket is told when either of its ends has one of them. A kernel without netlink is a failure value. */
  static open(ports: readonly number[]): SockDiag | NetlinkFailure {
    if (ports.length === 0 || ports.length > WATCHED_PORTS_MAX)
      throw new RangeError(`sock_diag is asked for ${ports.length} ports, 1 to ${WATCHED_PORTS_MAX} can be`);
    const netlink = NetlinkSocket.open(NETLINK_SOCK_DIAG);
    return netlink instanceof NetlinkSocket ? new SockDiag(netlink, ports) : netlink;
  }

  /**
   * Fills `table` with all rows. What failed is returned (ENOENT: a kernel without inet_diag), null when nothing did;
   * `table.interrupted` and `table.truncated` say where the rows are not the whole truth. `between` is called after each few hundred rows.
   */
  dump(table: SocketTable, between?: () => void): NetlinkFailure | null {
    table.begin('sock_diag', nowNs());
    const add: MessageHandler = (type, view, at, length) => type !== TCPDIAG_GETSOCK || addDiagRow(table, view, at, length);
    const dump = this.#netlink.dump(this.#request, TCPDIAG_GETSOCK, add, between);
    table.atNs = nowNs();
    if (!dump.ok) return dump;
    table.interrupted = dump.interrupted;
    return null;
  }

  close(): void {
    this.#netlink.close();
  }
}
