import { createServer } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseListenCounters, readListenCounters } from './listen-counters.ts';
import { addTcpLines, parseTcpLine, readProcNetTcp } from './proc-net-tcp.ts';
import { SocketTable } from './socket-table.ts';

const HEADING = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const LISTENER = '   0: 0100007F:2608 00000000:0000 0A 00000000:00000002 00:00000000 00000000  1000        0 54321 1 0000000000000000 100 0 0 10 5';
const TIME_WAIT = '  17: 0100007F:2608 0200007F:BA5A 06 00000000:00000000 03:0000176C 00000000     0        0 0 3 0000000000000000';

describe('/proc/net/tcp', () => {
  it('a line is a row', () => {
    expect(parseTcpLine(LISTENER)).toMatchObject({
      state: 10,
      localIp: 0x7f000001,
      localPort: 9736,
      remotePort: 0,
      rqueue: 2,
      wqueue: 0,
      uid: 1000,
      inode: 54321,
      timer: 0,
      expiresMs: 0,
    });
    expect(parseTcpLine(TIME_WAIT)).toMatchObject({ state: 6, remoteIp: 0x7f000002, remotePort: 47_706, inode: 0, timer: 3, expiresMs: 59_960 });
  });

  it('what is no line is a value that says so, whatever it is', () => {
    expect(parseTcpLine(HEADING)).toBeNull();
    expect(parseTcpLine(LISTENER.replace('0A', '0a'))).toBeNull();
    const table = new SocketTable();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(LISTENER.length), fc.nat(20), (noise, at, cut) => {
        const damaged = LISTENER.slice(0, at) + noise + LISTENER.slice(at + cut);
        table.begin('procfs', 0);
        expect(addTcpLines(table, damaged, [9736])).toBe(true);
        for (const text of [noise, damaged]) {
          const row = parseTcpLine(text);
          if (row !== null) expect(Object.values(row).every((value: number) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff)).toBe(true);
        }
      }),
    );
  });

  it('only rows of the wanted ports are kept, damaged lines are counted', () => {
    const table = new SocketTable();
    addTcpLines(table, [LISTENER, LISTENER.replace(':2608', ':2609'), 'rubbish', LISTENER.slice(0, 60), TIME_WAIT, ''].join('\n'), [9736]);
    expect([table.count, table.malformed]).toEqual([2, 2]);
  });

  it('is read whole, however large', () => {
    const directory = mkdtempSync(join(tmpdir(), 'sockscope-'));
    const path = join(directory, 'tcp');
    const table = new SocketTable();
    try {
      writeFileSync(path, `${HEADING}\n${`${TIME_WAIT}\n`.repeat(3_000)}`);
      expect(readProcNetTcp(table, [9736], path)).toBeNull();
      expect([table.count, table.malformed, table.evidence]).toEqual([3_000, 0, 'procfs']);
      writeFileSync(path, `${HEADING}\n${LISTENER}\n${LISTENER.slice(0, 40)}`);
      expect(readProcNetTcp(table, [9736], path)).toBeNull();
      expect([table.count, table.malformed]).toEqual([1, 1]);
      expect(readProcNetTcp(table, [9736], join(directory, 'none'))).toEqual({ ok: false, call: 'open', errno: 'ENOENT' });
      expect(readProcNetTcp(table, [9736], directory)).toEqual({ ok: false, call: 'read', errno: 'EISDIR' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("this machine's own holds a listener just made", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 7, resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const table = new SocketTable();
    expect(readProcNetTcp(table, [port])).toBeNull();
    expect(table.row(0)).toMatchObject({ state: 10, localIp: 0x7f000001, localPort: port, uid: process.getuid?.() });
    expect(table.row(0).inode).toBeGreaterThan(0);
    server.close();
  });
});

describe('/proc/net/netstat', () => {
  const TEXT = 'TcpExt: SyncookiesSent ListenOverflows ListenDrops Other\nTcpExt: 1 563 564 9\nIpExt: InNoRoutes\nIpExt: 0\n';

  it('tells the overflows and drops of listeners', () => {
    expect(parseListenCounters(TEXT)).toEqual({ overflows: 563, drops: 564 });
    expect(readListenCounters()).toEqual({ overflows: expect.any(Number) as number, drops: expect.any(Number) as number });
  });

  it('or says that it does not, whatever the text', () => {
    expect(parseListenCounters(TEXT.replace('ListenDrops', 'Drops'))).toBeNull();
    fc.assert(
      fc.property(fc.nat(TEXT.length), fc.nat(40), fc.string(), (at, cut, noise) => {
        const counters = parseListenCounters(TEXT.slice(0, at) + noise + TEXT.slice(at + cut));
        if (counters !== null) expect(Number.isInteger(counters.drops) && Number.isInteger(counters.overflows)).toBe(true);
      }),
    );
  });
});
