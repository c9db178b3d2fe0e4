// Records as their readers see them: words by place, and the data bytes behind them.
import { DATA_MAX_BYTES, RECORD_BYTES } from './limits.ts';
import { DATA_BYTE, LENGTHS } from './record-layout.ts';

/** A batch of records, as far as reading one needs it. */
export interface RecordBytes {
  readonly bytes: Uint8Array;
  word(slot: number, field: number): number;
}

/** How many of the data bytes of record `slot` are meant; never more than a record has, whatever it says. */
export function dataLength(batch: RecordBytes, slot: number): number {
  return Math.min(DATA_MAX_BYTES, batch.bytes[slot * RECORD_BYTES + LENGTHS * 4] ?? 0);
}

/** The data bytes of record `slot`, as many as are meant. */
export function dataBytes(batch: RecordBytes, slot: number): Uint8Array {
  const start = slot * RECORD_BYTES + DATA_BYTE;
  return batch.bytes.subarray(start, start + dataLength(batch, slot));
}

/** They as text, a letter a byte, up to the first NUL; of those from `from` on, and before `to`. */
export function dataText(batch: RecordBytes, slot: number, from = 0, to = DATA_MAX_BYTES): string {
  const start = slot * RECORD_BYTES + DATA_BYTE;
  const end = start + Math.min(to, dataLength(batch, slot));
  let text = '';
  for (let at = start + from; at < end; at += 1) {
    const byte = batch.bytes[at] ?? 0;
    if (byte === 0) break;
    text += String.fromCharCode(byte);
  }
  return text;
}
