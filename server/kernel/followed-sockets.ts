// The sockets of our ports by the kernel's address of each: their ends, state and process, as far as events have told.
import { FOLLOWED_SOCKETS_MAX } from '../wire/tap-limits.ts';
import type { ForeignCall, SocketEnds, SocketEvent } from './kernel-event.ts';

/** The kernel's number of the state CLOSED. */
export const TCP_CLOSE = 7;

/** One socket, from its first event to the one that closes it. */
export class FollowedSocket implements SocketEnds {
  readonly address: number;
  localIp = 0;
  localPort = 0;
  remoteIp = 0;
  remotePort = 0;
  state = 0;
  /** When its state was last told. */
  seenNs = 0;
  /** When a foreign process called connect() for it; 0 where none was seen to. */
  connectNs = 0;
  /** When it was closed; 0 while it lives. */
  closedNs = 0;
  /** Its process and that one's name; 0 and '' where nobody knows. */
  pid = 0;
  comm = '';
  /** Its number in the trace; 0 until it is first told of. */
  number = 0;
  /** What happened before its local port was known. */
  unnamed: (SocketEvent | ForeignCall)[] = [];

  constructor(address: number) {
    this.address = address;
  }

  setEnds(localIp: number, localPort: number, remoteIp: number, remotePort: number): void {
    this.localIp = localIp;
    // A closed socket has given its port back; it keeps the name it had.
    if (localPort !== 0) this.localPort = localPort;
    this.remoteIp = remoteIp;
    this.remotePort = remotePort;
  }
}

/** Bounded: the socket longest without an event is forgotten first. */
export class FollowedSockets {
  readonly #sockets = new Map<number, FollowedSocket>();
  /** Forgotten while they lived, to keep the bound. */
  forgotten = 0;

  get size(): number {
    return this.#sockets.size;
  }

  get(address: number): FollowedSocket | undefined {
    return this.#sockets.get(address);
  }

  /** Those followed now, the one longest known first. */
  get all(): Iterable<FollowedSocket> {
    return this.#sockets.values();
  }

  /** The socket at `address`, a new one where none was known. */
  follow(address: number): FollowedSocket {
    return this.#sockets.get(address) ?? this.begin(address);
  }

  /** A new socket at `address`: whatever was there before is another one. */
  begin(address: number): FollowedSocket {
    this.#sockets.delete(address);
    if (this.#sockets.size >= FOLLOWED_SOCKETS_MAX) {
      const oldest = this.#sockets.keys().next().value;
      if (oldest !== undefined) this.#sockets.delete(oldest);
      this.forgotten += 1;
    }
    const socket = new FollowedSocket(address);
    this.#sockets.set(address, socket);
    return socket;
  }

  /** The socket is closed: its address may be another's from now on. */
  end(socket: FollowedSocket): void {
    if (this.#sockets.get(socket.address) === socket) this.#sockets.delete(socket.address);
  }
}
