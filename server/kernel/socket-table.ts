// The kernel's TCP sockets at one moment, one row each, in columns of numbers: what ss prints, before anybody words it.
import { SOCKET_ROWS_MAX } from '../wire/tap-limits.ts';

const FIRST_CAPACITY = 256;

/** `timer`: 0 none, 1 retransmission, 2 keepalive, 3 TIME-WAIT, 4 zero-window probe (include/net/tcp.h, ss(8) "timer"). */
export interface SocketRow {
  /** The kernel's number of the state: see tcpState. */
  state: number;
  localIp: number;
  localPort: number;
  remoteIp: number;
  remotePort: number;
  /** Bytes the owner has not read; on a listener, connections in its accept queue. */
  rqueue: number;
  /** Bytes the peer has not acknowledged; on a listener, the limit of its accept queue (0 from procfs, which lacks it). */
  wqueue: number;
  uid: number;
  /** 0: no descriptor (in the accept queue, orphaned, TIME-WAIT). */
  inode: number;
  timer: number;
  retransmits: number;
  /** Until the timer fires, in milliseconds. */
  expiresMs: number;
  /** Segments this socket dropped; on a listener, SYNs among them (`ss -m`, d). 0 where the source lacks it. */
  drops: number;
  /** The kernel's own number of the socket, never used twice while it runs; 0 where the source lacks it. */
  cookie: number;
}

/** One number for the two ends of a socket: both ports, and 21 bits of both addresses. */
export function endsNumber(localIp: number, localPort: number, remoteIp: number, remotePort: number): number {
  const ips = (Math.imul(localIp, 0x9e3779b1) ^ remoteIp) & 0x1fffff;
  return localPort * 0x10000 + remotePort + ips * 0x1_0000_0000;
}

/** Rows of one moment. Filled again and again: columns grow and stay. */
export class SocketTable {
  /** CLOCK_MONOTONIC, in nanoseconds since the run began, when the reading began and when it was done: what it shows happened in between. */
  fromNs = 0;
  atNs = 0;
  evidence: 'sock_diag' | 'procfs' = 'sock_diag';
  count = 0;
  /** Rows beyond SOCKET_ROWS_MAX were left out; or the kernel said the table changed while it was read. */
  truncated = false;
  interrupted = false;
  /** Lines that could not be understood (procfs), or messages (sock_diag). */
  malformed = 0;
  #capacity = 0;
  state = new Uint8Array(0);
  timer = new Uint8Array(0);
  retransmits = new Uint8Array(0);
  localPort = new Uint16Array(0);
  remotePort = new Uint16Array(0);
  localIp = new Uint32Array(0);
  remoteIp = new Uint32Array(0);
  rqueue = new Uint32Array(0);
  wqueue = new Uint32Array(0);
  uid = new Uint32Array(0);
  inode = new Uint32Array(0);
  expiresMs = new Uint32Array(0);
  drops = new Uint32Array(0);
  cookie = new Float64Array(0);

  constructor() {
    this.#grow(FIRST_CAPACITY);
  }

  /** Forgets all rows. */
  begin(evidence: 'sock_diag' | 'procfs', fromNs: number): void {
    this.evidence = evidence;
    this.fromNs = fromNs;
    this.atNs = fromNs;
    this.count = 0;
    this.truncated = false;
    this.interrupted = false;
    this.malformed = 0;
  }

  /** The place of a new row, its columns still those of a row before; -1 when the table is full. */
  next(): number {
    if (this.count === SOCKET_ROWS_MAX) {
      this.truncated = true;
      return -1;
    }
    if (this.count === this.#capacity) this.#grow(this.#capacity * 2);
    this.count += 1;
    return this.count - 1;
  }

  /** One row as an object, for those who look at a few. */
  row(index: number): SocketRow {
    return {
      state: this.state[index] ?? 0,
      localIp: this.localIp[index] ?? 0,
      localPort: this.localPort[index] ?? 0,
      remoteIp: this.remoteIp[index] ?? 0,
      remotePort: this.remotePort[index] ?? 0,
      rqueue: this.rqueue[index] ?? 0,
      wqueue: this.wqueue[index] ?? 0,
      uid: this.uid[index] ?? 0,
      inode: this.inode[index] ?? 0,
      timer: this.timer[index] ?? 0,
      retransmits: this.retransmits[index] ?? 0,
      expiresMs: this.expiresMs[index] ?? 0,
      drops: this.drops[index] ?? 0,
      cookie: this.cookie[index] ?? 0,
    };
  }

  /** The number of a row's two ends: see endsNumber. */
  ends(index: number): number {
    return endsNumber(this.localIp[index] ?? 0, this.localPort[index] ?? 0, this.remoteIp[index] ?? 0, this.remotePort[index] ?? 0);
  }

  /** Writes a row at a place that `next` gave. */
  set(index: number, row: SocketRow): void {
    this.state[index] = row.state;
    this.localIp[index] = row.localIp;
    this.localPort[index] = row.localPort;
    this.remoteIp[index] = row.remoteIp;
    this.remotePort[index] = row.remotePort;
    this.rqueue[index] = row.rqueue;
    this.wqueue[index] = row.wqueue;
    this.uid[index] = row.uid;
    this.inode[index] = row.inode;
    this.timer[index] = row.timer;
    this.retransmits[index] = row.retransmits;
    this.expiresMs[index] = row.expiresMs;
    this.drops[index] = row.drops;
    this.cookie[index] = row.cookie;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    this.state = grown(this.state, new Uint8Array(capacity));
    this.timer = grown(this.timer, new Uint8Array(capacity));
    this.retransmits = grown(this.retransmits, new Uint8Array(capacity));
    this.localPort = grown(this.localPort, new Uint16Array(capacity));
    this.remotePort = grown(this.remotePort, new Uint16Array(capacity));
    this.localIp = grown(this.localIp, new Uint32Array(capacity));
    this.remoteIp = grown(this.remoteIp, new Uint32Array(capacity));
    this.rqueue = grown(this.rqueue, new Uint32Array(capacity));
    this.wqueue = grown(this.wqueue, new Uint32Array(capacity));
    this.uid = grown(this.uid, new Uint32Array(capacity));
    this.inode = grown(this.inode, new Uint32Array(capacity));
    this.expiresMs = grown(this.expiresMs, new Uint32Array(capacity));
    this.drops = grown(this.drops, new Uint32Array(capacity));
    this.cookie = grown(this.cookie, new Float64Array(capacity));
  }
}

function grown<Column extends { set(other: Column): void }>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}
