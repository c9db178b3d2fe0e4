// The one selection that runs through everything: a connection and a step of its story, kept in the address too.
import type { Session } from './session.svelte.ts';

export class Selection {
  /** The connection's key; null when the newest is shown. */
  key = $state<string | null>(null);
  /** The event's number; null for the first step. Steps that nobody saw have no number: `step` then says which. */
  seq = $state<number | null>(null);
  step = $state(0);
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.#restore();
    window.addEventListener('hashchange', () => {
      this.#restore();
    });
  }

  /** Chooses a connection, at its beginning. */
  choose(key: string | null): void {
    if (key === this.key) return;
    this.key = key;
    this.seq = null;
    this.step = 0;
    this.#keep();
  }

  /** Chooses a step of the chosen connection. */
  chooseStep(step: number, seq: number | null): void {
    this.step = step;
    this.seq = seq;
    this.#keep();
  }

  /** The chosen event has another place in its story now. */
  stepMoved(step: number): void {
    if (this.seq === null || step === this.step) return;
    this.step = step;
    this.#keep();
  }

  /** Chooses an event anywhere, and its connection with it. */
  chooseEvent(seq: number): void {
    const log = this.#session.model.log;
    const event = log.at(log.placeOf(seq));
    if (event?.seq !== seq) return;
    const connection = this.#session.model.ofEvent(event);
    if (connection !== null) this.key = connection.key;
    this.seq = seq;
    this.#keep();
  }

  #restore(): void {
    const hash = new URLSearchParams(location.hash.slice(1));
    const key = hash.get('c');
    if (key !== null) this.key = key;
    const step = Number(hash.get('s') ?? NaN);
    if (Number.isInteger(step)) this.step = step;
  }

  #keep(): void {
    const hash = new URLSearchParams(location.hash.slice(1));
    if (this.key === null) hash.delete('c');
    else hash.set('c', this.key);
    hash.set('s', String(this.step));
    history.replaceState(null, '', `#${hash.toString()}`);
  }
}
