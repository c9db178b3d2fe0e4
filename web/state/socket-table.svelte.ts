// The kernel's socket table as last read: asked for once a second while somebody looks at it.
import type { SocketsAnswer } from '#wire/message.ts';
import type { Session } from './session.svelte.ts';

/** Once a second: what changes faster stands in the trace. */
const READ_INTERVAL_MS = 1_000;

export class SocketTable {
  answer = $state.raw<SocketsAnswer | null>(null);
  /** Why it could not be read; '' where it could. */
  failure = $state('');
  readonly #session: Session;
  #timer = 0;
  #abort: AbortController | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Reads it, and again a second after each answer, until stop(). */
  start(): void {
    this.stop();
    void this.#read();
  }

  stop(): void {
    window.clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#abort = null;
  }

  async #read(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    // A page in the background looks at nothing.
    if (!document.hidden && !this.#session.frozen) await this.#ask(abort.signal);
    if (abort.signal.aborted) return;
    this.#timer = window.setTimeout(() => void this.#read(), READ_INTERVAL_MS);
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { token } = this.#session;
    try {
      const response = await fetch('/api/sockets', { signal, headers: token === null ? {} : { authorization: `Bearer ${token}` } });
      const body = (await response.json()) as SocketsAnswer | { error: { message: string } };
      if (signal.aborted) return;
      if ('rows' in body) {
        this.answer = body;
        this.failure = '';
      } else this.failure = body.error.message;
    } catch (error) {
      if (!signal.aborted) this.failure = error instanceof Error ? error.message : String(error);
    }
  }
}
