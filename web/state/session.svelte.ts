// What the page knows, kept current: events go into the model as they come, and the views are told once a frame.
import { PAGE_FROZEN_EVENTS } from '#wire/limits.ts';
import type { TraceEvent } from '#wire/event.ts';
import type { Gap, Hello, Limits, Reply, Status } from '#wire/message.ts';
import { CommandLost, Feed, type CommandBody, type FeedPhase, type Told } from '../feed/feed.ts';
import { freeBuffer } from '../model/free-buffer.ts';
import { Series } from '../model/series.ts';
import { TraceModel } from '../model/trace-model.ts';

/** What changes what is shown; a snapshot has been folded already as far as it came in parts. */
type Heard = Extract<Told, { type: 'events' | 'status' }> | ((Hello | Gap) & { begun: Begun | undefined });

/** A snapshot of which parts have come. */
interface Begun {
  model: TraceModel;
  events: TraceEvent[];
}

/** How fast a countdown moves; more often than ten times a second nobody can read it. */
const CLOCK_INTERVAL_MS = 100;
/** What is drawn in frames of its own, so that no one frame is long: the trace's lines, the waterfall's rows, the stage, sums and the one conversation. */
const DRAWINGS = ['lines', 'rows', 'stage', 'sums'] as const;
type Drawing = (typeof DRAWINGS)[number];
/** Where lines come without a pause, the others wait so long: what changes more often nobody can read. */
const PATIENCE_MS = 200;
/** Of each frame, for catching up after the view was frozen: half of it stays for drawing. */
const CATCH_UP_SLICE_MS = 8;

export class Session {
  /** Not reactive itself: `drawn` says when to look again. */
  readonly model = new TraceModel();
  /** What the charts draw, over time; as little reactive as the model. */
  readonly series = new Series();
  /** Each grows with a frame in which it is to be drawn anew; a view that reads the model reads its own of them too. */
  readonly drawn = $state<Record<Drawing, number>>({ lines: 0, rows: 0, stage: 0, sums: 0 });
  phase = $state<FeedPhase>('connecting');
  /** As the views show it: it stands still while they are frozen. */
  status = $state.raw<Status | null>(null);
  /** As the bridge last told it, frozen or not: what the controls go by. */
  liveStatus = $state.raw<Status | null>(null);
  limits = $state.raw<Limits | null>(null);
  role = $state<'control' | 'watch'>('control');
  /** Nanoseconds since the run began, as the bridge would say now; moves ten times a second while something is live, the stage's in its own frames. */
  nowNs = $state(0);
  stageNowNs = $state(0);
  /** All views stand still, countdowns too; what comes meanwhile is kept, and told in one go when they move again. */
  frozen = $state(false);
  /** Events that came while the view was frozen. */
  cameMeanwhile = $state(0);
  /** For requests beside the feed; null where none is needed. */
  readonly token: string | null;
  #run = '';
  #frame = 0;
  /** What does not show yet what the model knows, and since when; what was drawn last; whether the clock is to move. */
  readonly #owed = new Map<Drawing, number>();
  #last: Drawing = 'sums';
  #clockOwed = false;
  /** What the parts of a snapshot under way have come to. */
  #coming: Begun | undefined;
  #kept: Heard[] = [];
  #keptEvents = 0;
  #offsetMs = 0;
  readonly #feed: Feed;

  constructor() {
    this.token = new URLSearchParams(location.hash.slice(1)).get('token');
    this.#feed = new Feed(
      `${location.origin.replace('http', 'ws')}/ws?records=1`,
      this.token,
      {
        onMessage: (message) => {
          this.#hear(message);
        },
        onPhase: (phase) => {
          this.phase = phase;
          if (phase !== 'live') this.#coming = undefined;
        },
      },
      {
        open: (url, protocols) => new WebSocket(url, protocols),
        setTimeout: (work, ms) => window.setTimeout(work, ms),
        clearTimeout: (timer) => {
          window.clearTimeout(timer);
        },
        random: Math.random,
      },
    );
    setInterval(() => {
      if (this.frozen || this.model.counts.live === 0) return;
      this.#clockOwed = true;
      this.#showSoon();
    }, CLOCK_INTERVAL_MS);
  }

  /** Sends a command; a lost feed becomes a refusal with words, so that a caller has one way to fail. */
  async send(command: CommandBody): Promise<Reply> {
    try {
      return await this.#feed.send(command);
    } catch (error) {
      if (!(error instanceof CommandLost)) throw error;
      return { type: 'reply', id: null, ok: false, error: { code: 'engine-unavailable', message: error.message } };
    }
  }

  freeze(): void {
    this.frozen = true;
    // What stands still shows one moment: that of the newest event the model has.
    for (const drawing of DRAWINGS) this.drawn[drawing] += 1;
    this.cameMeanwhile = 0;
  }

  unfreeze(): void {
    this.frozen = false;
    // More than could be kept: the bridge has the rest, and begins anew with a snapshot; how many were skipped is said.
    if (this.#keptEvents > PAGE_FROZEN_EVENTS) {
      this.model.noteGap({ from: this.model.lastSeq + 1, to: this.model.lastSeq + this.#keptEvents, dropped: this.#keptEvents, where: 'feed' });
      this.#feed.restart();
    }
    this.#keptEvents = 0;
    this.#changed();
  }

  #hear(told: Told): void {
    if (told.type === 'snapshot-part') {
      // Each in a task of its own, beside what is on show: between two of them frames are drawn.
      this.#coming ??= { model: new TraceModel(), events: [] };
      this.#coming.model.apply(told.events, told.records);
      if (told.records !== undefined) freeBuffer(told.records.bytes.buffer);
      for (const event of told.events) this.#coming.events.push(event);
      return;
    }
    const message: Heard = told.type === 'hello' || told.type === 'gap' ? { ...told, begun: this.#coming } : told;
    if ('begun' in message) this.#coming = undefined;
    if (message.type === 'status') this.liveStatus = message.status;
    else if (message.type !== 'events') this.liveStatus = message.snapshot.status;
    if (this.frozen) this.#keep(message);
    else if (this.#kept.length > 0) this.#kept.push(message);
    else this.#take(message);
    this.#changed();
  }

  #changed(): void {
    const nowMs = performance.now();
    for (const drawing of DRAWINGS) if (!this.#owed.has(drawing)) this.#owed.set(drawing, nowMs);
    this.#showSoon();
  }

  #keep(message: Heard): void {
    if (message.type === 'events') this.#keptEvents += message.events.length;
    // What begins anew with a snapshot replaces what was kept before it; what was skipped is added up.
    else if (message.type === 'hello') this.#kept = [];
    else if (message.type === 'gap') {
      this.#keptEvents += message.dropped;
      const earlier = this.#kept[0];
      this.#kept = [];
      if (earlier?.type === 'gap') message = { ...message, from: earlier.from, dropped: earlier.dropped + message.dropped };
    }
    if (this.#keptEvents <= PAGE_FROZEN_EVENTS) this.#kept.push(message);
    else this.#kept = [];
  }

  /** Takes what was kept, a slice a frame, in its order; what comes in between waits behind it. */
  #takeKept(): void {
    const untilMs = performance.now() + CATCH_UP_SLICE_MS;
    let taken = 0;
    for (const message of this.#kept) {
      this.#take(message);
      taken += 1;
      if (performance.now() > untilMs) break;
    }
    this.#kept.splice(0, taken);
  }

  #take(message: Heard): void {
    switch (message.type) {
      case 'hello':
        // Another run has another trace: gaps of the old one mean nothing in it.
        if (message.snapshot.status.run !== this.#run) {
          this.model.gaps = [];
          this.series.clear();
        }
        this.#run = message.snapshot.status.run;
        this.limits = message.limits;
        this.role = message.role;
        this.#begin(message);
        break;
      case 'events':
        this.model.apply(message.events, message.records);
        this.series.apply(message.events);
        // The log has its own copy.
        if (message.records !== undefined) freeBuffer(message.records.bytes.buffer);
        break;
      case 'gap':
        this.#begin(message);
        this.model.noteGap({ from: message.from, to: message.to, dropped: message.dropped, where: 'feed' });
        break;
      case 'status':
        this.#setStatus(message.status);
        break;
    }
  }

  #begin({ snapshot, begun }: (Hello | Gap) & { begun: Begun | undefined }): void {
    this.model.reset(snapshot, begun?.model);
    this.series.resume(snapshot.seq, [...(begun?.events ?? []), ...snapshot.events]);
    this.#setStatus(snapshot.status);
  }

  #showSoon(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#show);
  }

  readonly #show = (nowMs: number): void => {
    this.#frame = 0;
    if (this.frozen) {
      this.cameMeanwhile = this.#keptEvents;
      return;
    }
    if (this.#kept.length > 0) this.#takeKept();
    const next = this.#next(nowMs);
    if (next !== null) this.#draw(next);
    else if (this.#clockOwed) this.#tick();
    if (this.#kept.length > 0) this.#changed();
    if (this.#owed.size > 0 || this.#clockOwed) this.#showSoon();
  };

  /** Lines; but what has waited too long comes before them in every other frame, and where there are none, what has waited longest; null: nothing is owed. */
  #next(nowMs: number): Drawing | null {
    let found: Drawing | null = null;
    let foundMs = Infinity;
    for (const [drawing, sinceMs] of this.#owed) {
      if (drawing === 'lines' || sinceMs >= foundMs) continue;
      found = drawing;
      foundMs = sinceMs;
    }
    return this.#owed.has('lines') && (nowMs - foundMs < PATIENCE_MS || this.#last !== 'lines') ? 'lines' : found;
  }

  #draw(drawing: Drawing): void {
    this.drawn[drawing] += 1;
    this.#owed.delete(drawing);
    this.#last = drawing;
    if (drawing === 'rows') this.nowNs = this.#clockNs;
    else if (drawing === 'stage') this.stageNowNs = this.#clockNs;
  }

  #setStatus(status: Status): void {
    this.status = status;
    this.#offsetMs = status.nowNs / 1e6 - performance.now();
    this.nowNs ||= status.nowNs;
    this.stageNowNs ||= status.nowNs;
  }

  #tick(): void {
    this.#clockOwed = false;
    this.nowNs = this.#clockNs;
    this.stageNowNs = this.nowNs;
  }

  /** What the bridge's clock says now; while nothing moves, what it last said here. */
  get #clockNs(): number {
    return this.status === null || this.#kept.length > 0 || this.model.counts.live === 0 ? this.nowNs : (performance.now() + this.#offsetMs) * 1e6;
  }
}
