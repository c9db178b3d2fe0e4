// A page of the kernel's trace ring buffer, as trace_pipe_raw gives it: time deltas, records and the count of what was lost before it.

/** Where the header of a page has its fields: `events/header_page` of tracefs. */
export interface PageLayout {
  readonly commitBytes: number;
  readonly dataOffset: number;
  /** Header and data together: what one read takes at most. */
  readonly pageBytes: number;
}

/** Gets one record: when (ns since the origin), and where its fields stand in `view`. `length` may be up to 3 bytes more than the record. */
export type RecordHandler = (atNs: number, view: DataView, at: number, length: number) => void;

/** What a page held. `lost`: records overwritten before they were read, -1 where only the fact is told; `malformed`: what did not add up, and where the reading ended. */
export interface PageEnd {
  readonly records: number;
  readonly lost: number;
  readonly malformed: string | null;
}

// Types of the compressed entry header: events/header_event, include/linux/ring_buffer.h.
const TYPE_DATA_MAX = 28;
const TYPE_PADDING = 29;
const TYPE_TIME_EXTEND = 30;
const TYPE_TIME_STAMP = 31;
const TIME_DELTA_BITS = 27;
/** Flags in the commit word of a page that was read: something was lost before it; how much stands behind its data. */
const MISSED_EVENTS = 0x80000000;
const MISSED_STORED = 0x40000000;
const COMMIT_MASK = 0x3fffffff;

/** Understands `events/header_page`; null where this kernel lays its pages out in a way we do not know. */
export function parseHeaderPage(text: string): PageLayout | null {
  const field = (name: string): { offset: number; size: number } | null => {
    const match = new RegExp(`field: [\\w ]+ ${name};\\s*offset:(\\d+);\\s*size:(\\d+);`).exec(text);
    return match === null ? null : { offset: Number(match[1]), size: Number(match[2]) };
  };
  const timestamp = field('timestamp');
  const commit = field('commit');
  const data = field('data');
  if (timestamp?.offset !== 0 || timestamp.size !== 8 || commit?.offset !== 8 || (commit.size !== 8 && commit.size !== 4) || data === null) return null;
  if (data.offset < 8 + commit.size || data.size < 64 || data.size > 1_048_576) return null;
  return { commitBytes: commit.size, dataOffset: data.offset, pageBytes: data.offset + data.size };
}

/** True where `events/header_event` describes the entry header that `readPage` knows. */
export function knowsHeaderEvent(text: string): boolean {
  const patterns = [
    /type_len\s*:\s*5 bits/,
    /time_delta\s*:\s*27 bits/,
    /padding\s*: type == 29/,
    /time_extend\s*: type == 30/,
    /time_stamp\s*: type == 31/,
    /data max type_len\s*== 28/,
  ];
  return patterns.every((pattern) => pattern.test(text));
}

/**
 * Hands the records of one page to `onRecord`, oldest first. `bytes`: what the read returned. Times are differences to `originNs`, exact however
 * long the machine has been up. Never throws for what the page holds.
 */
export function readPage(view: DataView, bytes: number, layout: PageLayout, originNs: bigint, onRecord: RecordHandler): PageEnd {
  if (bytes < layout.dataOffset) return { records: 0, lost: 0, malformed: `a page of ${bytes} bytes` };
  const flags = view.getUint32(8, true);
  const committed = flags & COMMIT_MASK;
  const end = layout.dataOffset + committed;
  if (end > bytes) return { records: 0, lost: 0, malformed: `commit ${committed} in a page of ${bytes} bytes` };
  let lost = 0;
  if ((flags & MISSED_EVENTS) !== 0) {
    const stored = (flags & MISSED_STORED) !== 0 && end + layout.commitBytes <= bytes;
    lost = stored ? view.getUint32(end, true) : -1;
  }
  const pageNs = view.getBigUint64(0, true);
  let atNs = Number(pageNs - originNs);
  let records = 0;
  let at = layout.dataOffset;
  const malformed = (what: string): PageEnd => ({ records, lost, malformed: `${what} at byte ${at} of ${end}` });
  while (at < end) {
    if (at + 4 > end) return malformed('half an entry header');
    const header = view.getUint32(at, true);
    const type = header & 31;
    const delta = header >>> 5;
    if (type === TYPE_PADDING && delta === 0) break;
    // All but the smaller records have a word behind the header.
    const hasWord = type === 0 || type > TYPE_DATA_MAX;
    if (hasWord && at + 8 > end) return malformed('half an entry header');
    const word = hasWord ? view.getUint32(at + 4, true) : 0;
    if (type === TYPE_TIME_EXTEND) {
      atNs += delta + word * 2 ** TIME_DELTA_BITS;
      at += 8;
      continue;
    }
    if (type === TYPE_TIME_STAMP) {
      atNs = absoluteNs(pageNs, (BigInt(word) << BigInt(TIME_DELTA_BITS)) | BigInt(delta), originNs);
      at += 8;
      continue;
    }
    atNs += delta;
    const total = hasWord ? word + 4 : 4 + type * 4;
    if ((hasWord && (word < 4 || (word & 3) !== 0)) || at + total > end) return malformed(`an entry of ${total} bytes`);
    if (type !== TYPE_PADDING) {
      const payload = hasWord ? 8 : 4;
      records += 1;
      onRecord(atNs, view, at + payload, total - payload);
    }
    at += total;
  }
  return { records, lost, malformed: null };
}

/** An absolute time has 59 bits; the rest is the page's own, one more where it has wrapped since. */
function absoluteNs(pageNs: bigint, stamp: bigint, originNs: bigint): number {
  const wrap = 1n << 59n;
  let ns = (pageNs / wrap) * wrap + stamp;
  if (ns < pageNs) ns += wrap;
  return Number(ns - originNs);
}
