// What crosses the pipes between the bridge and an engine, beside records: orders to it, reports from it.
import { Type, type Static } from 'typebox';
import { ClientTotals, EvidenceRung, SamplerStatus, ServerTotals, SocketsAnswer } from './message.ts';
import { CLIENT_PLANS, END_WAYS, OUR_PROCESSES } from './vocabulary.ts';

/** What an engine process is started with, as JSON in its first argument. */
export const ServerOptions = Type.Object({
  /** CLOCK_MONOTONIC at the run's beginning, in nanoseconds, as decimal digits (too large for a JSON number). */
  runStartNs: Type.String(),
  tcpHost: Type.String(),
  tcpPort: Type.Integer(),
  backlog: Type.Integer(),
  holdMs: Type.Integer(),
  drainTimeoutMs: Type.Integer(),
  /** False: makes the same calls and tells nobody, so that what recording costs can be measured. */
  record: Type.Optional(Type.Boolean()),
});
export type ServerOptions = Static<typeof ServerOptions>;

export const ClientOptions = Type.Object({ runStartNs: Type.String() });
export type ClientOptions = Static<typeof ClientOptions>;

export const TapOptions = Type.Object({ runStartNs: Type.String() });
export type TapOptions = Static<typeof TapOptions>;

/** Orders to the increment server; each is answered by a report of type 'answer'. */
export const ServerOrder = Type.Union([
  Type.Object({ id: Type.Integer(), type: Type.Literal('set-hold'), holdMs: Type.Integer() }),
  Type.Object({ id: Type.Integer(), type: Type.Literal('set-backlog'), backlog: Type.Integer() }),
  Type.Object({ id: Type.Integer(), type: Type.Literal('pause-accept'), pauseMs: Type.Integer() }),
  /** The orderly stop, answered when the listener is closed; said twice it is still one. */
  Type.Object({ id: Type.Integer(), type: Type.Literal('stop') }),
  /** Ends at once: those held are lost. */
  Type.Object({ id: Type.Integer(), type: Type.Literal('end') }),
]);
export type ServerOrder = Static<typeof ServerOrder>;

/** Orders to the tcp-client engine. `firstClient` numbers the clients; the bridge gives the numbers. */
export const ClientOrder = Type.Union([
  Type.Object({
    id: Type.Integer(),
    type: Type.Literal('spawn'),
    firstClient: Type.Integer(),
    count: Type.Integer(),
    byte: Type.Integer(),
    ip: Type.String(),
    port: Type.Integer(),
    plan: Type.Enum([...CLIENT_PLANS]),
    afterMs: Type.Integer(),
    timeoutMs: Type.Integer(),
  }),
  Type.Object({ id: Type.Integer(), type: Type.Literal('end-client'), client: Type.Integer(), how: Type.Enum([...END_WAYS]) }),
  Type.Object({ id: Type.Integer(), type: Type.Literal('stop') }),
]);
export type ClientOrder = Static<typeof ClientOrder>;

/** Orders to the kernel tap. */
export const TapOrder = Type.Union([
  /** Whose sockets to look at: `ports` are ours, `own` our processes, whose calls are told by themselves; `alive`: there are connections; `watched`: a page looks. */
  Type.Object({
    id: Type.Integer(),
    type: Type.Literal('watch'),
    ports: Type.Array(Type.Integer()),
    own: Type.Array(Type.Object({ name: Type.Enum([...OUR_PROCESSES]), pid: Type.Integer() })),
    alive: Type.Boolean(),
    watched: Type.Boolean(),
  }),
  /** Rows `offset` … of the socket table; with offset 0 it is read afresh. The answer has at most SOCKET_ROWS_PER_ANSWER of them. */
  Type.Object({ id: Type.Integer(), type: Type.Literal('sockets'), offset: Type.Integer(), limit: Type.Integer() }),
  Type.Object({ id: Type.Integer(), type: Type.Literal('stop') }),
]);
export type TapOrder = Static<typeof TapOrder>;

/** What the kernel tap can see and has seen. Counters count since its process began. */
export const TapTotals = Type.Object({
  evidence: Type.Array(EvidenceRung),
  sampler: SamplerStatus,
  /** Of the listener, at the last reading; null where none was seen. */
  queue: Type.Union([Type.Object({ length: Type.Integer(), limit: Type.Integer() }), Type.Null()]),
  listenerDrops: Type.Integer(),
  listenOverflows: Type.Integer(),
  /** Records that the kernel overwrote before they were read. */
  lost: Type.Integer(),
});
export type TapTotals = Static<typeof TapTotals>;

const Failure = Type.Object({ call: Type.String(), errno: Type.String() });

/** Reports of an engine. Totals count since the process began and are exact even where events were dropped. */
export const EngineReport = Type.Union([
  /** Its start is over: it listens at `port` on `fd` (server), or takes orders (client; both 0). */
  Type.Object({ type: Type.Literal('ready'), fd: Type.Integer(), port: Type.Integer() }),
  /** A call of its start failed; it exits with code 3. */
  Type.Object({ type: Type.Literal('failed'), failure: Failure }),
  /** Its loop turns. */
  Type.Object({
    type: Type.Literal('beat'),
    atNs: Type.Number(),
    recorded: Type.Integer(),
    dropped: Type.Integer(),
    server: Type.Optional(ServerTotals),
    clients: Type.Optional(ClientTotals),
    tap: Type.Optional(TapTotals),
  }),
  /** An order was carried out, or its call failed. */
  Type.Object({
    type: Type.Literal('answer'),
    id: Type.Integer(),
    failure: Type.Optional(Failure),
    unknownClient: Type.Optional(Type.Boolean()),
    sockets: Type.Optional(SocketsAnswer),
  }),
]);
export type EngineReport = Static<typeof EngineReport>;
