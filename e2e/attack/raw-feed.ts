// A WebSocket without a library: what no well-behaved client would send, byte by byte (RFC 6455).
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const MASK = Buffer.from([1, 2, 3, 4]);
export const TEXT = 1;
export const CONTINUATION = 0;
export const PING = 9;

export interface FrameParts {
  opcode: number;
  payload?: string | Uint8Array;
  final?: boolean;
  masked?: boolean;
  /** RSV1 to RSV3 as they stand in the first byte. */
  reserved?: number;
  /** What the header says, where it lies. */
  claimedLength?: bigint;
}

export function frame({ opcode, payload = '', final = true, masked = true, reserved = 0, claimedLength }: FrameParts): Buffer {
  const data = Buffer.from(payload as string);
  const length = claimedLength ?? BigInt(data.length);
  const maskBit = masked ? 0x80 : 0;
  const first = (final ? 0x80 : 0) | reserved | opcode;
  let header: Buffer;
  if (length < 126n) header = Buffer.from([first, maskBit | Number(length)]);
  else if (length < 65_536n) {
    header = Buffer.from([first, maskBit | 126, 0, 0]);
    header.writeUInt16BE(Number(length), 2);
  } else {
    header = Buffer.alloc(10);
    header[0] = first;
    header[1] = maskBit | 127;
    header.writeBigUInt64BE(length, 2);
  }
  if (!masked) return Buffer.concat([header, data]);
  return Buffer.concat([header, MASK, data.map((byte, index) => byte ^ (MASK[index % 4] ?? 0))]);
}

/** An open feed, spoken by hand. */
export class RawFeed {
  readonly socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => undefined);
  }

  static async open(port: number): Promise<RawFeed> {
    const socket = connect(port, '127.0.0.1');
    const feed = new RawFeed(socket);
    await once(socket, 'connect');
    socket.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    );
    let head = Buffer.alloc(0);
    await new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', hear);
        feed.#received = head.subarray(end + 4);
        if (head.toString('latin1').startsWith('HTTP/1.1 101')) resolve();
        else reject(new Error(head.toString('latin1')));
      };
      socket.on('data', hear);
    });
    return feed;
  }

  /** Writes, and waits while the other side takes no more; false when it is gone. */
  async send(bytes: Uint8Array): Promise<boolean> {
    if (this.socket.destroyed) return false;
    if (this.socket.write(bytes)) return true;
    return new Promise((resolve) => {
      const drained = (): void => {
        this.socket.off('close', closed);
        resolve(true);
      };
      const closed = (): void => {
        this.socket.off('drain', drained);
        resolve(false);
      };
      this.socket.once('drain', drained);
      this.socket.once('close', closed);
    });
  }

  /** Reads to the end; the code of the close frame, or null where none came. */
  async closeCode(): Promise<number | null> {
    this.socket.on('data', (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    if (!this.socket.destroyed) await new Promise((resolve) => this.socket.once('close', resolve));
    for (let at = 0; at + 2 <= this.#received.length;) {
      const opcode = (this.#received[at] ?? 0) & 0x0f;
      let length = (this.#received[at + 1] ?? 0) & 0x7f;
      let start = at + 2;
      if (length === 126) {
        length = this.#received.readUInt16BE(start);
        start += 2;
      } else if (length === 127) {
        length = Number(this.#received.readBigUInt64BE(start));
        start += 8;
      }
      if (opcode === 8) return this.#received.readUInt16BE(start);
      at = start + length;
    }
    return null;
  }
}
