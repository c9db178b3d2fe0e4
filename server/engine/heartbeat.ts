// The proof that the loop turns: a beat each quarter second, with totals that stay exact whatever is dropped.
import { nowNs } from '../kernel/clock.ts';
import { HEARTBEAT_INTERVAL_MS, TOTALS_INTERVAL_MS } from '../wire/limits.ts';
import type { TapTotals } from '../wire/engine-message.ts';
import type { ClientTotals, ServerTotals } from '../wire/message.ts';
import type { Deadlines, Due } from './deadlines.ts';
import type { Reporter } from './reporter.ts';

export type Totals = { server: ServerTotals } | { clients: ClientTotals } | { tap: TapTotals };

export class Heartbeat implements Due {
  dueNs = 0;
  heapIndex = -1;
  readonly #deadlines: Deadlines;
  readonly #reporter: Reporter;
  readonly #totals: () => Totals;
  /** A change is to be told already: under load there are several per exchange. */
  #soon = false;

  constructor(deadlines: Deadlines, reporter: Reporter, totals: () => Totals) {
    this.#deadlines = deadlines;
    this.#reporter = reporter;
    this.#totals = totals;
    deadlines.set(this, nowNs());
  }

  onDue(): void {
    this.beat();
    this.#deadlines.set(this, nowNs() + HEARTBEAT_INTERVAL_MS * 1e6);
  }

  /** The totals have changed: say so shortly, once for all changes until then. */
  soon(): void {
    if (this.#soon) return;
    this.#soon = true;
    const soonNs = nowNs() + TOTALS_INTERVAL_MS * 1e6;
    if (soonNs < this.dueNs) this.#deadlines.set(this, soonNs);
  }

  /** Says it now, as at the end. */
  beat(): void {
    this.#soon = false;
    this.#reporter.report({ type: 'beat', atNs: nowNs(), recorded: this.#reporter.recorded, dropped: this.#reporter.dropped, ...this.#totals() });
  }
}
