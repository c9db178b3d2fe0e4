// The tap on the kernel: the tracepoints where we may have them, the socket table where we may not and for what they do not show.
import { nowNs } from '../kernel/clock.ts';
import { SocketOwners } from '../kernel/socket-owner.ts';
import { SocketTable } from '../kernel/socket-table.ts';
import { EPOLLIN, EPOLLONESHOT } from '../wire/constants.ts';
import type { TapOrder, TapTotals } from '../wire/engine-message.ts';
import type { EvidenceRung, SocketsAnswer } from '../wire/message.ts';
import {
  LOST_TOLD_INTERVAL_MS,
  OWNER_SEARCH_CORE_SHARE,
  SAMPLE_LINGER_MS,
  SOCKET_ROWS_PER_ANSWER,
  TRACE_READ_INTERVAL_MS,
  TRACE_SETTLE_NS,
} from '../wire/tap-limits.ts';
import type { Due } from './deadlines.ts';
import type { EngineProcess } from './engine-process.ts';
import { socketRows } from './socket-rows.ts';
import { SocketSampler } from './socket-sampler.ts';
import { TapRecords } from './tap-records.ts';
import { TraceTap } from './trace-tap.ts';

type Watch = Extract<TapOrder, { type: 'watch' }>;

const NOTHING_WATCHED: EvidenceRung = { evidence: 'tracefs', available: false, missing: 'nothing is watched yet' };

/** A deadline that calls a function. */
class Alarm implements Due {
  dueNs = 0;
  heapIndex = -1;
  readonly onDue: () => void;

  constructor(onDue: () => void) {
    this.onDue = onDue;
  }
}

export class KernelTap {
  readonly #engine: EngineProcess;
  readonly #originNs: bigint;
  readonly #records: TapRecords;
  readonly #sampler: SocketSampler;
  /** For answers, which name our own processes too; their parts are of one reading, whatever is sampled meanwhile. */
  readonly #owners = new SocketOwners();
  readonly #answered = new SocketTable();
  #trace: TraceTap | null = null;
  #tracefs: EvidenceRung = NOTHING_WATCHED;
  #portsText = '';
  #pidsText = '';
  #active = false;
  /** When the trace buffers last had their turn, beside what a look at the table reads of them before it tells anything. */
  #readNs = 0;
  /** Sampling ends then. */
  #untilNs = 0;
  readonly #readAlarm = new Alarm(() => {
    this.#readTrace();
  });
  readonly #lostAlarm = new Alarm(() => {
    this.#records.tellLost();
  });
  readonly #sampleAlarm = new Alarm(() => {
    this.#sample();
  });
  readonly #searchAlarm = new Alarm(() => {
    this.#search();
  });

  /** `originNs`: CLOCK_MONOTONIC when the run began. */
  constructor(engine: EngineProcess, originNs: bigint) {
    this.#engine = engine;
    this.#originNs = originNs;
    this.#records = new TapRecords(engine.reporter);
    this.#sampler = new SocketSampler(this.#records);
    this.#sampler.meanwhile = () => {
      this.#readMeanwhile();
    };
  }

  get totals(): TapTotals {
    const { listeners, status } = this.#sampler;
    const sampler = nowNs() > this.#untilNs ? { ...status, intervalMs: null } : status;
    return {
      evidence: this.#evidence(),
      sampler,
      queue: listeners.queue,
      listenerDrops: listeners.drops,
      listenOverflows: listeners.overflows,
      lost: this.#records.lostCount,
    };
  }

  /** Whose sockets to look at from now on. */
  watch({ ports, own, alive, watched }: Watch): void {
    const portsText = ports.join();
    const pidsText = own.map(({ pid }) => pid).join();
    const pids = [process.pid, ...own.map(({ pid }) => pid)];
    this.#records.own = new Map(own.map(({ name, pid }) => [pid, name]));
    if (portsText !== this.#portsText || pidsText !== this.#pidsText) this.#sampler.watch(ports, pids);
    if (portsText !== this.#portsText) {
      this.#openTrace(ports, pids);
      this.#sampler.baseline(() => this.#readRecords());
    }
    if (portsText === this.#portsText && pidsText !== this.#pidsText && this.#trace !== null) this.#trace.ownPids = pids;
    this.#portsText = portsText;
    this.#pidsText = pidsText;
    const active = alive || watched;
    const begins = alive && !this.#sampler.alive;
    this.#sampler.alive = alive;
    if (active !== this.#active) this.#untilNs = active ? Infinity : nowNs() + SAMPLE_LINGER_MS * 1e6;
    this.#active = active;
    if (this.#untilNs > nowNs() && (begins || this.#sampleAlarm.heapIndex < 0)) this.#sample();
    this.#engine.totalsChanged();
  }

  /** The socket table as it is now (offset 0), or the rows that follow in the same one; null where it cannot be read. */
  sockets(offset: number, limit: number): SocketsAnswer | null {
    if (offset === 0 && !this.#sampler.read(this.#answered)) return null;
    return socketRows(this.#answered, this.#owners, this.#records.own, offset, Math.min(limit, SOCKET_ROWS_PER_ANSWER));
  }

  close(): void {
    this.#records.tellLost();
    this.#closeTrace();
  }

  #openTrace(ports: readonly number[], pids: readonly number[]): void {
    this.#closeTrace();
    if (ports.length === 0) {
      this.#tracefs = NOTHING_WATCHED;
      return;
    }
    const trace = TraceTap.open(ports, pids, this.#originNs, this.#records);
    if (!(trace instanceof TraceTap)) {
      this.#tracefs = { evidence: 'tracefs', available: false, missing: trace.errno === null ? trace.message : `${trace.message} (${trace.errno})` };
      return;
    }
    this.#trace = trace;
    this.#sampler.traced = true;
    this.#tracefs = { evidence: 'tracefs', available: true, missing: '' };
    // After a rest the first events are read as soon as they are old enough; in a stream of them the interval counts.
    const soon = { onReady: () => this.#readSoon(Math.max(TRACE_SETTLE_NS / 1e6, TRACE_READ_INTERVAL_MS - (nowNs() - this.#readNs) / 1e6)) };
    for (const fd of trace.fds) this.#engine.loop.add(fd, EPOLLIN | EPOLLONESHOT, soon, null);
  }

  #closeTrace(): void {
    if (this.#trace === null) return;
    for (const fd of this.#trace.fds) this.#engine.loop.remove(fd, null);
    this.#trace.close();
    this.#trace = null;
    this.#sampler.traced = false;
  }

  #readSoon(afterMs: number): void {
    if (this.#readAlarm.heapIndex < 0) this.#engine.loop.deadlines.set(this.#readAlarm, nowNs() + afterMs * 1e6);
  }

  /** True where something is left to be read soon. */
  #readRecords(): boolean {
    const more = this.#trace?.read() ?? false;
    if (this.#records.hasUntoldLoss && this.#lostAlarm.heapIndex < 0) this.#engine.loop.deadlines.set(this.#lostAlarm, nowNs() + LOST_TOLD_INTERVAL_MS * 1e6);
    return more;
  }

  #readTrace(): void {
    const trace = this.#trace;
    if (trace === null) return;
    const more = this.#readRecords();
    this.#readNs = nowNs();
    for (const fd of trace.fds) this.#engine.loop.modify(fd, EPOLLIN | EPOLLONESHOT, null);
    if (more || trace.mustLook) this.#readSoon(TRACE_READ_INTERVAL_MS);
  }

  /** A table of ten thousand connections takes 50 ms to read: what the tracepoints tell does not wait for its end. */
  #readMeanwhile(): void {
    if (this.#trace === null || nowNs() - this.#readNs < TRACE_READ_INTERVAL_MS * 1e6) return;
    this.#readRecords();
    this.#readNs = nowNs();
    this.#engine.reporter.flushIfDue();
  }

  #sample(): void {
    if (nowNs() > this.#untilNs) return;
    this.#sampler.sample(() => this.#readRecords());
    const { table } = this.#sampler;
    this.#trace?.reconcile(table, (socket) => {
      this.#records.gone(table.evidence, table.atNs, socket);
    });
    this.#engine.loop.deadlines.set(this.#sampleAlarm, nowNs() + this.#sampler.intervalMs * 1e6);
    this.#search();
  }

  /** A step of the search for owners, and the next one soon. */
  #search(): void {
    const tookMs = this.#sampler.searchOwners();
    if (tookMs !== null) this.#engine.loop.deadlines.set(this.#searchAlarm, nowNs() + (tookMs / OWNER_SEARCH_CORE_SHARE) * 1e6);
  }

  #evidence(): EvidenceRung[] {
    return [
      this.#sampler.usesNetlink
        ? { evidence: 'sock_diag', available: true, missing: '' }
        : { evidence: 'sock_diag', available: false, missing: 'the kernel does not answer over netlink (inet_diag); /proc/net/tcp is read instead' },
      { evidence: 'procfs', available: true, missing: '' },
      this.#tracefs,
    ];
  }
}
