// One page's feed: where in the trace it stands, how much it has under way, and what may be sent to it now.
import {
  FEED_BACKLOG_MAX_BYTES,
  FEED_BEHIND_EVENTS,
  FEED_EVENTS_PER_FLUSH,
  FEED_SNAPSHOT_INTERVAL_MS,
  FEED_STALL_MAX_MS,
  FEED_WINDOW_EVENTS,
  SNAPSHOT_COPY_MAX_BYTES,
} from '../wire/limits.ts';
import type { Hello, Reply } from '../wire/message.ts';
import type { PreparedSnapshot } from './snapshot-maker.ts';

/** What a feed needs of its WebSocket (ws). */
export interface FeedSocket {
  readonly readyState: number;
  readonly OPEN: number;
  readonly bufferedAmount: number;
  /** `fin: false`: more of the same message follows. */
  send(data: Uint8Array | string, options: { binary: boolean; fin: boolean }): void;
  close(code: number, reason: string): void;
}

/** Of the WebSocket protocol's private range: this page is too slow for the feed. */
export const CLOSE_TOO_SLOW = 4008;

/** `joining` and `behind` wait for a snapshot; `live` gets events as they come. */
type FeedState = 'joining' | 'live' | 'behind';

const CLOSING_BRACE = Buffer.from('}');

export type Role = Hello['role'];

export class Feed {
  readonly role: Role;
  readonly #socket: FeedSocket;
  /** It asked for events as records, not as JSON. */
  readonly records: boolean;
  #state: FeedState = 'joining';
  /** The last event this page was told of, by events or snapshot. */
  #position = 0;
  /** What it said it has drawn; null while it never said anything. */
  #acked: number | null = null;
  /** Events still pending after the last flush: more and more of them means that it will never catch up. */
  #pendingAfterFlush = 0;
  #snapshotMs = -Infinity;
  /** Since when its socket takes nothing, and how much it held then. */
  #stall: { sinceMs: number; bytes: number } | null = null;
  /** The status it knows, by its key. */
  statusKey = '';

  constructor(socket: FeedSocket, role: Role, records = false) {
    this.#socket = socket;
    this.records = records;
    this.role = role;
  }

  get state(): FeedState {
    return this.#state;
  }

  get position(): number {
    return this.#position;
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** The page has drawn everything up to `seq`. */
  ack(seq: number): void {
    this.#acked = Math.max(this.#acked ?? 0, Math.min(seq, this.#position));
  }

  /** True where nothing may be sent now: its socket or its window is full. Closes it when it has been so for too long. */
  full(nowMs: number): boolean {
    const bytes = this.#socket.bufferedAmount;
    if (bytes <= FEED_BACKLOG_MAX_BYTES) {
      this.#stall = null;
      // A page that draws nothing (a tab in the background) costs nothing either: it waits, however long.
      return this.#acked !== null && this.#position - this.#acked > FEED_WINDOW_EVENTS;
    }
    if (this.#stall === null || bytes < this.#stall.bytes) this.#stall = { sinceMs: nowMs, bytes };
    else if (nowMs - this.#stall.sinceMs > FEED_STALL_MAX_MS) this.#socket.close(CLOSE_TOO_SLOW, 'the page reads too slowly');
    return true;
  }

  /**
   * Whether events from its position on would still help, given what the journal holds, what a snapshot would cost instead (in events), and whether
   * the trace grows too fast to be told. Once it is behind, only a snapshot helps.
   */
  judge(firstSeq: number, lastSeq: number, snapshotEvents: number, tooFast: boolean): void {
    const pending = lastSeq - this.#position;
    // With ten thousand connections open a snapshot is a hundred thousand events: a page a second behind gets along better with what it missed.
    const growing = pending - FEED_EVENTS_PER_FLUSH > Math.max(FEED_BEHIND_EVENTS, snapshotEvents) && pending - FEED_EVENTS_PER_FLUSH > this.#pendingAfterFlush;
    if (this.#state === 'live' && (this.#position + 1 < firstSeq || growing || tooFast)) this.#state = 'behind';
  }

  /** True where a snapshot may be sent to it again. */
  mayHaveSnapshot(nowMs: number): boolean {
    return nowMs - this.#snapshotMs >= FEED_SNAPSHOT_INTERVAL_MS;
  }

  /** The first message: from here on it is live. `greeting` is a Hello without its seq and snapshot. */
  async hello(greeting: Omit<Hello, 'seq' | 'snapshot'>, snapshot: PreparedSnapshot): Promise<void> {
    await this.#tell(`${JSON.stringify(greeting).slice(0, -1)},"seq":${snapshot.seq}`, snapshot);
  }

  /** The events after its position, up to the snapshot's, are not sent to it; the snapshot replaces what it knew. */
  async gap(snapshot: PreparedSnapshot): Promise<void> {
    const from = this.#position + 1;
    await this.#tell(`{"type":"gap","from":${from},"to":${snapshot.seq},"dropped":${snapshot.seq - from + 1}`, snapshot);
  }

  /** The events after its position, up to `to`, as one message in its own form, which other pages may share. */
  events(message: Uint8Array, to: number, lastSeq: number): void {
    this.#send(message, { binary: this.records });
    this.#position = to;
    this.#pendingAfterFlush = lastSeq - to;
  }

  status(message: Uint8Array, key: string): void {
    this.#send(message);
    this.statusKey = key;
  }

  reply(reply: Reply): void {
    this.#send(JSON.stringify(reply));
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Sends a snapshot, as records or as JSON, in a message that begins with `head`; from there on the page is live. */
  async #tell(head: string, snapshot: PreparedSnapshot): Promise<void> {
    const json = this.records ? snapshot.eventless : await snapshot.json();
    if (!this.open) return;
    if (this.records) for (const frame of snapshot.frames) this.#send(frame, { binary: true });
    if (json.length <= SNAPSHOT_COPY_MAX_BYTES) this.#send(Buffer.concat([Buffer.from(`${head},"snapshot":`), json, CLOSING_BRACE]));
    else {
      // One message in three frames: the large one in the middle is shared by all pages, not copied for each.
      this.#send(`${head},"snapshot":`, { fin: false });
      this.#send(json, { fin: false });
      this.#send(CLOSING_BRACE);
    }
    this.#joined(snapshot);
  }

  #joined(snapshot: PreparedSnapshot): void {
    this.#position = snapshot.seq;
    // What piled up while a large snapshot was made is no sign of slowness: the first flush never counts as growth.
    this.#pendingAfterFlush = Infinity;
    this.#snapshotMs = performance.now();
    this.#state = 'live';
  }

  #send(message: Uint8Array | string, { binary = false, fin = true } = {}): void {
    if (this.open) this.#socket.send(message, { binary, fin });
  }
}
