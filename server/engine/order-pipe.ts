// The engine's ear: orders from its parent, as frames of JSON; their end is the parent's end.
import { setNonBlocking } from '../kernel/own-process.ts';
import * as sys from '../kernel/syscalls.ts';
import { EPOLLET, EPOLLIN, EPOLLRDHUP } from '../wire/constants.ts';
import { errnoNumber } from '../wire/errno.ts';
import { FrameReader } from '../wire/frame.ts';
import type { EventLoop, Watcher } from './event-loop.ts';

const EAGAIN = errnoNumber('EAGAIN');
const EINTR = errnoNumber('EINTR');

export class OrderPipe implements Watcher {
  readonly #fd: number;
  readonly #frames = new FrameReader();
  readonly #buffer = new Uint8Array(65_536);
  readonly #onOrder: (order: unknown) => void;
  readonly #onEnd: () => void;

  /** `onOrder` gets each order as it was sent; `onEnd` is called when the parent is gone. */
  constructor(fd: number, loop: EventLoop, onOrder: (order: unknown) => void, onEnd: () => void) {
    this.#fd = fd;
    this.#onOrder = onOrder;
    this.#onEnd = onEnd;
    setNonBlocking(fd);
    loop.add(fd, EPOLLIN | EPOLLRDHUP | EPOLLET, this, null);
  }

  onReady(): void {
    for (;;) {
      const result = sys.read(this.#fd, this.#buffer, this.#buffer.length);
      if (result === -EAGAIN) return;
      if (result === -EINTR) continue;
      if (result <= 0) {
        this.#onEnd();
        return;
      }
      for (const frame of this.#frames.push(this.#buffer.slice(0, result))) if (frame.type === 'json') this.#onOrder(frame.value);
    }
  }
}
