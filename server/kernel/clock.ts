// The one clock of a run: CLOCK_MONOTONIC, which all processes of a machine share, in nanoseconds since the run began.
import { performance } from 'node:perf_hooks';

/** How often the two clocks are compared: the closest pair says how far they lie apart, to some ten nanoseconds. */
const COMPARISONS = 200;

/** The run began so many nanoseconds before `performance.now()` was zero. */
let beforeZeroNs = 0;

/** Sets where the run began; `runStartNs` is CLOCK_MONOTONIC in decimal digits, as `process.hrtime.bigint()` prints it. */
export function startClock(runStartNs: string): void {
  const start = BigInt(runStartNs);
  let closestNs = Infinity;
  for (let comparison = 0; comparison < COMPARISONS; comparison += 1) {
    const before = process.hrtime.bigint();
    const sinceZeroNs = sinceZero();
    const apartNs = Number(process.hrtime.bigint() - before);
    if (apartNs >= closestNs) continue;
    closestNs = apartNs;
    beforeZeroNs = Number(before - start) + Math.round(apartNs / 2) - sinceZeroNs;
  }
}

/** Nanoseconds since the run began; exact as a number for 104 days. */
export function nowNs(): number {
  return sinceZero() + beforeZeroNs;
}

// The same clock as process.hrtime(), told in milliseconds with nanoseconds behind the point, but without an array each time: an engine asks some
// thirty times per exchange. Imported, because the global of that name is a getter that is asked each time too.
function sinceZero(): number {
  return Math.round(performance.now() * 1e6);
}
