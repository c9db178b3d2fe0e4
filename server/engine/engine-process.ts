// The child side of an engine process: its pipes, its loop, its heartbeat, and an end that loses no event.
import { startClock } from '../kernel/clock.ts';
import { ObservedCalls } from '../kernel/observed.ts';
import { dieWithParent, growDescriptorTable } from '../kernel/own-process.ts';
import { EPOLLONESHOT, EPOLLOUT } from '../wire/constants.ts';
import { DESCRIPTOR_TABLE_SLOTS, LAST_REPORT_TIMEOUT_MS } from '../wire/limits.ts';
import type { OurProcess } from '../wire/vocabulary.ts';
import { EventLoop } from './event-loop.ts';
import { Heartbeat, type Totals } from './heartbeat.ts';
import { OrderPipe } from './order-pipe.ts';
import { Reporter } from './reporter.ts';

/** Descriptors that the parent passes: see engine-child.ts, its other side. */
const ORDERS_FD = 3;
const REPORTS_FD = 4;

/** What an engine is built from. */
export interface EngineProcess {
  readonly calls: ObservedCalls;
  readonly loop: EventLoop;
  readonly reporter: Reporter;
  /** Begins: the loop turns, the heart beats, orders come in. SIGTERM is `stop`, every further one is `end`. */
  run(totals: () => Totals, onOrder: (order: unknown) => void, stop: () => void, end: () => void): void;
  /** The totals have changed. */
  totalsChanged(): void;
  /** Says the last totals, waits (bounded) until all events are read, and exits. */
  exit(code: number): void;
}

/** Sets up the process `name`; `runStartNs` as in startClock; `record` false keeps its calls to itself. */
export function engineProcess(name: OurProcess, runStartNs: string, record = true): EngineProcess {
  dieWithParent();
  process.title = name;
  startClock(runStartNs);
  growDescriptorTable(DESCRIPTOR_TABLE_SLOTS, REPORTS_FD);
  const reporter = new Reporter(REPORTS_FD);
  const calls = new ObservedCalls(record ? reporter : { batch: reporter.batch, next: () => -1 }, name);
  const loop = new EventLoop(calls, reporter);
  // Watched only while it is full: a socket that can be written would wake the loop each time its reader reads.
  const whenWritable = EPOLLOUT | EPOLLONESHOT;
  loop.add(REPORTS_FD, 0, { onReady: () => reporter.flush() }, null);
  reporter.onFull = () => loop.modify(REPORTS_FD, whenWritable, null);
  let heartbeat: Heartbeat | null = null;
  return {
    calls,
    loop,
    reporter,
    run(totals, onOrder, stop, end) {
      heartbeat = new Heartbeat(loop.deadlines, reporter, totals);
      new OrderPipe(ORDERS_FD, loop, onOrder, () => process.exit(0));
      process.once('SIGTERM', () => {
        stop();
        process.on('SIGTERM', end);
      });
      // Ctrl-C and the end of a terminal reach the whole group; what they mean is for the parent to say.
      for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
      loop.start();
    },
    totalsChanged() {
      heartbeat?.soon();
    },
    exit(code) {
      heartbeat?.beat();
      reporter.flush();
      const givenUpAt = performance.now() + LAST_REPORT_TIMEOUT_MS;
      const leave = (): void => {
        if (reporter.idle || performance.now() > givenUpAt) process.exit(code);
        setImmediate(leave);
      };
      loop.start();
      // Not yet: whoever called may still have an order to answer.
      setImmediate(leave);
    },
  };
}
