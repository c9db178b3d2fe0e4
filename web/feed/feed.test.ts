// The page's end of the feed: what it hands on, and what it acknowledges.
import { describe, expect, test } from 'vitest';
import type { FeedMessage, SnapshotPart } from '#wire/message.ts';
import { recordFrame } from '#wire/record-frame.ts';
import { Feed, type FeedPhase } from './feed.ts';

/** A feed whose socket a test speaks for, and whose timers it runs. */
function feed(): {
  say: (message: object) => void;
  frame: (type: 'snapshot-part' | 'events', ...seqs: number[]) => void;
  heard: (FeedMessage | SnapshotPart)[];
  phases: FeedPhase[];
  sent: unknown[];
  closed: () => number;
  timers: (() => void)[];
} {
  const heard: (FeedMessage | SnapshotPart)[] = [];
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
  const frame = (type: 'snapshot-part' | 'events', ...seqs: number[]): void => {
    const made = recordFrame(type, seqs.length);
    made.seqs.set(seqs);
    socket.onmessage?.({ data: made.frame.buffer } as MessageEvent);
  };
  return { say, frame, heard, phases, sent, closed: () => closed, timers };
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
    const { say, frame, heard, phases, sent, timers } = feed();
    frame('snapshot-part', 1);
    frame('snapshot-part', 2);
    expect([heard.length, phases, timers.length]).toEqual([2, ['connecting'], 0]);
    say({ type: 'hello', seq: 3, snapshot: { seq: 3, events: [{ seq: 3 }] } });
    expect(phases).toEqual(['connecting', 'live']);
    timers.forEach((work) => {
      work();
    });
    expect(sent).toEqual([{ type: 'ack', seq: 3 }]);
  });

  test('after a gap goes on behind the snapshot; a hole ends the connection', () => {
    const { say, frame, heard, closed } = feed();
    say({ type: 'hello', seq: 3, snapshot: { seq: 3, events: [] } });
    frame('snapshot-part', 8);
    say({ type: 'gap', from: 4, to: 9, dropped: 6, snapshot: { seq: 9, events: [{ seq: 9 }] } });
    frame('events', 10);
    expect([heard.length, closed()]).toEqual([4, 0]);
    frame('events', 12);
    expect([heard.length, closed()]).toEqual([4, 1]);
  });
});
