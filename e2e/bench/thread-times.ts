// What a thread did while a stretch of time went by: ran, or stood runnable and waited for a processor; by the scheduler's own account, schedstat of proc(5).
import { closeSync, openSync, readSync } from 'node:fs';

const LOOK_EVERY_MS = 5;

interface Look {
  /** Milliseconds since the epoch. */
  atMs: number;
  /** Since the thread began. */
  ranMs: number;
  waitedMs: number;
}

/** Looks 200 times a second until it is stopped. What it says of a stretch reaches from the look before it to the look after it: too much rather than too little, but for a tick of the scheduler. */
export class ThreadTimes {
  readonly #fd: number;
  readonly #text = Buffer.alloc(128);
  readonly #looks: Look[] = [];
  readonly #timer: NodeJS.Timeout;

  /** The main thread of process `pid`; throws where there is none. */
  constructor(pid: number) {
    this.#fd = openSync(`/proc/${pid}/task/${pid}/schedstat`, 'r');
    this.#look();
    this.#timer = setInterval(() => {
      this.#look();
    }, LOOK_EVERY_MS);
  }

  /** How long the thread ran at most, and waited at most, between two moments in milliseconds since the epoch. */
  between(fromMs: number, toMs: number): { ranMs: number; waitedMs: number } {
    const before = this.#looks.findLast((look) => look.atMs <= fromMs) ?? this.#looks[0];
    const after = this.#looks.find((look) => look.atMs >= toMs) ?? this.#looks.at(-1);
    if (before === undefined || after === undefined) return { ranMs: 0, waitedMs: 0 };
    return { ranMs: after.ranMs - before.ranMs, waitedMs: after.waitedMs - before.waitedMs };
  }

  /** One look more, and no further. */
  stop(): void {
    clearInterval(this.#timer);
    this.#look();
    closeSync(this.#fd);
  }

  #look(): void {
    // At its beginning again, each time: the file is made anew for it.
    const length = readSync(this.#fd, this.#text, 0, this.#text.length, 0);
    const [ranNs, waitedNs] = this.#text.toString('latin1', 0, length).split(' ').map(Number);
    this.#looks.push({ atMs: performance.timeOrigin + performance.now(), ranMs: (ranNs ?? 0) / 1e6, waitedMs: (waitedNs ?? 0) / 1e6 });
  }
}
