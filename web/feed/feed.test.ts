// The page's end of the feed: what it hands on, and what it acknowledges.
import { describe, expect, test } from 'vitest';
import type { FeedMessage } from '#wire/message.ts';
import { Feed, type FeedPhase } from './feed.ts';

/** A feed whose socket a test speaks for, and whose timers it runs. */
function feed(): { say: (message: object) => void; heard: FeedMessage[]; phases: FeedPhase[]; sent: unknown[]; closed: () => number; timers: (() => void)[] } {
  const heard: FeedMessage[] = [];
  const phases: FeedPhase[] = [];
  const sent: unknown[] = [];
  const timers: (() => void)[] = [];
  let closed = 0;
  const socket = {
    readyState: 1,
    onmessage: null,
    onclose: null,
    send: (text: string) => sent.push(JSON.parse(text)),
    close: () => (closed += 1),
  } as unknown as WebSocket;
  new Feed(
    'ws://here/ws',
    null,
    { onMessage: (message) => heard.push(message), onPhase: (phase) => phases.push(phase) },
    { open: () => socket, setTimeout: (work) => timers.push(work), clearTimeout: () => undefined, random: () => 0 },
  );
  const say = (message: object): void => {
    socket.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  };
  return { say, heard, phases, sent, closed: () => closed, timers };
}

describe('a bridge that says nothing', () => {
  test('is lost after the silence, not before', () => {
    const { say, phases, closed, timers } = feed();
    say({ type: 'hello', seq: 0, snapshot: { seq: 0, events: [] } });
    say({ type: 'status', status: {} });
    timers[0]!();
    expect([phases.at(-1), closed()]).toEqual(['live', 0]);
    timers.at(-1)!();
    expect([phases.at(-1), closed()]).toEqual(['lost', 1]);
  });
});

describe('a snapshot in parts', () => {
  test('is handed on part by part, and acknowledged when it is whole', () => {
    const { say, heard, phases, sent, timers } = feed();
    say({ type: 'snapshot-part', events: [{ seq: 1 }] });
    say({ type: 'snapshot-part', events: [{ seq: 2 }] });
    expect([heard.length, phases, timers.length]).toEqual([2, ['connecting'], 0]);
    say({ type: 'hello', seq: 3, snapshot: { seq: 3, events: [{ seq: 3 }] } });
    expect(phases).toEqual(['connecting', 'live']);
    timers.forEach((work) => {
      work();
    });
    expect(sent).toEqual([{ type: 'ack', seq: 3 }]);
  });

  test('after a gap goes on behind the snapshot; a hole ends the connection', () => {
    const { say, heard, closed } = feed();
    say({ type: 'hello', seq: 3, snapshot: { seq: 3, events: [] } });
    say({ type: 'snapshot-part', events: [{ seq: 8 }] });
    say({ type: 'gap', from: 4, to: 9, dropped: 6, snapshot: { seq: 9, events: [{ seq: 9 }] } });
    say({ type: 'events', from: 10, to: 10, events: [{ seq: 10 }] });
    expect([heard.length, closed()]).toEqual([4, 0]);
    say({ type: 'events', from: 12, to: 12, events: [{ seq: 12 }] });
    expect([heard.length, closed()]).toEqual([4, 1]);
  });
});
