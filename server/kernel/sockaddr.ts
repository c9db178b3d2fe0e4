// struct sockaddr_in, ip(7): sixteen bytes, port and address in network order.
import { AF_INET, SOCKADDR_IN_BYTES } from '../wire/constants.ts';

/** A sockaddr_in in memory that calls may read and fill. */
export class SockaddrInBuffer {
  readonly bytes = new Uint8Array(SOCKADDR_IN_BYTES);
  /** socklen_t beside it, which accept4 and getsockname read and write. */
  readonly length = new Uint8Array(4);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #lengthView = new DataView(this.length.buffer);

  /** Fills in an address; host order both. */
  set(ip: number, port: number): void {
    this.#view.setUint16(0, AF_INET, true);
    this.#view.setUint16(2, port);
    this.#view.setUint32(4, ip);
  }

  /** Says how much room there is, before a call that fills the address in. */
  offer(): void {
    this.#lengthView.setUint32(0, SOCKADDR_IN_BYTES, true);
  }

  get family(): number {
    return this.#view.getUint16(0, true);
  }
  get port(): number {
    return this.#view.getUint16(2);
  }
  get ip(): number {
    return this.#view.getUint32(4);
  }
  /** socklen_t as the call left it. */
  get filled(): number {
    return this.#lengthView.getUint32(0, true);
  }
}
