// The kernel's side of a conversation, as shown, against the kernel's own word: a tracefs capture by hand, ss, and what an ordinary user may see.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { mainForEverybody, startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { FeedClient, trace, traceOnce, type TraceEvent } from './feed-client.ts';
import { captureStates, noTracefs, traceInstances, type Transition } from './hand-capture.ts';
import { load } from './bench/load.ts';
import { needs, run } from './programs.ts';

interface Rung {
  evidence: string;
  available: boolean;
  missing: string;
}
interface Row {
  state: string;
  recvQ: number;
  sendQ: number;
  local: string;
  remote: string;
  process: string | null;
  owner: string;
  drops: number;
}

const STATES: Record<string, string> = {
  TCP_ESTABLISHED: 'ESTABLISHED',
  TCP_SYN_SENT: 'SYN-SENT',
  TCP_SYN_RECV: 'SYN-RECEIVED',
  TCP_FIN_WAIT1: 'FIN-WAIT-1',
  TCP_FIN_WAIT2: 'FIN-WAIT-2',
  TCP_CLOSE: 'CLOSED',
  TCP_CLOSE_WAIT: 'CLOSE-WAIT',
  TCP_LAST_ACK: 'LAST-ACK',
  TCP_LISTEN: 'LISTEN',
  TCP_CLOSING: 'CLOSING',
};
const NO_TRACEFS = noTracefs();
const AS_NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

async function json<T>(url: string): Promise<T> {
  return (await (await fetch(url, { headers: { connection: 'close' } })).json()) as T;
}

async function rungs(url: string): Promise<Map<string, Rung>> {
  const status = await json<{ evidence: Rung[] }>(`${url}/api/status`);
  return new Map(status.evidence.map((rung) => [rung.evidence, rung]));
}

/** A bridge whose tap has said what it can see. */
async function withTap(flags: readonly string[], through: readonly string[] = [], main?: string): Promise<BridgeUnderTest> {
  const bridge = await startBridge(flags, {}, through, main);
  await expect.poll(async () => (await rungs(bridge.url)).get('sock_diag')?.available).toBe(true);
  return bridge;
}

async function pidOf(url: string, role: string): Promise<number | null> {
  const { processes } = await json<{ processes: { name: string; pid: number | null }[] }>(`${url}/api/status`);
  return processes.find(({ name }) => name === role)?.pid ?? null;
}

const tapPid = (url: string): Promise<number | null> => pidOf(url, 'kernel-tap');

/** The niceness of each thread of a process: the nineteenth field of its stat, proc(5). */
function niceness(pid: number): Set<number> {
  const stats = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8'));
  return new Set(stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])));
}

/** The walk of one end as the capture has it. */
function walk(transitions: readonly Transition[], ofServer: boolean, port: number): { step: string; ns: number }[] {
  return transitions
    .filter(({ sport }) => (sport === port) === ofServer)
    .map(({ from, to, seconds }) => ({ step: `${STATES[from] ?? from} → ${STATES[to] ?? to}`, ns: seconds * 1e9 }));
}

function shownWalk(events: readonly TraceEvent[], ofServer: boolean, port: number): { step: string; ns: number }[] {
  return events
    .filter((event) => event.kind === 'tcp-state' && event['evidence'] === 'tracefs' && String(event['local']).endsWith(`:${port}`) === ofServer)
    .sort((a, b) => a.atNs - b.atNs)
    .map((event) => ({ step: `${String(event['from'])} → ${String(event['to'])}`, ns: event.atNs }));
}

test('who watches yields to who serves, and a server has room for a crowd before it comes', async () => {
  const bridge = await withTap([]);
  const [server, tap] = await Promise.all(['increment-server', 'kernel-tap'].map(async (role) => (await pidOf(bridge.url, role)) ?? 0));
  const own = Number(readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[16]);
  expect(niceness(server ?? 0)).toEqual(new Set([own]));
  expect(niceness(tap ?? 0)).toEqual(new Set([10]));
  const limit = Number(/^Max open files\s+(\d+)/m.exec(readFileSync(`/proc/${server}/limits`, 'utf8'))?.[1]);
  const room = Number(/^FDSize:\s*(\d+)/m.exec(readFileSync(`/proc/${server}/status`, 'utf8'))?.[1]);
  expect(room).toBeGreaterThanOrEqual(Math.min(16_384, limit));
  expect(await bridge.stop()).toBe(0);
});

test('as root: after a flood, of which a part is followed, everything is followed again though nothing more comes', async () => {
  test.skip(NO_TRACEFS !== null, NO_TRACEFS ?? '');
  needs('nc', 'cc');
  const bridge = await withTap(['--hold-ms', '0', '--backlog', '4096']);
  await expect.poll(async () => (await rungs(bridge.url)).get('tracefs')?.available).toBe(true);
  const tap = (await tapPid(bridge.url)) ?? 0;
  const instances = (): string[] =>
    readdirSync(`/proc/${tap}/fd`)
      .flatMap((fd) => {
        try {
          return readlinkSync(`/proc/${tap}/fd/${fd}`);
        } catch {
          // Closed between the two looks: the tap has just changed what it records.
          return [];
        }
      })
      .filter((path) => path.endsWith('/trace_pipe_raw'));
  const before = instances();
  // While a part is followed, the calls of others are not recorded.
  const flood = load(bridge.tcpPort, { concurrency: 200, total: 60_000, maxSeconds: 10 });
  await expect.poll(instances, { intervals: [50], timeout: 10_000 }).not.toEqual(before);
  await flood;
  await expect.poll(instances).toEqual(before);
  // What a page shows of it is over too.
  await expect
    .poll(async () => (await trace(bridge.url)).filter((event) => event.kind === 'sampling' && event.evidence === 'tracefs').at(-1))
    .toMatchObject({ connections: 1, skipped: 0 });
  const flooded = (await trace(bridge.url)).at(-1)?.seq;
  await run('nc', ['-N', '127.0.0.1', String(bridge.tcpPort)], { input: 'A' });
  await expect.poll(async () => (await trace(bridge.url, flooded)).some((event) => event.kind === 'foreign-call' && event.call === 'connect')).toBe(true);
  expect(await bridge.stop()).toBe(0);
});

test('as root: netcat and both ends are shown as a capture by hand has them, transition for transition', async () => {
  test.skip(NO_TRACEFS !== null, NO_TRACEFS ?? '');
  needs('nc');
  const bridge = await withTap(['--hold-ms', '600']);
  await expect.poll(async () => (await rungs(bridge.url)).get('tracefs')).toMatchObject({ available: true, missing: '' });
  const port = bridge.tcpPort;
  const captured = await captureStates(port, () => run('nc', ['-N', '127.0.0.1', String(port)], { input: 'A' }));
  const closes = (events: TraceEvent[]): boolean =>
    events.filter((event) => event.kind === 'tcp-state' && event['evidence'] === 'tracefs' && event['to'] === 'CLOSED').length >= 2;
  await expect.poll(async () => closes(await trace(bridge.url))).toBe(true);
  await expect.poll(async () => (await trace(bridge.url)).some((event) => event.kind === 'foreign-call' && event.call === 'close')).toBe(true);
  const events = await trace(bridge.url);

  for (const ofServer of [true, false]) {
    const byHand = walk(captured, ofServer, port);
    const shown = shownWalk(events, ofServer, port);
    expect(byHand.length).toBeGreaterThanOrEqual(4);
    expect(shown.map(({ step }) => step)).toEqual(byHand.map(({ step }) => step));
    // The same moments too: both have the kernel's clock, read by each recording for itself.
    shown.forEach(({ ns }, index) => {
      const sinceFirst = (byHand[index]?.ns ?? NaN) - (byHand[0]?.ns ?? NaN);
      expect(Math.abs(ns - (shown[0]?.ns ?? NaN) - sinceFirst)).toBeLessThan(5_000_000);
    });
  }
  const calls = events.filter((event) => event.kind === 'foreign-call').sort((a, b) => a.atNs - b.atNs);
  expect(new Set(calls.map((event) => event.process))).toEqual(new Set(['nc']));
  const onSocket = calls.filter((event) => event.fd !== -1).map((event) => `${event.call ?? ''} ${event.returned === 1 ? 1 : ''}`.trim());
  for (const call of ['connect', 'write 1', 'read 1', 'close']) expect(onSocket).toContain(call);
  expect(onSocket.indexOf('connect')).toBeLessThan(onSocket.indexOf('write 1'));
  expect(onSocket.at(-1)).toBe('close');
  // Changes that a segment brought name no process: whoever ran on that CPU was not it.
  const arrived = events.filter((event) => event.kind === 'tcp-state' && event['to'] === 'SYN-RECEIVED');
  expect(arrived.length).toBe(1);
  expect(arrived[0]).not.toHaveProperty('process');
  expect(await bridge.stop()).toBe(0);
});

test('as root: the overflow of a backlog: 6 wait at limit 5, drops as the listener counts them, each retry at its connection', async () => {
  test.skip(NO_TRACEFS !== null, NO_TRACEFS ?? '');
  needs('nstat');
  const bridge = await withTap(['--hold-ms', '0', '--backlog', '5']);
  const page = await FeedClient.connect(bridge.url);
  expect(await page.command({ type: 'pause-accept', pauseMs: 3_000 })).toMatchObject({ ok: true });
  await page.command({ type: 'spawn-clients', byte: 65, count: 10 });
  const table = async (): Promise<Row[]> => (await json<{ rows: Row[] }>(`${bridge.url}/api/sockets`)).rows;
  await expect.poll(async () => (await table()).filter(({ state }) => state === 'SYN-SENT').length).toBe(4);
  const rows = await table();
  expect(rows[0]).toMatchObject({ state: 'LISTEN', recvQ: 6, sendQ: 5, process: 'increment-server', owner: 'known' });
  expect(rows.filter(({ owner }) => owner === 'accept-queue')).toHaveLength(6);
  await expect
    .poll(async () => (await json<{ totals: { clients: { replied: number } } }>(`${bridge.url}/api/status`)).totals.clients.replied, { timeout: 20_000 })
    .toBe(10);
  const counted = (): number => Number(/,d(\d+)\)/.exec(execFileSync('ss', ['-Htlnm', `sport = :${bridge.tcpPort}`]).toString())?.[1] ?? NaN);
  const told = async (): Promise<TraceEvent[]> => (await trace(bridge.url)).filter((event) => event.kind === 'listener-drops');
  expect(counted()).toBeGreaterThanOrEqual(4);
  await expect.poll(async () => (await told()).at(-1)?.['totalDrops']).toBe(counted());
  expect((await told()).reduce((sum, event) => sum + Number(event['drops']), 0)).toBe(counted());
  const lateOnes = (all: TraceEvent[]): Set<unknown> =>
    new Set(all.filter((event) => event.kind === 'retransmit' && event['segment'] === 'SYN').map((event) => event['local']));
  const events = await traceOnce(bridge.url, (all) => lateOnes(all).size >= 4);
  const late = lateOnes(events);
  expect(late.size).toBe(4);
  // Each of them is a client of ours that was answered after all.
  for (const local of late) expect(events.some((event) => event.call === 'read' && event.returned === 1 && event.connection?.local === local)).toBe(true);
  page.close();
  expect(await bridge.stop()).toBe(0);
});

test('an ordinary user has no tracepoints, is told why, and still sees the kernel table and the foreign owner', async () => {
  test.skip(process.geteuid?.() !== 0, 'needs root: to become somebody else');
  needs('nc');
  const bridge = await withTap(['--hold-ms', '1500'], ['setpriv', ...AS_NOBODY], mainForEverybody());
  await expect.poll(async () => (await rungs(bridge.url)).get('tracefs')).toMatchObject({ available: false, missing: expect.stringContaining('root') });
  const end = run('setpriv', [...AS_NOBODY, 'nc', '-N', '127.0.0.1', String(bridge.tcpPort)], { input: 'A' });
  await expect.poll(async () => (await trace(bridge.url)).find((event) => event.kind === 'socket-owner')?.process).toBe('nc');
  expect((await end).stdout.toString()).toBe('B');
  await expect.poll(async () => (await trace(bridge.url)).some((event) => event.kind === 'tcp-state' && event['to'] === 'TIME-WAIT')).toBe(true);
  const events = await trace(bridge.url);
  expect(events.filter((event) => event['evidence'] === 'tracefs')).toEqual([]);
  const seen = events.filter((event) => event.kind === 'tcp-state' && event['evidence'] === 'sock_diag' && event.process === 'nc');
  expect(seen.map((event) => event['to'])).toContain('FIN-WAIT-2');
  expect(await bridge.stop()).toBe(0);
});

test('no tracing instance survives: not an orderly end, and not a kill -9 beyond the next start', async () => {
  test.skip(NO_TRACEFS !== null, NO_TRACEFS ?? '');
  const bridge = await withTap([]);
  const instancesOf = (pid: number | null): string[] => traceInstances().filter((name) => name.startsWith(`sockscope-${String(pid)}-`));
  const first = await tapPid(bridge.url);
  expect(instancesOf(first).length).toBeGreaterThan(0);
  process.kill(first ?? 0, 'SIGKILL');
  await expect.poll(() => tapPid(bridge.url)).not.toBe(first);
  await expect.poll(async () => instancesOf(await tapPid(bridge.url)).length).toBeGreaterThan(0);
  expect(instancesOf(first)).toEqual([]);
  // Serving never noticed.
  expect((await run(process.execPath, ['-e', `require('net').connect(${bridge.tcpPort}).end('A').pipe(process.stdout)`])).stdout.toString()).toBe('B');
  const second = await tapPid(bridge.url);
  expect(await bridge.stop()).toBe(0);
  expect(instancesOf(second)).toEqual([]);
});

test('/api/sockets keeps to its limit and says what it does not understand', async () => {
  const bridge = await withTap([]);
  expect((await json<{ rows: Row[]; total: number }>(`${bridge.url}/api/sockets?limit=1`)).rows).toHaveLength(1);
  for (const query of ['limit=0', 'limit=10001', 'limit=x', 'rows=3']) {
    const answer = await fetch(`${bridge.url}/api/sockets?${query}`);
    expect(answer.status, query).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 'bad-query', field: 'limit' } });
  }
  expect(await bridge.stop()).toBe(0);
});
