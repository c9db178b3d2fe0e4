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

const NOTHING = new Uint8Array(0);

/** Takes bytes as they come and gives frames as they are whole. Throws FrameError on a length, type or text that no engine writes. */
export class FrameReader {
  /** The frame that has begun: room for its header, then, once that is known, for all of it. No byte is copied more than twice. */
  #begun = NOTHING;
  #have = 0;

  /** The frames completed by `chunk`. Records are views into memory that is theirs to keep until the next push. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      const rest = chunk.length - at;
      if (this.#have === 0) {
        const length = rest < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : frameBytes(chunk, at);
        if (rest >= length) {
          frames.push(parse(chunk.subarray(at, at + length)));
          at += length;
          continue;
        }
        this.#begun = new Uint8Array(length);
      }
      const taken = Math.min(this.#begun.length - this.#have, rest);
      this.#begun.set(chunk.subarray(at, at + taken), this.#have);
      this.#have += taken;
      at += taken;
      this.#complete(frames);
    }
    return frames;
  }

  #complete(frames: Frame[]): void {
    if (this.#have < this.#begun.length) return;
    if (this.#have === FRAME_HEADER_BYTES) {
      const whole = new Uint8Array(frameBytes(this.#begun, 0));
      whole.set(this.#begun);
      this.#begun = whole;
      if (this.#have < whole.length) return;
    }
    const frame = this.#begun;
    this.#begun = NOTHING;
    this.#have = 0;
    frames.push(parse(frame));
  }

  /** Bytes of a frame that has begun and not ended. */
  get pendingBytes(): number {
    return this.#have;
  }
}

/** Header and payload together, as the header at `at` says. */
function frameBytes(bytes: Uint8Array, at: number): number {
  const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
  if (length > PIPE_FRAME_MAX_BYTES) throw new FrameError(`a frame of ${length} bytes; at most ${PIPE_FRAME_MAX_BYTES} are allowed`);
  return FRAME_HEADER_BYTES + length;
}

function parse(frame: Uint8Array): Frame {
  const type = new DataView(frame.buffer, frame.byteOffset).getUint32(4, true);
  const payload = frame.subarray(FRAME_HEADER_BYTES);
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
