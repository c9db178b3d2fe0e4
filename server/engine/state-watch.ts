// TCP states of our own sockets, from TCP_INFO on our own descriptors, as long as asking is cheap: under load some connections are left out whole, and counted.
import { nowNs } from '../kernel/clock.ts';
import type { ObservedCalls, SocketRef } from '../kernel/observed.ts';
import { IPPROTO_TCP, TCP_INFO, TCP_INFO_OFFSET } from '../wire/constants.ts';
import { STATE_WATCHED_CONNECTIONS_PER_SECOND } from '../wire/limits.ts';

/** The state last seen of one socket, for those that are watched. */
export class WatchedState {
  readonly #calls: ObservedCalls;
  #last = 0;

  constructor(calls: ObservedCalls) {
    this.#calls = calls;
  }

  /** Asks the kernel now; a state that differs from the one last seen becomes an event. */
  look(socket: SocketRef): void {
    if (this.#calls.getsockoptTcpInfo(socket, IPPROTO_TCP, TCP_INFO) < 0) return;
    const state = this.#calls.infoByte(TCP_INFO_OFFSET.tcpi_state);
    if (state === this.#last) return;
    this.#calls.note('tcp-state', socket, this.#last, state, 0, 0, 'tcp_info');
    this.#last = state;
  }
}

/** Chooses which new connections are watched: all of them up to a rate, then as many as the rate allows. */
export class StateWatch {
  readonly #calls: ObservedCalls;
  #windowNs = -Infinity;
  #connections = 0;
  #skipped = 0;

  constructor(calls: ObservedCalls) {
    this.#calls = calls;
  }

  /** For a new connection: its watch, or null where this second has had its share. */
  next(): WatchedState | null {
    if (nowNs() - this.#windowNs >= 1e9) {
      this.tellSkipped();
      this.#windowNs = nowNs();
    }
    this.#connections += 1;
    if (this.#connections <= STATE_WATCHED_CONNECTIONS_PER_SECOND) return new WatchedState(this.#calls);
    this.#skipped += 1;
    return null;
  }

  /** Says what was left out since it was last said, if anything; called with each heartbeat too, so that a burst's end is told. */
  tellSkipped(): void {
    if (this.#windowNs + 1e9 > nowNs()) return;
    if (this.#skipped > 0) this.#calls.note('sampling', null, this.#connections, this.#skipped);
    this.#connections = 0;
    this.#skipped = 0;
  }
}
