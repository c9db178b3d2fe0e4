// Time on a line: nanoseconds to pixels and back, ticks at round times, and how times are written.

export interface TimeScale {
  fromNs: number;
  toNs: number;
  width: number;
}

/** A stretch of time on show. */
export interface TimeWindow {
  fromNs: number;
  toNs: number;
}

export interface Tick {
  ns: number;
  x: number;
  label: string;
}

/** As near as one can look, and as far. */
const NARROWEST_NS = 1e3;
const WIDEST_NS = 1e14;

export function xOf(scale: TimeScale, ns: number): number {
  return ((ns - scale.fromNs) / (scale.toNs - scale.fromNs)) * scale.width;
}

/** The time at pixel `x`: the inverse of `xOf`. */
export function nsOf(scale: TimeScale, x: number): number {
  return scale.fromNs + (x / scale.width) * (scale.toNs - scale.fromNs);
}

/** The window `factor` times as near (below 1: farther away); what stands at `aroundNs` stays where it is. */
export function zoomed(window: TimeWindow, factor: number, aroundNs: number): TimeWindow {
  const span = window.toNs - window.fromNs;
  const wanted = Math.min(WIDEST_NS, Math.max(NARROWEST_NS, span / factor));
  const fromNs = aroundNs - ((aroundNs - window.fromNs) / span) * wanted;
  return { fromNs, toNs: fromNs + wanted };
}

/** The window moved by `share` of its own width; positive: towards later. */
export function panned(window: TimeWindow, share: number): TimeWindow {
  const by = share * (window.toNs - window.fromNs);
  return { fromNs: window.fromNs + by, toNs: window.toNs + by };
}

const STEPS_NS = [1, 2, 5].flatMap((lead) => Array.from({ length: 15 }, (_, power) => lead * 10 ** power)).sort((a, b) => a - b);

/** Ticks at round distances, at most one for every `spacing` pixels; labels count from `zeroNs`, no two of them alike. */
export function ticks(scale: TimeScale, spacing: number, zeroNs = 0): Tick[] {
  const span = scale.toNs - scale.fromNs;
  const atMost = Math.max(1, scale.width / spacing);
  const stepNs = STEPS_NS.find((step) => span / step <= atMost) ?? WIDEST_NS;
  const found: Tick[] = [];
  for (let n = Math.ceil((scale.fromNs - zeroNs) / stepNs); n * stepNs + zeroNs <= scale.toNs; n += 1) {
    const ns = n * stepNs;
    found.push({ ns, x: xOf(scale, ns + zeroNs), label: tickLabel(ns, stepNs) });
  }
  return found;
}

const UNITS = [
  { from: 1e9, name: 's' },
  { from: 1e6, name: 'ms' },
  { from: 1e3, name: 'µs' },
  { from: 1, name: 'ns' },
] as const;

/** In the largest unit that fits the time, with as many figures behind the point as the step between two ticks needs. */
function tickLabel(ns: number, stepNs: number): string {
  const size = Math.abs(ns);
  if (size === 0) return '0 s';
  const unit = UNITS.find((one) => size >= one.from) ?? UNITS[3];
  const digits = Math.max(0, Math.ceil(Math.log10(unit.from / stepNs) - 1e-9));
  return `${(ns / unit.from).toFixed(digits)} ${unit.name}`.replace('-', '−');
}

/** '3.2 ms', '5.004 s': three figures behind the point at most, the unit that fits. */
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
