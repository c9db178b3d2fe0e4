// The tap's findings as records of the trace: which socket, which process where it is known, and who saw it.
import type { FollowedSocket } from '../kernel/followed-sockets.ts';
import type { EventsLost, ForeignCall, SocketEnds, SocketEvent } from '../kernel/kernel-event.ts';
import type { RecordSink } from '../kernel/observed.ts';
import type { EventKind } from '../wire/event.ts';
import { recordTag } from '../wire/record.ts';
import { RESET_DIRECTIONS, RETRANSMITTED, type Evidence } from '../wire/vocabulary.ts';
import type { TapListener } from './trace-tap.ts';

const TCP_SYN_SENT = 2;
const TCP_CLOSE = 7;
const NO_COUNT = -1;
/** Calls whose third argument is a number of bytes. */
const COUNTED: ReadonlySet<string> = new Set(['read', 'write', 'recvfrom', 'sendto']);
/** Results beyond -ERANGE of the kernel's own: an interrupted call that is begun again. */
const RESTART = -512;
const encoder = new TextEncoder();

export interface Owner {
  readonly pid: number;
  readonly name: string;
}

/** Numbers for sockets in the trace, small ones first and used again: the journal keeps what is told of a socket until its number is closed. */
class SocketNumbers {
  readonly #free: number[] = [];
  #last = 0;

  take(): number {
    return this.#free.pop() ?? (this.#last += 1);
  }

  giveBack(number: number): void {
    if (number !== 0) this.#free.push(number);
  }
}

export class TapRecords implements TapListener {
  readonly numbers = new SocketNumbers();
  readonly #sink: RecordSink;
  readonly #pid = process.pid;
  /** Our processes by number: in events they go by their role. */
  own: ReadonlyMap<number, string> = new Map();
  /** Records the kernel overwrote before they were read. */
  lostCount = 0;
  /** How many of them are still to be told, and when the last was noticed. */
  #untold = 0;
  #lostNs = 0;

  constructor(sink: RecordSink) {
    this.#sink = sink;
  }

  told(event: SocketEvent | ForeignCall, socket: FollowedSocket | null): void {
    const owner = socket === null || socket.pid === 0 ? null : this.#named(socket.pid, socket.comm);
    // Half-open sockets, those that nobody followed and those that are closed have no end still to be told: the journal keeps nothing for them.
    const ended = socket === null || socket.state === 0 || (socket.closedNs !== 0 && socket.number === 0);
    const number = ended ? 0 : (socket.number ||= this.numbers.take());
    switch (event.kind) {
      case 'state': {
        this.state('tracefs', event.atNs, event, event.from, event.to, event.pid === 0 ? null : this.#named(event.pid, event.comm), number);
        break;
      }
      case 'reset-sent':
      case 'reset-received':
        this.#text('reset', event, RESET_DIRECTIONS.indexOf(event.kind === 'reset-sent' ? 'sent' : 'received'), event.reason, number);
        break;
      case 'retransmit':
        this.retransmit('tracefs', event.atNs, event, event.state === TCP_SYN_SENT ? 'SYN' : 'other', owner, number);
        break;
      case 'retransmit-synack':
        this.retransmit('tracefs', event.atNs, event, 'SYN-ACK', null, number);
        break;
      case 'drop':
        this.#text('segment-drop', event, 0, event.reason, number);
        break;
      case 'call': {
        const count = COUNTED.has(event.call) ? (event.args[2] ?? NO_COUNT) : NO_COUNT;
        const restarted = event.returned <= RESTART;
        const errno = event.returned < 0 && !restarted ? -event.returned : 0;
        const slot = this.#put(
          'foreign-call',
          'tracefs',
          event.atNs,
          event,
          event.durationNs,
          event.returned < 0 ? -1 : event.returned,
          errno,
          count,
          event.fd,
          0,
          number,
        );
        if (slot >= 0) this.#sink.batch.setOwner(slot, event.comm, event.pid, event.call);
        break;
      }
    }
    if (event.kind === 'state' && event.to === TCP_CLOSE && socket !== null) {
      this.numbers.giveBack(number);
      socket.number = 0;
    }
  }

  /** Of a followed socket whose end nobody told, the table of `evidence` shows that it is gone. */
  gone(evidence: Evidence, atNs: number, socket: FollowedSocket): void {
    if (socket.number === 0) return;
    this.state(evidence, atNs, socket, 0, TCP_CLOSE, null, socket.number);
    this.numbers.giveBack(socket.number);
    socket.number = 0;
  }

  lost(lost: EventsLost): void {
    this.lostCount += lost.count;
    this.#untold += lost.count;
    this.#lostNs = lost.atNs;
  }

  get hasUntoldLoss(): boolean {
    return this.#untold > 0;
  }

  /** Tells what was lost since this was last called. */
  tellLost(): void {
    if (this.#untold > 0) this.#plain('dropped', 'returned', this.#lostNs, this.#untold, 0, 0);
    this.#untold = 0;
  }

  thinned(atNs: number, part: number): void {
    this.sampling('tracefs', atNs, part, part - 1);
  }

  state(evidence: Evidence, atNs: number, ends: SocketEnds, from: number, to: number, owner: Owner | null, number: number): void {
    this.#owned(this.#put('tcp-state', evidence, atNs, ends, 0, 0, 0, from, to, 0, number), owner);
  }

  owner(atNs: number, ends: SocketEnds, owner: Owner, number: number): void {
    this.#owned(this.#put('socket-owner', 'procfs', atNs, ends, 0, 0, 0, 0, 0, 0, number), owner);
  }

  retransmit(evidence: Evidence, atNs: number, ends: SocketEnds, segment: (typeof RETRANSMITTED)[number], owner: Owner | null, number: number): void {
    this.#owned(this.#put('retransmit', evidence, atNs, ends, 0, 0, 0, RETRANSMITTED.indexOf(segment), 0, 0, number), owner);
  }

  /** `drops` and `overflows` since it was last told, `totalDrops` the listener's own counter. */
  listenerDrops(evidence: Evidence, atNs: number, drops: number, totalDrops: number, overflows: number): void {
    this.#plain('listener-drops', evidence, atNs, drops, totalDrops, overflows);
  }

  /** Of `sockets`, `skipped` are not told of: of those in the table that have ended (sock_diag, procfs), of each so many that are followed (tracefs). */
  sampling(evidence: Evidence, atNs: number, sockets: number, skipped: number): void {
    this.#plain('sampling', evidence, atNs, sockets, skipped, 0);
  }

  #named(pid: number, comm: string): Owner | null {
    const name = this.own.get(pid) ?? comm;
    return name === '' ? null : { pid, name };
  }

  #owned(slot: number, owner: Owner | null): void {
    if (slot >= 0 && owner !== null) this.#sink.batch.setOwner(slot, owner.name, owner.pid);
  }

  #text(kind: EventKind, event: SocketEvent, a0: number, reason: string, number: number): void {
    const slot = this.#put(kind, 'tracefs', event.atNs, event, 0, 0, 0, a0, 0, 0, number);
    const bytes = encoder.encode(reason);
    if (slot >= 0) this.#sink.batch.setData(slot, bytes, bytes.length);
  }

  #plain(kind: EventKind, evidence: Evidence, atNs: number, a0: number, a1: number, a2: number): void {
    const slot = this.#sink.next();
    if (slot >= 0) this.#sink.batch.put(slot, recordTag(kind, null, 'kernel-tap', evidence), atNs, 0, this.#pid, -1, 0, 0, a0, a1, a2, 0, 0, 0, 0);
  }

  #put(
    kind: EventKind,
    evidence: Evidence,
    atNs: number,
    ends: SocketEnds,
    durationNs: number,
    returned: number,
    errno: number,
    a0: number,
    a1: number,
    a2: number,
    number: number,
  ): number {
    const slot = this.#sink.next();
    if (slot < 0) return -1;
    const { localIp, localPort, remoteIp, remotePort } = ends;
    this.#sink.batch.put(
      slot,
      recordTag(kind, null, 'kernel-tap', evidence),
      atNs,
      durationNs,
      this.#pid,
      number === 0 ? -1 : number,
      returned,
      errno,
      a0,
      a1,
      a2,
      localIp,
      remoteIp,
      (localPort << 16) | remotePort,
      number,
    );
    return slot;
  }
}
