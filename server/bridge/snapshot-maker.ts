// Snapshots as pages get them: made in slices so that a large one stalls nobody, made once for all who ask at about the same time.
import { FEED_EVENTS_PER_FLUSH, SNAPSHOT_REUSE_MS } from '../wire/limits.ts';
import type { Status } from '../wire/message.ts';
import type { Journal } from './journal.ts';

/** The present up to event `seq`, worded: whole, or in parts, whichever is asked for; each of both once for all who ask. */
export class PreparedSnapshot {
  readonly seq: number;
  readonly status: Status;
  readonly #omitted: number;
  /** Events as JSON, separated by commas. */
  readonly #slices: readonly string[];
  #json: Uint8Array | null = null;
  #parts: readonly Uint8Array[] | null = null;

  constructor(seq: number, status: Status, omitted: number, slices: readonly string[]) {
    this.seq = seq;
    this.status = status;
    this.#omitted = omitted;
    this.#slices = slices;
  }

  /** A Snapshot of message.ts with all events. */
  get json(): Uint8Array {
    this.#json ??= Buffer.from(this.#around(this.#slices.join(',')));
    return this.#json;
  }

  /** The messages SnapshotPart of message.ts … */
  get parts(): readonly Uint8Array[] {
    this.#parts ??= this.#slices.slice(0, -1).map((slice) => Buffer.from(`{"type":"snapshot-part","events":[${slice}]}`));
    return this.#parts;
  }

  /** … and the Snapshot with the events that follow them. */
  get lastPart(): Uint8Array {
    return Buffer.from(this.#around(this.#slices.at(-1) ?? ''));
  }

  #around(events: string): string {
    return `{"seq":${this.seq},"status":${JSON.stringify(this.status)},"omitted":${this.#omitted},"events":[${events}]}`;
  }
}

export class SnapshotMaker {
  readonly #journal: Journal;
  readonly #status: () => Status;
  #latest: { madeMs: number; snapshot: PreparedSnapshot } | null = null;
  #making: { seq: number; promise: Promise<PreparedSnapshot> } | null = null;
  #forget: NodeJS.Timeout | undefined;

  constructor(journal: Journal, status: () => Status) {
    this.#journal = journal;
    this.#status = status;
  }

  /** A snapshot that includes event `atLeast`, and from which a page can go on with the events that follow. */
  get(atLeast: number): Promise<PreparedSnapshot> {
    const newest = this.#journal.lastSeq;
    const useful = (seq: number): boolean => seq >= atLeast && newest - seq <= FEED_EVENTS_PER_FLUSH;
    const latest = this.#latest;
    if (latest !== null && useful(latest.snapshot.seq) && performance.now() - latest.madeMs < SNAPSHOT_REUSE_MS) return Promise.resolve(latest.snapshot);
    if (this.#making !== null && useful(this.#making.seq)) return this.#making.promise;
    const promise = this.#make();
    const making = { seq: newest, promise };
    this.#making = making;
    void promise.finally(() => {
      if (this.#making === making) this.#making = null;
    });
    return promise;
  }

  async #make(): Promise<PreparedSnapshot> {
    const madeMs = performance.now();
    const seq = this.#journal.lastSeq;
    const status = this.#status();
    const present = this.#journal.present();
    const slices: string[] = [];
    for await (const slice of present.slices()) slices.push(JSON.stringify(slice).slice(1, -1));
    const snapshot = new PreparedSnapshot(seq, status, seq - present.count, slices);
    this.#latest = { madeMs, snapshot };
    // A snapshot of ten thousand connections is large: nobody needs it once it is old.
    clearTimeout(this.#forget);
    this.#forget = setTimeout(() => {
      this.#latest = null;
    }, SNAPSHOT_REUSE_MS).unref();
    return snapshot;
  }
}
