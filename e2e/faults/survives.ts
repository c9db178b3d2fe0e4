// The frame of every fault: a bridge of its own, an exchange before and after, and the upkeep that must hold when it is over.
import { expect, test } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from '../bridge-under-test.ts';
import { exchange } from '../peers.ts';
import { alive, expectNoMishap, expectRestored, steadyHousehold, settledTotals, status, type ServerTotals } from '../upkeep.ts';

/** What a fault is given to work with. */
export interface FaultRun {
  readonly bridge: BridgeUnderTest;
  /** Where the increment server listens. */
  readonly port: number;
  /** A sentence for the printed result. */
  readonly figure: (text: string) => void;
}

export interface FaultOptions {
  flags?: readonly string[];
  environment?: NodeJS.ProcessEnv;
  through?: readonly string[];
  /** Why it cannot be tried here; null where it can. */
  lacking?: () => string | null;
  /** How much more memory each process may hold afterwards: journal and report ring fill up to 24 MiB each, whatever the load. */
  growthMiB?: number;
  timeoutMs?: number;
  /** The totals when all is settled, the exchanges of the frame itself not counted. */
  totals?: Partial<ServerTotals>;
}

/** In a hurry: fewer rounds and shorter waits, the same claims. */
export const QUICK = process.env['SOCKSCOPE_QUICK'] === '1';

/** The first and the last exchange of the frame. */
const FRAME_EXCHANGES = 2;

/** A test: `body` makes the fault; before and behind it the frame sees to it that all is as it was. */
export function survives(claim: string, options: FaultOptions, body: (run: FaultRun) => Promise<void>): void {
  test(claim, async () => {
    const lacking = options.lacking?.() ?? null;
    test.skip(lacking !== null, lacking ?? '');
    if (options.timeoutMs !== undefined) test.setTimeout(options.timeoutMs);
    const figure = (description: string): void => {
      test.info().annotations.push({ type: 'figure', description });
    };
    const bridge = await startBridge(options.flags, options.environment, options.through);
    try {
      expect((await exchange(bridge.tcpPort, 'A')).received.toString()).toBe('B');
      await settledTotals(bridge);
      const before = await steadyHousehold(bridge);
      await body({ bridge, port: bridge.tcpPort, figure });
      expect((await exchange(bridge.tcpPort, 'Y')).received.toString()).toBe('Z');
      const totals = await settledTotals(bridge);
      const { accepted, replied, closedWithoutByte, reset, lost } = totals;
      figure(`accepted ${accepted} = ${replied} replied + ${closedWithoutByte} without a byte + ${reset} reset + ${lost} lost`);
      if (options.totals !== undefined) {
        expect({ ...totals, accepted: accepted - FRAME_EXCHANGES, replied: replied - FRAME_EXCHANGES }).toMatchObject(options.totals);
      }
      figure((await expectRestored(bridge, before, (options.growthMiB ?? 64) * 1_024)).join('; '));
      const pids = (await status(bridge)).processes.flatMap(({ pid }) => (pid === null ? [] : [pid]));
      expect(await bridge.stop()).toBe(0);
      expect(pids.filter(alive)).toEqual([]);
      expectNoMishap(bridge.lines);
    } finally {
      if (bridge.child.exitCode === null && bridge.child.signalCode === null) bridge.child.kill('SIGKILL');
    }
  });
}
