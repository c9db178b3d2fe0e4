// What the kernel did with the sockets of our ports, and what foreign processes asked of it: the tap's findings, before they become records of the trace.

/** The two ends of a socket, seen from its own side; addresses and ports in host order, 0 where not known (yet). */
export interface SocketEnds {
  readonly localIp: number;
  readonly localPort: number;
  readonly remoteIp: number;
  readonly remotePort: number;
}

interface OfSocket extends SocketEnds {
  /** CLOCK_MONOTONIC in nanoseconds since the run began. */
  readonly atNs: number;
  /** The kernel's address of the socket: the same in all events of one socket, used again after it is gone; 0 where there is none. */
  readonly socket: number;
}

/** sock:inet_sock_set_state. TIME-WAIT is never told: the socket goes from FIN-WAIT-2 to CLOSED, and a smaller one waits on. */
export interface StateChanged extends OfSocket {
  readonly kind: 'state';
  /** Numbers of the kernel: see tcpState. */
  readonly from: number;
  readonly to: number;
  /** True where the process `pid` made the change by a call of its own; false where a segment or a timer did, on whatever CPU it was. */
  readonly byCall: boolean;
  /** The process whose socket this is known to be: by a call of its own now, or by its connect() before; 0 where nobody knows. Its name then too ('' where it is gone). */
  readonly pid: number;
  readonly comm: string;
}

/** tcp:tcp_send_reset and tcp:tcp_receive_reset. `reason` in the kernel's words (sk_rst_reason), '' where it gives none; `state` 0 where not told. */
export interface ResetSeen extends OfSocket {
  readonly kind: 'reset-sent' | 'reset-received';
  readonly state: number;
  readonly reason: string;
}

/** tcp:tcp_retransmit_skb (in `state` SYN-SENT: a SYN) and tcp:tcp_retransmit_synack. */
export interface Retransmitted extends OfSocket {
  readonly kind: 'retransmit' | 'retransmit-synack';
  readonly state: number;
}

/** skb:kfree_skb of a segment that had reached a socket of ours. `reason` in the kernel's words (skb_drop_reason). */
export interface SegmentDropped extends OfSocket {
  readonly kind: 'drop';
  readonly reason: string;
}

/** A system call of a foreign process on a socket it connected to us (or, where `fd` is -1, its waiting for one), from entry to exit. */
export interface ForeignCall extends OfSocket {
  readonly kind: 'call';
  readonly durationNs: number;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly call: string;
  readonly fd: number;
  /** As given, by their places; pointers lose all but 53 bits. */
  readonly args: readonly number[];
  /** As the kernel returned it: -errno where it failed (-512 and below: interrupted, to be begun again). */
  readonly returned: number;
}

/** The kernel overwrote records before they were read. 'ours': socket events of our ports; 'calls', 'anyone': events of any process, ours perhaps among them. */
export interface EventsLost {
  readonly kind: 'lost';
  readonly atNs: number;
  readonly from: 'ours' | 'anyone' | 'calls';
  readonly count: number;
}

export type SocketEvent = StateChanged | ResetSeen | Retransmitted | SegmentDropped;
export type KernelEvent = SocketEvent | ForeignCall | EventsLost;
