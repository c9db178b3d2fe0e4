// Too much of everything: commands, clients, pages, events for one who does not read them. Each has its bound, and is told so.
import { expect } from 'playwright/test';
import { QUICK } from '../faults/survives.ts';
import { FeedClient, type FeedMessage } from '../feed-client.ts';
import { Peer } from '../peers.ts';
import { memoryKiB, settledTotals, status } from '../upkeep.ts';
import { withstands } from './withstands.ts';

const errorCode = (reply: FeedMessage): string => (reply['error'] as { code: string } | undefined)?.code ?? 'ok';

withstands('a flood of commands: 50 at once, then 20 a second; each refusal is said, the refused do nothing', {}, async ({ bridge, bystander, figure }) => {
  const feed = await FeedClient.connect(bridge.url);
  const startMs = performance.now();
  const replies = await Promise.all(Array.from({ length: 1_000 }, () => feed.command({ type: 'spawn-clients', byte: 65, count: 1 })));
  const seconds = (performance.now() - startMs) / 1_000;
  const done = replies.filter((reply) => reply['ok'] === true).length;
  figure(`${done} of 1,000 commands carried out in ${seconds.toFixed(2)} s`);
  expect(done).toBeGreaterThanOrEqual(50);
  expect(done).toBeLessThanOrEqual(50 + 20 * Math.ceil(seconds));
  expect(new Set(replies.map(errorCode))).toEqual(new Set(['ok', 'rate-limited']));
  expect(await bystander.command({ type: 'set-hold', holdMs: 100 })).toMatchObject({ ok: true });
  // Fifty at once are more than the queue admits: the last ones get in with their second or third SYN.
  await expect.poll(async () => (await status(bridge)).totals.clients, { timeout: 30_000 }).toMatchObject({ started: done, replied: done, live: 0 });
  feed.close();
});

withstands(
  'never more than 10,000 clients alive, however they are asked for; there is room again when they are done',
  { flags: ['--backlog', '8192'], growthMiB: 320, timeoutMs: 120_000, gapsAllowed: true },
  async ({ bridge, figure }) => {
    const feed = await FeedClient.connect(bridge.url);
    await feed.command({ type: 'set-hold', holdMs: 4_000 });
    const spawn = (count: number): Promise<FeedMessage> => feed.command({ type: 'spawn-clients', byte: 65, count });
    const replies = await Promise.all([6_000, 3_000, 2_000, 1_000, 1].map(spawn));
    expect(replies.map(errorCode)).toEqual(['ok', 'ok', 'too-many', 'ok', 'too-many']);
    const most = (await status(bridge)).totals.clients;
    expect(most.live).toBeLessThanOrEqual(10_000);
    await expect.poll(async () => (await status(bridge)).totals.clients, { timeout: 60_000 }).toMatchObject({ started: 10_000, live: 0 });
    const { replied, failed } = (await status(bridge)).totals.clients;
    figure(`10,000 clients: ${replied} replied, ${failed} failed`);
    expect(replied).toBe(10_000);
    await feed.command({ type: 'set-hold', holdMs: 100 });
    expect(await spawn(1)).toMatchObject({ ok: true });
    await settledTotals(bridge);
    feed.close();
  },
);

withstands(
  '2,000 idle pages, then one too many: the bound is told, the others are served',
  { growthMiB: 200, timeoutMs: 120_000 },
  async ({ bridge, bystander, figure }) => {
    const before = memoryKiB(bridge.child.pid ?? 0);
    const pages: FeedClient[] = [];
    while (pages.length < 2_000) pages.push(...(await Promise.all(Array.from({ length: 100 }, () => FeedClient.connect(bridge.url)))));
    figure(`2,000 pages cost the bridge ${((memoryKiB(bridge.child.pid ?? 0) - before) / 1_024).toFixed(0)} MiB`);
    expect((await status(bridge)).watchers).toBe(2_001);
    const startMs = performance.now();
    const reply = await bystander.command({ type: 'spawn-clients', byte: 65, count: 1 });
    const [clientId] = reply['clientIds'] as [string];
    await bystander.event((event) => event.kind === 'client-ended' && event.clientId === clientId);
    figure(`an exchange of 100 ms was told to all of them; ${Math.round(performance.now() - startMs)} ms to the bystander`);
    while ((await status(bridge)).watchers < 2_048) pages.push(await FeedClient.connect(bridge.url));
    await expect(FeedClient.connect(bridge.url)).rejects.toThrow(/503/);
    await Promise.all(
      pages.map(async (page) => {
        const closed = new Promise((resolve) => page.socket.once('close', resolve));
        page.close();
        await closed;
      }),
    );
    await expect.poll(async () => (await status(bridge)).watchers).toBe(1);
  },
);

/** So many exchanges a second, for so long, with no hold. */
async function traffic(port: number, seconds: number, perSecond: number): Promise<void> {
  const startMs = performance.now();
  for (let done = 0; performance.now() - startMs < seconds * 1_000;) {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    const slice = Array.from({ length: Math.max(0, Math.min(50, due - done)) }, () => new Peer(port).send('A').ended);
    done += slice.length;
    await Promise.all([...slice, new Promise((resolve) => setTimeout(resolve, 5))]);
  }
}

withstands(
  'a page that never reads costs bounded memory; when it reads again it gets a gap with the exact count and a snapshot; others get everything',
  { flags: ['--backlog', '1024'], growthMiB: 160, timeoutMs: 120_000 },
  async ({ bridge, bystander, figure }) => {
    await bystander.command({ type: 'set-hold', holdMs: 0 });
    const sleeper = await FeedClient.connect(bridge.url);
    sleeper.socket.pause();
    const before = memoryKiB(bridge.child.pid ?? 0);
    await traffic(bridge.tcpPort, 15, 1_200);
    const grown = (memoryKiB(bridge.child.pid ?? 0) - before) / 1_024;
    sleeper.socket.resume();
    const gap = await sleeper.wait((message) => message.type === 'gap');
    expect(gap['dropped']).toBe((gap['to'] as number) - (gap['from'] as number) + 1);
    const earlier = sleeper.messages.slice(0, sleeper.messages.indexOf(gap)).filter((message) => message.type === 'events' || message.type === 'hello');
    const last = earlier.at(-1);
    expect(gap['from']).toBe(((last?.['to'] ?? last?.['seq']) as number) + 1);
    expect((gap['snapshot'] as { seq: number }).seq).toBe(gap['to']);
    figure(`the bridge grew by ${grown.toFixed(0)} MiB meanwhile; ${String(gap['dropped'])} events were told as a gap`);
    expect(grown).toBeLessThan(160);
    await bystander.command({ type: 'set-hold', holdMs: 100 });
    sleeper.close();
  },
);

withstands(
  'a page that never reads at all is closed with 4008',
  { flags: ['--backlog', '1024'], growthMiB: 160, timeoutMs: 150_000, lacking: () => (QUICK ? 'takes most of a minute (SOCKSCOPE_QUICK=1)' : null) },
  async ({ bridge, bystander, figure }) => {
    await bystander.command({ type: 'set-hold', holdMs: 0 });
    const dead = await FeedClient.connect(bridge.url);
    dead.socket.pause();
    const startMs = performance.now();
    const busy = traffic(bridge.tcpPort, 45, 600);
    await expect.poll(async () => (await status(bridge)).watchers, { timeout: 100_000, intervals: [500] }).toBe(1);
    figure(`closed after ${((performance.now() - startMs) / 1_000).toFixed(0)} s`);
    await busy;
    const code = new Promise<number>((resolve) => dead.socket.once('close', resolve));
    dead.socket.resume();
    expect([4008, 1006]).toContain(await code);
    await bystander.command({ type: 'set-hold', holdMs: 100 });
  },
);
