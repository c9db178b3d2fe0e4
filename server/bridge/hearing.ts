// Hears a page only as long as it reads: whoever asks and never reads the answers would have them pile up in our memory.
import { FEED_BACKLOG_MAX_BYTES, HEARING_RETRY_MS } from '../wire/limits.ts';

/** What is needed of a WebSocket (ws). */
export interface HeardSocket {
  readonly bufferedAmount: number;
  pause(): void;
  resume(): void;
}

export class Hearing {
  readonly #socket: HeardSocket;
  #deaf: NodeJS.Timeout | undefined;

  constructor(socket: HeardSocket) {
    this.#socket = socket;
  }

  /** Something was heard. Where too much waits to be read already, nothing more is heard until it has been; TCP then holds the page back. */
  heard(): void {
    if (this.#deaf !== undefined || this.#socket.bufferedAmount <= FEED_BACKLOG_MAX_BYTES) return;
    this.#socket.pause();
    this.#deaf = setInterval(() => {
      if (this.#socket.bufferedAmount > FEED_BACKLOG_MAX_BYTES) return;
      this.end();
      this.#socket.resume();
    }, HEARING_RETRY_MS);
  }

  /** The socket is closed. */
  end(): void {
    clearInterval(this.#deaf);
    this.#deaf = undefined;
  }
}
