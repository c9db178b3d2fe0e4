// What was not told since the run began because there was too much at once: by whom, and how much.
import type { TraceEvent } from '#wire/event.ts';

type Sampling = Extract<TraceEvent, { kind: 'sampling' }>;

/** `samples`: TCP_INFO, by the engines; `sockets`: of the kernel's table; `part`: what tracefs follows. */
export type Thinned = 'samples' | 'sockets' | 'part';

export function thinnedBy({ evidence }: Sampling): Thinned {
  if (evidence === 'tracefs') return 'part';
  return evidence === 'sock_diag' || evidence === 'procfs' ? 'sockets' : 'samples';
}

export class LeftOut {
  /** Connections whose TCP states the engines did not ask for. */
  samples = 0;
  /** Sockets in the kernel’s table that ended before their turn came to be told of. */
  sockets = 0;
  /** Of so many connections tracefs follows one now. */
  part = 1;

  apply(event: Sampling): void {
    const what = thinnedBy(event);
    if (what === 'part') this.part = event.connections;
    else this[what] += event.skipped;
  }

  /** What there is to say, each with its number. */
  get said(): [Thinned, number][] {
    const all: [Thinned, number][] = [
      ['part', this.part],
      ['samples', this.samples],
      ['sockets', this.sockets],
    ];
    return all.filter(([what, count]) => count > (what === 'part' ? 1 : 0));
  }
}
