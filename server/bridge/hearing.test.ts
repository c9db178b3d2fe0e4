import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { FEED_BACKLOG_MAX_BYTES, HEARING_RETRY_MS } from '../wire/limits.ts';
import { Hearing } from './hearing.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('hears a page again when it has read what waited for it, and not before', () => {
  const socket = { bufferedAmount: FEED_BACKLOG_MAX_BYTES, pause: vi.fn(), resume: vi.fn() };
  const hearing = new Hearing(socket);
  hearing.heard();
  expect(socket.pause).not.toHaveBeenCalled();
  socket.bufferedAmount += 1;
  hearing.heard();
  hearing.heard();
  expect(socket.pause).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(10 * HEARING_RETRY_MS);
  expect(socket.resume).not.toHaveBeenCalled();
  socket.bufferedAmount = 0;
  vi.advanceTimersByTime(HEARING_RETRY_MS);
  expect(socket.resume).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

it('leaves no timer behind a socket that closed', () => {
  const hearing = new Hearing({ bufferedAmount: FEED_BACKLOG_MAX_BYTES + 1, pause: vi.fn(), resume: vi.fn() });
  hearing.heard();
  expect(vi.getTimerCount()).toBe(1);
  hearing.end();
  expect(vi.getTimerCount()).toBe(0);
});
