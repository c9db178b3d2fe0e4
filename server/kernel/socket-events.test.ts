// What the records of the socket tracepoints become, from records laid out as a format says, and the conditions given to the kernel.
import { describe, expect, it } from 'vitest';
import { FOLLOWED_SOCKETS_MAX } from '../wire/tap-limits.ts';
import { FollowedSockets, type FollowedSocket } from './followed-sockets.ts';
import type { SocketEvent } from './kernel-event.ts';
import { foreignConnectFilter, PORT_TRACEPOINTS, STATE_CHANGE, thinStateFilter, type SocketListener, type TapKind } from './socket-events.ts';
import { TRACE_FLAG_SOFTIRQ, TraceFormat } from './trace-format.ts';

const SERVER = 9736;
const LOOPBACK = 0x7f000001;
const [CLOSED, ESTABLISHED, SYN_SENT, SYN_RECV, LISTEN] = [7, 1, 2, 3, 10];

/** Name, offset and bytes of each field, as Linux 6.18 has them. */
const STATE_FIELDS: [string, number, number][] = [
  ['common_type', 0, 2],
  ['common_flags', 2, 1],
  ['common_preempt_count', 3, 1],
  ['common_pid', 4, 4],
  ['skaddr', 8, 8],
  ['oldstate', 16, 4],
  ['newstate', 20, 4],
  ['sport', 24, 2],
  ['dport', 26, 2],
  ['family', 28, 2],
  ['protocol', 30, 2],
  ['saddr', 32, 4],
  ['daddr', 36, 4],
  ['saddr_v6', 40, 16],
  ['daddr_v6', 56, 16],
];

function formatOf(fields: readonly [string, number, number][]): TraceFormat {
  const type = (name: string, bytes: number): string =>
    /addr_?v?6?$/.test(name) && name !== 'skaddr'
      ? `__u8 ${name}[${bytes}]`
      : `${bytes === 8 ? 'const void *' : bytes === 4 ? 'int' : bytes === 2 ? '__u16' : '__u8'} ${name}`;
  const lines = fields.map(([name, offset, bytes]) => `\tfield:${type(name, bytes)};\toffset:${offset};\tsize:${bytes};\tsigned:0;`);
  const format = TraceFormat.parse(`name: x\nID: 7\nformat:\n${lines.join('\n')}\n`);
  if (format === null) throw new Error('the sample format is not understood');
  return format;
}

interface StateRecord {
  address: number;
  from: number;
  to: number;
  sport?: number;
  dport?: number;
  tid?: number;
  softirq?: boolean;
  mapped?: boolean;
  ipv6?: boolean;
}

function recordOf({ address, from, to, sport = 40_000, dport = SERVER, tid = 1, softirq = false, mapped = false, ipv6 = false }: StateRecord): DataView {
  const view = new DataView(new ArrayBuffer(72));
  view.setUint8(2, softirq ? TRACE_FLAG_SOFTIRQ : 0);
  view.setInt32(4, tid, true);
  view.setBigUint64(8, BigInt(address), true);
  view.setInt32(16, from, true);
  view.setInt32(20, to, true);
  view.setUint16(24, sport, true);
  view.setUint16(26, dport, true);
  view.setUint16(28, mapped || ipv6 ? 10 : 2, true);
  view.setUint32(32, ipv6 ? 0 : LOOPBACK);
  view.setUint32(36, ipv6 ? 0 : LOOPBACK);
  if (ipv6) view.setUint8(71, 1);
  else {
    view.setUint16(66, 0xffff);
    view.setUint32(68, LOOPBACK);
  }
  return view;
}

class Heard implements SocketListener {
  readonly sockets = new FollowedSockets();
  readonly events: { event: SocketEvent; socket: FollowedSocket | null }[] = [];
  readonly connects: number[] = [];
  readonly kind: TapKind;

  constructor() {
    const kind = STATE_CHANGE.kind(formatOf(STATE_FIELDS), new Set([SERVER]), this);
    if (kind === null) throw new Error('the layout is not understood');
    this.kind = kind;
  }

  told(event: SocketEvent, socket: FollowedSocket | null): void {
    this.events.push({ event, socket });
  }

  connecting(_atNs: number, tid: number, socket: FollowedSocket): void {
    this.connects.push(tid);
    socket.pid = tid;
    socket.comm = 'nc';
  }

  identify(tid: number): { pid: number; comm: string } {
    return { pid: tid, comm: 'server' };
  }

  hear(record: StateRecord): SocketEvent | undefined {
    const view = recordOf(record);
    if (!this.kind.wanted(view, 0)) return undefined;
    this.kind.apply(this.events.length + 1, view, 0);
    return this.events.at(-1)?.event;
  }
}

describe('a change of state', () => {
  it('has both ends and states, and the process only where it made the change itself', () => {
    const heard = new Heard();
    expect(heard.hear({ address: 1, from: CLOSED, to: SYN_SENT, sport: 0, tid: 55 })).toMatchObject({
      from: CLOSED,
      to: SYN_SENT,
      localPort: 0,
      pid: 55,
      comm: 'nc',
    });
    expect(heard.hear({ address: 1, from: SYN_SENT, to: ESTABLISHED, tid: 77, softirq: true })).toMatchObject({
      localIp: LOOPBACK,
      localPort: 40_000,
      remotePort: SERVER,
      byCall: false,
      // Whoever ran on that CPU was not it: the socket is still netcat's.
      pid: 55,
      comm: 'nc',
    });
    expect(heard.connects).toEqual([55]);
    const child = heard.hear({ address: 2, from: LISTEN, to: SYN_RECV, sport: SERVER, dport: 40_000, tid: 55, softirq: true });
    expect(child).toMatchObject({ pid: 0, comm: '', localPort: SERVER });
    // Its own call names it, when it makes one.
    expect(heard.hear({ address: 2, from: ESTABLISHED, to: 4, sport: SERVER, dport: 40_000, tid: 60 })).toMatchObject({ pid: 60, comm: 'server' });
  });

  it('at an address that is used again is of another socket, which inherits nothing', () => {
    const heard = new Heard();
    heard.hear({ address: 1, from: CLOSED, to: SYN_SENT, tid: 55 });
    const first = heard.events.at(-1)?.socket;
    // Its end was lost; the next one begins at the same place.
    expect(heard.hear({ address: 1, from: LISTEN, to: SYN_RECV, sport: SERVER, dport: 41_000, softirq: true })).toMatchObject({ pid: 0 });
    expect(heard.events.at(-1)?.socket).not.toBe(first);
    heard.hear({ address: 1, from: SYN_RECV, to: CLOSED, sport: SERVER, dport: 41_000, softirq: true });
    expect(heard.sockets.size).toBe(0);
    expect(heard.events.at(-1)?.socket).toMatchObject({ closedNs: 3 });
  });

  it('of a dual-stack socket that speaks IPv4 is told, one that speaks IPv6 is not', () => {
    const heard = new Heard();
    expect(heard.hear({ address: 1, from: CLOSED, to: SYN_SENT, mapped: true })).toMatchObject({ localIp: LOOPBACK, remoteIp: LOOPBACK });
    expect(heard.hear({ address: 2, from: CLOSED, to: SYN_SENT, ipv6: true })).toBeUndefined();
  });

  it('a closed socket keeps the port it had given back', () => {
    const heard = new Heard();
    heard.hear({ address: 1, from: SYN_SENT, to: ESTABLISHED });
    expect(heard.hear({ address: 1, from: ESTABLISHED, to: CLOSED, sport: 0 })).toMatchObject({ localPort: 40_000 });
  });

  it('in a layout we do not know is not read at all', () => {
    const without = STATE_FIELDS.filter(([name]) => name !== 'skaddr');
    expect(STATE_CHANGE.kind(formatOf(without), new Set([SERVER]), new Heard())).toBeNull();
  });
});

it('a retransmit of a socket whose states nobody told is told, and leaves nothing behind', () => {
  const heard = new Heard();
  const tracepoint = PORT_TRACEPOINTS.find(({ event }) => event === 'tcp/tcp_retransmit_skb');
  const fields = STATE_FIELDS.map(([name, offset, bytes]): [string, number, number] => [name === 'newstate' ? 'state' : name, offset, bytes]);
  const kind = tracepoint?.kind(formatOf(fields), new Set([SERVER]), heard);
  kind?.apply(5, recordOf({ address: 9, from: 0, to: SYN_SENT }), 0);
  expect(heard.events[0]?.event).toMatchObject({ kind: 'retransmit', state: SYN_SENT, localPort: 40_000 });
  expect(heard.sockets.size).toBe(0);
});

it('the sockets followed are bounded: the one longest followed is forgotten, and counted', () => {
  const sockets = new FollowedSockets();
  for (let address = 1; address <= FOLLOWED_SOCKETS_MAX + 2; address += 1) sockets.begin(address);
  expect([sockets.size, sockets.forgotten]).toEqual([FOLLOWED_SOCKETS_MAX, 2]);
  expect([sockets.get(2), sockets.get(3)?.address]).toEqual([undefined, 3]);
});

describe('conditions for the kernel', () => {
  /** The condition as JavaScript would have it. */
  const holds = (filter: string, fields: Record<string, number>): boolean =>
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- filters are C expressions, and so far JavaScript's too
    Boolean(new Function(...Object.keys(fields), `return ${filter}`)(...Object.values(fields)));
  const ends = (sport: number, dport: number, more: Record<string, number> = {}): Record<string, number> => ({
    sport,
    dport,
    protocol: 6,
    newstate: 1,
    common_pid: 1,
    ...more,
  });

  it('either end has one of our ports, over TCP', () => {
    const filter = STATE_CHANGE.filter(formatOf(STATE_FIELDS), [SERVER, 80]);
    for (const [sport, dport] of [
      [SERVER, 1],
      [1, SERVER],
      [80, 5],
    ] as const)
      expect(holds(filter, ends(sport, dport)), `${sport} ${dport}`).toBe(true);
    expect(holds(filter, ends(1, 2))).toBe(false);
    expect(holds(filter, ends(SERVER, 1, { protocol: 132 }))).toBe(false);
  });

  it('thinned, one in 16 connections is followed, with both of its ends', () => {
    const filter = thinStateFilter([SERVER], 16);
    let followed = 0;
    for (let port = 32_768; port < 32_768 + 1_600; port += 1) {
      const client = holds(filter, ends(port, SERVER));
      expect(holds(filter, ends(SERVER, port)), String(port)).toBe(client);
      if (client) followed += 1;
    }
    expect(followed).toBe(100);
    expect(holds(filter, ends(0, SERVER))).toBe(false);
  });

  it('a foreign connect is one to our port by none of ours', () => {
    const filter = foreignConnectFilter([SERVER], [11, 12]);
    expect(holds(filter, ends(0, SERVER, { newstate: SYN_SENT, common_pid: 13 }))).toBe(true);
    expect(holds(filter, ends(0, SERVER, { newstate: SYN_SENT, common_pid: 12 }))).toBe(false);
    expect(holds(filter, ends(0, 80, { newstate: SYN_SENT, common_pid: 13 }))).toBe(false);
  });
});
