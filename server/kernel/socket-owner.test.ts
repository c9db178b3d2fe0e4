import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blockedCall, parseSyscallLine } from './blocked-call.ts';
import { readProcNetTcp } from './proc-net-tcp.ts';
import { parseStartTicks, processName, processOfThread, startTicks } from './process-name.ts';
import { SocketOwners, socketInode } from './socket-owner.ts';
import { SocketTable } from './socket-table.ts';

/** Steps until nothing is looked for. */
function searchAll(owners: SocketOwners, nowMs = 0): void {
  for (let steps = 0; owners.searching > 0; steps += 1) {
    if (steps > 100_000) throw new Error('the search does not end');
    owners.step(nowMs);
  }
}

describe('the owner of a socket', () => {
  let server: Server;
  let inode = 0;

  beforeAll(async () => {
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const table = new SocketTable();
    readProcNetTcp(table, [typeof address === 'object' && address !== null ? address.port : 0]);
    inode = table.row(0).inode;
  });
  afterAll(() => server.close());

  it('is found by the inode of its socket', () => {
    const owners = new SocketOwners();
    expect(owners.of(inode, 0)).toBe('searching');
    searchAll(owners);
    expect(owners.of(inode, 0)).toEqual({ pid: process.pid, comm: processName(process.pid), fd: expect.any(Number) as number });
  });

  it('is nobody where no process has it, and is looked for again only after a while', () => {
    const owners = new SocketOwners([process.pid]);
    expect(owners.of(0, 0)).toBe('nobody');
    owners.of(inode, 0);
    searchAll(owners);
    expect(['nobody', 'not-permitted']).toContain(owners.of(inode, 999));
    expect(owners.searching).toBe(0);
    expect(owners.of(inode, 1_001)).toBe('searching');
  });

  it('a step looks at no more descriptors than it may', () => {
    const owners = new SocketOwners();
    owners.of(1, 0);
    let steps = 0;
    for (; owners.searching > 0; steps += 1) expect(owners.step(0, 3)).toBeLessThanOrEqual(3);
    expect(steps).toBeGreaterThan(3);
  });

  it('a question asked in the middle of a round waits for a whole one', () => {
    const proc = mkdtempSync(join(tmpdir(), 'sockscope-'));
    try {
      for (const pid of [10, 20]) {
        mkdirSync(join(proc, String(pid), 'fd'), { recursive: true });
        symlinkSync(`socket:[${pid}00]`, join(proc, String(pid), 'fd', '3'));
      }
      const owners = new SocketOwners([], proc);
      owners.of(99, 0);
      // Process 20 comes first: it has been looked at when its socket is asked for.
      owners.step(0, 2);
      expect(owners.of(2_000, 0)).toBe('searching');
      searchAll(owners);
      expect(owners.of(2_000, 0)).toMatchObject({ pid: 20, fd: 3 });
      expect(owners.of(99, 0)).toBe('nobody');
    } finally {
      rmSync(proc, { recursive: true });
    }
  });

  it('links that name no socket name none', () => {
    expect(['socket:[123]', 'pipe:[123]', 'socket:[]', '/dev/null', 'socket:[9999999999999999999]'].map(socketInode)).toEqual([123, -1, -1, -1, -1]);
  });
});

describe('a process', () => {
  it('has a name, threads and a start', () => {
    expect(processName(process.pid)).not.toBeNull();
    expect(processOfThread(process.pid)).toBe(process.pid);
    expect(startTicks(process.pid)).toBeGreaterThan(0);
    expect([processName(2 ** 22 + 1), processOfThread(2 ** 22 + 1), startTicks(2 ** 22 + 1)]).toEqual([null, null, null]);
  });

  it('starts at the same tick whatever it is called', () => {
    const rest = 'S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20';
    expect([`1 (nc) ${rest}`, `1 (a) b) (c) ${rest}`].map(parseStartTicks)).toEqual([4711, 4711]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const ticks = parseStartTicks(text);
        expect(ticks === null || Number.isInteger(ticks)).toBe(true);
      }),
    );
  });

  it('that sleeps tells the call it sleeps in', async () => {
    const sleeper = spawn('sleep', ['60']);
    try {
      await once(sleeper, 'spawn');
      await expect
        .poll(() => blockedCall(sleeper.pid ?? 0), { timeout: 5_000 })
        .toMatchObject({ kind: 'blocked', where: expect.stringContaining('nanosleep') as string });
    } finally {
      sleeper.kill();
      await once(sleeper, 'exit');
    }
    expect(blockedCall(2 ** 22 + 1)).toEqual({ kind: 'gone' });
  });

  it('a line of /proc/PID/syscall is understood or called malformed', () => {
    expect(parseSyscallLine('0 0x3 0x7ffc 0x1 0x0 0x0 0x0 0x7ffd 0x7f00\n', 'wait_woken')).toEqual({
      kind: 'blocked',
      number: 0,
      args: [3n, 0x7ffcn, 1n, 0n, 0n, 0n],
      where: 'wait_woken',
    });
    expect(parseSyscallLine('running\n')).toEqual({ kind: 'running' });
    expect(parseSyscallLine('-1 0x7ffd 0x7f00\n')).toEqual({ kind: 'running' });
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['blocked', 'running', 'malformed']).toContain(parseSyscallLine(text).kind);
      }),
    );
  });
});
