// Where the log goes: a descriptor that may be full, closed or slow. What cannot be written is counted, and told when there is room again.
import { writeSync } from 'node:fs';

/** pino's number of the level 'warn'. */
const WARN = 40;

/** What pino writes to. Its own destination ends the process where a disk is full, or tries for ever. */
export class LogOutput {
  readonly #fd: number;
  #lost = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string): void {
    try {
      if (this.#lost > 0) {
        writeSync(
          this.#fd,
          `${JSON.stringify({ level: WARN, time: Date.now(), pid: process.pid, msg: `${this.#lost} lines of this log could not be written` })}\n`,
        );
        this.#lost = 0;
      }
      writeSync(this.#fd, line);
    } catch {
      this.#lost += 1;
    }
  }
}
