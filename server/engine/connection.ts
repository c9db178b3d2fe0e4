// One accepted connection of the increment server: from its first byte, through the hold, to a close that loses nothing.
import type { ObservedCalls, SocketRef } from '../kernel/observed.ts';
import { nowNs } from '../kernel/clock.ts';
import { EPOLLERR, EPOLLHUP, SHUT_WR, SO_ERROR, SOL_SOCKET } from '../wire/constants.ts';
import { errnoNumber } from '../wire/errno.ts';
import { DRAIN_READ_BYTES, FIRST_BYTE_TIMEOUT_MS, LINGER_MAX_BYTES, LINGER_TIMEOUT_MS } from '../wire/limits.ts';
import { cutReasonNumber } from '../wire/record.ts';
import type { CUT_REASONS } from '../wire/vocabulary.ts';
import type { Due } from './deadlines.ts';
import type { EventLoop, Watcher } from './event-loop.ts';
import type { StateWatch, WatchedState } from './state-watch.ts';

const EAGAIN = errnoNumber('EAGAIN');
const EINTR = errnoNumber('EINTR');

/** What came of a connection; each accepted connection ends in exactly one of them. */
export type ServerOutcome = 'replied' | 'closedWithoutByte' | 'reset' | 'lost';
type CutReason = (typeof CUT_REASONS)[number];

/** What a connection needs of its server. */
export interface ConnectionOwner {
  readonly calls: ObservedCalls;
  readonly loop: EventLoop;
  readonly states: StateWatch;
  /** The hold for a byte read now, in milliseconds. */
  readonly holdMs: number;
  /** The connection has sent its byte and is held (or answered at once). */
  byteArrived(connection: Connection): void;
  /** What came of it is settled; its descriptor may still linger. */
  settled(connection: Connection, outcome: ServerOutcome): void;
  /** Its descriptor is closed. */
  closed(connection: Connection): void;
}

// One buffer serves all connections of the process: nothing read stays in it beyond the call that looks at it.
const buffer = new Uint8Array(DRAIN_READ_BYTES);

/** `silent`: no byte yet. `held`: its byte waits. `lingering`: answered, reading to the peer's end of file. */
export type ConnectionState = 'silent' | 'held' | 'lingering' | 'closed';

export class Connection implements Watcher, Due {
  readonly socket: SocketRef;
  readonly #owner: ConnectionOwner;
  state: ConnectionState = 'silent';
  dueNs = 0;
  heapIndex = -1;
  readonly acceptedNs = nowNs();
  #byte = 0;
  #drainedBytes = 0;
  #endOfFile = false;
  readonly #watched: WatchedState | null;

  constructor(socket: SocketRef, owner: ConnectionOwner) {
    this.socket = socket;
    this.#owner = owner;
    this.#watched = owner.states.next();
    this.#watched?.look(socket);
    owner.loop.deadlines.set(this, this.acceptedNs + FIRST_BYTE_TIMEOUT_MS * 1e6);
  }

  onReady(events: number): void {
    switch (this.state) {
      case 'silent':
        this.#readFirstByte();
        // A reset that came before the accept has brought its edge already: it would be found only after the hold.
        if ((events & (EPOLLERR | EPOLLHUP)) !== 0 && this.#isHeld) this.#drain();
        break;
      case 'held':
        // What arrives meanwhile waits for the drain before the reply; only an end of both directions is news now.
        if ((events & (EPOLLERR | EPOLLHUP)) !== 0 && this.#drain()) this.#resetWhileHeld();
        break;
      case 'lingering':
        if (this.#drain() && this.#endOfFile) this.#close();
        break;
      case 'closed':
        break;
    }
  }

  onDue(): void {
    switch (this.state) {
      case 'silent':
        this.cut('first-byte-timeout');
        break;
      case 'held':
        this.#reply();
        break;
      case 'lingering':
        this.cut('linger-timeout');
        break;
      case 'closed':
        break;
    }
  }

  get #isHeld(): boolean {
    return this.state === 'held';
  }

  /** Ends the connection from our side, and says why; a held byte is lost by it. */
  cut(reason: CutReason): void {
    if (this.state === 'closed') return;
    this.#owner.calls.note('cut', this.socket, cutReasonNumber(reason));
    if (this.state === 'silent') this.#owner.settled(this, 'closedWithoutByte');
    else if (this.state === 'held') this.#owner.settled(this, 'lost');
    this.#close();
  }

  #readFirstByte(): void {
    const result = this.#owner.calls.read(this.socket, buffer, 1);
    if (result === -EAGAIN || result === -EINTR) return;
    if (result <= 0) {
      this.#owner.settled(this, result === 0 ? 'closedWithoutByte' : 'reset');
      this.#close();
      return;
    }
    const readNs = nowNs();
    this.#byte = buffer[0] ?? 0;
    this.state = 'held';
    this.#owner.byteArrived(this);
    const holdMs = this.#owner.holdMs;
    if (holdMs === 0) {
      this.#reply();
      return;
    }
    this.#owner.calls.note('hold', this.socket, holdMs);
    this.#owner.loop.deadlines.set(this, readNs + holdMs * 1e6);
  }

  #reply(): void {
    // Closing with unread bytes would send RST and lose the reply: read what is there, write, and say FIN before the last read.
    if (!this.#drain()) return;
    buffer[0] = (this.#byte + 1) & 0xff;
    const written = this.#owner.calls.write(this.socket, buffer, 1);
    this.#owner.settled(this, written === 1 ? 'replied' : 'reset');
    if (written !== 1) {
      this.#close();
      return;
    }
    this.state = 'lingering';
    this.#owner.calls.shutdown(this.socket, SHUT_WR);
    this.#watched?.look(this.socket);
    const unread = this.#drainedBytes > LINGER_MAX_BYTES;
    this.#drainedBytes = 0;
    this.#owner.loop.deadlines.set(this, nowNs() + LINGER_TIMEOUT_MS * 1e6);
    // What was left unread before the reply brings no new edge: go on reading now.
    if (unread && !this.#drain()) return;
    if (this.#endOfFile) this.#close();
  }

  /** Behind the peer's FIN, or more bytes than we drain, read() does not tell of its RST: ask for it. Nothing is written any more. */
  #resetWhileHeld(): void {
    this.#owner.calls.getsockoptInt(this.socket, SOL_SOCKET, SO_ERROR);
    this.#owner.settled(this, 'reset');
    this.#close();
  }

  /** Reads and forgets until nothing is left; false when that ended the connection (a reset, or more than we take). */
  #drain(): boolean {
    while (!this.#endOfFile) {
      const result = this.#owner.calls.read(this.socket, buffer, DRAIN_READ_BYTES);
      if (result === -EAGAIN) return true;
      if (result === -EINTR) continue;
      if (result < 0) {
        if (this.state === 'held') this.#owner.settled(this, 'reset');
        this.#close();
        return false;
      }
      this.#endOfFile = result === 0;
      if (this.#endOfFile) this.#watched?.look(this.socket);
      this.#drainedBytes += result;
      if (this.#drainedBytes > LINGER_MAX_BYTES) {
        // Before the reply the byte still gets its answer; after it, enough has been read.
        if (this.state !== 'lingering') return true;
        this.cut('linger-bytes');
        return false;
      }
    }
    return true;
  }

  #close(): void {
    this.state = 'closed';
    // At its end of file it was just looked at.
    if (!this.#endOfFile) this.#watched?.look(this.socket);
    this.#owner.loop.deadlines.clear(this);
    this.#owner.loop.forget(this.socket.fd);
    this.#owner.calls.close(this.socket);
    this.#owner.closed(this);
  }
}
