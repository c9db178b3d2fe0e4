// Frames and commands that no page would send: each is told what was wrong with it, or closed with the code that says so.
import { expect } from 'playwright/test';
import { FeedClient, type FeedMessage } from '../feed-client.ts';
import { memoryKiB } from '../upkeep.ts';
import { CONTINUATION, frame, PING, RawFeed, TEXT } from './raw-feed.ts';
import { withstands } from './withstands.ts';

const LIMIT = 65_536;

const BAD_FRAMES: [string, Buffer, number][] = [
  ['an unmasked frame', frame({ opcode: TEXT, payload: '{}', masked: false }), 1002],
  ['reserved bits', frame({ opcode: TEXT, payload: '{}', reserved: 0x20 }), 1002],
  ['a compressed frame that nobody agreed on', frame({ opcode: TEXT, payload: '{}', reserved: 0x40 }), 1002],
  ['a reserved opcode', frame({ opcode: 3, payload: '{}' }), 1002],
  ['a reserved control opcode', frame({ opcode: 11 }), 1002],
  ['a ping in fragments', frame({ opcode: PING, final: false }), 1002],
  ['a ping of 126 bytes', frame({ opcode: PING, payload: Buffer.alloc(126) }), 1002],
  ['a continuation of nothing', frame({ opcode: CONTINUATION, payload: '{}' }), 1002],
  ['a message within a message', Buffer.concat([frame({ opcode: TEXT, payload: '{', final: false }), frame({ opcode: TEXT, payload: '}' })]), 1002],
  ['a close frame of one byte', frame({ opcode: 8, payload: 'x' }), 1002],
  ['a close code that may not be sent', frame({ opcode: 8, payload: Buffer.from([0x03, 0xed]) }), 1002],
  ['text that is not UTF-8', frame({ opcode: TEXT, payload: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) }), 1007],
  ['a lone surrogate as UTF-8', frame({ opcode: TEXT, payload: Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]) }), 1007],
  ['64 KiB and one byte', frame({ opcode: TEXT, payload: Buffer.alloc(LIMIT + 1, ' ') }), 1009],
  ['a claim of a terabyte', frame({ opcode: TEXT, claimedLength: 1n << 40n }), 1009],
  ['a claim beyond all numbers', frame({ opcode: TEXT, claimedLength: (1n << 63n) - 1n }), 1009],
  [
    '64 KiB and one byte in two fragments',
    Buffer.concat([frame({ opcode: TEXT, payload: Buffer.alloc(LIMIT, ' '), final: false }), frame({ opcode: CONTINUATION, payload: ' ' })]),
    1009,
  ],
];

withstands('bad frames are closed with the code that says why', {}, async ({ bridge }) => {
  for (const [what, bytes, code] of BAD_FRAMES) {
    const feed = await RawFeed.open(bridge.httpPort);
    await feed.send(bytes);
    expect(await feed.closeCode(), what).toBe(code);
  }
});

withstands('200,000 empty fragments are cut off at once', {}, async ({ bridge, figure }) => {
  const feed = await RawFeed.open(bridge.httpPort);
  await feed.send(frame({ opcode: TEXT, final: false }));
  const empty = Buffer.concat(Array<Buffer>(1_000).fill(frame({ opcode: CONTINUATION, final: false })));
  const code = feed.closeCode();
  let sent = 1;
  for (let i = 0; i < 200; i += 1) {
    if (!(await feed.send(empty))) break;
    sent += 1_000;
  }
  expect(await code).toBe(1008);
  figure(`closed with 1008; ${sent} fragments were sent`);
});

withstands('half a frame, half a request, and then nothing: nobody else waits', {}, async ({ bridge, bystander }) => {
  const halves = await Promise.all(Array.from({ length: 50 }, () => RawFeed.open(bridge.httpPort)));
  for (const feed of halves) await feed.send(frame({ opcode: TEXT, payload: '{"id":1}', claimedLength: 60_000n }));
  expect(await bystander.command({ type: 'set-hold', holdMs: 90 })).toMatchObject({ ok: true });
  for (const feed of halves) feed.socket.destroy();
});

for (const [what, bytes] of [
  ['pings', frame({ opcode: PING, payload: Buffer.alloc(125) })],
  ['commands', frame({ opcode: TEXT, payload: '{"id":"0123456789012345678901234567890123456789","type":"nonsense"}' })],
] as const) {
  withstands(
    `a flood of ${what} from one who never reads the answers: memory stays bounded, others are served`,
    { growthMiB: 96 },
    async ({ bridge, bystander, figure }) => {
      const feed = await RawFeed.open(bridge.httpPort);
      feed.socket.pause();
      const many = Buffer.concat(Array<Buffer>(1_000).fill(bytes));
      const before = memoryKiB(bridge.child.pid ?? 0);
      let most = 0;
      let sentMiB = 0;
      const endMs = performance.now() + 6_000;
      while (performance.now() < endMs) {
        const taken = await Promise.race([feed.send(many), new Promise<null>((resolve) => setTimeout(() => resolve(null), 500))]);
        if (taken === false) break;
        if (taken === true) sentMiB += many.length / 1_048_576;
        most = Math.max(most, memoryKiB(bridge.child.pid ?? 0) - before);
      }
      figure(`${sentMiB.toFixed(0)} MiB of ${what} were taken; the bridge grew by ${(most / 1_024).toFixed(0)} MiB at most`);
      expect(most).toBeLessThan(96 * 1_024);
      expect(await bystander.command({ type: 'set-hold', holdMs: 90 })).toMatchObject({ ok: true });
      feed.socket.destroy();
    },
  );
}

const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const of = (fields: string): string => `{"id":7,${fields}}`;

/** A frame, the code of its refusal, and the field that the refusal names. */
const BAD_COMMANDS: [string, string, string | undefined][] = [
  ['', 'bad-json', undefined],
  ['{"id":', 'bad-json', undefined],
  ['{"id":7,}', 'bad-json', undefined],
  ['\u0000', 'bad-json', undefined],
  ['NaN', 'bad-json', undefined],
  [deep(30_000), 'bad-command', undefined],
  ['['.repeat(60_000), 'bad-json', undefined],
  ['null', 'bad-command', undefined],
  ['7', 'bad-command', undefined],
  ['"spawn-clients"', 'bad-command', undefined],
  ['[]', 'bad-command', undefined],
  ['{}', 'bad-command', '/type'],
  [of('"type":7'), 'bad-command', '/type'],
  [of('"type":"__proto__"'), 'unknown-command', '/type'],
  [of('"type":"constructor"'), 'unknown-command', '/type'],
  [of('"type":"toString"'), 'unknown-command', '/type'],
  ['{"type":"stop-server"}', 'bad-command', '/id'],
  ['{"id":null,"type":"stop-server"}', 'bad-command', '/id'],
  ['{"id":1.5,"type":"stop-server"}', 'bad-command', '/id'],
  ['{"id":1e400,"type":"stop-server"}', 'bad-command', '/id'],
  ['{"id":"","type":"stop-server"}', 'bad-command', '/id'],
  [`{"id":"${'x'.repeat(65)}","type":"stop-server"}`, 'bad-command', '/id'],
  [of('"type":"set-hold"'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":-1'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":600001'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":0.5'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":1e308'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":1e999'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":"5000"'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":[5000]'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":{"valueOf":1}'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":true'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":null'), 'bad-command', '/holdMs'],
  [of('"type":"set-hold","holdMs":5000,"__proto__":{"x":1}'), 'bad-command', '/__proto__'],
  [of('"type":"set-hold","holdMs":5000,"more":1'), 'bad-command', '/more'],
  [of('"type":"set-backlog","backlog":65536'), 'bad-command', '/backlog'],
  [of('"type":"pause-accept","pauseMs":0'), 'bad-command', '/pauseMs'],
  [of('"type":"spawn-clients","byte":256,"count":1'), 'bad-command', '/byte'],
  [of('"type":"spawn-clients","byte":"A","count":1'), 'bad-command', '/byte'],
  [of('"type":"spawn-clients","byte":65,"count":0'), 'bad-command', '/count'],
  [of('"type":"spawn-clients","byte":65,"count":10001'), 'bad-command', '/count'],
  [of('"type":"spawn-clients","byte":65,"count":1,"plan":"\\ud800"'), 'bad-command', '/plan'],
  [of('"type":"spawn-clients","byte":65,"count":1,"target":{"host":"127.0.0.1"}'), 'bad-command', '/target/port'],
  [of('"type":"end-client","clientId":"\\ud800","how":"close"'), 'unknown-client', '/clientId'],
  [of(`"type":"end-client","clientId":${deep(5_000)},"how":"close"`), 'bad-command', '/clientId'],
  [of('"type":"end-client","clientId":"c1","how":"toString"'), 'bad-command', '/how'],
];

withstands('bad commands are told what was wrong, and which field; the page stays', { growthMiB: 96 }, async ({ bridge, figure }) => {
  let feed = await FeedClient.connect(bridge.url);
  for (const [index, [text, code, field]] of BAD_COMMANDS.entries()) {
    // A page may say 50 at once, then 20 a second: a new page for the next.
    if (index % 40 === 39) {
      feed.close();
      feed = await FeedClient.connect(bridge.url);
    }
    const known = new Set<FeedMessage>(feed.messages);
    feed.socket.send(text);
    const reply = await feed.wait((message) => message.type === 'reply' && !known.has(message));
    expect(reply, text.slice(0, 120)).toMatchObject({ ok: false, error: { code, ...(field === undefined ? {} : { field }) } });
    const { message } = reply['error'] as { message: string };
    expect(message.length, text.slice(0, 120)).toBeLessThan(400);
    expect(message).not.toMatch(/\n|at .*:\d+:\d+/);
  }
  figure(`${BAD_COMMANDS.length} bad commands`);
  feed.socket.send(Buffer.from([0, 1, 2]), { binary: true });
  const binary = await feed.wait((message) => message.type === 'reply' && (message['error'] as { message: string }).message.includes('binary'));
  expect(binary).toMatchObject({ ok: false, error: { code: 'bad-json' } });
  for (const holdMs of [0, 600_000, 100]) expect(await feed.command({ type: 'set-hold', holdMs })).toMatchObject({ ok: true, holdMs });
  feed.close();
});
