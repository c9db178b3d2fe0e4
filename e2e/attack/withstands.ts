// The frame of every attack: a bridge of its own, a bystander who must lose no event, and the upkeep that must hold when it is over.
import { expect, test } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from '../bridge-under-test.ts';
import { FeedClient, type FeedMessage } from '../feed-client.ts';
import { exchange } from '../peers.ts';
import { expectNoMishap, expectRestored, steadyHousehold, pidOf, settledTotals, status } from '../upkeep.ts';

export interface AttackRun {
  readonly bridge: BridgeUnderTest;
  /** `127.0.0.1:PORT` of the page. */
  readonly host: string;
  readonly bystander: FeedClient;
  readonly figure: (text: string) => void;
}

export interface AttackOptions {
  flags?: readonly string[];
  lacking?: () => string | null;
  growthMiB?: number;
  /** So much happens that nobody is told all of it. */
  gapsAllowed?: boolean;
  timeoutMs?: number;
}

/** Every number once, in order, from the hello on: nothing lost, nothing doubled; gaps only where they are allowed, and then told exactly. */
export function expectContinuous(messages: readonly FeedMessage[], gapsAllowed = false): void {
  let next = (messages.find((message) => message.type === 'hello')?.['seq'] as number) + 1;
  // One assertion for all: each costs milliseconds, and a minute of traffic is ten thousand messages.
  const wrong: string[] = [];
  for (const { type, from, to } of messages) {
    if (type !== 'events' && type !== 'gap') continue;
    if (!gapsAllowed && type === 'gap') wrong.push('a gap for one who reads');
    if (from !== next) wrong.push(`${type} from ${String(from)}, where ${next} was next`);
    next = (to as number) + 1;
  }
  expect(wrong.slice(0, 10)).toEqual([]);
}

/** A test: `body` attacks; the server, its processes and the bystander must not notice. */
export function withstands(claim: string, options: AttackOptions, body: (run: AttackRun) => Promise<void>): void {
  test(claim, async () => {
    const lacking = options.lacking?.() ?? null;
    test.skip(lacking !== null, lacking ?? '');
    if (options.timeoutMs !== undefined) test.setTimeout(options.timeoutMs);
    const figure = (description: string): void => {
      test.info().annotations.push({ type: 'figure', description });
    };
    const bridge = await startBridge(['--hold-ms', '100', ...(options.flags ?? [])]);
    try {
      expect((await exchange(bridge.tcpPort, 'A')).received.toString()).toBe('B');
      await settledTotals(bridge);
      const engine = await pidOf(bridge, 'increment-server');
      const bystander = await FeedClient.connect(bridge.url);
      const before = await steadyHousehold(bridge);
      await body({ bridge, host: `127.0.0.1:${bridge.httpPort}`, bystander, figure });
      expect((await exchange(bridge.tcpPort, 'Y')).received.toString()).toBe('Z');
      await settledTotals(bridge);
      const { lastSeq } = ((await status(bridge)) as unknown as { journal: { lastSeq: number } }).journal;
      await bystander.wait((message) => (message.type === 'events' || message.type === 'gap') && (message['to'] as number) >= lastSeq);
      expectContinuous(bystander.messages, options.gapsAllowed);
      expect(await pidOf(bridge, 'increment-server'), 'the engine still lives').toBe(engine);
      figure((await expectRestored(bridge, before, (options.growthMiB ?? 64) * 1_024)).join('; '));
      bystander.close();
      expect(await bridge.stop()).toBe(0);
      expectNoMishap(bridge.lines);
    } finally {
      if (bridge.child.exitCode === null && bridge.child.signalCode === null) bridge.child.kill('SIGKILL');
    }
  });
}
