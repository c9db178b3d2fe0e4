// What is measured inside the page, by the page's own clock: frames, long tasks, and when an event's line stood on the screen.

/** Kept on `window`; everything here runs in the browser and uses nothing from outside itself. */
export interface Probe {
  /** Milliseconds between animation frames while scrolling. */
  frames: number[];
  longTasks: { startMs: number; durationMs: number }[];
  /** From an event's own time to the frame that shows it, in milliseconds. */
  latencies: number[];
  /** Of that, until its message had come. */
  arrivals: number[];
  /** Milliseconds of `performance.now()` at which the run began. */
  runStartMs: number;
  scrolling: boolean;
}

declare global {
  interface Window {
    probe: Probe;
  }
}

/**
 * Installed before the page's own script.
 *
 * Event to pixel: each message of events is noted as it comes, with the number and the time of its first and its last event; a call has happened when
 * it returns, so its duration counts to its time (an epoll_wait that waited 100 ms is not 100 ms late). When a frame is done (a message
 * posted from within the animation frame arrives after style, layout and paint) the newest line in the region "Trace" is looked up; all events up to
 * its number are then drawn, because the list follows the end. The event's own time is CLOCK_MONOTONIC of the process that made it; it is brought to the
 * page's clock by the quickest of several questions for /api/status (`nowNs`), which is wrong by less than half of that round trip. The screen's own
 * delay after paint is not in it.
 */
export function install(): void {
  const probe: Probe = { frames: [], longTasks: [], latencies: [], arrivals: [], runStartMs: NaN, scrolling: false };
  window.probe = probe;
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) probe.longTasks.push({ startMs: task.startTime, durationMs: task.duration });
  }).observe({ type: 'longtask', buffered: true });

  const waiting: { seq: number; atNs: number; cameMs: number }[] = [];
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      // As server/wire/record-frame.ts and record-layout.ts say.
      const [CALL, FOREIGN_CALL] = [0, 12];
      this.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
        if (typeof data === 'string') return;
        const doubles = new Float64Array(data);
        if (doubles.at(-1) !== 1) return;
        const cameMs = performance.now();
        const words = new Uint32Array(data);
        const count = (data.byteLength - 8) / 104;
        for (const slot of [0, count - 1]) {
          const kind = (words[slot * 24 + 3] ?? 0) & 0xff;
          const isCall = kind === CALL || kind === FOREIGN_CALL;
          waiting.push({ seq: doubles[count * 12 + slot] ?? 0, atNs: (doubles[slot * 12] ?? 0) + (isCall ? (words[slot * 24 + 2] ?? 0) : 0), cameMs });
        }
      });
    }
  };

  const painted = new MessageChannel();
  let shownSeq = 0;
  let direction = 1;
  /** Like a wheel, between two frames: asked for within one, the place in a list would cost a layout that no reader's scrolling costs. */
  const scroll = (): void => {
    const list = document.querySelector('section[aria-label="Connections"] [role="listbox"]');
    if (list === null) return;
    if (list.scrollTop + list.clientHeight >= list.scrollHeight - 50) direction = -1;
    else if (list.scrollTop <= 50) direction = 1;
    list.scrollTop += direction * 40;
  };
  painted.port1.onmessage = () => {
    const nowMs = performance.now();
    if (probe.scrolling) scroll();
    for (const line of document.querySelectorAll('section[aria-label="Trace"] [role="option"]')) {
      const seq = Number(/^line-(\d+)$/.exec(line.id)?.[1] ?? 0);
      if (seq > shownSeq) shownSeq = seq;
    }
    while (waiting.length > 0 && (waiting[0]?.seq ?? 0) <= shownSeq) {
      const event = waiting.shift();
      if (event === undefined || Number.isNaN(probe.runStartMs)) continue;
      probe.latencies.push(nowMs - probe.runStartMs - event.atNs / 1e6);
      probe.arrivals.push(event.cameMs - probe.runStartMs - event.atNs / 1e6);
    }
  };
  let lastMs = 0;
  const frame = (nowMs: number): void => {
    requestAnimationFrame(frame);
    if (probe.scrolling) {
      if (lastMs > 0) probe.frames.push(nowMs - lastMs);
      lastMs = nowMs;
    } else lastMs = 0;
    if (waiting.length > 0 || probe.scrolling) painted.port2.postMessage(null);
  };
  requestAnimationFrame(frame);
}

/** Brings the run's clock to the page's: see `install`. */
export async function findRunStart(): Promise<void> {
  let quickestMs = Infinity;
  for (let tries = 0; tries < 20; tries += 1) {
    const beforeMs = performance.now();
    const status = (await (await fetch('/api/status')).json()) as { nowNs: number };
    const tookMs = performance.now() - beforeMs;
    if (tookMs >= quickestMs) continue;
    quickestMs = tookMs;
    window.probe.runStartMs = beforeMs + tookMs / 2 - status.nowNs / 1e6;
  }
}

/** Forgets what was measured so far. */
export function begin(scrolling: boolean): void {
  Object.assign(window.probe, { frames: [], longTasks: [], latencies: [], arrivals: [], scrolling });
}
