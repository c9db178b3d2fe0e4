// Numbered records as one binary frame of the feed: for pages that word events themselves, a third of the bytes and nothing to parse.
import type { TraceEvent } from './event.ts';
import { RECORD_BYTES } from './limits.ts';
import type { Events, SnapshotPart } from './message.ts';
import { RecordBatch } from './record.ts';

const SEQ_BYTES = 8;
const TYPE_BYTES = 8;

/** The last number of a frame: which message of message.ts it stands for. */
const TYPES = ['snapshot-part', 'events'] as const;

/**
 * A frame for `count` records, to be filled: the records (record-layout.ts), their numbers in the trace (float64), then its type (float64);
 * little-endian, as on every machine Node runs on. Everything begins at a multiple of eight bytes, so that nothing need be copied to be read.
 */
export function recordFrame(type: (typeof TYPES)[number], count: number): { frame: Uint8Array; seqs: Float64Array } {
  const buffer = new ArrayBuffer(count * (RECORD_BYTES + SEQ_BYTES) + TYPE_BYTES);
  new Float64Array(buffer, buffer.byteLength - TYPE_BYTES)[0] = TYPES.indexOf(type);
  return { frame: new Uint8Array(buffer), seqs: new Float64Array(buffer, count * RECORD_BYTES, count) };
}

/** The message a frame stands for. Throws a RangeError where it is none. */
export function readRecordFrame(buffer: ArrayBuffer): Events | SnapshotPart {
  const count = (buffer.byteLength - TYPE_BYTES) / (RECORD_BYTES + SEQ_BYTES);
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`a frame of ${buffer.byteLength} bytes holds no whole records`);
  const type = TYPES[new Float64Array(buffer, buffer.byteLength - TYPE_BYTES)[0] ?? NaN];
  if (type === undefined) throw new RangeError('a frame of an unknown type');
  const seqs = new Float64Array(buffer, count * RECORD_BYTES, count);
  const records = new RecordBatch(count, buffer);
  const events: TraceEvent[] = [];
  for (let slot = 0; slot < count; slot += 1) {
    const seq = seqs[slot] ?? 0;
    // As a small integer where it is one: read from the array it is a float64, and each event would keep it in a box.
    events.push(records.event(slot, seq === (seq | 0) ? seq | 0 : seq));
  }
  return type === 'events' ? { type, from: seqs[0] ?? 0, to: seqs[count - 1] ?? -1, events } : { type, events };
}
