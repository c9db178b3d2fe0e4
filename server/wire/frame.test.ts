import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FRAME_HEADER_BYTES,
  FRAME_JSON,
  FRAME_RECORDS,
  FrameError,
  FrameReader,
  jsonFrame,
  RECORDS_HEADER_BYTES,
  writeFrameHeader,
  writeRecordsHeader,
  type Frame,
} from './frame.ts';
import { PIPE_FRAME_MAX_BYTES, RECORD_BYTES } from './limits.ts';

function recordsFrame(droppedBefore: number, records: Uint8Array): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + RECORDS_HEADER_BYTES + records.length);
  writeFrameHeader(frame, FRAME_RECORDS, RECORDS_HEADER_BYTES + records.length);
  writeRecordsHeader(frame.subarray(FRAME_HEADER_BYTES), droppedBefore);
  frame.set(records, FRAME_HEADER_BYTES + RECORDS_HEADER_BYTES);
  return frame;
}

function rawFrame(type: number, payload: Uint8Array, length = payload.length): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(frame, type, length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

const anyFrame = fc.oneof(
  fc.jsonValue().map((value) => ({ bytes: jsonFrame(value), means: { type: 'json', value: JSON.parse(JSON.stringify(value)) as unknown } })),
  fc.tuple(fc.integer({ min: 0, max: 0xffffffff }), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 255 })).map(([droppedBefore, count, fill]) => {
    const records = new Uint8Array(count * RECORD_BYTES).fill(fill);
    return { bytes: recordsFrame(droppedBefore, records), means: { type: 'records', droppedBefore, records: [...records] } };
  }),
);

const plain = (frame: Frame): unknown => (frame.type === 'records' ? { ...frame, records: [...frame.records] } : frame);

describe('a reader of frames', () => {
  it('gives the same frames however the bytes were cut', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { maxLength: 6 }), fc.array(fc.nat(400), { minLength: 1, maxLength: 20 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map((frame) => frame.bytes));
        const reader = new FrameReader();
        const heard: unknown[] = [];
        for (let at = 0, i = 0; at < bytes.length; i += 1) {
          // Every other chunk is a Buffer, as a stream gives it; the rest are plain arrays.
          const size = Math.max(1, cuts[i % cuts.length]!);
          const chunk = bytes.subarray(at, at + size);
          heard.push(...reader.push(i % 2 === 0 ? chunk : new Uint8Array(chunk)).map(plain));
          at += size;
        }
        expect(heard).toEqual(frames.map((frame) => frame.means));
        expect(reader.pendingBytes).toBe(0);
      }),
    );
  });

  it('keeps what has begun, whatever becomes of the chunk it came in', () => {
    const whole = jsonFrame({ a: 1 });
    const chunk = Buffer.from(whole.subarray(0, 12));
    const reader = new FrameReader();
    expect(reader.push(chunk)).toEqual([]);
    expect(reader.pendingBytes).toBe(12);
    chunk.fill(0xff);
    expect(reader.push(whole.subarray(12))).toEqual([{ type: 'json', value: { a: 1 } }]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['a type that is none', rawFrame(3, new Uint8Array(8)), /type 3/],
    ['a length beyond the bound', rawFrame(FRAME_JSON, new Uint8Array(0), PIPE_FRAME_MAX_BYTES + 1), /at most/],
    ['text that is no JSON', rawFrame(FRAME_JSON, Buffer.from('{"a":')), /JSON that is not/],
    ['text that is no UTF-8', rawFrame(FRAME_JSON, Buffer.of(0x22, 0xc3, 0x22)), /JSON that is not/],
    ['no text', rawFrame(FRAME_JSON, new Uint8Array(0)), /JSON that is not/],
    ['half a record', rawFrame(FRAME_RECORDS, new Uint8Array(RECORDS_HEADER_BYTES + RECORD_BYTES - 1)), /frame of records/],
    ['records without their header', rawFrame(FRAME_RECORDS, new Uint8Array(RECORDS_HEADER_BYTES - 1)), /frame of records/],
  ])('refuses %s', (_what, bytes, words) => {
    expect(() => new FrameReader().push(bytes)).toThrow(FrameError);
    expect(() => new FrameReader().push(bytes)).toThrow(words);
  });

  it('refuses a length beyond the bound by its header alone, and takes the bound itself', () => {
    const header = new Uint8Array(FRAME_HEADER_BYTES);
    writeFrameHeader(header, FRAME_JSON, PIPE_FRAME_MAX_BYTES);
    expect(new FrameReader().push(header)).toEqual([]);
  });

  it('throws nothing but FrameError, whatever comes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (chunks) => {
        const reader = new FrameReader();
        try {
          for (const chunk of chunks) reader.push(chunk);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
        }
      }),
    );
  });
});
