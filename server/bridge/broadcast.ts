// Tells all pages what the journal learns: one timer for all, each flush worded once for all pages that stand at the same event.
import type { TraceEvent } from '../wire/event.ts';
import { FEED_BEAT_MS, FEED_EVENTS_PER_FLUSH, FEED_FLUSH_MS, FEED_WORDING_MS, STATUS_INTERVAL_MS } from '../wire/limits.ts';
import type { Hello, Status } from '../wire/message.ts';
import type { Feed } from './feed.ts';
import type { Journal } from './journal.ts';
import { Pace } from './pace.ts';
import { SnapshotMaker } from './snapshot-maker.ts';

/** Events worded between two looks at the clock. */
const WORDED_AT_A_TIME = 256;

/** What a flush has made for the pages at one position. */
interface Worded {
  to: number;
  message: Uint8Array;
}

export class Broadcast {
  readonly #journal: Journal;
  readonly #status: () => Status;
  readonly #snapshots: SnapshotMaker;
  readonly #feeds = new Set<Feed>();
  /** When all pages were last told the status though it may be the same. */
  #beatAtMs = 0;
  /** Those whose next snapshot is being made. */
  readonly #refreshing = new Set<Feed>();
  #unsubscribe: (() => void) | null = null;
  #flushTimer: NodeJS.Timeout | undefined;
  /** The next flush comes no earlier. */
  #nextFlushMs = -Infinity;
  #statusTimer: NodeJS.Timeout | undefined;
  #pace: Pace;

  constructor(journal: Journal, status: () => Status) {
    this.#journal = journal;
    this.#status = status;
    this.#snapshots = new SnapshotMaker(journal, status);
    this.#pace = new Pace(performance.now(), journal.lastSeq);
  }

  /** Pages that watch now. */
  get watchers(): number {
    return this.#feeds.size;
  }

  /** A page joins: it is sent `greeting` with a snapshot, then every event after it. Resolves when the snapshot is on its way. */
  async join(feed: Feed, greeting: Omit<Hello, 'seq' | 'snapshot'>): Promise<void> {
    this.#feeds.add(feed);
    if (this.#unsubscribe === null) this.#begin();
    const snapshot = this.#snapshots.get(0);
    await feed.hello(greeting, snapshot);
    feed.statusKey = statusKey(snapshot.status);
    this.#flushSoon();
  }

  leave(feed: Feed): void {
    this.#feeds.delete(feed);
    if (this.#feeds.size === 0) this.#end();
  }

  /** Sends what is still to be sent and closes every page, code 1001 (going away). */
  closeAll(reason: string): void {
    this.#flush();
    for (const feed of [...this.#feeds]) feed.close(1001, reason);
  }

  /** Nobody watched until now; nothing was worded. */
  #begin(): void {
    this.#pace = new Pace(performance.now(), this.#journal.lastSeq);
    this.#beatAtMs = performance.now();
    this.#unsubscribe = this.#journal.subscribe(() => {
      this.#flushSoon();
    });
    this.#statusTimer = setInterval(() => {
      this.#tellStatus();
    }, STATUS_INTERVAL_MS);
  }

  #end(): void {
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    clearInterval(this.#statusTimer);
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
  }

  /** At once where the last flush was long enough ago, so that a single event does not wait. */
  #flushSoon(): void {
    if (this.#flushTimer !== undefined || this.#feeds.size === 0) return;
    this.#flushTimer = setTimeout(
      () => {
        this.#flush();
      },
      Math.max(0, this.#nextFlushMs - performance.now()),
    );
  }

  #flush(): void {
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    const nowMs = performance.now();
    const lastSeq = this.#journal.lastSeq;
    const worded = new Map<number, Worded>();
    const framed = new Map<number, Worded>();
    const tooFast = this.#pace.tooFast(lastSeq, nowMs);
    const snapshotEvents = this.#journal.presentEvents;
    let unfinished = false;
    for (const feed of [...this.#feeds]) {
      if (!feed.open || feed.state === 'joining' || feed.position === lastSeq) continue;
      if (feed.full(nowMs)) {
        unfinished = true;
        continue;
      }
      feed.judge(this.#journal.firstSeq, lastSeq, snapshotEvents, tooFast);
      if (feed.state === 'behind') {
        unfinished = true;
        if (feed.mayHaveSnapshot(nowMs)) void this.#refresh(feed);
        continue;
      }
      const made = feed.records ? framed : worded;
      let message = made.get(feed.position);
      if (message === undefined) {
        if (worded.size + framed.size > 0 && performance.now() - nowMs > FEED_WORDING_MS) {
          unfinished = true;
          continue;
        }
        const to = Math.min(lastSeq, feed.position + FEED_EVENTS_PER_FLUSH);
        message = feed.records ? { to, message: this.#journal.frame(feed.position + 1, to) } : this.#word(feed.position + 1, to, nowMs + FEED_WORDING_MS);
        made.set(feed.position, message);
      }
      feed.events(message.message, message.to, lastSeq);
      if (message.to < lastSeq) {
        unfinished = true;
        // Behind those that had to wait: the next flush begins with them.
        this.#feeds.delete(feed);
        this.#feeds.add(feed);
      }
    }
    // Half of the time stays for hearing what comes, however many pages there are to tell.
    const doneMs = performance.now();
    this.#nextFlushMs = Math.max(nowMs + FEED_FLUSH_MS, doneMs + (doneMs - nowMs));
    if (unfinished) this.#flushSoon();
  }

  /** The message Events of message.ts: from `from` up to `last`, or as far as it gets until `untilMs`. */
  #word(from: number, last: number, untilMs: number): Worded {
    const parts: string[] = [];
    let to = from - 1;
    do {
      const events: TraceEvent[] = [];
      for (const end = Math.min(last, to + WORDED_AT_A_TIME); to < end;) events.push(this.#journal.event((to += 1)));
      parts.push(JSON.stringify(events).slice(1, -1));
    } while (to < last && performance.now() < untilMs);
    return { to, message: Buffer.from(`{"type":"events","from":${from},"to":${to},"events":[${parts.join(',')}]}`) };
  }

  /** A page that fell behind starts afresh. */
  async #refresh(feed: Feed): Promise<void> {
    if (this.#refreshing.has(feed)) return;
    this.#refreshing.add(feed);
    const snapshot = this.#snapshots.get(feed.position + 1);
    await feed.gap(snapshot);
    this.#refreshing.delete(feed);
    feed.statusKey = statusKey(snapshot.status);
    this.#flushSoon();
  }

  #tellStatus(): void {
    const status = this.#status();
    const key = statusKey(status);
    const nowMs = performance.now();
    const beat = nowMs - this.#beatAtMs >= FEED_BEAT_MS;
    if (beat) this.#beatAtMs = nowMs;
    let message: Uint8Array | null = null;
    for (const feed of [...this.#feeds]) {
      if (!feed.open || feed.state === 'joining' || (feed.statusKey === key && !beat) || feed.full(nowMs)) continue;
      message ??= Buffer.from(JSON.stringify({ type: 'status', status }));
      feed.status(message, key);
    }
  }
}

/** What of a status is worth telling: clocks and ages, which always differ, are left out. */
function statusKey(status: Status): string {
  return JSON.stringify({ ...status, nowNs: 0, journal: null, processes: status.processes.map((one) => ({ ...one, heartbeatAgeMs: null })) });
}
