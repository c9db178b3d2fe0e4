// Time on a line: nanoseconds to pixels and back, with ticks at round times.

export interface TimeScale {
  fromNs: number;
  toNs: number;
  width: number;
}

export interface Tick {
  x: number;
  label: string;
}

export function xOf(scale: TimeScale, ns: number): number {
  return ((ns - scale.fromNs) / (scale.toNs - scale.fromNs)) * scale.width;
}

const STEPS_NS = [1, 2, 5].flatMap((lead) => Array.from({ length: 13 }, (_, power) => lead * 10 ** power)).sort((a, b) => a - b);

/** Ticks at round distances, at most one for every `spacing` pixels; labels count from `zeroNs`. */
export function ticks(scale: TimeScale, spacing: number, zeroNs = 0): Tick[] {
  const span = scale.toNs - scale.fromNs;
  const atMost = Math.max(1, scale.width / spacing);
  const stepNs = STEPS_NS.find((step) => span / step <= atMost) ?? 1e12;
  const found: Tick[] = [];
  for (let ns = Math.ceil((scale.fromNs - zeroNs) / stepNs) * stepNs; ns + zeroNs <= scale.toNs; ns += stepNs) {
    found.push({ x: xOf(scale, ns + zeroNs), label: durationLabel(ns) });
  }
  return found;
}

/** '3.200 ms', '5.004 s': three figures behind the point at most, the unit that fits. */
export function durationLabel(ns: number): string {
  const size = Math.abs(ns);
  if (size >= 60e9) return `${trim(ns / 60e9, 1)} min`;
  if (size >= 1e9) return `${trim(ns / 1e9, 3)} s`;
  if (size >= 1e6) return `${trim(ns / 1e6, 1)} ms`;
  if (size >= 1e3) return `${trim(ns / 1e3, 0)} µs`;
  return size === 0 ? '0 s' : `${ns.toFixed(0)} ns`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** '12.004 118': seconds since the run began, in microseconds, as the trace prints them. */
export function clockLabel(ns: number): string {
  const micros = Math.floor(ns / 1e3);
  const seconds = Math.floor(micros / 1e6);
  const rest = String(micros % 1e6).padStart(6, '0');
  return `${seconds}.${rest.slice(0, 3)} ${rest.slice(3)}`;
}
