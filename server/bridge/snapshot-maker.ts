// Snapshots as pages get them: copied from the journal in one moment, made once for all who ask at about the same time.
import { FEED_BEHIND_EVENTS, SNAPSHOT_REUSE_MS } from '../wire/limits.ts';
import type { Status } from '../wire/message.ts';
import type { Excerpt } from './excerpt.ts';
import type { Journal } from './journal.ts';

/** The present up to event `seq`, as JSON or as records; each of both is made when it is first asked for, and once. */
export class PreparedSnapshot {
  readonly seq: number;
  readonly status: Status;
  readonly #present: Excerpt;
  #json: Promise<Uint8Array> | null = null;
  #frames: readonly Uint8Array[] | null = null;

  constructor(seq: number, status: Status, present: Excerpt) {
    this.seq = seq;
    this.status = status;
    this.#present = present;
  }

  /** A Snapshot of message.ts with all events; worded in slices, so that a large one stalls nobody. */
  json(): Promise<Uint8Array> {
    this.#json ??= this.#word();
    return this.#json;
  }

  /** The events as frames (record-frame.ts), which come before … */
  get frames(): readonly Uint8Array[] {
    this.#frames ??= this.#present.frames();
    return this.#frames;
  }

  /** … a Snapshot that has none itself. */
  get eventless(): Uint8Array {
    return Buffer.from(this.#around(''));
  }

  async #word(): Promise<Uint8Array> {
    const slices: string[] = [];
    for await (const slice of this.#present.slices()) slices.push(JSON.stringify(slice).slice(1, -1));
    return Buffer.from(this.#around(slices.join(',')));
  }

  #around(events: string): string {
    return `{"seq":${this.seq},"status":${JSON.stringify(this.status)},"omitted":${this.seq - this.#present.count},"events":[${events}]}`;
  }
}

export class SnapshotMaker {
  readonly #journal: Journal;
  readonly #status: () => Status;
  #latest: { madeMs: number; snapshot: PreparedSnapshot } | null = null;
  #forget: NodeJS.Timeout | undefined;

  constructor(journal: Journal, status: () => Status) {
    this.#journal = journal;
    this.#status = status;
  }

  /** A snapshot that includes event `atLeast`, and from which a page can go on with the events that follow. */
  get(atLeast: number): PreparedSnapshot {
    const nowMs = performance.now();
    const seq = this.#journal.lastSeq;
    const latest = this.#latest;
    if (latest !== null && latest.snapshot.seq >= atLeast && seq - latest.snapshot.seq <= FEED_BEHIND_EVENTS && nowMs - latest.madeMs < SNAPSHOT_REUSE_MS)
      return latest.snapshot;
    const snapshot = new PreparedSnapshot(seq, this.#status(), this.#journal.present());
    this.#latest = { madeMs: nowMs, snapshot };
    // A snapshot of ten thousand connections is large: nobody needs it once it is old.
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => {
      this.#latest = null;
    }, SNAPSHOT_REUSE_MS).unref();
    return snapshot;
  }
}
