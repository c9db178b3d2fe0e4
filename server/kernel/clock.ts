// The one clock of a run: CLOCK_MONOTONIC, which all processes of a machine share, in nanoseconds since the run began.

let startSeconds = 0;
let startNanoseconds = 0;

/** Sets where the run began; `runStartNs` is CLOCK_MONOTONIC in decimal digits, as `process.hrtime.bigint()` prints it. */
export function startClock(runStartNs: string): void {
  const start = BigInt(runStartNs);
  startSeconds = Number(start / 1_000_000_000n);
  startNanoseconds = Number(start % 1_000_000_000n);
}

/** Nanoseconds since the run began; exact as a number for 104 days. */
export function nowNs(): number {
  const time = process.hrtime();
  return (time[0] - startSeconds) * 1_000_000_000 + (time[1] - startNanoseconds);
}
