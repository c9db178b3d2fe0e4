// Framing on the pipes: eight bytes of header (length, type), then a batch of records or one JSON message.
import { PIPE_FRAME_MAX_BYTES, RECORD_BYTES } from './limits.ts';

export const FRAME_HEADER_BYTES = 8;
/** A frame of records begins with how many events were dropped just before them. */
export const RECORDS_HEADER_BYTES = 8;
export const FRAME_RECORDS = 1;
export const FRAME_JSON = 2;

/** A frame that arrived whole. */
export type Frame = { type: 'records'; droppedBefore: number; records: Uint8Array } | { type: 'json'; value: unknown };

/** The bytes were not frames: whoever wrote them is broken. */
export class FrameError extends Error {
  override name = 'FrameError';
}

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** Header and payload of a JSON message. */
export function jsonFrame(value: unknown): Uint8Array {
  const payload = encoder.encode(JSON.stringify(value));
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(frame, FRAME_JSON, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** Header of a frame whose payload of `length` bytes follows it. */
export function writeFrameHeader(into: Uint8Array, type: number, length: number): void {
  const view = new DataView(into.buffer, into.byteOffset);
  view.setUint32(0, length, true);
  view.setUint32(4, type, true);
}

/** The header of the payload of a frame of records. */
export function writeRecordsHeader(into: Uint8Array, droppedBefore: number): void {
  const view = new DataView(into.buffer, into.byteOffset);
  view.setUint32(0, droppedBefore, true);
  view.setUint32(4, 0, true);
}

/** Takes bytes as they come and gives frames as they are whole. Throws FrameError on a length, type or text that no engine writes. */
export class FrameReader {
  #pending: Uint8Array = new Uint8Array(0);

  /** The frames completed by `chunk`. Records are views into memory that is theirs to keep until the next push. */
  push(chunk: Uint8Array): Frame[] {
    let bytes = chunk;
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
    }
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const length = view.getUint32(0, true);
      if (length > PIPE_FRAME_MAX_BYTES) throw new FrameError(`a frame of ${length} bytes; at most ${PIPE_FRAME_MAX_BYTES} are allowed`);
      if (bytes.length - at - FRAME_HEADER_BYTES < length) break;
      frames.push(parse(view.getUint32(4, true), bytes.subarray(at + FRAME_HEADER_BYTES, at + FRAME_HEADER_BYTES + length)));
      at += FRAME_HEADER_BYTES + length;
    }
    // A copy, also where the chunk is a Buffer (whose slice would be a view that keeps the whole chunk alive).
    this.#pending = new Uint8Array(bytes.subarray(at));
    return frames;
  }

  /** Bytes of a frame that has begun and not ended. */
  get pendingBytes(): number {
    return this.#pending.length;
  }
}

function parse(type: number, payload: Uint8Array): Frame {
  switch (type) {
    case FRAME_RECORDS: {
      if (payload.length < RECORDS_HEADER_BYTES || (payload.length - RECORDS_HEADER_BYTES) % RECORD_BYTES !== 0) {
        throw new FrameError(`a frame of records of ${payload.length} bytes, which is not ${RECORDS_HEADER_BYTES} and a multiple of ${RECORD_BYTES}`);
      }
      const droppedBefore = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
      return { type: 'records', droppedBefore, records: payload.subarray(RECORDS_HEADER_BYTES) };
    }
    case FRAME_JSON:
      try {
        return { type: 'json', value: JSON.parse(decoder.decode(payload)) as unknown };
      } catch (error) {
        throw new FrameError(`a frame of JSON that is not: ${String(error)}`);
      }
    default:
      throw new FrameError(`a frame of type ${type}; there are ${FRAME_RECORDS} and ${FRAME_JSON}`);
  }
}
