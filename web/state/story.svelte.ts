// The story on show: the chosen connection, its steps, the one we stand at, and walking through them.
import { steps as storyOf, type Step } from '../model/step.ts';
import type { Connection } from '../model/connection.ts';
import type { Selection } from './selection.svelte.ts';
import type { Session } from './session.svelte.ts';

/** Slowed: what happens within microseconds is given time to be seen; true durations are written beside it. */
export type Pace = 'real' | 'slowed';

const SLOWED_FACTOR = 2_000;
const SLOWED_LEAST_MS = 350;
const SLOWED_MOST_MS = 1_600;

/** A connection that nobody chose is on show for at least this long before a newer one takes its place. */
const SHOWN_LEAST_MS = 2_000;

export class Story {
  /** Segments that nobody captured are shown. */
  inferred = $state(true);
  /** Calls that only serve the watching are shown. */
  routine = $state(false);
  playing = $state(false);
  pace = $state<Pace>('slowed');
  readonly #session: Session;
  readonly #selection: Selection;
  #timer = 0;
  #byItself: Connection | null = null;
  #byItselfSinceMs = -Infinity;

  constructor(session: Session, selection: Selection) {
    this.#session = session;
    this.#selection = selection;
  }

  /** Without a choice the newest connection is on show; looking at it does not choose it. */
  readonly connection = $derived.by((): Connection | null => {
    void this.#session.drawn.sums;
    const { model } = this.#session;
    const { key } = this.#selection;
    return key === null ? this.#shownByItself(model.connections.at(-1) ?? null) : model.byKey(key);
  });

  /** What nobody chose stays long enough to be read, however fast new ones come. */
  #shownByItself(newest: Connection | null): Connection | null {
    const shown = this.#byItself;
    const nowMs = performance.now();
    const known = shown !== null && this.#session.model.byKey(shown.key) === shown;
    if (known && newest !== shown && nowMs - this.#byItselfSinceMs < SHOWN_LEAST_MS) return shown;
    if (newest !== shown) this.#byItselfSinceMs = nowMs;
    this.#byItself = newest;
    return newest;
  }

  /** Grows when the connection on show changed; what draws it reads this. */
  readonly revision = $derived.by(() => {
    void this.#session.drawn.sums;
    return this.connection?.revision ?? 0;
  });

  readonly steps = $derived.by((): Step[] => {
    void this.revision;
    return this.connection === null ? [] : storyOf(this.connection, { inferred: this.inferred, routine: this.routine });
  });

  /** A choice made in the trace or the server's steps is an event: its step is found here. */
  readonly current = $derived.by(() => {
    const { seq, step } = this.#selection;
    if (seq !== null) {
      const at = this.steps.findIndex((one) => one.event?.seq === seq);
      if (at >= 0) return at;
    }
    return Math.min(Math.max(0, step), Math.max(0, this.steps.length - 1));
  });

  readonly step = $derived<Step | null>(this.steps[this.current] ?? null);

  go(to: number): void {
    const target = Math.min(Math.max(0, to), Math.max(0, this.steps.length - 1));
    this.#selection.chooseStep(target, this.steps[target]?.event?.seq ?? null);
  }

  /** Goes from step to step by itself, to the last; from there it begins again. */
  play(): void {
    this.playing = true;
    if (this.current >= this.steps.length - 1) this.go(0);
    this.#playNext();
  }

  pause(): void {
    this.playing = false;
    window.clearTimeout(this.#timer);
  }

  #playNext(): void {
    const here = this.step;
    const next = this.steps[this.current + 1];
    if (here === null || next === undefined) {
      this.pause();
      return;
    }
    const realMs = (next.atNs - here.atNs) / 1e6;
    const waitMs = this.pace === 'real' ? realMs : Math.min(SLOWED_MOST_MS, Math.max(SLOWED_LEAST_MS, realMs * SLOWED_FACTOR));
    this.#timer = window.setTimeout(() => {
      this.go(this.current + 1);
      this.#playNext();
    }, waitMs);
  }
}
