// What the page knows, kept current: events go into the model as they come, and the views are told once a frame.
import type { FeedMessage, Limits, Reply, Status } from '#wire/message.ts';
import { CommandLost, Feed, type CommandBody, type FeedPhase } from '../feed/feed.ts';
import { TraceModel } from '../model/trace-model.ts';

/** How fast a countdown moves; more often than ten times a second nobody can read it. */
const CLOCK_INTERVAL_MS = 100;

export class Session {
  /** Not reactive itself: `revision` says when to look again. */
  readonly model = new TraceModel();
  /** Grows once per frame in which anything changed; a view that reads the model reads it too. */
  revision = $state(0);
  phase = $state<FeedPhase>('connecting');
  status = $state.raw<Status | null>(null);
  limits = $state.raw<Limits | null>(null);
  role = $state<'control' | 'watch'>('control');
  /** Nanoseconds since the run began, as the bridge would say now; moves ten times a second while something is live. */
  nowNs = $state(0);
  /** The view stands still; the model goes on. */
  frozen = $state(false);
  /** Events that came while the view was frozen. */
  cameMeanwhile = $state(0);
  #run = '';
  #frame = 0;
  #frozenSeq = 0;
  #offsetMs = 0;
  readonly #feed: Feed;

  constructor() {
    const token = new URLSearchParams(location.hash.slice(1)).get('token');
    this.#feed = new Feed(
      `${location.origin.replace('http', 'ws')}/ws`,
      token,
      {
        onMessage: (message) => {
          this.#hear(message);
        },
        onPhase: (phase) => {
          this.phase = phase;
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
      this.#tick();
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
    this.cameMeanwhile = 0;
    this.#frozenSeq = this.model.lastSeq;
  }

  unfreeze(): void {
    this.frozen = false;
    this.revision += 1;
    this.#tick();
  }

  #hear(message: Exclude<FeedMessage, { type: 'reply' }>): void {
    switch (message.type) {
      case 'hello':
        // Another run has another trace: gaps of the old one mean nothing in it.
        if (message.snapshot.status.run !== this.#run) this.model.gaps = [];
        this.#run = message.snapshot.status.run;
        this.limits = message.limits;
        this.role = message.role;
        this.model.reset(message.snapshot);
        this.#setStatus(message.snapshot.status);
        break;
      case 'events':
        this.model.apply(message.events);
        break;
      case 'gap':
        this.model.reset(message.snapshot);
        this.model.noteGap({ from: message.from, to: message.to, dropped: message.dropped, where: 'feed' });
        this.#setStatus(message.snapshot.status);
        break;
      case 'status':
        this.#setStatus(message.status);
        break;
    }
    if (this.#frame === 0) this.#frame = requestAnimationFrame(this.#show);
  }

  readonly #show = (): void => {
    this.#frame = 0;
    if (this.frozen) this.cameMeanwhile = this.model.lastSeq - this.#frozenSeq;
    else this.revision += 1;
  };

  #setStatus(status: Status): void {
    this.status = status;
    this.#offsetMs = status.nowNs / 1e6 - performance.now();
    if (this.nowNs === 0) this.nowNs = status.nowNs;
  }

  #tick(): void {
    if (this.frozen || this.status === null) return;
    const live = this.model.counts.live > 0;
    if (live || this.nowNs === 0) this.nowNs = (performance.now() + this.#offsetMs) * 1e6;
  }
}
