// The events of the trace: what happened, when, to whom, and who saw it. Schemas validate at run time and give the types.
import { Type, type Static } from 'typebox';
import {
  CLIENT_OUTCOMES,
  CUT_REASONS,
  EVIDENCES,
  PAUSE_REASONS,
  PROCESS_CHANGES,
  RESET_DIRECTIONS,
  RETRANSMITTED,
  SETTINGS,
  type CallName,
} from './vocabulary.ts';

/** Who saw it: see the README's table of evidence. */
export const Evidence = Type.Enum([...EVIDENCES]);

/** struct sockaddr_in, ip(7): the port in host order, the address dotted. */
export const SockaddrIn = Type.Object({ family: Type.Literal('AF_INET'), port: Type.Integer(), ip: Type.String() });
export type SockaddrIn = Static<typeof SockaddrIn>;

/** The first fields of struct tcp_info, tcp(7). On a listener `unacked` is the accept queue's length and `sacked` its limit. */
export const TcpInfo = Type.Object({
  state: Type.String(),
  retransmits: Type.Integer(),
  probes: Type.Integer(),
  backoff: Type.Integer(),
  rtoUs: Type.Integer(),
  unacked: Type.Integer(),
  sacked: Type.Integer(),
});
export type TcpInfo = Static<typeof TcpInfo>;

/** Bytes as hexadecimal digits, two a byte; at most the first 32 that the call moved. */
const Hex = Type.String({ pattern: '^([0-9a-f]{2})*$' });
/** The address of our buffer, as strace prints it where nothing was filled in; '' where it is not known. */
const Pointer = Type.String();

const argsOf = {
  socket: Type.Object({ domain: Type.String(), type: Type.String(), protocol: Type.Integer() }),
  setsockopt: Type.Object({ level: Type.String(), option: Type.String(), value: Type.Integer() }),
  bind: Type.Object({ address: SockaddrIn, addressLength: Type.Integer() }),
  listen: Type.Object({ backlog: Type.Integer() }),
  accept4: Type.Object({ address: Type.Union([SockaddrIn, Type.Null()]), addressLength: Type.Integer(), flags: Type.String(), pointer: Pointer }),
  connect: Type.Object({ address: SockaddrIn, addressLength: Type.Integer() }),
  getsockname: Type.Object({ address: Type.Union([SockaddrIn, Type.Null()]), addressLength: Type.Integer(), pointer: Pointer }),
  getsockopt: Type.Object({
    level: Type.String(),
    option: Type.String(),
    value: Type.Union([Type.Integer(), TcpInfo, Type.Null()]),
    length: Type.Integer(),
    pointer: Type.Optional(Pointer),
  }),
  read: Type.Object({ data: Hex, count: Type.Integer(), pointer: Pointer }),
  write: Type.Object({ data: Hex, count: Type.Integer() }),
  shutdown: Type.Object({ how: Type.String() }),
  close: Type.Object({}),
  epoll_create1: Type.Object({ flags: Type.String() }),
  epoll_ctl: Type.Object({ op: Type.String(), fd: Type.Integer(), events: Type.String() }),
  epoll_wait: Type.Object({
    ready: Type.Array(Type.Object({ fd: Type.Integer(), events: Type.String() })),
    maxEvents: Type.Integer(),
    timeoutMs: Type.Integer(),
    pointer: Type.Optional(Pointer),
  }),
} as const satisfies Record<CallName, unknown>;

export type CallArgs = { [Name in CallName]: Static<(typeof argsOf)[Name]> };

const stamp = {
  /** Gapless, given by the bridge: the order in which events arrived. */
  seq: Type.Integer(),
  /** CLOCK_MONOTONIC in nanoseconds since the run began: the order in which they happened. */
  atNs: Type.Number(),
  process: Type.String(),
  pid: Type.Integer(),
  evidence: Evidence,
};
/** The 4-tuple from the socket's own side, as ss prints it: '127.0.0.1:9736'. */
const Connection = Type.Object({ local: Type.String(), remote: Type.String() });
const ofSocket = {
  /** The process's own number of the socket; with `pid` it names one socket for ever, where a descriptor is reused. */
  socket: Type.Optional(Type.Integer()),
  /** Of a client we spawned: its name in commands. */
  clientId: Type.Optional(Type.String()),
  connection: Type.Optional(Connection),
};

function callEvent<Name extends CallName>(name: Name) {
  return Type.Object({
    ...stamp,
    kind: Type.Literal('call'),
    ...ofSocket,
    durationNs: Type.Number(),
    call: Type.Literal(name),
    fd: Type.Integer(),
    args: argsOf[name],
    returned: Type.Integer(),
    errno: Type.Optional(Type.String()),
  });
}

/** One system call that returned, or failed with `returned: -1` and an `errno`. */
export const CallEvent = Type.Union([
  callEvent('socket'),
  callEvent('setsockopt'),
  callEvent('bind'),
  callEvent('listen'),
  callEvent('accept4'),
  callEvent('connect'),
  callEvent('getsockname'),
  callEvent('getsockopt'),
  callEvent('read'),
  callEvent('write'),
  callEvent('shutdown'),
  callEvent('close'),
  callEvent('epoll_create1'),
  callEvent('epoll_ctl'),
  callEvent('epoll_wait'),
]);
export type CallEvent = Static<typeof CallEvent>;

// What the kernel says of a socket: seen from outside, so its process is told only where it is known to be the socket's.
const seen = {
  seq: stamp.seq,
  atNs: stamp.atNs,
  evidence: Evidence,
  process: Type.Optional(Type.String()),
  pid: Type.Optional(Type.Integer()),
  ...ofSocket,
  local: Type.String(),
  remote: Type.String(),
};

/** A socket was seen in state `to`; `from` is null where nobody saw the state before. */
export const TcpStateEvent = Type.Object({
  ...seen,
  kind: Type.Literal('tcp-state'),
  from: Type.Union([Type.String(), Type.Null()]),
  to: Type.String(),
});
export type TcpStateEvent = Static<typeof TcpStateEvent>;

/** The socket `local` `remote` was found to belong to a process that is not ours: netcat, a C program … */
export const SocketOwnerEvent = Type.Object({ ...seen, kind: Type.Literal('socket-owner') });

/** A system call of a foreign process on a socket connected to us; what its buffers held is not seen. `count` is the third argument where the call has one. */
export const ForeignCallEvent = Type.Object({
  ...seen,
  kind: Type.Literal('foreign-call'),
  durationNs: Type.Number(),
  call: Type.String(),
  fd: Type.Integer(),
  count: Type.Optional(Type.Integer()),
  returned: Type.Integer(),
  errno: Type.Optional(Type.String()),
});
export type ForeignCallEvent = Static<typeof ForeignCallEvent>;

/** The kernel sent or received a RST; `reason` in the kernel's words, null where it gives none. */
export const ResetEvent = Type.Object({
  ...seen,
  kind: Type.Literal('reset'),
  direction: Type.Enum([...RESET_DIRECTIONS]),
  reason: Type.Union([Type.String(), Type.Null()]),
});

/** The kernel sent a segment again. */
export const RetransmitEvent = Type.Object({ ...seen, kind: Type.Literal('retransmit'), segment: Type.Enum([...RETRANSMITTED]) });

/** The kernel threw a segment to us away; `reason` in its words (NOT_SPECIFIED, TCP_LISTEN_OVERFLOW …). */
export const SegmentDropEvent = Type.Object({ ...seen, kind: Type.Literal('segment-drop'), reason: Type.String() });

/** The listener threw SYNs away since it was last looked at: its own counter (`drops`) and the whole namespace's ListenOverflows. */
export const ListenerDropsEvent = Type.Object({
  ...stamp,
  kind: Type.Literal('listener-drops'),
  drops: Type.Integer(),
  totalDrops: Type.Integer(),
  overflows: Type.Integer(),
});

/**
 * Under load not all is told. By the engines' evidence: of `connections` new ones, `skipped` have no TCP_INFO samples. By the socket table's (sock_diag, procfs):
 * of `connections` sockets that have ended since it was looked at, `skipped` ended before their turn came to be told of. By tracefs: from now on
 * `skipped` of each `connections` are not followed; 0 of 1 when all are again.
 */
export const SamplingEvent = Type.Object({ ...stamp, kind: Type.Literal('sampling'), connections: Type.Integer(), skipped: Type.Integer() });

/** The accept queue of the listening socket held `length` connections; it admits limit + 1 (listen(2), field test). */
export const AcceptQueueEvent = Type.Object({ ...stamp, kind: Type.Literal('accept-queue'), length: Type.Integer(), limit: Type.Integer() });

/** The server began to hold the byte of this connection for `holdMs` milliseconds. */
export const HoldEvent = Type.Object({ ...stamp, kind: Type.Literal('hold'), ...ofSocket, fd: Type.Integer(), holdMs: Type.Integer() });

/** A setting of the server changed while it ran (or was given at its start). */
export const SettingEvent = Type.Object({ ...stamp, kind: Type.Literal('setting'), name: Type.Enum([...SETTINGS]), value: Type.Integer() });

/** The server stopped accepting for a while: out of descriptors or memory, at its connection cap, or told to. Nobody queued is dropped. */
export const AcceptPausedEvent = Type.Object({
  ...stamp,
  kind: Type.Literal('accept-paused'),
  reason: Type.Enum([...PAUSE_REASONS]),
  errno: Type.Optional(Type.String()),
  pauseMs: Type.Integer(),
});
export const AcceptResumedEvent = Type.Object({ ...stamp, kind: Type.Literal('accept-resumed') });

/** Our own process ended a connection before its peer did, and why. */
export const CutEvent = Type.Object({ ...stamp, kind: Type.Literal('cut'), ...ofSocket, fd: Type.Integer(), reason: Type.Enum([...CUT_REASONS]) });

/** A client of ours is done: what it came to, by its own account. */
export const ClientEndedEvent = Type.Object({
  ...stamp,
  kind: Type.Literal('client-ended'),
  ...ofSocket,
  outcome: Type.Enum([...CLIENT_OUTCOMES]),
  errno: Type.Optional(Type.String()),
});

/** A process of ours started, was ready, exited or fell silent, as its parent saw it. */
export const ProcessEvent = Type.Object({
  ...stamp,
  kind: Type.Literal('process'),
  change: Type.Enum([...PROCESS_CHANGES]),
  exitCode: Type.Optional(Type.Integer()),
  signal: Type.Optional(Type.String()),
  /** When it will be started again, in milliseconds from now. */
  restartMs: Type.Optional(Type.Integer()),
});
export type ProcessEvent = Static<typeof ProcessEvent>;

/** `count` events of this process were not recorded, because their reader was too slow; totals still include them. */
export const DroppedEvent = Type.Object({ ...stamp, kind: Type.Literal('dropped'), count: Type.Integer() });

/** One line of the trace. */
export const TraceEvent = Type.Union([
  CallEvent,
  TcpStateEvent,
  SocketOwnerEvent,
  ForeignCallEvent,
  ResetEvent,
  RetransmitEvent,
  SegmentDropEvent,
  ListenerDropsEvent,
  SamplingEvent,
  AcceptQueueEvent,
  HoldEvent,
  SettingEvent,
  AcceptPausedEvent,
  AcceptResumedEvent,
  CutEvent,
  ClientEndedEvent,
  ProcessEvent,
  DroppedEvent,
]);
export type TraceEvent = Static<typeof TraceEvent>;
export type EventKind = TraceEvent['kind'];
