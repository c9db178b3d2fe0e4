import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  FEED_BACKLOG_MAX_BYTES,
  FEED_BEHIND_EVENTS,
  FEED_EVENTS_PER_FLUSH,
  FEED_FLUSH_MS,
  FEED_LIVE_EVENTS_PER_SECOND,
  FEED_SNAPSHOT_INTERVAL_MS,
  FEED_STALL_MAX_MS,
  FEED_WINDOW_EVENTS,
  SNAPSHOT_COPY_MAX_BYTES,
  FEED_BEAT_MS,
  STATUS_INTERVAL_MS,
  WORDING_SLICE_EVENTS,
} from '../wire/limits.ts';
import type { TraceEvent } from '../wire/event.ts';
import type { Events, FeedMessage, Gap, Hello, SnapshotPart, Status } from '../wire/message.ts';
import { readRecordFrame } from '../wire/record-frame.ts';
import { Broadcast } from './broadcast.ts';
import { CLOSE_TOO_SLOW, Feed, type FeedSocket } from './feed.ts';
import { Journal } from './journal.ts';
import { callRecords, idleRecords } from './sample-records.ts';

/** A page: its socket takes everything unless it is told to be `full`; what it was told is checked as it comes. */
class Page implements FeedSocket {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  /** So long each message keeps the bridge (by the fake clock). */
  sendingMs = 0;
  closed: number | null = null;
  readonly raw: (Uint8Array | string)[] = [];
  readonly messages: (FeedMessage | SnapshotPart)[] = [];
  readonly feed: Feed;
  /** Of a message under way. */
  #frames = '';
  /** Events of a snapshot under way. */
  #parts: TraceEvent[] = [];
  /** The last event it knows of, by event or snapshot; each message must begin right behind it. */
  position = -1;
  dropped = 0;

  constructor(records = false) {
    this.feed = new Feed(this, 'control', records);
  }

  send(data: Uint8Array | string, { binary, fin }: { binary: boolean; fin: boolean }): void {
    this.raw.push(data);
    if (this.sendingMs > 0) vi.advanceTimersByTime(this.sendingMs);
    let message: FeedMessage | SnapshotPart;
    if (binary) message = readRecordFrame(Uint8Array.from(data as Uint8Array).buffer);
    else {
      this.#frames += data.toString();
      if (!fin) return;
      message = JSON.parse(this.#frames) as FeedMessage;
      this.#frames = '';
    }
    this.messages.push(message);
    if (message.type !== 'snapshot-part' && message.type !== 'hello' && message.type !== 'gap') expect(this.#parts).toEqual([]);
    // eslint-disable-next-line @typescript-eslint/switch-exhaustiveness-check -- replies and status carry no events
    switch (message.type) {
      case 'snapshot-part':
        expect(message.events.length).toBeLessThanOrEqual(WORDING_SLICE_EVENTS);
        this.#parts.push(...message.events);
        break;
      case 'hello':
        expect(this.position).toBe(-1);
        this.#take(message.snapshot, message.seq);
        break;
      case 'events':
        expect(message.from).toBe(this.position + 1);
        expect(message.events.map((event) => event.seq)).toEqual(Array.from({ length: message.to - message.from + 1 }, (_, index) => message.from + index));
        this.position = message.to;
        break;
      case 'gap':
        expect(message.from).toBe(this.position + 1);
        expect(message.dropped).toBe(message.to - message.from + 1);
        this.dropped += message.dropped;
        this.#take(message.snapshot, message.to);
        break;
    }
  }

  #take(snapshot: Hello['snapshot'], seq: number): void {
    expect(snapshot.seq).toBe(seq);
    const seqs = [...this.#parts, ...snapshot.events].map((event) => event.seq);
    this.#parts = [];
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    expect(seqs.at(-1) ?? 0).toBeLessThanOrEqual(seq);
    expect(snapshot.omitted).toBe(seq - seqs.length);
    this.position = seq;
  }

  close(code: number): void {
    this.closed = code;
    this.readyState = 2;
  }

  of<T extends FeedMessage['type']>(type: T): Extract<FeedMessage, { type: T }>[] {
    return this.messages.filter((message): message is Extract<FeedMessage, { type: T }> => message.type === type);
  }
}

const STATUS = { processes: [], watchers: 0, journal: { firstSeq: 1, lastSeq: 0 } } as unknown as Status;
const GREETING = { type: 'hello', protocol: 1, role: 'control' } as Omit<Hello, 'seq' | 'snapshot'>;

function setUp(capacity = 100_000): { journal: Journal; broadcast: Broadcast; join: () => Promise<Page>; status: { value: Status } } {
  const journal = new Journal(capacity);
  const status = { value: STATUS };
  const broadcast = new Broadcast(journal, () => status.value);
  const join = async (): Promise<Page> => {
    const page = new Page();
    await broadcast.join(page.feed, GREETING);
    return page;
  };
  return { journal, broadcast, join, status };
}

describe('in real time', () => {
  it('no event is lost or doubled, whenever a page joins and however events come', async () => {
    const { journal, broadcast } = setUp();
    const pages: Page[] = [];
    const joins: Promise<void>[] = [];
    for (let turn = 0; turn < 120; turn += 1) {
      journal.append(idleRecords((turn * 37) % 97));
      // Some join in the middle of an append, some between two; a snapshot of more than one slice takes several turns of the loop.
      if (turn % 8 === 3) {
        const page = new Page();
        pages.push(page);
        joins.push(broadcast.join(page.feed, GREETING));
        journal.append(idleRecords(turn % 5));
      }
      await new Promise((resolve) => setImmediate(resolve));
      if (turn % 20 === 0) await new Promise((resolve) => setTimeout(resolve, FEED_FLUSH_MS));
    }
    await Promise.all(joins);
    await vi.waitFor(() => {
      expect(pages.map((page) => page.position)).toEqual(pages.map(() => journal.lastSeq));
    });
    for (const page of pages) {
      expect(page.of('hello')).toHaveLength(1);
      expect(page.of('gap')).toHaveLength(0);
      expect(page.messages[0]?.type).toBe('hello');
    }
    for (const page of pages) broadcast.leave(page.feed);
  });

  it('a page that asks for records gets the same events, snapshots in parts, made once for all', async () => {
    const { journal, broadcast } = setUp();
    journal.append(idleRecords(WORDING_SLICE_EVENTS * 3 + 10));
    const [whole, one, other] = [new Page(), new Page(true), new Page(true)];
    await Promise.all([whole, one, other].map((page) => broadcast.join(page.feed, GREETING)));
    expect(whole.messages.map((message) => message.type)).toEqual(['hello']);
    expect(one.messages.map((message) => message.type)).toEqual(['snapshot-part', 'snapshot-part', 'snapshot-part', 'snapshot-part', 'hello']);
    const told = one.messages.flatMap((message) => (message.type === 'snapshot-part' ? message.events : []));
    expect([...told, ...(one.of('hello')[0]?.snapshot.events ?? [])]).toEqual(whole.of('hello')[0]?.snapshot.events);
    expect(one.raw[0]).toBe(other.raw[0]);
    journal.append(idleRecords(3));
    await vi.waitFor(() => {
      expect([one, whole].map((page) => page.messages.at(-1)?.type)).toEqual(['events', 'events']);
    });
    expect(one.messages.at(-1)).toMatchObject({ ...whole.messages.at(-1) });
    expect(one.raw.at(-1)).toBe(other.raw.at(-1));
    // And after a gap.
    journal.append(idleRecords(100_000));
    await vi.waitFor(() => {
      expect(one.of('gap')).toHaveLength(1);
    });
    expect(one.messages.slice(-2).map((message) => message.type)).toEqual(['snapshot-part', 'gap']);
    for (const page of [whole, one, other]) broadcast.leave(page.feed);
  });

  it('a large snapshot is one message in three frames, of which pages share the large one', async () => {
    const { journal, broadcast } = setUp();
    for (let socket = 0; socket < 1_500; socket += 1)
      journal.append(callRecords(Array.from({ length: 5 }, () => ({ call: 'accept4' as const, fd: 7 + socket }))));
    const pages = [new Page(), new Page()];
    await Promise.all(pages.map((page) => broadcast.join(page.feed, GREETING)));
    const [one, other] = pages;
    expect([one?.raw.length, one?.messages.length]).toEqual([3, 1]);
    expect(one?.raw[1]?.length).toBeGreaterThan(SNAPSHOT_COPY_MAX_BYTES);
    expect(one?.raw[1]).toBe(other?.raw[1]);
    for (const page of pages) broadcast.leave(page.feed);
  });

  it('words a flush once for all pages that stand at the same event', async () => {
    const { journal, broadcast } = setUp();
    journal.append(idleRecords(10));
    const pages = Array.from({ length: 20 }, () => new Page());
    await Promise.all(pages.map((page) => broadcast.join(page.feed, GREETING)));
    const worded = vi.spyOn(journal, 'event');
    journal.append(idleRecords(5));
    await vi.waitFor(() => {
      expect(pages.every((page) => page.position === 15)).toBe(true);
    });
    expect(worded).toHaveBeenCalledTimes(5);
    expect(new Set(pages.map((page) => page.raw.at(-1))).size).toBe(1);
    for (const page of pages) broadcast.leave(page.feed);
  });
});

describe('by the clock', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
  const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
  /** A snapshot of several slices is made over turns of the real loop. */
  const snapshotMade = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };

  it('nothing is worded and no timer runs while nothing watches', async () => {
    const { journal, broadcast, join } = setUp();
    const worded = vi.spyOn(journal, 'event');
    journal.append(idleRecords(1_000));
    expect(vi.getTimerCount()).toBe(0);
    const page = await join();
    await pass(1_000);
    broadcast.leave(page.feed);
    journal.append(idleRecords(1_000));
    await pass(1_000);
    expect(worded).not.toHaveBeenCalled();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('the first event leaves at once, and never two flushes within so long', async () => {
    const { journal, join } = setUp();
    const page = await join();
    await pass(FEED_FLUSH_MS);
    journal.append(idleRecords(1));
    await pass(1);
    expect(page.of('events')).toHaveLength(1);
    for (let ms = 2; ms < FEED_FLUSH_MS; ms += 1) {
      journal.append(idleRecords(1));
      await pass(1);
    }
    expect(page.of('events')).toHaveLength(1);
    await pass(1);
    expect(page.of('events').map(({ from, to }) => [from, to])).toEqual([
      [1, 1],
      [2, FEED_FLUSH_MS - 1],
    ]);
  });

  it('a flush that took long is followed by as long a rest', async () => {
    const { journal, join } = setUp();
    const page = await join();
    await pass(FEED_FLUSH_MS);
    page.sendingMs = 3 * FEED_FLUSH_MS;
    journal.append(idleRecords(1));
    await pass(1);
    page.sendingMs = 0;
    journal.append(idleRecords(1));
    await pass(3 * FEED_FLUSH_MS - 2);
    expect(page.of('events')).toHaveLength(1);
    await pass(2);
    expect(page.of('events')).toHaveLength(2);
  });

  it('a page that reads too slowly gets a gap with the exact count and a snapshot; the others get everything', async () => {
    const { journal, join } = setUp(20_000);
    const slow = await join();
    const good = await join();
    await pass(FEED_SNAPSHOT_INTERVAL_MS);
    journal.append(callRecords([{ call: 'accept4', fd: 7 }]));
    await pass(FEED_FLUSH_MS);
    expect(slow.position).toBe(1);
    slow.bufferedAmount = FEED_BACKLOG_MAX_BYTES + 1;
    for (let i = 0; i < 50; i += 1) {
      journal.append(idleRecords(1_000));
      await pass(FEED_FLUSH_MS);
    }
    // It had no more of anything, not even a gap that it could not read.
    expect(slow.messages).toHaveLength(2);
    slow.bufferedAmount = 0;
    await pass(FEED_FLUSH_MS);
    await snapshotMade();
    const [gap] = slow.of('gap');
    expect(gap).toMatchObject({ from: 2, to: 50_001, dropped: 50_000 } satisfies Partial<Gap>);
    // The connection that is still open is told whole, though the ring has long passed over it.
    expect(gap?.snapshot.events[0]).toMatchObject({ seq: 1, call: 'accept4' });
    journal.append(idleRecords(3));
    await pass(FEED_FLUSH_MS);
    expect(slow.position).toBe(50_004);
    expect(slow.of('gap')).toHaveLength(1);
    expect(good.of('gap')).toHaveLength(0);
    expect(good.position).toBe(50_004);
  });

  it('a page that was slow for a moment only gets everything after all', async () => {
    const { journal, join } = setUp();
    const page = await join();
    page.bufferedAmount = FEED_BACKLOG_MAX_BYTES + 1;
    journal.append(idleRecords(FEED_EVENTS_PER_FLUSH + 100));
    await pass(FEED_FLUSH_MS * 5);
    page.bufferedAmount = 0;
    await pass(FEED_FLUSH_MS * 3);
    expect(page.position).toBe(FEED_EVENTS_PER_FLUSH + 100);
    expect(page.of('gap')).toHaveLength(0);
  });

  it('a page is told what it missed where a snapshot, with thousands of connections open, would be more than that', async () => {
    const { journal, join } = setUp();
    const page = await join();
    journal.append(callRecords(Array.from({ length: 5_000 }, (_, index) => ({ call: 'accept4' as const, fd: 10 + index }))));
    await pass(FEED_FLUSH_MS * 3);
    page.bufferedAmount = FEED_BACKLOG_MAX_BYTES + 1;
    journal.append(idleRecords(2 * FEED_BEHIND_EVENTS + FEED_EVENTS_PER_FLUSH));
    await pass(FEED_FLUSH_MS * 3);
    page.bufferedAmount = 0;
    await pass(FEED_FLUSH_MS * 20);
    await snapshotMade();
    expect(page.position).toBe(journal.lastSeq);
    expect(page.of('gap')).toHaveLength(0);
  });

  it('under more events than pages can be told, snapshots come, no faster than one each FEED_SNAPSHOT_INTERVAL_MS', async () => {
    const { journal, join } = setUp();
    const page = await join();
    const seconds = 5;
    for (let ms = 0; ms < seconds * 1_000; ms += 4 * FEED_FLUSH_MS) {
      journal.append(idleRecords(2 * FEED_BEHIND_EVENTS));
      await pass(4 * FEED_FLUSH_MS);
      await snapshotMade();
    }
    const gaps = page.of('gap').length;
    expect(gaps).toBeGreaterThanOrEqual(2);
    expect(gaps).toBeLessThanOrEqual((seconds * 1_000) / FEED_SNAPSHOT_INTERVAL_MS);
    // What it was told and what it was told it missed make up the whole.
    const told = page.of('events').reduce((sum, { from, to }: Events) => sum + to - from + 1, 0);
    expect(told + page.dropped).toBe(page.position);
  });

  it('above FEED_LIVE_EVENTS_PER_SECOND nothing is worded but snapshots; a second after it has calmed down events come one by one again', async () => {
    const { journal, join } = setUp();
    const page = await join();
    const turn = async (perSecond: number): Promise<void> => {
      journal.append(idleRecords(Math.round((perSecond * FEED_FLUSH_MS) / 1_000)));
      await pass(FEED_FLUSH_MS);
      await snapshotMade();
    };
    for (let ms = 0; ms < 1_500; ms += FEED_FLUSH_MS) await turn(FEED_LIVE_EVENTS_PER_SECOND * 2.5);
    const worded = vi.spyOn(journal, 'event');
    const gapsBefore = page.of('gap').length;
    for (let ms = 0; ms < 3_000; ms += FEED_FLUSH_MS) await turn(FEED_LIVE_EVENTS_PER_SECOND * 2.5);
    expect(worded).not.toHaveBeenCalled();
    expect(page.of('gap').length - gapsBefore).toBeGreaterThanOrEqual(2);
    for (let ms = 0; ms < 2_500; ms += FEED_FLUSH_MS) await turn(1_000);
    const gaps = page.of('gap').length;
    for (let ms = 0; ms < 1_500; ms += FEED_FLUSH_MS) await turn(1_000);
    expect(page.of('gap')).toHaveLength(gaps);
    expect(page.position).toBe(journal.lastSeq);
    const told = page.of('events').reduce((sum, { from, to }: Events) => sum + to - from + 1, 0);
    expect(told + page.dropped).toBe(page.position);
  });

  it('a page that acks has a bounded window; one that never acks is bounded by its socket alone', async () => {
    const { journal, join } = setUp(FEED_WINDOW_EVENTS * 4);
    const acking = await join();
    const silent = await join();
    acking.feed.ack(0);
    for (let i = 0; i < 640; i += 1) {
      journal.append(idleRecords(FEED_EVENTS_PER_FLUSH / 8));
      await pass(FEED_FLUSH_MS);
    }
    expect(silent.position).toBe(journal.lastSeq);
    expect(acking.position).toBeGreaterThan(FEED_WINDOW_EVENTS);
    expect(acking.position).toBeLessThanOrEqual(FEED_WINDOW_EVENTS + FEED_EVENTS_PER_FLUSH);
    // However long: it costs nothing while it draws nothing.
    await pass(FEED_STALL_MAX_MS * 2);
    expect(acking.closed).toBeNull();
    acking.feed.ack(acking.position);
    await pass(FEED_SNAPSHOT_INTERVAL_MS);
    await snapshotMade();
    await pass(FEED_FLUSH_MS);
    expect(acking.position).toBe(journal.lastSeq);
  });

  it('an ack beyond what was sent counts for no more than that', async () => {
    const { journal, join } = setUp(FEED_WINDOW_EVENTS * 4);
    const page = await join();
    page.feed.ack(Number.MAX_SAFE_INTEGER);
    for (let i = 0; i < 160; i += 1) {
      journal.append(idleRecords(FEED_EVENTS_PER_FLUSH / 2));
      await pass(FEED_FLUSH_MS);
    }
    expect(page.position).toBeLessThanOrEqual(FEED_WINDOW_EVENTS + FEED_EVENTS_PER_FLUSH);
  });

  it('a page whose socket never takes anything is closed with 4008, not before, and the others do not notice', async () => {
    const { journal, join } = setUp();
    const dead = await join();
    const slow = await join();
    const good = await join();
    dead.bufferedAmount = FEED_BACKLOG_MAX_BYTES + 1_000_000;
    slow.bufferedAmount = FEED_BACKLOG_MAX_BYTES + 1_000_000;
    const drain = setInterval(() => (slow.bufferedAmount -= 1_000), 1_000);
    journal.append(idleRecords(1));
    await pass(FEED_STALL_MAX_MS - 1_000);
    expect(dead.closed).toBeNull();
    await pass(2_000);
    expect(dead.closed).toBe(CLOSE_TOO_SLOW);
    expect(slow.closed).toBeNull();
    expect(good.position).toBe(1);
    clearInterval(drain);
  });

  it('status is told when it changed, at most each STATUS_INTERVAL_MS, and nothing else of it', async () => {
    const { join, status } = setUp();
    const page = await join();
    await pass(STATUS_INTERVAL_MS * 8);
    expect(page.of('status')).toHaveLength(0);
    // Clocks and ages always differ: they are no news.
    status.value = { ...STATUS, nowNs: 5 };
    await pass(STATUS_INTERVAL_MS * 2);
    expect(page.of('status')).toHaveLength(0);
    for (let i = 1; i <= 100; i += 1) {
      status.value = { ...STATUS, watchers: i };
      await pass(10);
    }
    expect(page.of('status').length).toBeGreaterThanOrEqual(3);
    expect(page.of('status').length).toBeLessThanOrEqual(1_000 / STATUS_INTERVAL_MS);
    await pass(STATUS_INTERVAL_MS);
    expect(page.of('status').at(-1)?.status.watchers).toBe(100);
  });

  it('a quiet bridge says so now and then: its pages know it from a stopped one', async () => {
    const { join } = setUp();
    const page = await join();
    await pass(FEED_BEAT_MS * 2.5);
    expect(page.of('status')).toHaveLength(2);
  });

  it('the end of the program tells what is left, then closes each page with 1001', async () => {
    const { journal, broadcast, join } = setUp();
    const page = await join();
    journal.append(idleRecords(7));
    broadcast.closeAll('ending');
    expect(page.position).toBe(7);
    expect(page.closed).toBe(1001);
  });
});
