// Clients of every temper on Node's `net`: most behave, some talk too much, some reset, some never say a word; each is counted.
import { connect, type Socket } from 'node:net';

/** Of a hundred clients, so many of each; the rest send a byte and wait. */
export const PERCENT = { talkative: 5, resetting: 5, silent: 5 } as const;
/** A silent client leaves after this long; one that resets does so somewhere in the hold. */
const SILENT_MS = 10_000;
/** What a talkative client says at once, and then again and again. */
const CHATTER = Buffer.alloc(200, 'x');
const CHATTER_INTERVAL_MS = 500;

/** What became of them: begun = replied + reset + silent + failed + live. */
export interface ClientCounts {
  begun: number;
  live: number;
  replied: number;
  /** Reset by themselves, in the hold. */
  reset: number;
  /** Closed by themselves without a byte. */
  silent: number;
  /** Anything else: there must be none. */
  failed: number;
  /** Replies that were not the byte plus one. */
  wrong: number;
}

type Temper = 'plain' | 'talkative' | 'resetting' | 'silent';

export class MixedClients {
  readonly counts: ClientCounts = { begun: 0, live: 0, replied: 0, reset: 0, silent: 0, failed: 0, wrong: 0 };
  readonly failures = new Map<string, number>();
  readonly #port: number;
  readonly #holdMs: number;

  constructor(port: number, holdMs: number) {
    this.#port = port;
    this.#holdMs = holdMs;
  }

  /** Begins clients at `rate` a second for `seconds`; resolves when the last has begun. */
  run(rate: number, seconds: number): Promise<void> {
    const startMs = performance.now();
    const total = rate * seconds;
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(total, Math.floor(((performance.now() - startMs) * rate) / 1e3));
        while (this.counts.begun < due) this.#begin();
        if (this.counts.begun < total) return;
        clearInterval(timer);
        resolve();
      }, 5);
    });
  }

  #begin(): void {
    const number = (this.counts.begun += 1);
    this.counts.live += 1;
    const temper = temperOf(number);
    const byte = number & 0xff;
    let replied = false;
    let error = '';
    const timers: NodeJS.Timeout[] = [];
    const socket = connect({ port: this.#port, host: '127.0.0.1' }, () => {
      if (temper !== 'silent') socket.write(Buffer.from([byte]));
      timers.push(...this.#laterOf(temper, socket));
    });
    socket.on('data', (data) => {
      if (!replied && data[0] !== ((byte + 1) & 0xff)) this.counts.wrong += 1;
      replied = true;
    });
    socket.on('error', (problem: NodeJS.ErrnoException) => {
      error = problem.code ?? problem.message;
    });
    socket.on('close', () => {
      for (const timer of timers) clearInterval(timer);
      this.counts.live -= 1;
      if (replied) this.counts.replied += 1;
      else if (temper === 'resetting' && error === '') this.counts.reset += 1;
      else if (temper === 'silent' && error === '') this.counts.silent += 1;
      else {
        this.counts.failed += 1;
        const words = `${temper}: ${error === '' ? 'closed without a reply' : error}`;
        this.failures.set(words, (this.failures.get(words) ?? 0) + 1);
      }
    });
  }

  #laterOf(temper: Temper, socket: Socket): NodeJS.Timeout[] {
    switch (temper) {
      case 'plain':
        return [];
      case 'talkative':
        socket.write(CHATTER);
        return [setInterval(() => socket.writable && socket.write(CHATTER), CHATTER_INTERVAL_MS)];
      case 'resetting':
        // Well inside the hold: a reset beside the reply would be either.
        return [setTimeout(() => socket.resetAndDestroy(), this.#holdMs * (0.2 + 0.6 * Math.random()))];
      case 'silent':
        return [setTimeout(() => socket.end(), SILENT_MS)];
    }
  }
}

function temperOf(number: number): Temper {
  const place = number % 100;
  if (place < PERCENT.talkative) return 'talkative';
  if (place < PERCENT.talkative + PERCENT.resetting) return 'resetting';
  return place < PERCENT.talkative + PERCENT.resetting + PERCENT.silent ? 'silent' : 'plain';
}
