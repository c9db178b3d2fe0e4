// The increment server: listens, accepts for ever, holds each first byte, answers it plus one, closes; many at once in one loop.
import { SocketRef, type ObservedCalls } from '../kernel/observed.ts';
import { nowNs } from '../kernel/clock.ts';
import { descriptorLimit, openDescriptors } from '../kernel/own-process.ts';
import * as c from '../wire/constants.ts';
import { errnoName, errnoNumber } from '../wire/errno.ts';
import {
  ACCEPT_PAUSE_MS,
  ACCEPTS_PER_TURN,
  DESCRIPTOR_RESERVE,
  DRAIN_SILENT_GRACE_MS,
  EVICT_SILENT_AFTER_MS,
  PAUSED_QUEUE_SAMPLE_MS,
  QUEUE_SAMPLE_INTERVAL_MS,
} from '../wire/limits.ts';
import type { ServerTotals } from '../wire/message.ts';
import { pauseReasonNumber, settingNumber } from '../wire/record.ts';
import type { PAUSE_REASONS } from '../wire/vocabulary.ts';
import { Connection, type ConnectionOwner, type ServerOutcome } from './connection.ts';
import type { Due } from './deadlines.ts';
import type { EventLoop, Watcher } from './event-loop.ts';
import { StateWatch } from './state-watch.ts';

const EAGAIN = errnoNumber('EAGAIN');
/** accept(2): the socket does not listen, though it did: somebody destroyed it, as ss -K does. */
const EINVAL = errnoNumber('EINVAL');
/** accept(2): these concern the one connection, or nothing at all; the next accept may work. */
const RETRY = new Set(
  (['ECONNABORTED', 'EINTR', 'EPROTO', 'EPERM', 'ENETDOWN', 'ENOPROTOOPT', 'EHOSTDOWN', 'ENONET', 'EHOSTUNREACH', 'EOPNOTSUPP', 'ENETUNREACH'] as const).map(
    (name) => -errnoNumber(name),
  ),
);
/** struct tcp_info of a listener: the length and the limit of its accept queue. */
const { tcpi_unacked: QUEUE_LENGTH, tcpi_sacked: QUEUE_LIMIT } = c.TCP_INFO_OFFSET;

/** Where and how to serve. */
export interface ServerSettings {
  ip: number;
  port: number;
  backlog: number;
  holdMs: number;
}

/** A call of the start that failed. */
export interface StartFailure {
  call: string;
  errno: string;
}

export class IncrementServer implements ConnectionOwner, Watcher {
  readonly calls: ObservedCalls;
  readonly loop: EventLoop;
  readonly #settings: ServerSettings;
  readonly #listener = new SocketRef(1);
  #socketNumber = 1;
  readonly #connections = new Set<Connection>();
  /** Those that have sent nothing, oldest first. */
  readonly #silent = new Set<Connection>();
  readonly #connectionCap = descriptorLimit() - openDescriptors() - DESCRIPTOR_RESERVE;
  readonly #pause: Due = { dueNs: 0, heapIndex: -1, onDue: () => this.#resume() };
  readonly #queueLook: Due = { dueNs: 0, heapIndex: -1, onDue: () => this.#lookAtQueue() };
  readonly states: StateWatch;
  readonly #drain: Due = { dueNs: 0, heapIndex: -1, onDue: () => this.end() };
  readonly #silentGrace: Due = { dueNs: 0, heapIndex: -1, onDue: () => this.#cutSilent() };
  #stopping = false;
  #paused = false;
  #queueSampledNs = -Infinity;
  #queueSeen = { length: -1, limit: -1 };
  readonly #counts: Record<ServerOutcome, number> = { replied: 0, closedWithoutByte: 0, reset: 0, lost: 0 };
  #accepted = 0;
  #held = 0;
  /** Called once, when a stop is complete. */
  onStopped: (lost: number) => void = () => undefined;
  onTotals: () => void = () => undefined;
  /** The listener does not listen any more: no pause will mend it. */
  onListenerLost: () => void = () => undefined;

  constructor(calls: ObservedCalls, loop: EventLoop, settings: ServerSettings) {
    this.calls = calls;
    this.loop = loop;
    this.states = new StateWatch(calls);
    this.#settings = { ...settings };
  }

  get holdMs(): number {
    return this.#settings.holdMs;
  }

  get listening(): { fd: number; port: number } {
    return { fd: this.#listener.fd, port: this.#listener.localPort };
  }

  get totals(): ServerTotals {
    const settled = this.#counts.replied + this.#counts.closedWithoutByte + this.#counts.reset + this.#counts.lost;
    return { accepted: this.#accepted, ...this.#counts, live: this.#accepted - settled, held: this.#held };
  }

  /** socket, setsockopt, bind, listen. Null when it listens, else the call that failed, with nothing left open. */
  start(): StartFailure | null {
    const { calls } = this;
    const listener = this.#listener;
    const { ip, port, backlog, holdMs } = this.#settings;
    calls.note('setting', null, settingNumber('holdMs'), holdMs);
    calls.note('setting', null, settingNumber('backlog'), backlog);
    const steps: [string, () => number][] = [
      ['socket', () => calls.socket(listener, c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0)],
      ['setsockopt', () => calls.setsockopt(listener, c.SOL_SOCKET, c.SO_REUSEADDR, 1)],
      ['bind', () => calls.bind(listener, ip, port)],
      ['listen', () => calls.listen(listener, backlog)],
      // Port 0 let the kernel choose: ask which.
      ['getsockname', () => (port === 0 ? calls.getsockname(listener) : 0)],
      ['epoll_ctl', () => this.loop.add(listener.fd, c.EPOLLIN, this, listener)],
    ];
    for (const [call, step] of steps) {
      const result = step();
      if (result < 0) {
        if (listener.fd >= 0) calls.close(listener);
        return { call, errno: errnoName(-result) };
      }
    }
    return null;
  }

  /** The hold of bytes read from now on. */
  setHold(holdMs: number): void {
    this.#settings.holdMs = holdMs;
    this.calls.note('setting', null, settingNumber('holdMs'), holdMs);
  }

  /** listen(2) again on the living listener, which is how its backlog is changed. */
  setBacklog(backlog: number): StartFailure | null {
    const result = this.calls.listen(this.#listener, backlog);
    if (result < 0) return { call: 'listen', errno: errnoName(-result) };
    this.#settings.backlog = backlog;
    this.calls.note('setting', null, settingNumber('backlog'), backlog);
    this.#sampleQueue();
    return null;
  }

  /** The listener is readable. */
  onReady(): void {
    // Accepted descriptors may reuse numbers closed in this very turn: accept when all its events have been handed out.
    this.loop.afterEvents(() => {
      this.#acceptQueued();
    });
  }

  /** Accepts what the queue holds now, by the kernel's own count: no accept4 has to fail to say that there is no more. */
  #acceptQueued(): void {
    if (this.#paused || this.#stopping) return;
    const waiting = Math.min(Math.max(1, this.#sampleQueue()), ACCEPTS_PER_TURN);
    for (let i = 0; i < waiting; i += 1) if (!this.#acceptOne()) break;
    const againNs = this.#queueSampledNs + QUEUE_SAMPLE_INTERVAL_MS * 1e6;
    if (nowNs() >= againNs) this.#lookAtQueue();
    // What is told last must not stay wrong: the queue is shorter now.
    else if (this.#queueSeen.length > 0 && this.#queueLook.heapIndex < 0) this.loop.deadlines.set(this.#queueLook, againNs);
  }

  /** Nothing tells of a queue that fills while nobody accepts, or was emptied by the last turn: look now and then. */
  #lookAtQueue(): void {
    if (this.#stopping) return;
    this.#queueSampledNs = nowNs();
    this.#sampleQueue();
    if (this.#paused) this.loop.deadlines.set(this.#queueLook, this.#queueSampledNs + PAUSED_QUEUE_SAMPLE_MS * 1e6);
  }

  /** False when there is nothing to accept, or accepting was paused. */
  #acceptOne(): boolean {
    if (this.#connections.size >= this.#connectionCap && !this.#makeRoom()) return false;
    const socket = new SocketRef((this.#socketNumber += 1));
    const result = this.calls.accept4(this.#listener, socket, c.SOCK_CLOEXEC | c.SOCK_NONBLOCK);
    if (result < 0) {
      this.#socketNumber -= 1;
      if (result === -EAGAIN) return false;
      if (RETRY.has(result)) return true;
      if (result === -EINVAL) {
        this.onListenerLost();
        return false;
      }
      this.#pauseAccepting('errno', -result);
      return false;
    }
    this.#accepted += 1;
    this.onTotals();
    this.calls.getsockname(socket);
    const connection = new Connection(socket, this);
    this.#connections.add(connection);
    this.#silent.add(connection);
    const watched = this.loop.add(socket.fd, c.EPOLLIN | c.EPOLLRDHUP | c.EPOLLET, connection, socket);
    if (watched < 0) connection.cut('evicted');
    return true;
  }

  /** Asks the kernel for the length of the accept queue (listen(2); TCP_INFO on a listener, field by field in linux/tcp.h). */
  #sampleQueue(): number {
    const result = this.calls.getsockoptTcpInfo(this.#listener, c.IPPROTO_TCP, c.TCP_INFO);
    if (result < 0) return 1;
    const length = this.calls.infoWord(QUEUE_LENGTH);
    const limit = this.calls.infoWord(QUEUE_LIMIT);
    if (length !== this.#queueSeen.length || limit !== this.#queueSeen.limit) {
      this.#queueSeen = { length, limit };
      this.calls.note('accept-queue', null, length, limit, 0, 0, 'tcp_info');
    }
    return length;
  }

  /** At the cap: the oldest that has been silent for long makes room; without one, accepting waits, and the queue keeps the clients. */
  #makeRoom(): boolean {
    const [oldest] = this.#silent;
    if (oldest !== undefined && nowNs() - oldest.acceptedNs >= EVICT_SILENT_AFTER_MS * 1e6) {
      oldest.cut('evicted');
      return true;
    }
    this.#pauseAccepting('connection-cap', 0);
    return false;
  }

  /** Accepts nobody for a while, because it was told to: the queue fills, as behind a server that is busy elsewhere. */
  pauseAccept(pauseMs: number): void {
    this.#pauseAccepting('command', 0, pauseMs);
  }

  #pauseAccepting(reason: (typeof PAUSE_REASONS)[number], errno: number, pauseMs = ACCEPT_PAUSE_MS): void {
    if (this.#stopping) return;
    this.#paused = true;
    this.loop.modify(this.#listener.fd, 0, this.#listener);
    this.calls.note('accept-paused', null, pauseReasonNumber(reason), pauseMs, 0, errno);
    this.loop.deadlines.set(this.#pause, nowNs() + pauseMs * 1e6);
    this.loop.deadlines.set(this.#queueLook, nowNs() + PAUSED_QUEUE_SAMPLE_MS * 1e6);
  }

  #resume(): void {
    if (this.#stopping || !this.#paused) return;
    this.#paused = false;
    this.loop.deadlines.clear(this.#queueLook);
    this.calls.note('accept-resumed', null, 0);
    this.loop.modify(this.#listener.fd, c.EPOLLIN, this.#listener);
  }

  byteArrived(connection: Connection): void {
    this.#silent.delete(connection);
    this.#held += 1;
    this.onTotals();
  }

  settled(connection: Connection, outcome: ServerOutcome): void {
    this.#counts[outcome] += 1;
    this.onTotals();
    if (connection.state === 'held') this.#held -= 1;
  }

  closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#silent.delete(connection);
    if (this.#stopping && this.#connections.size === 0) this.#finish();
  }

  /** The orderly stop: accept what is queued, close the listener, answer the held; cut what is left after `drainTimeoutMs`. */
  stop(drainTimeoutMs: number): void {
    if (this.#stopping) return;
    // Closing the listener resets those who finished the handshake and were never accepted: accept them first.
    this.#paused = false;
    for (let tries = this.#sampleQueue() + ACCEPTS_PER_TURN; tries > 0 && this.#acceptOne(); tries -= 1);
    this.#stopping = true;
    this.loop.deadlines.clear(this.#pause);
    this.loop.deadlines.clear(this.#queueLook);
    this.loop.forget(this.#listener.fd);
    this.calls.close(this.#listener);
    if (this.#connections.size === 0) {
      this.#finish();
      return;
    }
    const now = nowNs();
    this.loop.deadlines.set(this.#silentGrace, now + Math.min(DRAIN_SILENT_GRACE_MS, drainTimeoutMs) * 1e6);
    this.loop.deadlines.set(this.#drain, now + drainTimeoutMs * 1e6);
  }

  /** Ends at once: whoever is held is lost. */
  end(): void {
    if (!this.#stopping) this.stop(0);
    for (const connection of [...this.#connections]) connection.cut('drain-timeout');
  }

  #cutSilent(): void {
    for (const connection of [...this.#silent]) connection.cut('drain-timeout');
  }

  #finish(): void {
    this.loop.deadlines.clear(this.#silentGrace);
    this.loop.deadlines.clear(this.#drain);
    this.onStopped(this.#counts.lost);
  }
}
