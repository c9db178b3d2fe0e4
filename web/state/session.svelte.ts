// What the page knows, kept current: events go into the model as they come, and the views are told once a frame.
import { PAGE_FROZEN_EVENTS, PAGE_RUSH_DRAW_MS, PAGE_RUSH_EVENTS } from '#wire/limits.ts';
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
/** In a rush pictures follow each other no faster: sums that change more often nobody can read. */
const GLANCE_PAUSE_MS = 200;
/** Where lists are drawn in frame after frame, pictures and the clock wait no longer than this for a frame of their own. */
const PATIENCE_MS = 100;
/** Of each frame, for catching up after the view was frozen: half of it stays for drawing. */
const CATCH_UP_SLICE_MS = 8;

export class Session {
  /** Not reactive itself: `revision` says when to look again. */
  readonly model = new TraceModel();
  /** What the charts draw, over time; as little reactive as the model. */
  readonly series = new Series();
  /** Grows once per frame in which anything changed; a view that reads the model reads it too. */
  revision = $state(0);
  /** As `revision`, but in a frame of its own, and in a rush a few times a second: sums and pictures, unlike lists, say nothing of what came between two looks. */
  glance = $state(0);
  phase = $state<FeedPhase>('connecting');
  /** As the views show it: it stands still while they are frozen. */
  status = $state.raw<Status | null>(null);
  /** As the bridge last told it, frozen or not: what the controls go by. */
  liveStatus = $state.raw<Status | null>(null);
  limits = $state.raw<Limits | null>(null);
  role = $state<'control' | 'watch'>('control');
  /** Nanoseconds since the run began, as the bridge would say now; moves ten times a second while something is live. */
  nowNs = $state(0);
  /** All views stand still, countdowns too; what comes meanwhile is kept, and told in one go when they move again. */
  frozen = $state(false);
  /** Events that came while the view was frozen. */
  cameMeanwhile = $state(0);
  /** For requests beside the feed; null where none is needed. */
  readonly token: string | null;
  #run = '';
  #frame = 0;
  /** Events that came since the views were last told, and when that was. */
  #untold = 0;
  #toldMs = -Infinity;
  /** Something came, or is kept, of which the views know nothing yet. */
  #news = false;
  #glancedMs = -Infinity;
  /** Since when lists show something that sums and pictures do not yet; since when the clock is to move. */
  #glanceOwedMs: number | null = null;
  #clockOwedMs: number | null = null;
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
      this.#clockOwedMs ??= performance.now();
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
    this.revision += 1;
    this.glance = this.revision;
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
    this.#news = true;
    this.#showSoon();
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
    this.#news = true;
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
        this.#untold += message.events.length;
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
    const rush = this.#untold > PAGE_RUSH_EVENTS;
    const pauseMs = rush || this.#kept.length > 0 ? GLANCE_PAUSE_MS : 0;
    const listsDue = this.#news && !(rush && nowMs - this.#toldMs < PAGE_RUSH_DRAW_MS);
    const patienceMs = listsDue ? PATIENCE_MS : 0;
    const [glanceMs, clockMs] = [this.#glanceOwedMs, this.#clockOwedMs];
    // Lists, pictures and, in a rush, the clock have frames of their own: no one frame is long.
    if (glanceMs !== null && nowMs >= Math.max(glanceMs, this.#glancedMs + pauseMs) + patienceMs) {
      this.#showGlance(nowMs);
      if (pauseMs === 0) this.#tick();
    } else if (clockMs !== null && nowMs >= clockMs + patienceMs) this.#tick();
    else if (listsDue) this.#showLists(nowMs);
    if (this.#news || this.#glanceOwedMs !== null || this.#clockOwedMs !== null) this.#showSoon();
  };

  #showLists(nowMs: number): void {
    this.#untold = 0;
    this.#toldMs = nowMs;
    this.#takeKept();
    this.revision += 1;
    this.#glanceOwedMs ??= nowMs;
    this.#news = this.#kept.length > 0;
  }

  #showGlance(nowMs: number): void {
    this.#glancedMs = nowMs;
    this.#glanceOwedMs = null;
    this.glance = this.revision;
  }

  #setStatus(status: Status): void {
    this.status = status;
    this.#offsetMs = status.nowNs / 1e6 - performance.now();
    if (this.nowNs === 0) this.nowNs = status.nowNs;
  }

  #tick(): void {
    this.#clockOwedMs = null;
    if (this.status === null || this.#kept.length > 0 || this.model.counts.live === 0) return;
    this.nowNs = (performance.now() + this.#offsetMs) * 1e6;
  }
}
