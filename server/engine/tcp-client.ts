// One TCP client: connects, sends its byte, waits for the reply, and can tell every way in which that may end.
import type { ObservedCalls, SocketRef } from '../kernel/observed.ts';
import { nowNs } from '../kernel/clock.ts';
import * as c from '../wire/constants.ts';
import { errnoNumber } from '../wire/errno.ts';
import { cutReasonNumber, outcomeNumber } from '../wire/record.ts';
import type { ClientOutcome, ClientPlan, EndWay } from '../wire/vocabulary.ts';
import type { Due } from './deadlines.ts';
import type { EventLoop, Watcher } from './event-loop.ts';
import type { StateWatch, WatchedState } from './state-watch.ts';

const EAGAIN = errnoNumber('EAGAIN');
const EINTR = errnoNumber('EINTR');
const EINPROGRESS = errnoNumber('EINPROGRESS');
const REPLY_READ_BYTES = 64;

/** The outcome that an errno means; 'failed' for all that need no name of their own. */
const OUTCOME_OF_ERRNO = new Map<number, ClientOutcome>([
  [errnoNumber('ECONNREFUSED'), 'refused'],
  [errnoNumber('ECONNRESET'), 'reset'],
  [errnoNumber('EPIPE'), 'reset'],
  [errnoNumber('ETIMEDOUT'), 'timed-out'],
  [errnoNumber('EADDRNOTAVAIL'), 'no-local-port'],
  [errnoNumber('EMFILE'), 'no-descriptor'],
  [errnoNumber('ENFILE'), 'no-descriptor'],
]);

/** What a client is to do. Times in milliseconds; `ip` in host order. */
export interface ClientTask {
  byte: number;
  ip: number;
  port: number;
  plan: ClientPlan;
  afterMs: number;
  timeoutMs: number;
}

export interface ClientOwner {
  readonly calls: ObservedCalls;
  readonly loop: EventLoop;
  readonly states: StateWatch;
  /** The client is done and its descriptor closed. */
  ended(client: TcpClient, outcome: ClientOutcome): void;
}

// Shared by all clients: nothing stays in them beyond one call.
const sendBuffer = new Uint8Array(1);
const readBuffer = new Uint8Array(REPLY_READ_BYTES);

export class TcpClient implements Watcher, Due {
  readonly socket: SocketRef;
  readonly #task: ClientTask;
  readonly #owner: ClientOwner;
  dueNs = 0;
  heapIndex = -1;
  #state: 'connecting' | 'connected' | 'done' = 'connecting';
  #replied = false;
  #timeoutNs = 0;
  /** The plan's own time has come and it was carried out. */
  #endAsked = false;
  readonly #watched: WatchedState | null;

  constructor(socket: SocketRef, task: ClientTask, owner: ClientOwner) {
    this.socket = socket;
    this.#task = task;
    this.#owner = owner;
    this.#watched = owner.states.next();
  }

  /** socket, connect. */
  start(): void {
    const { calls, loop } = this.#owner;
    const made = calls.socket(this.socket, c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK | c.SOCK_CLOEXEC, 0);
    if (made < 0) {
      this.#end(OUTCOME_OF_ERRNO.get(-made) ?? 'failed', -made);
      return;
    }
    this.#timeoutNs = nowNs() + this.#task.timeoutMs * 1e6;
    const connected = calls.connect(this.socket, this.#task.ip, this.#task.port);
    if (connected < 0 && connected !== -EINPROGRESS) {
      this.#end(OUTCOME_OF_ERRNO.get(-connected) ?? 'failed', -connected);
      return;
    }
    // connect() chose a local port: only now is the 4-tuple known.
    calls.getsockname(this.socket);
    this.#watched?.look(this.socket);
    const watched = loop.add(this.socket.fd, c.EPOLLIN | c.EPOLLOUT | c.EPOLLRDHUP | c.EPOLLET, this, this.socket);
    if (watched < 0) {
      this.#end('failed', -watched);
      return;
    }
    loop.deadlines.set(this, this.#timeoutNs);
    if (connected === 0) this.#connected();
  }

  onReady(events: number): void {
    if (this.#state === 'connecting') {
      if ((events & (c.EPOLLOUT | c.EPOLLERR | c.EPOLLHUP)) === 0) return;
      const error = this.#owner.calls.getsockoptInt(this.socket, c.SOL_SOCKET, c.SO_ERROR);
      if (error !== 0) {
        const errno = Math.abs(error);
        this.#end(OUTCOME_OF_ERRNO.get(errno) ?? 'failed', errno);
        return;
      }
      this.#connected();
    }
    if (this.#state === 'connected' && (events & (c.EPOLLIN | c.EPOLLRDHUP | c.EPOLLERR | c.EPOLLHUP)) !== 0) this.#readReply();
  }

  onDue(): void {
    if (this.#state === 'connected' && !this.#endAsked && (this.#task.plan === 'reset' || this.#task.plan === 'close')) {
      this.endBy(this.#task.plan);
      return;
    }
    this.#owner.calls.note('cut', this.socket, cutReasonNumber('timeout'));
    this.#end('timed-out', 0);
  }

  /** Ends a living client early: FIN by close, RST by close with SO_LINGER 0, or FIN by shutdown and wait on. */
  endBy(how: EndWay): void {
    if (this.#state === 'done') return;
    this.#endAsked = true;
    if (how === 'half-close') {
      this.#halfClose();
      return;
    }
    this.#owner.calls.note('cut', this.socket, cutReasonNumber('asked'));
    if (how === 'reset') this.#owner.calls.setsockopt(this.socket, c.SOL_SOCKET, c.SO_LINGER, 0);
    this.#end('ended', 0);
  }

  #halfClose(): void {
    this.#owner.calls.shutdown(this.socket, c.SHUT_WR);
    this.#watched?.look(this.socket);
  }

  #connected(): void {
    this.#state = 'connected';
    this.#watched?.look(this.socket);
    if (this.#task.plan === 'silent') return;
    sendBuffer[0] = this.#task.byte;
    const written = this.#owner.calls.write(this.socket, sendBuffer, 1);
    if (written !== 1) {
      this.#end(OUTCOME_OF_ERRNO.get(-written) ?? 'failed', -written);
      return;
    }
    if (this.#task.plan === 'half-close') this.#halfClose();
    if (this.#task.plan === 'reset' || this.#task.plan === 'close') {
      this.#owner.loop.deadlines.set(this, Math.min(this.#timeoutNs, nowNs() + this.#task.afterMs * 1e6));
    }
  }

  /** Edge-triggered: reads until there is nothing more, and after the reply to its end of file. */
  #readReply(): void {
    for (;;) {
      const result = this.#owner.calls.read(this.socket, readBuffer, this.#replied ? REPLY_READ_BYTES : 1);
      if (result === -EAGAIN) return;
      if (result === -EINTR) continue;
      if (result < 0) {
        // The reply was here already: a reset behind it takes nothing back.
        this.#end(this.#replied ? 'replied' : (OUTCOME_OF_ERRNO.get(-result) ?? 'failed'), -result);
        return;
      }
      if (result === 0) {
        this.#watched?.look(this.socket);
        this.#end(this.#replied ? 'replied' : 'closed-without-reply', 0);
        return;
      }
      this.#replied = true;
    }
  }

  #end(outcome: ClientOutcome, errno: number): void {
    const { calls, loop } = this.#owner;
    this.#state = 'done';
    loop.deadlines.clear(this);
    if (this.socket.fd >= 0) {
      loop.forget(this.socket.fd);
      calls.close(this.socket);
    }
    calls.note('client-ended', this.socket, outcomeNumber(outcome), 0, 0, errno);
    this.#owner.ended(this, outcome);
  }
}
