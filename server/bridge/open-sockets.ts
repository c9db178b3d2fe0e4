// Which connections of our processes are open, since which event, and the records of theirs that the journal's ring no longer holds.
import { DESCRIPTORS_MAX, JOURNAL_RETAINED_RECORDS, RECORD_BYTES, RETAINED_PER_CONNECTION } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import { OUR_PROCESSES } from '../wire/vocabulary.ts';

const FIRST_DESCRIPTORS = 1_024;
const FIRST_RETAINED = 4_096;
const NONE = -1;

/** The descriptors of one process: `since` is the event that opened each, 0 where it is closed, Infinity where it listens. */
interface Descriptors {
  since: Float64Array;
  /** The newest retained record of each, and how many there are. */
  retained: Int32Array;
  retainedCount: Uint8Array;
}

/** Everything here costs a few array reads per record: it runs for each event of a run. */
export class OpenSockets {
  readonly #processes: Descriptors[] = OUR_PROCESSES.map(() => descriptors(0));
  #kept = new RecordBatch(0);
  #keptSeq = new Float64Array(0);
  #keptPrevious = new Int32Array(0);
  #free = new Int32Array(0);
  #freeCount = 0;
  #count = 0;
  /** Records of open connections that neither the ring nor this store holds any more. */
  #forgotten = 0;

  /** Event `seq` belongs to the open `fd` of a process; where `begins`, it is what opened it. */
  touch(process: number, fd: number, seq: number, begins: boolean): void {
    if (fd >= DESCRIPTORS_MAX) return;
    const of = this.#of(process, fd);
    if (begins) this.#release(of, fd);
    if (of.since[fd] === 0 || (begins && of.since[fd] === Infinity)) this.#count += 1;
    if (begins || of.since[fd] === 0) of.since[fd] = seq;
  }

  /** `fd` listens: it is no connection, and what is asked of it again and again is not kept. */
  ignore(process: number, fd: number): void {
    if (fd >= DESCRIPTORS_MAX) return;
    const of = this.#of(process, fd);
    this.#release(of, fd);
    if (connects(of.since[fd])) this.#count -= 1;
    of.since[fd] = Infinity;
  }

  close(process: number, fd: number): void {
    const of = this.#processes[process];
    if (of === undefined || fd >= of.since.length) return;
    this.#release(of, fd);
    if (connects(of.since[fd])) this.#count -= 1;
    of.since[fd] = 0;
  }

  /** The kernel closed all that this process had. */
  closeAll(process: number): void {
    const of = this.#processes[process];
    if (of === undefined) return;
    for (let fd = 0; fd < of.since.length; fd += 1) this.close(process, fd);
  }

  /** True where event `seq` belongs to a socket that is still open. */
  holds(process: number, fd: number, seq: number): boolean {
    const since = this.#processes[process]?.since[fd];
    return since !== undefined && since !== 0 && since <= seq;
  }

  /** Sockets open now, of all processes. */
  get count(): number {
    return this.#count;
  }

  /** The first event of the socket that has been open longest; Infinity where none is. */
  get oldestSeq(): number {
    let oldest = Infinity;
    for (const { since } of this.#processes) for (const seq of since) if (seq !== 0 && seq < oldest) oldest = seq;
    return oldest;
  }

  /** The ring is about to overwrite this record of an open socket: keep a copy, within the bounds. */
  retain(process: number, fd: number, seq: number, record: Uint8Array): void {
    const of = this.#of(process, fd);
    const count = of.retainedCount[fd] ?? 0;
    const slot = count < RETAINED_PER_CONNECTION ? this.#take() : NONE;
    if (slot === NONE) {
      this.#forgotten += 1;
      return;
    }
    this.#kept.bytes.set(record, slot * RECORD_BYTES);
    this.#keptSeq[slot] = seq;
    this.#keptPrevious[slot] = of.retained[fd] ?? NONE;
    of.retained[fd] = slot;
    of.retainedCount[fd] = count + 1;
  }

  /** Calls `visit` with the number and the bytes of each retained record, in no order. */
  eachRetained(visit: (seq: number, record: Uint8Array) => void): void {
    for (let slot = 0; slot < this.#keptSeq.length; slot += 1) {
      const seq = this.#keptSeq[slot] ?? 0;
      if (seq !== 0) visit(seq, this.#kept.bytes.subarray(slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES));
    }
  }

  get retainedRecords(): number {
    return this.#keptSeq.length - this.#freeCount;
  }

  get forgottenRecords(): number {
    return this.#forgotten;
  }

  #of(process: number, fd: number): Descriptors {
    const of = this.#processes[process];
    if (of === undefined) throw new RangeError(`process ${process} of ${this.#processes.length}`);
    if (fd < of.since.length) return of;
    const grown = descriptors(Math.min(DESCRIPTORS_MAX, Math.max(FIRST_DESCRIPTORS, 2 ** Math.ceil(Math.log2(fd + 1)))));
    grown.since.set(of.since);
    grown.retained.set(of.retained);
    grown.retainedCount.set(of.retainedCount);
    this.#processes[process] = grown;
    return grown;
  }

  #release(of: Descriptors, fd: number): void {
    let slot = of.retained[fd] ?? NONE;
    if (slot === NONE) return;
    while (slot !== NONE) {
      this.#keptSeq[slot] = 0;
      this.#free[this.#freeCount] = slot;
      this.#freeCount += 1;
      slot = this.#keptPrevious[slot] ?? NONE;
    }
    of.retained[fd] = NONE;
    of.retainedCount[fd] = 0;
  }

  #take(): number {
    if (this.#freeCount === 0 && !this.#grow()) return NONE;
    this.#freeCount -= 1;
    return this.#free[this.#freeCount] ?? NONE;
  }

  /** Doubles the store; false at its bound. Memory is asked for only when long-lived connections need it. */
  #grow(): boolean {
    const from = this.#keptSeq.length;
    const to = Math.min(JOURNAL_RETAINED_RECORDS, Math.max(FIRST_RETAINED, from * 2));
    if (to === from) return false;
    const kept = new RecordBatch(to);
    kept.bytes.set(this.#kept.bytes);
    this.#kept = kept;
    this.#keptSeq = grown(this.#keptSeq, new Float64Array(to));
    this.#keptPrevious = grown(this.#keptPrevious, new Int32Array(to));
    this.#free = new Int32Array(to);
    for (let slot = to - 1; slot >= from; slot -= 1) {
      this.#free[this.#freeCount] = slot;
      this.#freeCount += 1;
    }
    return true;
  }
}

/** True for a descriptor that is open and does not listen. */
function connects(since: number | undefined): boolean {
  return since !== undefined && since !== 0 && since !== Infinity;
}

function descriptors(count: number): Descriptors {
  return { since: new Float64Array(count), retained: new Int32Array(count).fill(NONE), retainedCount: new Uint8Array(count) };
}

function grown<T extends Float64Array | Int32Array>(from: T, into: T): T {
  into.set(from);
  return into;
}
