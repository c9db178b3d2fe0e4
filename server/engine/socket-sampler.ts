// Looks at the kernel's socket table of our ports again and again, at a bounded cost, and tells what has changed: the ends we do not own, TIME-WAIT, the accept queue.
import { nowNs } from '../kernel/clock.ts';
import { readProcNetTcp } from '../kernel/proc-net-tcp.ts';
import { SockDiag } from '../kernel/sock-diag.ts';
import { SocketOwners } from '../kernel/socket-owner.ts';
import { SocketTable, type SocketRow } from '../kernel/socket-table.ts';
import type { SamplerStatus } from '../wire/message.ts';
import {
  SAMPLE_CORE_SHARE,
  SAMPLE_INTERVAL_MS,
  SAMPLE_NEW_SOCKETS_MAX,
  SAMPLE_QUIET_INTERVAL_MS,
  SAMPLED_SOCKETS_MAX,
  WATCHED_PORTS_MAX,
} from '../wire/tap-limits.ts';
import { tcpState } from '../wire/tcp-state.ts';
import { ListenerWatch } from './listener-watch.ts';
import type { Owner, TapRecords } from './tap-records.ts';

const SYN_SENT = 2;
const TIME_WAIT = 6;
const TCP_CLOSE = 7;
const LISTEN = 10;
const NEW_SYN_RECV = 12;

/** Processor time of this process: on a busy machine a look takes longer, and costs no more. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}

/** What is known of one row of earlier samples. */
interface Seen {
  state: number;
  /** The state last told; 0 where nothing was. */
  told: number;
  retransmits: number;
  readonly row: SocketRow;
  /** 'own' too where nobody else holds it. */
  owner: 'searching' | 'own' | 'not-permitted' | Owner;
  /** In the trace; 0 where the journal need keep nothing. */
  number: number;
  round: number;
}

export class SocketSampler {
  readonly table = new SocketTable();
  readonly #records: TapRecords;
  /** Served now. */
  #ports: readonly number[] = [];
  /** Those, and the ports served before of which there was still a socket. */
  #asked: readonly number[] = [];
  #diag: SockDiag | null = null;
  #owners = new SocketOwners();
  readonly #uid = process.geteuid?.() ?? 0;
  readonly #seen = new Map<number, Seen>();
  /** Those whose owner is looked for. */
  readonly #searched = new Set<Seen>();
  /** Sockets that the last look had no turn for, though nobody else tells of them: see #numberOf. */
  #waiting = new Set<number>();
  #round = 0;
  /** Sockets that have ended by this look, and those of them that never had their turn. */
  #ended = 0;
  #untold = 0;
  /** What the last look cost, and what others took meanwhile. */
  #costMs = 0;
  #othersMs = 0;
  readonly listeners: ListenerWatch;
  /** True where tracefs tells every change of state: then only what it cannot see is told from here. */
  traced = false;
  /** The bridge knows of connections. */
  alive = false;
  /** Called again and again while a long table is read: what else must not wait for it. */
  meanwhile: (() => void) | undefined;
  #baseline = false;

  constructor(records: TapRecords) {
    this.#records = records;
    this.listeners = new ListenerWatch(records);
  }

  /** Asks for the sockets of `ports` from now on; our own processes' are told by themselves. */
  watch(ports: readonly number[], ownPids: Iterable<number>): void {
    if (ports.join() !== this.#ports.join()) {
      this.#diag?.close();
      this.#diag = null;
      this.#ask(ports);
      this.listeners.ports = ports;
      if (this.#asked.length > 0) {
        const diag = SockDiag.open(this.#asked);
        if (diag instanceof SockDiag) this.#diag = diag;
      }
    }
    this.#owners = new SocketOwners(ownPids);
  }

  get usesNetlink(): boolean {
    return this.#diag !== null;
  }

  /** Until the next sample, in milliseconds. */
  get intervalMs(): number {
    return Math.max(this.alive || this.#seen.size > 0 ? SAMPLE_INTERVAL_MS : SAMPLE_QUIET_INTERVAL_MS, this.#costMs / SAMPLE_CORE_SHARE);
  }

  get status(): SamplerStatus {
    return {
      intervalMs: Math.round(this.intervalMs),
      rows: this.table.count,
      slowed: this.#costMs / SAMPLE_CORE_SHARE > SAMPLE_INTERVAL_MS,
    };
  }

  /** Looks a step further for the owners of sockets; what it cost in milliseconds, null where none is looked for any more. */
  searchOwners(): number | null {
    if (this.#owners.searching === 0) return null;
    const beganMs = cpuMs();
    this.#owners.step(performance.now());
    for (const seen of this.#searched) {
      if (seen.owner === 'searching') this.#learnOwner(seen);
      if (seen.owner !== 'searching') this.#searched.delete(seen);
    }
    return cpuMs() - beganMs;
  }

  /** What a port has left when it is no longer served, its TIME-WAITs above all, is watched to its end: as far as one question has room for ports. */
  #ask(ports: readonly number[]): void {
    const left = ({ row }: Seen): number | undefined => this.#asked.find((port) => port === row.localPort || port === row.remotePort);
    const before = [...this.#seen.values()].map(left).filter((port) => port !== undefined);
    this.#asked = [...new Set([...ports, ...before])].slice(0, WATCHED_PORTS_MAX);
    this.#ports = ports;
    this.#waiting.clear();
    // Nothing will be heard of the others.
    for (const [key, seen] of this.#seen) if (left(seen) === undefined) this.#forget(key, seen);
  }

  /** Fills `table` without telling anything; false where it cannot be read at all. */
  read(table: SocketTable): boolean {
    if (this.#asked.length === 0) return false;
    const { meanwhile } = this;
    const between = meanwhile && (() => this.#forOthers(meanwhile));
    if (this.#diag !== null) {
      if (this.#diag.dump(table, between) === null) return true;
      this.#diag.close();
      this.#diag = null;
    }
    return readProcNetTcp(table, this.#asked) === null;
  }

  /** Looks for the first time: tells of every socket there is, because nobody else has, and learns where counters stand. */
  baseline(caughtUp: () => void): void {
    this.#baseline = true;
    this.sample(caughtUp);
    this.#baseline = false;
  }

  /** Reads the table; `caughtUp` is called before anything is told, so that tracefs, which sees more, has told first. */
  sample(caughtUp: () => void): void {
    const beganMs = cpuMs();
    this.#othersMs = 0;
    if (!this.read(this.table)) return;
    this.#forOthers(caughtUp);
    this.#round += 1;
    const waiting = new Set<number>();
    let turns = SAMPLE_NEW_SOCKETS_MAX;
    for (let index = 0; index < this.table.count; index += 1) {
      const state = this.table.state[index] ?? 0;
      if (state === LISTEN) {
        this.listeners.look(this.table, index);
        continue;
      }
      const seen = this.#known(index);
      if (seen !== null) {
        seen.round = this.#round;
        this.#look(seen, index, state);
        continue;
      }
      if (turns > 0) {
        turns -= 1;
        this.#begin(index, state);
      } else if (!this.traced || state === TIME_WAIT) waiting.add(this.#numberOf(index));
    }
    this.#tellEnds(waiting);
    this.listeners.endLook();
    this.#costMs = cpuMs() - beganMs - this.#othersMs;
  }

  /** What is done for others while a look is under way is not its cost. */
  #forOthers(work: () => void): void {
    const beganMs = cpuMs();
    work();
    this.#othersMs += cpuMs() - beganMs;
  }

  /** What is known of this row's socket; null where it is a new one, be it between the same two ends as an earlier one, which then is gone. */
  #known(index: number): Seen | null {
    const key = this.table.ends(index);
    const seen = this.#seen.get(key);
    if (seen === undefined) return null;
    const { localIp, remoteIp, cookie, state } = this.table;
    // Two pairs of ends may have the same number.
    const sameEnds = seen.row.localIp === localIp[index] && seen.row.remoteIp === remoteIp[index];
    // procfs tells no cookies; there a socket is a new one where the last was in TIME-WAIT, which has no way back.
    const sameSocket =
      seen.row.cookie === 0 || cookie[index] === 0 ? seen.state !== TIME_WAIT || state[index] === TIME_WAIT : seen.row.cookie === cookie[index];
    if (sameEnds && sameSocket) return seen;
    this.#end(key, seen);
    return null;
  }

  /** One number for the socket of a row: the kernel's own where it is told. */
  #numberOf(index: number): number {
    const cookie = this.table.cookie[index] ?? 0;
    return cookie === 0 ? this.table.ends(index) : cookie;
  }

  #begin(index: number, state: number): void {
    this.#waiting.delete(this.#numberOf(index));
    const row = this.table.row(index);
    const seen: Seen = { state: 0, told: 0, retransmits: 0, row, owner: 'own', number: 0, round: this.#round };
    // A served end is ours from accept on; before, it has no descriptor.
    if (!this.#ports.includes(row.localPort) && row.inode !== 0) {
      seen.owner = 'searching';
      this.#searched.add(seen);
      if (row.uid !== this.#uid && this.#uid !== 0) seen.owner = 'not-permitted';
      else this.#learnOwner(seen);
    }
    this.#seen.set(this.table.ends(index), seen);
    this.#look(seen, index, state);
  }

  #learnOwner(seen: Seen): void {
    const owner = this.#owners.of(seen.row.inode, performance.now());
    if (owner === 'searching') return;
    if (typeof owner !== 'object') {
      // Nobody else holds it: one of ours does, or its process is gone.
      seen.owner = 'own';
      return;
    }
    seen.owner = { pid: owner.pid, name: owner.comm };
    if (seen.number === 0 && !this.traced) seen.number = this.#records.numbers.take();
    this.#records.owner(nowNs(), seen.row, seen.owner, seen.number);
    if (!this.traced) this.#tell(seen, 0, seen.state);
  }

  /** One row, again: tells of a state that was not told yet, where it is for us to tell. */
  #look(seen: Seen, index: number, state: number): void {
    const before = seen.state;
    seen.state = state;
    const retransmits = this.table.retransmits[index] ?? 0;
    if (state === SYN_SENT && before === SYN_SENT && !this.traced) {
      const owner = typeof seen.owner === 'object' ? seen.owner : null;
      for (let again = seen.retransmits; again < retransmits; again += 1)
        this.#records.retransmit(this.table.evidence, this.table.atNs, seen.row, 'SYN', owner, seen.number);
    }
    seen.retransmits = retransmits;
    // The kernel gives the port of a connecting socket to tracefs late: one that still waits after a whole interval is told from here.
    if (
      this.traced
        ? state === TIME_WAIT || state === NEW_SYN_RECV || (state === SYN_SENT && before === SYN_SENT && retransmits === 0) || this.#baseline
        : this.#concerns(seen, index, state)
    )
      this.#tell(seen, before, state);
  }

  #concerns(seen: Seen, index: number, state: number): boolean {
    return typeof seen.owner === 'object' || seen.owner === 'not-permitted' || state === SYN_SENT || (this.table.inode[index] ?? 0) === 0;
  }

  /** `before`: its state in the sample before, 0 where it was in none. */
  #tell(seen: Seen, before: number, state: number): void {
    if (tcpState(seen.told) === tcpState(state) || state === 0) return;
    if (seen.number === 0 && state !== TIME_WAIT && !this.traced) seen.number = this.#records.numbers.take();
    // A TIME-WAIT is nobody's any more.
    const owner = typeof seen.owner === 'object' && state !== TIME_WAIT && before !== TIME_WAIT ? seen.owner : null;
    // Told a look after it was first seen, it came from nobody knows where.
    this.#records.state(this.table.evidence, this.table.atNs, seen.row, before === state ? 0 : before, state, owner, seen.number);
    seen.told = state;
  }

  /** What a whole table does not show any more has ended; what is not in one that was cut may live. `waiting`: those that this look had no turn for. */
  #tellEnds(waiting: Set<number>): void {
    const whole = !this.table.truncated && !this.table.interrupted;
    for (const [key, seen] of whole || this.#seen.size > SAMPLED_SOCKETS_MAX ? this.#seen : []) {
      if (seen.round === this.#round) continue;
      if (whole) this.#end(key, seen);
      else this.#forget(key, seen);
    }
    for (const number of whole ? this.#waiting : []) if (!waiting.has(number)) this.#untold += 1;
    this.#waiting = waiting;
    this.#ended += this.#untold;
    if (this.#untold > 0) this.#records.sampling(this.table.evidence, this.table.atNs, this.#ended, this.#untold);
    this.#ended = 0;
    this.#untold = 0;
  }

  #end(key: number, seen: Seen): void {
    this.#ended += 1;
    // What tracefs followed has been told by it; TIME-WAIT it never sees.
    if (seen.told !== 0 && (!this.traced || seen.told === TIME_WAIT)) this.#tell(seen, seen.state, TCP_CLOSE);
    this.#forget(key, seen);
  }

  #forget(key: number, seen: Seen): void {
    this.#seen.delete(key);
    this.#searched.delete(seen);
    this.#records.numbers.giveBack(seen.number);
  }
}
