// The WebSocket to the bridge: reconnecting, in order, with commands that get their replies; it knows messages, not what they mean.
import type { Ack, Command } from '#wire/command.ts';
import { PAGE_ACK_INTERVAL_MS, PAGE_COMMAND_TIMEOUT_MS, PAGE_RECONNECT_FIRST_MS, PAGE_RECONNECT_MAX_MS, PAGE_SILENCE_MS } from '#wire/limits.ts';
import type { Events, FeedMessage, Reply, SnapshotPart } from '#wire/message.ts';
import { readRecordFrame, type NumberedRecords } from '#wire/record-frame.ts';

export type FeedPhase = 'connecting' | 'live' | 'lost';
/** Events as they came: with their records, where they did not come in JSON. */
type WithRecords<Message> = Message & { records?: NumberedRecords };
export type Told = Exclude<FeedMessage, { type: 'reply' | 'events' }> | WithRecords<Events | SnapshotPart>;
export type CommandBody = Command extends infer One ? (One extends Command ? Omit<One, 'id'> : never) : never;

/** Whoever listens to a feed. */
export interface FeedListener {
  onMessage(message: Told): void;
  onPhase(phase: FeedPhase): void;
}

/** What a feed needs of the world; a test brings its own. */
export interface FeedWorld {
  open(url: string, protocols: string[]): WebSocket;
  setTimeout(work: () => void, ms: number): number;
  clearTimeout(timer: number): void;
  random(): number;
}

/** The command was not answered: the feed was lost, or the bridge did not reply in time. */
export class CommandLost extends Error {
  override name = 'CommandLost';
}

export class Feed {
  readonly #url: string;
  readonly #token: string | null;
  readonly #listener: FeedListener;
  readonly #world: FeedWorld;
  #socket: WebSocket | null = null;
  #attempts = 0;
  #lastId = 0;
  /** The number of the last event that came; the next message must go on from it. */
  #lastSeq = -1;
  #ackedSeq = -1;
  #ackTimer: number | null = null;
  /** Something came since the last look. */
  #heard = false;
  readonly #pending = new Map<number, { resolve: (reply: Reply) => void; reject: (error: CommandLost) => void; timer: number }>();

  constructor(url: string, token: string | null, listener: FeedListener, world: FeedWorld) {
    this.#url = url;
    this.#token = token;
    this.#listener = listener;
    this.#world = world;
    this.#connect();
  }

  /** Sends a command; resolves with its reply, which may be a refusal; rejects with CommandLost. */
  send(command: CommandBody): Promise<Reply> {
    const socket = this.#socket;
    if (socket?.readyState !== 1) return Promise.reject(new CommandLost('not connected to the bridge'));
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.#world.setTimeout(() => {
        this.#pending.delete(id);
        reject(new CommandLost('the bridge did not reply in time'));
      }, PAGE_COMMAND_TIMEOUT_MS);
      this.#pending.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ id, ...command }));
    });
  }

  /** Ends this connection and makes a new one, which begins with a snapshot. */
  restart(): void {
    this.#socket?.close();
  }

  #connect(): void {
    this.#listener.onPhase(this.#attempts === 0 ? 'connecting' : 'lost');
    const socket = this.#world.open(this.#url, this.#token === null ? [] : ['sockscope', `sockscope.${encodeURIComponent(this.#token)}`]);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      if (socket === this.#socket) this.#hear(message.data);
    };
    socket.onclose = () => {
      if (socket === this.#socket) this.#lost();
    };
  }

  #lost(): void {
    this.#socket = null;
    this.#listener.onPhase('lost');
    for (const pending of this.#pending.values()) {
      this.#world.clearTimeout(pending.timer);
      pending.reject(new CommandLost('the connection to the bridge was lost'));
    }
    this.#pending.clear();
    const delay = Math.min(PAGE_RECONNECT_MAX_MS, PAGE_RECONNECT_FIRST_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    // Jitter: pages that lost the same bridge do not all come back in the same instant.
    this.#world.setTimeout(
      () => {
        this.#connect();
      },
      delay * (0.5 + this.#world.random() / 2),
    );
  }

  /** A stopped bridge keeps its sockets, and says nothing: silence, too, is a loss. */
  #watch(socket: WebSocket): void {
    this.#world.setTimeout(() => {
      if (socket !== this.#socket) return;
      if (this.#heard) {
        this.#heard = false;
        this.#watch(socket);
      } else {
        socket.close();
        this.#lost();
      }
    }, PAGE_SILENCE_MS);
  }

  #hear(data: string | ArrayBuffer): void {
    this.#heard = true;
    let message: Reply | Told;
    try {
      message = typeof data === 'string' ? (JSON.parse(data) as FeedMessage) : readRecordFrame(data);
    } catch {
      this.restart();
      return;
    }
    switch (message.type) {
      case 'reply':
        this.#settle(message);
        return;
      case 'hello':
        this.#attempts = 0;
        this.#lastSeq = message.seq;
        this.#listener.onPhase('live');
        if (this.#socket !== null) this.#watch(this.#socket);
        break;
      case 'events':
        // A hole would be silent from here on: better to begin anew.
        if (message.from !== this.#lastSeq + 1) {
          this.restart();
          return;
        }
        this.#lastSeq = message.to;
        break;
      case 'gap':
        this.#lastSeq = message.snapshot.seq;
        break;
      case 'snapshot-part':
        // Nothing is drawn of it, and so nothing acknowledged, before the snapshot is whole.
        this.#listener.onMessage(message);
        return;
      case 'status':
        break;
      default:
        // A newer bridge may say more than this page knows.
        return;
    }
    this.#listener.onMessage(message);
    this.#ackSoon();
  }

  #settle(reply: Reply): void {
    if (typeof reply.id !== 'number') return;
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return;
    this.#pending.delete(reply.id);
    this.#world.clearTimeout(pending.timer);
    pending.resolve(reply);
  }

  #ackSoon(): void {
    if (this.#ackTimer !== null || this.#lastSeq === this.#ackedSeq) return;
    this.#ackTimer = this.#world.setTimeout(() => {
      this.#ackTimer = null;
      if (this.#socket?.readyState !== 1 || this.#lastSeq < 0) return;
      this.#ackedSeq = this.#lastSeq;
      const ack: Ack = { type: 'ack', seq: this.#lastSeq };
      this.#socket.send(JSON.stringify(ack));
    }, PAGE_ACK_INTERVAL_MS);
  }
}
