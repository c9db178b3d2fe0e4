// Where lines go: a standard stream that may be closed, full or slow, none of which may stop the work.

/** Writes lines to `stream`; a reader that went away is noticed once, and nothing more is written. */
export class LineOutput {
  readonly #stream: NodeJS.WriteStream;
  #closed = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    stream.on('error', () => {
      this.#closed = true;
    });
  }

  line(text: string): void {
    if (!this.#closed) this.#stream.write(`${text}\n`);
  }
}
