// When an engine that ended unexpectedly is started again: after a growing delay, and not for ever.
import { CRASHES_PER_WINDOW, CRASH_WINDOW_MS, RESTART_FIRST_DELAY_MS, RESTART_MAX_DELAY_MS } from '../wire/limits.ts';

export class RestartPolicy {
  readonly #crashesAtMs: number[] = [];

  /** A crash at `nowMs` (any steady clock): the delay of the restart in milliseconds, or null to give up. */
  crashed(nowMs: number): number | null {
    while (this.#crashesAtMs[0] !== undefined && nowMs - this.#crashesAtMs[0] > CRASH_WINDOW_MS) this.#crashesAtMs.shift();
    this.#crashesAtMs.push(nowMs);
    const crashes = this.#crashesAtMs.length;
    return crashes >= CRASHES_PER_WINDOW ? null : Math.min(RESTART_MAX_DELAY_MS, RESTART_FIRST_DELAY_MS * 2 ** (crashes - 1));
  }

  /** Somebody started it by hand: what was before no longer counts. */
  forget(): void {
    this.#crashesAtMs.length = 0;
  }
}
