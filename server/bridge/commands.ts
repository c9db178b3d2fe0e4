// Carries out what pages ask for: each frame is checked, then done, and answered; a bad one is told what was wrong with it.
import { Compile, type Validator } from 'typebox/compile';
import { Ack, COMMAND_SCHEMAS, type Command, type CommandType } from '../wire/command.ts';
import { COMMANDS_PER_SECOND, COMMAND_BURST } from '../wire/limits.ts';
import type { CommandError, Reply } from '../wire/message.ts';
import type { ClientKeeper } from './client-keeper.ts';
import { EngineUnavailable } from './engine-child.ts';
import type { Role } from './feed.ts';
import { fieldProblem } from './schema-words.ts';
import type { ServerKeeper } from './server-keeper.ts';
import type { Targets } from './targets.ts';
import { TokenBucket } from './token-bucket.ts';

/** Half a second into its connection a client that is to end early does so, or in the middle of a shorter hold. */
const AFTER_DEFAULT_MS = 500;

type Id = Command['id'] | null;
type Outcome = Omit<Extract<Reply, { ok: true }>, 'type' | 'id' | 'ok'>;

/** A command was not carried out; the reply says why. */
class Refusal extends Error {
  override name = 'Refusal';
  readonly error: CommandError;

  constructor(code: CommandError['code'], message: string, field?: string) {
    super(message);
    this.error = field === undefined ? { code, message } : { code, message, field };
  }
}

/** Compiled when first needed: the start of the program does not wait for them. */
const validators = new Map<CommandType, Validator>();
const ack = Compile(Ack);

/** What commands act upon. */
export interface Commanded {
  readonly server: ServerKeeper;
  readonly clients: ClientKeeper;
  readonly targets: Targets;
  /** True once the whole program is ending. */
  readonly closing: boolean;
}

/** The commands of one page. */
export class Commands {
  readonly #on: Commanded;
  readonly #role: Role;
  readonly #onAck: (seq: number) => void;
  readonly #bucket = new TokenBucket(COMMAND_BURST, COMMANDS_PER_SECOND, performance.now());

  constructor(on: Commanded, role: Role, onAck: (seq: number) => void) {
    this.#on = on;
    this.#role = role;
    this.#onAck = onAck;
  }

  /** Answers one frame; null where none is due (an ack). Never rejects for anything a page can send. */
  async answer(frame: string | null): Promise<Reply | null> {
    let id: Id = null;
    try {
      const value = parse(frame);
      id = readId(value);
      if (ack.Check(value)) {
        this.#onAck(value.seq);
        return null;
      }
      if (!this.#bucket.take(performance.now())) {
        throw new Refusal('rate-limited', `too many commands: ${COMMAND_BURST} at once, then ${COMMANDS_PER_SECOND} a second`);
      }
      const outcome = await this.#carryOut(check(value));
      return { type: 'reply', id, ok: true, ...outcome };
    } catch (error) {
      if (error instanceof Refusal) return { type: 'reply', id, ok: false, error: error.error };
      if (error instanceof EngineUnavailable) return { type: 'reply', id, ok: false, error: { code: 'engine-unavailable', message: error.message } };
      throw error;
    }
  }

  #carryOut(command: Command): Promise<Outcome> {
    if (this.#role === 'watch') throw new Refusal('forbidden', 'this page may watch, not command');
    if (this.#on.closing) throw new Refusal('engine-unavailable', 'sockscope is ending');
    switch (command.type) {
      case 'spawn-clients':
        return this.#spawn(command);
      case 'end-client':
        return this.#endClient(command);
      case 'set-hold':
        return this.#on.server.setHold(command.holdMs).then(() => ({ holdMs: command.holdMs }));
      case 'set-backlog':
        return this.#setBacklog(command.backlog);
      case 'pause-accept':
        return this.#pauseAccept(command.pauseMs);
      case 'stop-server':
        return this.#stopServer();
      case 'start-server':
        return this.#startServer();
    }
  }

  async #spawn(command: Extract<Command, { type: 'spawn-clients' }>): Promise<Outcome> {
    const { clients, server, targets } = this.#on;
    const { byte, count, plan = 'reply', target } = command;
    const where = target === undefined ? { ok: true as const, ...server.address } : targets.judge(target.host, target.port);
    if (!where.ok) throw new Refusal('target-refused', where.message, '/target');
    if (count > clients.room)
      throw new Refusal('too-many', `${count} more clients would be too many at once: there is room for ${Math.max(0, clients.room)}`, '/count');
    const holdMs = server.holdMs;
    const afterMs = command.afterMs ?? Math.min(AFTER_DEFAULT_MS, Math.floor(holdMs / 2));
    return { clientIds: await clients.spawn({ count, byte, plan, afterMs, holdMs, ip: where.ip, port: where.port }) };
  }

  async #endClient(command: Extract<Command, { type: 'end-client' }>): Promise<Outcome> {
    const living = await this.#on.clients.end(command.clientId, command.how);
    if (!living) throw new Refusal('unknown-client', `no client ${JSON.stringify(command.clientId)} is alive`, '/clientId');
    return {};
  }

  async #setBacklog(backlog: number): Promise<Outcome> {
    const failure = await this.#on.server.setBacklog(backlog);
    if (failure !== undefined) throw new Refusal('call-failed', `${failure.call}() failed: ${failure.errno}`);
    return { backlog };
  }

  async #pauseAccept(pauseMs: number): Promise<Outcome> {
    if (!(await this.#on.server.pauseAccept(pauseMs))) throw new Refusal('not-listening', 'the server does not listen: there is nothing to pause');
    return {};
  }

  async #stopServer(): Promise<Outcome> {
    const { server } = this.#on;
    const { state } = server.status;
    if (state === 'stopping') throw new Refusal('still-stopping', 'the server is stopping already: it answers those held');
    if (state === 'stopped' || state === 'failed' || state === 'gave-up') throw new Refusal('not-listening', 'the server is not running');
    // The reply says that nobody can connect any more; events and status say how the stop ends.
    await server.stopListening();
    return { server: server.status };
  }

  async #startServer(): Promise<Outcome> {
    const { server } = this.#on;
    const { state } = server.status;
    if (state === 'stopping') throw new Refusal('still-stopping', 'the server still answers those held; start it when it has stopped');
    if (state === 'listening' || state === 'unresponsive') throw new Refusal('already-listening', 'the server is running already');
    const started = await server.start();
    if (started.ok) return { server: server.status };
    const failure = server.status.failure;
    if (failure === null) throw new Refusal('engine-unavailable', 'the increment-server process ended before it could listen');
    throw new Refusal('call-failed', `${failure.call}() failed: ${failure.errno}. ${failure.message}`);
  }
}

function parse(frame: string | null): unknown {
  if (frame === null) throw new Refusal('bad-json', 'a binary frame; commands are text frames of JSON');
  try {
    return JSON.parse(frame) as unknown;
  } catch (error) {
    // The parser's words repeat what it read: one printable line of it is enough.
    const words = error instanceof Error ? error.message : String(error);
    throw new Refusal('bad-json', `not JSON: ${words.slice(0, 120).replaceAll(/[^ -~]/g, '?')}`);
  }
}

/** The frame's id where it has one that a reply can repeat. */
function readId(value: unknown): Id {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'id')) return null;
  const { id } = value as { id: unknown };
  const readable = (typeof id === 'string' && id.length >= 1 && id.length <= 64) || (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0);
  return readable ? id : null;
}

function check(value: unknown): Command {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Refusal('bad-command', 'a command is a JSON object with id and type');
  const { type } = value as { type?: unknown };
  const known = Object.keys(COMMAND_SCHEMAS).join(', ');
  if (typeof type !== 'string') throw new Refusal('bad-command', `type must be one of ${known}`, '/type');
  if (!Object.hasOwn(COMMAND_SCHEMAS, type))
    throw new Refusal('unknown-command', `there is no command ${JSON.stringify(type.slice(0, 64))}; there are ${known}`, '/type');
  const schema = COMMAND_SCHEMAS[type as CommandType];
  const validator = validators.get(type as CommandType) ?? Compile(schema);
  validators.set(type as CommandType, validator);
  if (!validator.Check(value)) {
    const problem = fieldProblem(schema, value, validator.Errors(value));
    throw new Refusal('bad-command', problem.message, problem.field);
  }
  return value as Command;
}
