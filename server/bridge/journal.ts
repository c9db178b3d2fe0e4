// The trace as the bridge keeps it: every event numbered without a hole, the last JOURNAL_RECORDS of them whole, none worded before somebody looks.
import type { TraceEvent } from '../wire/event.ts';
import { JOURNAL_RECORDS, RECORD_BYTES, SNAPSHOT_RECENT_EVENTS, SNAPSHOT_SEARCHED_EVENTS } from '../wire/limits.ts';
import { TAG, WORDS } from '../wire/record-layout.ts';
import { recordFrame } from '../wire/record-frame.ts';
import { RecordBatch, recordCloses, recordDescriptor, recordProcess, recordTag } from '../wire/record.ts';
import { OUR_PROCESSES } from '../wire/vocabulary.ts';
import { Excerpt } from './excerpt.ts';
import { Exchanges } from './exchanges.ts';
import { Milestones } from './milestones.ts';
import { OpenSockets } from './open-sockets.ts';

/** What an open socket of the classic conversation has behind it: accepted or connected, watched, read or written, held, and a few states. */
const EVENTS_PER_OPEN_SOCKET = 8;

const KIND_CALL = recordTag('call', null, 'bridge') & 0xff;
const KIND_PROCESS = recordTag('process', null, 'bridge') & 0xff;
const KIND_SETTING = recordTag('setting', null, 'bridge') & 0xff;
const TAG_SOCKET = recordTag('call', 'socket', 'bridge') & 0xffff;
const TAP = OUR_PROCESSES.indexOf('kernel-tap');
const TAG_LISTEN = recordTag('call', 'listen', 'bridge') & 0xffff;
const TAG_ACCEPT4 = recordTag('call', 'accept4', 'bridge') & 0xffff;

/**
 * A ring of records. Beside it stand the records that a page needs and the ring may have passed over: those of connections
 * still open (OpenSockets) and each process's start and settings (Milestones). Events are numbered from 1.
 */
export class Journal {
  readonly capacity: number;
  readonly #ring: RecordBatch;
  readonly #words: Int32Array;
  readonly #open = new OpenSockets();
  readonly #milestones = new Milestones();
  readonly #listeners = new Set<() => void>();
  #lastSeq = 0;

  constructor(capacity: number = JOURNAL_RECORDS) {
    this.capacity = capacity;
    const buffer = new ArrayBuffer(capacity * RECORD_BYTES);
    this.#ring = new RecordBatch(capacity, buffer);
    this.#words = new Int32Array(buffer);
  }

  /** The oldest event still held; lastSeq + 1 where there is none yet. */
  get firstSeq(): number {
    return Math.max(1, this.#lastSeq - this.capacity + 1);
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Records kept aside for connections still open, and those that not even this could hold. */
  get retained(): { records: number; forgotten: number } {
    return { records: this.#open.retainedRecords, forgotten: this.#open.forgottenRecords };
  }

  /** About so many events a snapshot of the present tells, without making one. */
  get presentEvents(): number {
    return this.#open.count * EVENTS_PER_OPEN_SOCKET + SNAPSHOT_RECENT_EVENTS;
  }

  /** Takes whole records, checked before (`recordsProblem`), and numbers them. The bytes are copied. */
  append(records: Uint8Array): void {
    const total = Math.floor(records.length / RECORD_BYTES);
    for (let done = 0; done < total;) {
      const slot = this.#lastSeq % this.capacity;
      const count = Math.min(total - done, this.capacity - slot);
      if (this.#lastSeq >= this.capacity) this.#passOver(slot, count);
      this.#ring.bytes.set(records.subarray(done * RECORD_BYTES, (done + count) * RECORD_BYTES), slot * RECORD_BYTES);
      this.#follow(slot, count);
      this.#lastSeq += count;
      done += count;
    }
    if (total > 0) for (const listener of this.#listeners) listener();
  }

  /** The kernel closed every descriptor of this process: it is dead. */
  processEnded(process: number): void {
    this.#open.closeAll(process);
  }

  /** Calls `listener` after each append, until the function it returns is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Event `seq`; a RangeError for one that is not held. */
  event(seq: number): TraceEvent {
    if (seq < this.firstSeq || seq > this.#lastSeq) throw new RangeError(`event ${seq} is not among ${this.firstSeq} … ${this.#lastSeq}`);
    return this.#ring.event((seq - 1) % this.capacity, seq);
  }

  /** The events `from` … `to` as a frame of the type 'events'; a RangeError where one is not held. */
  frame(from: number, to: number): Uint8Array {
    if (from < this.firstSeq || to > this.#lastSeq) throw new RangeError(`events ${from} … ${to} are not among ${this.firstSeq} … ${this.#lastSeq}`);
    const { frame, seqs } = recordFrame('events', to - from + 1);
    for (let done = 0; done < seqs.length;) {
      const slot = (from + done - 1) % this.capacity;
      const count = Math.min(seqs.length - done, this.capacity - slot);
      frame.set(this.#ring.bytes.subarray(slot * RECORD_BYTES, (slot + count) * RECORD_BYTES), done * RECORD_BYTES);
      done += count;
    }
    for (let index = 0; index < seqs.length; index += 1) seqs[index] = from + index;
    return frame;
  }

  /** The events after `since`, at most `limit` of them, beginning with the oldest that is still held. */
  read(since: number, limit: number): Excerpt {
    const from = Math.max(since + 1, this.firstSeq);
    const excerpt = new Excerpt(Math.max(0, Math.min(limit, this.#lastSeq - from + 1)));
    for (let index = 0; index < excerpt.count; index += 1) excerpt.put(index, from + index, this.#record((from + index - 1) % this.capacity));
    return excerpt;
  }

  /**
   * What a page needs to draw the present, see Snapshot in message.ts: ascending, up to `lastSeq`. Of exchanges that ended the newest,
   * of at most `recent` records together, each whole; what belongs to no exchange where it is among the last `recent`.
   */
  present(recent: number = SNAPSHOT_RECENT_EVENTS): Excerpt {
    const milestones = this.#milestones.all();
    const searched = Math.max(this.firstSeq, this.#lastSeq - Math.max(recent, SNAPSHOT_SEARCHED_EVENTS) + 1);
    // Before that no record of the ring belongs to an open socket or is recent: under load this leaves little to look through.
    const first = Math.min(searched, Math.max(this.firstSeq, this.#open.oldestSeq));
    const early = new Map<number, Uint8Array>();
    for (const [seq, record] of milestones) if (seq < first) early.set(seq, record);
    this.#open.eachRetained((seq, record) => early.set(seq, record));
    const isOpen = (slot: number, seq: number): boolean => this.#isOpen(slot, seq);
    const exchanges = new Exchanges(this.#words, this.capacity, searched, this.#lastSeq, isOpen);
    exchanges.choose(recent);
    const late: number[] = [];
    for (let seq = first; seq <= this.#lastSeq; seq += 1) {
      const told = seq < searched ? isOpen((seq - 1) % this.capacity, seq) : (exchanges.tells(seq) ?? seq > this.#lastSeq - recent);
      if (told || milestones.has(seq)) late.push(seq);
    }
    const excerpt = new Excerpt(early.size + late.length);
    let index = 0;
    for (const seq of [...early.keys()].sort((a, b) => a - b)) excerpt.put(index++, seq, early.get(seq) ?? new Uint8Array(RECORD_BYTES));
    for (const seq of late) excerpt.put(index++, seq, this.#record((seq - 1) % this.capacity));
    return excerpt;
  }

  #record(slot: number): Uint8Array {
    return this.#ring.bytes.subarray(slot * RECORD_BYTES, (slot + 1) * RECORD_BYTES);
  }

  #isOpen(slot: number, seq: number): boolean {
    const fd = recordDescriptor(this.#words, slot);
    return fd >= 0 && this.#open.holds(recordProcess(this.#words, slot), fd, seq);
  }

  /** `count` records from `slot` on are about to be overwritten: keeps those of connections still open. */
  #passOver(slot: number, count: number): void {
    for (let at = slot, seq = this.#lastSeq - this.capacity + 1; at < slot + count; at += 1, seq += 1) {
      if (this.#isOpen(at, seq)) this.#open.retain(recordProcess(this.#words, at), recordDescriptor(this.#words, at), seq, this.#record(at));
    }
  }

  /**
   * Learns from `count` new records which sockets are open. Of our own processes only calls open and close: a client's end may be
   * told after its close(). The tap makes no calls on what it watches: there each event counts.
   */
  #follow(slot: number, count: number): void {
    const words = this.#words;
    for (let at = slot, seq = this.#lastSeq + 1; at < slot + count; at += 1, seq += 1) {
      const tag = words[at * WORDS + TAG] ?? 0;
      const process = recordProcess(words, at);
      const kind = tag & 0xff;
      if (kind === KIND_PROCESS || kind === KIND_SETTING) {
        this.#milestones.keep(process, seq, this.#record(at));
        continue;
      }
      if (kind !== KIND_CALL && process !== TAP) continue;
      const call = tag & 0xffff;
      if (this.#milestones.starting(process)) this.#milestones.keepStart(process, seq, this.#record(at));
      else if (call === TAG_LISTEN) this.#milestones.keep(process, seq, this.#record(at));
      const fd = recordDescriptor(words, at);
      if (fd < 0) continue;
      if (recordCloses(words, at)) this.#open.close(process, fd);
      else if (call === TAG_LISTEN) this.#open.ignore(process, fd);
      else this.#open.touch(process, fd, seq, call === TAG_SOCKET || call === TAG_ACCEPT4);
    }
  }
}
