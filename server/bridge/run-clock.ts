// The clock that all processes of a run share: CLOCK_MONOTONIC, in nanoseconds since the run began.

export class RunClock {
  /** Goes to each engine, so that its events are told on the same clock. */
  readonly runStartNs = process.hrtime.bigint();
  /** Wall-clock time at which the run began, ISO 8601. */
  readonly startedAt = new Date().toISOString();

  /** Nanoseconds since the run began; exact as a JSON number for 104 days. */
  nowNs(): number {
    return Number(process.hrtime.bigint() - this.runStartNs);
  }
}
