// What the bridge says to a page: hello, events, gap, status and replies, each a text frame of JSON; events as records where a page asks for it.
import { Type, type Static } from 'typebox';
import { Evidence, TraceEvent } from './event.ts';

/** Raised when a message changes in a way that an older page would misread. */
export const PROTOCOL_VERSION = 1;

/** Counts of the increment server since the run began, every process of it together: accepted = replied + closedWithoutByte + reset + lost + live. */
export const ServerTotals = Type.Object({
  accepted: Type.Integer(),
  replied: Type.Integer(),
  closedWithoutByte: Type.Integer(),
  reset: Type.Integer(),
  lost: Type.Integer(),
  live: Type.Integer(),
  held: Type.Integer(),
});
export type ServerTotals = Static<typeof ServerTotals>;

/** Counts of our own clients: started = replied + failed + ended + live. */
export const ClientTotals = Type.Object({
  started: Type.Integer(),
  replied: Type.Integer(),
  failed: Type.Integer(),
  ended: Type.Integer(),
  live: Type.Integer(),
});
export type ClientTotals = Static<typeof ClientTotals>;

export const EventTotals = Type.Object({ recorded: Type.Integer(), dropped: Type.Integer() });

/**
 * The increment server as a whole. `failed`: a call of its start failed (see `failure`); `stopping`: answering those held;
 * `unresponsive`: no heartbeat of its loop; `crashed`: it will be started again; `gave-up`: it crashed too often.
 */
export const ServerStatus = Type.Object({
  state: Type.Enum(['starting', 'listening', 'unresponsive', 'failed', 'stopping', 'stopped', 'crashed', 'gave-up']),
  /** Where it listens or is to listen. */
  tcpHost: Type.String(),
  tcpPort: Type.Integer(),
  pid: Type.Union([Type.Integer(), Type.Null()]),
  fd: Type.Union([Type.Integer(), Type.Null()]),
  holdMs: Type.Integer(),
  backlog: Type.Integer(),
  failure: Type.Union([Type.Object({ call: Type.String(), errno: Type.String(), message: Type.String() }), Type.Null()]),
});
export type ServerStatus = Static<typeof ServerStatus>;

export const ProcessStatus = Type.Object({
  name: Type.String(),
  pid: Type.Union([Type.Integer(), Type.Null()]),
  /** Milliseconds since its loop last said it turns; null before the first beat. */
  heartbeatAgeMs: Type.Union([Type.Integer(), Type.Null()]),
  restarts: Type.Integer(),
  /** Events it dropped, over all processes of that name in this run, because we read too slowly. */
  dropped: Type.Integer(),
});

/** A source of evidence, and whether it can be had here and now. */
export const EvidenceRung = Type.Object({
  evidence: Evidence,
  available: Type.Boolean(),
  /** What is missing and what to do about it, in a sentence; '' where it is available. */
  missing: Type.String(),
});
export type EvidenceRung = Static<typeof EvidenceRung>;

/** How often the kernel's socket table is read now; null while nothing is alive and nobody asks. `rows` at the last reading. */
export const SamplerStatus = Type.Object({
  intervalMs: Type.Union([Type.Integer(), Type.Null()]),
  rows: Type.Integer(),
  /** True where reading costs so much that the interval has grown. */
  slowed: Type.Boolean(),
});
export type SamplerStatus = Static<typeof SamplerStatus>;

/** The whole system at one moment: the answer of /api/status, and sent to pages when it changes (at most a few times a second). */
export const Status = Type.Object({
  version: Type.String(),
  run: Type.String(),
  /** CLOCK_MONOTONIC, nanoseconds since the run began. */
  nowNs: Type.Number(),
  /** Wall-clock time at which the run began, ISO 8601. */
  startedAt: Type.String(),
  server: ServerStatus,
  processes: Type.Array(ProcessStatus),
  totals: Type.Object({ server: ServerTotals, clients: ClientTotals, events: EventTotals }),
  /** The journal holds the events from `firstSeq` to `lastSeq` whole. */
  journal: Type.Object({ firstSeq: Type.Integer(), lastSeq: Type.Integer() }),
  watchers: Type.Integer(),
  /** From what nobody needs a privilege for to what only root sees. */
  evidence: Type.Array(EvidenceRung),
  sampler: SamplerStatus,
});
export type Status = Static<typeof Status>;

/**
 * Where a page begins: the status, and the events a page needs to draw the present: the server's own start, everything of
 * connections still open, and the most recent ones. Each with its true number, ascending; `omitted` earlier ones are not among them.
 */
export const Snapshot = Type.Object({
  seq: Type.Integer(),
  status: Status,
  events: Type.Array(TraceEvent),
  omitted: Type.Integer(),
});
export type Snapshot = Static<typeof Snapshot>;

/**
 * What a binary frame stands for (record-frame.ts) where it is no Events: events of a snapshot, in parts of at most WORDING_SLICE_EVENTS, with nothing
 * in between. They come before the `hello` or `gap` whose snapshot they belong to, which then has none itself.
 * Only for pages that asked with /ws?records=1: a snapshot of ten thousand connections is 30 MB of JSON, which nobody can read without standing still.
 */
export interface SnapshotPart {
  type: 'snapshot-part';
  events: TraceEvent[];
}

/** One socket of the kernel's table, as ss(8) prints it. */
export const SocketRow = Type.Object({
  /** RFC 9293 spelling. */
  state: Type.String(),
  /** Bytes the owner has not read; on a listener the length of its accept queue. */
  recvQ: Type.Integer(),
  /** Bytes the peer has not acknowledged; on a listener the limit of its accept queue. */
  sendQ: Type.Integer(),
  local: Type.String(),
  remote: Type.String(),
  /** Who holds a descriptor of it, where that is known; `owner` says why where it is not. */
  process: Type.Union([Type.String(), Type.Null()]),
  pid: Type.Union([Type.Integer(), Type.Null()]),
  fd: Type.Union([Type.Integer(), Type.Null()]),
  /** 'none': no descriptor (TIME-WAIT, an orphan). 'accept-queue': its handshake is complete and nobody has accepted it. */
  owner: Type.Enum(['known', 'searching', 'not-permitted', 'none', 'accept-queue']),
  uid: Type.Integer(),
  inode: Type.Integer(),
  timer: Type.Enum(['none', 'retransmission', 'keepalive', 'time-wait', 'zero-window', 'unknown']),
  expiresMs: Type.Integer(),
  retransmits: Type.Integer(),
  /** Segments it dropped; on a listener the SYNs among them. */
  drops: Type.Integer(),
});
export type SocketRow = Static<typeof SocketRow>;

/** The answer of GET /api/sockets: the kernel's sockets of our ports, listeners first; `total` counts those left out too. */
export const SocketsAnswer = Type.Object({
  atNs: Type.Number(),
  durationNs: Type.Number(),
  evidence: Type.Enum(['sock_diag', 'procfs']),
  total: Type.Integer(),
  /** The table changed while it was read: rows may be missing or doubled. */
  interrupted: Type.Boolean(),
  /** The kernel has more sockets than the `total` that were read. */
  truncated: Type.Boolean(),
  rows: Type.Array(SocketRow),
});
export type SocketsAnswer = Static<typeof SocketsAnswer>;

/** Bounds a page should know before it asks. */
export const Limits = Type.Object({
  holdMaxMs: Type.Integer(),
  backlogMax: Type.Integer(),
  spawnMaxCount: Type.Integer(),
  liveClientsMax: Type.Integer(),
  frameMaxBytes: Type.Integer(),
});
export type Limits = Static<typeof Limits>;

/** The first message of a feed, but for the parts of its snapshot. `role` is 'watch' where the page may look but not command. */
export const Hello = Type.Object({
  type: Type.Literal('hello'),
  protocol: Type.Integer(),
  role: Type.Enum(['control', 'watch']),
  limits: Limits,
  server: ServerStatus,
  seq: Type.Integer(),
  snapshot: Snapshot,
});
export type Hello = Static<typeof Hello>;

/** The events `from` … `to`, gapless after whatever came before. */
export const Events = Type.Object({ type: Type.Literal('events'), from: Type.Integer(), to: Type.Integer(), events: Type.Array(TraceEvent) });
export type Events = Static<typeof Events>;

/** This page was too slow: the events `from` … `to` were not sent to it. The snapshot replaces what it knew. */
export const Gap = Type.Object({
  type: Type.Literal('gap'),
  from: Type.Integer(),
  to: Type.Integer(),
  dropped: Type.Integer(),
  snapshot: Snapshot,
});
export type Gap = Static<typeof Gap>;

export const StatusMessage = Type.Object({ type: Type.Literal('status'), status: Status });
export type StatusMessage = Static<typeof StatusMessage>;

/** Why a command was refused. */
export const ERROR_CODES = [
  'bad-json',
  'bad-command',
  'unknown-command',
  'too-many',
  'rate-limited',
  'not-listening',
  'already-listening',
  'still-stopping',
  'unknown-client',
  'target-refused',
  'forbidden',
  'engine-unavailable',
  'call-failed',
] as const;
export const CommandError = Type.Object({
  code: Type.Enum([...ERROR_CODES]),
  message: Type.String(),
  /** The field at fault, as a JSON pointer, where there is one. */
  field: Type.Optional(Type.String()),
});
export type CommandError = Static<typeof CommandError>;

/** The answer to one command; `id` is null where the frame had none that could be read. */
export const Reply = Type.Union([
  Type.Object({
    type: Type.Literal('reply'),
    id: Type.Union([Type.Integer(), Type.String(), Type.Null()]),
    ok: Type.Literal(true),
    clientIds: Type.Optional(Type.Array(Type.String())),
    holdMs: Type.Optional(Type.Integer()),
    backlog: Type.Optional(Type.Integer()),
    server: Type.Optional(ServerStatus),
  }),
  Type.Object({
    type: Type.Literal('reply'),
    id: Type.Union([Type.Integer(), Type.String(), Type.Null()]),
    ok: Type.Literal(false),
    error: CommandError,
  }),
]);
export type Reply = Static<typeof Reply>;

export const FeedMessage = Type.Union([Hello, Events, Gap, StatusMessage, Reply]);
export type FeedMessage = Static<typeof FeedMessage>;
