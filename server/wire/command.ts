// What a page may ask of the bridge: a frame of JSON each, with an id of the page's choosing that the reply repeats.
import { Type, type Static } from 'typebox';
import { ACCEPT_PAUSE_MAX_MS, BACKLOG_MAX, HOLD_MAX_MS, SPAWN_MAX_COUNT } from './limits.ts';
import { CLIENT_PLANS, END_WAYS } from './vocabulary.ts';

const Id = Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.String({ minLength: 1, maxLength: 64 })]);
const closed = { additionalProperties: false };

/** Starts `count` TCP clients that send `byte`. Reply: `clientIds`. */
export const SpawnClients = Type.Object(
  {
    id: Id,
    type: Type.Literal('spawn-clients'),
    byte: Type.Integer({ minimum: 0, maximum: 255 }),
    count: Type.Integer({ minimum: 1, maximum: SPAWN_MAX_COUNT }),
    /** 'reply' waits for the reply (the default); 'silent' never sends; 'half-close' sends, then shutdown(SHUT_WR); 'reset' and 'close' send, then end after `afterMs`. */
    plan: Type.Optional(Type.Enum([...CLIENT_PLANS])),
    afterMs: Type.Optional(Type.Integer({ minimum: 0, maximum: HOLD_MAX_MS })),
    /** Elsewhere than our own server: only where the operator allowed it (`--allow-target`). */
    target: Type.Optional(Type.Object({ host: Type.String({ maxLength: 255 }), port: Type.Integer({ minimum: 1, maximum: 65_535 }) }, closed)),
  },
  closed,
);

/** The hold of bytes read from now on. */
export const SetHold = Type.Object({ id: Id, type: Type.Literal('set-hold'), holdMs: Type.Integer({ minimum: 0, maximum: HOLD_MAX_MS }) }, closed);

/** listen(fd, backlog) again on the living listener. */
export const SetBacklog = Type.Object({ id: Id, type: Type.Literal('set-backlog'), backlog: Type.Integer({ minimum: 0, maximum: BACKLOG_MAX }) }, closed);

/** The server stops accepting for `pauseMs`: whoever connects meanwhile waits in the accept queue, or outside it when it is full. */
export const PauseAccept = Type.Object(
  { id: Id, type: Type.Literal('pause-accept'), pauseMs: Type.Integer({ minimum: 1, maximum: ACCEPT_PAUSE_MAX_MS }) },
  closed,
);

/** The orderly stop: accept what is queued, close the listener, answer the held, exit. Reply when it has begun. */
export const StopServer = Type.Object({ id: Id, type: Type.Literal('stop-server') }, closed);

/** A new increment-server process. Reply when it listens, or with the errno of the call that failed. */
export const StartServer = Type.Object({ id: Id, type: Type.Literal('start-server') }, closed);

/** Ends a living client: close (FIN), reset (RST) or half-close (shutdown(SHUT_WR)). */
export const EndClient = Type.Object(
  { id: Id, type: Type.Literal('end-client'), clientId: Type.String({ maxLength: 32 }), how: Type.Enum([...END_WAYS]) },
  closed,
);

export const Command = Type.Union([SpawnClients, SetHold, SetBacklog, PauseAccept, StopServer, StartServer, EndClient]);
export type Command = Static<typeof Command>;
export type CommandType = Command['type'];

/** The schema of each command by its type, so that an error can name the field. */
export const COMMAND_SCHEMAS = {
  'spawn-clients': SpawnClients,
  'set-hold': SetHold,
  'set-backlog': SetBacklog,
  'pause-accept': PauseAccept,
  'stop-server': StopServer,
  'start-server': StartServer,
  'end-client': EndClient,
} as const satisfies Record<CommandType, unknown>;

/** The page has drawn everything up to `seq`; no reply. A page that never says so is measured by its socket alone. */
export const Ack = Type.Object({ type: Type.Literal('ack'), seq: Type.Integer({ minimum: 0 }) }, closed);
export type Ack = Static<typeof Ack>;
