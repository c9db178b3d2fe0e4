// struct epoll_event, epoll_ctl(2): packed to 12 bytes on x86-64, 16 bytes elsewhere.
import { EPOLL_EVENTS_PER_WAIT } from '../wire/limits.ts';

const PACKED = process.arch === 'x64';
export const EPOLL_EVENT_BYTES = PACKED ? 12 : 16;
export const EPOLL_DATA_OFFSET = PACKED ? 4 : 8;

/** Room for the events of one epoll_wait; `data` holds the descriptor. */
export class EpollEvents {
  readonly bytes = new Uint8Array(EPOLL_EVENT_BYTES * EPOLL_EVENTS_PER_WAIT);
  readonly #view = new DataView(this.bytes.buffer);

  set(index: number, events: number, fd: number): void {
    const at = index * EPOLL_EVENT_BYTES;
    this.#view.setUint32(at, events, true);
    this.#view.setInt32(at + EPOLL_DATA_OFFSET, fd, true);
    this.#view.setInt32(at + EPOLL_DATA_OFFSET + 4, 0, true);
  }

  events(index: number): number {
    return this.#view.getUint32(index * EPOLL_EVENT_BYTES, true);
  }

  fd(index: number): number {
    return this.#view.getInt32(index * EPOLL_EVENT_BYTES + EPOLL_DATA_OFFSET, true);
  }
}
