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

/** Records of 96 bytes one behind the other (record-layout.ts), and the number of each in the trace. */
export interface NumberedRecords {
  readonly bytes: Uint8Array;
  readonly seqs: Float64Array;
}

/** A number read from a Float64Array as a small integer where it is one: as a float64, each object that has it would keep it in a box of its own. */
export function wholeNumber(value: number): number {
  return value === (value | 0) ? value | 0 : value;
}

/** The message a frame stands for, with the records it was read from. Throws a RangeError where it is none. */
export function readRecordFrame(buffer: ArrayBuffer): (Events | SnapshotPart) & { records: NumberedRecords } {
  const count = (buffer.byteLength - TYPE_BYTES) / (RECORD_BYTES + SEQ_BYTES);
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`a frame of ${buffer.byteLength} bytes holds no whole records`);
  const type = TYPES[new Float64Array(buffer, buffer.byteLength - TYPE_BYTES)[0] ?? NaN];
  if (type === undefined) throw new RangeError('a frame of an unknown type');
  const seqs = new Float64Array(buffer, count * RECORD_BYTES, count);
  const batch = new RecordBatch(count, buffer);
  const records = { bytes: batch.bytes, seqs };
  const events = new Array<TraceEvent>(count);
  for (let slot = 0; slot < count; slot += 1) events[slot] = batch.event(slot, wholeNumber(seqs[slot] ?? 0));
  return type === 'events' ? { type, from: seqs[0] ?? 0, to: seqs[count - 1] ?? -1, events, records } : { type, events, records };
}
