// The loop on real descriptors: who is called, when, and who is not any more.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { nowNs } from '../kernel/clock.ts';
import * as sys from '../kernel/syscalls.ts';
import { EPOLLET, EPOLLIN, EPOLLOUT } from '../wire/constants.ts';
import { errnoName } from '../wire/errno.ts';
import { EPOLL_WAIT_CEILING_MS } from '../wire/limits.ts';
import type { Due } from './deadlines.ts';
import { Stage } from './sample-sink.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
afterEach(() => {
  stage.loop.stop();
  stage.close();
});

const byte = Uint8Array.of(65);

it('hands out what is ready, then does what was asked for afterwards, once', async () => {
  const { loop } = stage;
  const said: string[] = [];
  const pairs = [stage.pair(), stage.pair(), stage.pair()];
  const done = new Promise<void>((resolve) => {
    pairs.forEach(({ client, socket }, i) => {
      sys.write(client, byte, 1);
      loop.add(
        socket.fd,
        EPOLLIN | EPOLLET,
        {
          onReady: (events) => {
            said.push(`ready ${i} ${events}`);
            loop.afterEvents(() => {
              said.push('after');
              resolve();
            });
          },
        },
        socket,
      );
    });
  });
  loop.start();
  loop.start();
  await done;
  expect(said.slice(0, 3).sort()).toEqual([0, 1, 2].map((i) => `ready ${i} ${EPOLLIN}`));
  expect(said.slice(3)).toEqual(['after']);
});

it('who was forgotten in this very turn is not called, though the kernel had news for it', async () => {
  const { loop } = stage;
  const called: number[] = [];
  const pairs = [stage.pair(), stage.pair()];
  await new Promise<void>((resolve) => {
    pairs.forEach(({ client, socket }, i) => {
      sys.write(client, byte, 1);
      const other = pairs[1 - i]!.socket.fd;
      loop.add(
        socket.fd,
        EPOLLIN | EPOLLET,
        {
          onReady: () => {
            called.push(i);
            loop.forget(other);
            loop.afterEvents(() => setImmediate(resolve));
          },
        },
        socket,
      );
    });
    loop.start();
  });
  expect(called.length).toBe(1);
});

it('what is watched can change, and end', async () => {
  const { loop } = stage;
  const { socket } = stage.pair();
  const seen: number[] = [];
  await new Promise<void>((resolve) => {
    loop.add(
      socket.fd,
      EPOLLIN | EPOLLET,
      {
        onReady: (events) => {
          seen.push(events);
          loop.remove(socket.fd, socket);
          resolve();
        },
      },
      socket,
    );
    loop.modify(socket.fd, EPOLLOUT | EPOLLET, socket);
    loop.start();
  });
  expect(seen).toEqual([EPOLLOUT]);
  expect(errnoName(-loop.modify(socket.fd, EPOLLIN, socket))).toBe('ENOENT');
  expect(errnoName(-loop.add(-1, EPOLLIN, { onReady: () => undefined }, null))).toBe('EBADF');
});

it('a deadline is kept, never early, and a quiet loop comes back to Node within its ceiling', async () => {
  const { loop } = stage;
  const due = (wantedNs: number): Promise<number> =>
    new Promise((resolve) => {
      const one: Due = { dueNs: 0, heapIndex: -1, onDue: () => resolve(nowNs()) };
      loop.deadlines.set(one, wantedNs);
    });
  const wanted = [3.2, 40.7, 41.1, EPOLL_WAIT_CEILING_MS + 60].map((ms) => nowNs() + ms * 1e6);
  loop.start();
  const came = await Promise.all(wanted.map(due));
  came.forEach((atNs, i) => {
    expect(atNs).toBeGreaterThanOrEqual(wanted[i]!);
    expect(atNs - wanted[i]!).toBeLessThan(1e9);
  });
  // Nothing was ready all the while: an idle wait is no event.
  expect(stage.lines).toEqual([]);
});
