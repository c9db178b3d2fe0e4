// The engine's voice: records wait in a bounded ring and leave on a pipe that never blocks; what does not fit is dropped whole and counted.
import { setNonBlocking } from '../kernel/own-process.ts';
import type { RecordSink } from '../kernel/observed.ts';
import * as sys from '../kernel/syscalls.ts';
import type { EngineReport } from '../wire/engine-message.ts';
import { errnoNumber } from '../wire/errno.ts';
import { FRAME_HEADER_BYTES, FRAME_RECORDS, jsonFrame, RECORDS_HEADER_BYTES, writeFrameHeader, writeRecordsHeader } from '../wire/frame.ts';
import { RECORD_BYTES, REPORT_BATCH_RECORDS, REPORT_BUFFER_RECORDS, REPORT_FRAME_RECORDS, REPORT_INTERVAL_MS } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import { nowNs } from '../kernel/clock.ts';

const EAGAIN = errnoNumber('EAGAIN');
const EINTR = errnoNumber('EINTR');
const HEADERS_BYTES = FRAME_HEADER_BYTES + RECORDS_HEADER_BYTES;

/** Collects records and JSON reports, and writes them to the bridge, in order, when the pipe takes them. */
export class Reporter implements RecordSink {
  readonly batch: RecordBatch;
  readonly #fd: number;
  /** Records put into a frame so far; those from here to `recorded` wait in the ring. */
  #framed = 0;
  /** Ring position of the next record. When nothing waits it returns to the beginning, which keeps a quiet engine's memory small. */
  #head = 0;
  /** What must be said between two records: reports, and counts of dropped events, each after so many records. */
  readonly #reports: { after: number; frame: Uint8Array }[] = [];
  readonly #drops: { after: number; count: number }[] = [];
  /** The frame under way, sent up to `#sent`. */
  #frame: Uint8Array = new Uint8Array(0);
  #sent = 0;
  readonly #recordsFrame = new Uint8Array(HEADERS_BYTES + REPORT_FRAME_RECORDS * RECORD_BYTES);
  #lastFlushNs = 0;
  #broken = false;
  /** Called when the pipe is full: `flush` is wanted as soon as it has room. */
  onFull: () => void = () => undefined;
  recorded = 0;
  dropped = 0;

  constructor(fd: number, capacity = REPORT_BUFFER_RECORDS) {
    this.#fd = fd;
    this.batch = new RecordBatch(capacity);
    setNonBlocking(fd);
  }

  get #waiting(): number {
    return this.recorded - this.#framed;
  }

  /** The slot of the next record, or -1 when the reader is so far behind that this event must be dropped. */
  next(): number {
    if (this.#waiting === this.batch.capacity) {
      this.dropped += 1;
      const last = this.#drops.at(-1);
      if (last?.after === this.recorded) last.count += 1;
      else this.#drops.push({ after: this.recorded, count: 1 });
      return -1;
    }
    const slot = this.#head;
    this.#head = slot + 1 === this.batch.capacity ? 0 : slot + 1;
    this.recorded += 1;
    return slot;
  }

  /** Says `report` behind all records written so far, so that the bridge never hears of a thing before its calls. */
  report(report: EngineReport): void {
    this.#reports.push({ after: this.recorded, frame: jsonFrame(report) });
    this.flush();
  }

  /** Milliseconds until waiting records should leave; Infinity when none waits or the pipe is full. */
  dueMs(): number {
    if (this.#waiting === 0 || this.blocked) return Infinity;
    return Math.max(0, REPORT_INTERVAL_MS - (nowNs() - this.#lastFlushNs) / 1e6);
  }

  /** Writes when enough waits, or it has waited long enough: one write a batch, not one an event. */
  flushIfDue(): void {
    if (!this.blocked && (this.#waiting >= REPORT_BATCH_RECORDS || this.dueMs() === 0)) this.flush();
  }

  /** True while the pipe is full and something is left to write: wait for EPOLLOUT. */
  get blocked(): boolean {
    return !this.#broken && this.#sent < this.#frame.length;
  }

  /** True when all that was said has been written, or nobody is left to read it. */
  get idle(): boolean {
    return this.#broken || (this.#waiting === 0 && this.#reports.length === 0 && this.#drops.length === 0 && !this.blocked);
  }

  /** Writes until the pipe is full or nothing is left. */
  flush(): void {
    this.#lastFlushNs = nowNs();
    while (!this.#broken && (this.blocked || this.#nextFrame())) {
      const result = sys.write(this.#fd, this.#frame.subarray(this.#sent), this.#frame.length - this.#sent);
      if (result === -EAGAIN) {
        this.onFull();
        return;
      }
      if (result === -EINTR) continue;
      // Nobody reads any more: the parent is gone, and end of file on the pipe of its orders will say so.
      if (result < 0) this.#broken = true;
      else this.#sent += result;
    }
  }

  #nextFrame(): boolean {
    const report = this.#reports[0];
    const drop = this.#drops[0];
    if (report?.after === this.#framed && (drop === undefined || drop.after > this.#framed)) {
      this.#reports.shift();
      this.#begin(report.frame);
      return true;
    }
    const droppedHere = drop?.after === this.#framed;
    if (droppedHere) this.#drops.shift();
    else if (this.#waiting === 0) return false;
    const boundary = Math.min(this.recorded, report?.after ?? Infinity, (droppedHere ? this.#drops[0] : drop)?.after ?? Infinity);
    this.#begin(this.#recordsUpTo(boundary, droppedHere ? drop.count : 0));
    return true;
  }

  #begin(frame: Uint8Array): void {
    this.#frame = frame;
    this.#sent = 0;
  }

  #recordsUpTo(boundary: number, droppedBefore: number): Uint8Array {
    const tail = (this.#head - this.#waiting + this.batch.capacity) % this.batch.capacity;
    const count = Math.min(boundary - this.#framed, REPORT_FRAME_RECORDS, this.batch.capacity - tail);
    const frame = this.#recordsFrame;
    writeFrameHeader(frame, FRAME_RECORDS, RECORDS_HEADER_BYTES + count * RECORD_BYTES);
    writeRecordsHeader(frame.subarray(FRAME_HEADER_BYTES), droppedBefore);
    frame.set(this.batch.bytes.subarray(tail * RECORD_BYTES, (tail + count) * RECORD_BYTES), HEADERS_BYTES);
    this.#framed += count;
    if (this.#waiting === 0) this.#head = 0;
    return frame.subarray(0, HEADERS_BYTES + count * RECORD_BYTES);
  }
}
