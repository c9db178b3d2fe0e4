// The one loop of an engine: epoll_wait for what the kernel tells, deadlines for what time tells, and back to Node between turns.
import type { ObservedCalls, SocketRef } from '../kernel/observed.ts';
import { EpollEvents } from '../kernel/epoll-event.ts';
import { nowNs } from '../kernel/clock.ts';
import { EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } from '../wire/constants.ts';
import { errnoName, errnoNumber } from '../wire/errno.ts';
import { EPOLL_EVENTS_PER_WAIT, EPOLL_WAIT_CEILING_MS } from '../wire/limits.ts';
import { Deadlines } from './deadlines.ts';
import type { Reporter } from './reporter.ts';

const EINTR = errnoNumber('EINTR');

/** Whoever waits for a descriptor. */
export interface Watcher {
  /** The kernel says `events` (EPOLLIN …) of the descriptor. */
  onReady(events: number): void;
}

/** One epoll instance, its watchers by descriptor, and the deadlines. */
export class EventLoop {
  readonly deadlines = new Deadlines();
  readonly #calls: ObservedCalls;
  readonly #reporter: Reporter;
  readonly #epfd: number;
  readonly #ready = new EpollEvents();
  readonly #change = new EpollEvents();
  readonly #watchers: (Watcher | null)[] = [];
  #afterEvents: (() => void) | null = null;
  #running = false;

  /** Throws when there is no epoll to be had: an engine cannot begin without. */
  constructor(calls: ObservedCalls, reporter: Reporter) {
    this.#calls = calls;
    this.#reporter = reporter;
    this.#epfd = calls.epollCreate1(EPOLL_CLOEXEC);
    if (this.#epfd < 0) throw new Error(`epoll_create1: ${errnoName(-this.#epfd)}`);
  }

  /** Watches a descriptor; `ref` is its socket, null for a pipe. Returns 0 or -errno. */
  add(fd: number, events: number, watcher: Watcher, ref: SocketRef | null): number {
    this.#change.set(0, events, fd);
    const result = this.#calls.epollCtl(this.#epfd, EPOLL_CTL_ADD, fd, this.#change, ref);
    if (result === 0) this.#watchers[fd] = watcher;
    return result;
  }

  /** Changes what is waited for. */
  modify(fd: number, events: number, ref: SocketRef | null): number {
    this.#change.set(0, events, fd);
    return this.#calls.epollCtl(this.#epfd, EPOLL_CTL_MOD, fd, this.#change, ref);
  }

  /** Stops watching a descriptor that stays open. One about to be closed needs only `forget`: close(2) takes it out of the set. */
  remove(fd: number, ref: SocketRef | null): void {
    this.forget(fd);
    this.#calls.epollCtl(this.#epfd, EPOLL_CTL_DEL, fd, this.#change, ref);
  }

  /** Hears no more of a descriptor; before its close, so that an event already fetched finds nobody. */
  forget(fd: number): void {
    this.#watchers[fd] = null;
  }

  /**
   * Runs once, when all events of this turn have been handed out. New descriptors are made only there: one that reuses the number
   * of a descriptor closed in this turn must not be handed the other's events.
   */
  afterEvents(work: () => void): void {
    this.#afterEvents = work;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(this.#turn);
  }

  stop(): void {
    this.#running = false;
  }

  readonly #turn = (): void => {
    if (!this.#running) return;
    const count = this.#calls.epollWait(this.#epfd, this.#ready, EPOLL_EVENTS_PER_WAIT, this.#waitMs());
    if (count < 0 && count !== -EINTR) throw new Error(`epoll_wait: ${errnoName(-count)}`);
    for (let i = 0; i < count; i += 1) this.#watchers[this.#ready.fd(i)]?.onReady(this.#ready.events(i));
    const work = this.#afterEvents;
    if (work !== null) {
      this.#afterEvents = null;
      work();
    }
    this.deadlines.run(nowNs());
    this.#reporter.flushIfDue();
    // Between turns Node's own loop runs, and with it the handlers of signals.
    setImmediate(this.#turn);
  };

  /** Whole milliseconds, rounded up: a hold may end late by less than one, and never early. */
  #waitMs(): number {
    if (this.#afterEvents !== null) return 0;
    const untilDeadline = (this.deadlines.nextNs - nowNs()) / 1e6;
    return Math.max(0, Math.ceil(Math.min(EPOLL_WAIT_CEILING_MS, untilDeadline, this.#reporter.dueMs())));
  }
}
