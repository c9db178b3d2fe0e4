// Hand-made events for tests: one connection as both processes tell of it, and what the kernel's tap would add.
import type { CallEvent, TraceEvent } from '#wire/event.ts';
import type { Evidence } from '#wire/vocabulary.ts';

export const SERVER = '127.0.0.1:9736';
export const SERVER_PID = 100;
export const CLIENT_PID = 200;

/** An event without the number that the bridge gives. */
type Unnumbered = Record<string, unknown> & { kind: string; atNs: number };

/** Numbers events in the order in which they are given. */
export function numbered(events: readonly Unnumbered[], from = 1): TraceEvent[] {
  // Written by hand to the schemas of the wire, which only the server checks.
  return events.map((event, i) => ({ ...event, seq: from + i }) as unknown as TraceEvent);
}

const address = (endpoint: string): { family: 'AF_INET'; ip: string; port: number } => {
  const [ip = '', port = '0'] = endpoint.split(':');
  return { family: 'AF_INET', ip, port: Number(port) };
};

type CallFields = Partial<Omit<CallEvent, 'call' | 'args'>> & { socket?: number; clientId?: string };

export function call(name: CallEvent['call'], atNs: number, pid: number, args: unknown, fields: CallFields = {}): Unnumbered {
  const process = pid === CLIENT_PID ? 'tcp-client' : 'increment-server';
  return { kind: 'call', call: name, atNs, process, pid, evidence: 'returned', durationNs: 1_000, fd: -1, returned: 0, args, ...fields };
}

/** socket, bind and listen of the server, ending at 1 ms. */
export function serverStart(): Unnumbered[] {
  return [
    call('socket', 100_000, SERVER_PID, { domain: 'AF_INET', type: 'SOCK_STREAM', protocol: 0 }, { returned: 3, socket: 1 }),
    call('bind', 200_000, SERVER_PID, { address: address('0.0.0.0:9736'), addressLength: 16 }, { fd: 3, socket: 1 }),
    call('listen', 300_000, SERVER_PID, { backlog: 5 }, { fd: 3, socket: 1 }),
  ];
}

export interface SampleConnection {
  /** When the client calls socket(). */
  atNs: number;
  /** The client's endpoint. */
  local: string;
  /** Number of both its sockets; the server's counts from 1000. */
  socket: number;
  holdMs?: number;
}

/** The client's own story, from socket() to close(): A goes out, B comes back after the hold. */
export function clientStory({ atNs, local, socket, holdMs = 5_000 }: SampleConnection): Unnumbered[] {
  const of = { socket, clientId: `c${socket}`, fd: 7 };
  const replyNs = atNs + 500_000 + holdMs * 1e6;
  return [
    call('socket', atNs, CLIENT_PID, { domain: 'AF_INET', type: 'SOCK_STREAM', protocol: 0 }, { ...of, fd: -1, returned: 7 }),
    call('connect', atNs + 20_000, CLIENT_PID, { address: address(SERVER), addressLength: 16 }, { ...of, returned: -1, errno: 'EINPROGRESS' }),
    call('getsockname', atNs + 40_000, CLIENT_PID, { address: address(local), addressLength: 16, pointer: '' }, of),
    call('getsockopt', atNs + 100_000, CLIENT_PID, { level: 'SOL_SOCKET', option: 'SO_ERROR', value: 0, length: 4 }, of),
    call('write', atNs + 120_000, CLIENT_PID, { data: '41', count: 1 }, { ...of, returned: 1 }),
    call('read', replyNs + 50_000, CLIENT_PID, { data: '42', count: 1, pointer: '' }, { ...of, returned: 1 }),
    call('read', replyNs + 80_000, CLIENT_PID, { data: '', count: 1, pointer: '' }, of),
    call('close', replyNs + 90_000, CLIENT_PID, {}, of),
    {
      kind: 'client-ended',
      atNs: replyNs + 95_000,
      process: 'tcp-client',
      pid: CLIENT_PID,
      evidence: 'returned',
      socket,
      clientId: `c${socket}`,
      outcome: 'replied',
    },
  ];
}

/** The same connection as the server tells of it. */
export function serverStory({ atNs, local, socket, holdMs = 5_000 }: SampleConnection): Unnumbered[] {
  const of = { socket: 1_000 + socket, fd: 8 };
  const replyNs = atNs + 500_000 + holdMs * 1e6;
  return [
    call('accept4', atNs + 110_000, SERVER_PID, { address: address(local), addressLength: 16, flags: '', pointer: '' }, { ...of, fd: 3, returned: 8 }),
    call('getsockname', atNs + 115_000, SERVER_PID, { address: address(SERVER), addressLength: 16, pointer: '' }, of),
    call('read', atNs + 499_000, SERVER_PID, { data: '41', count: 1, pointer: '' }, { ...of, returned: 1 }),
    { kind: 'hold', atNs: atNs + 501_000, process: 'increment-server', pid: SERVER_PID, evidence: 'returned', ...of, holdMs },
    call('write', replyNs, SERVER_PID, { data: '42', count: 1 }, { ...of, returned: 1 }),
    call('shutdown', replyNs + 10_000, SERVER_PID, { how: 'SHUT_WR' }, of),
    call('read', replyNs + 100_000, SERVER_PID, { data: '', count: 4096, pointer: '' }, of),
    call('close', replyNs + 110_000, SERVER_PID, {}, of),
  ];
}

/** A socket was seen in a state, by somebody who is not the socket's process. */
export function seenState(atNs: number, local: string, remote: string, from: string | null, to: string, evidence: Evidence = 'tracefs'): Unnumbered {
  return { kind: 'tcp-state', atNs, evidence, local, remote, from, to };
}

/** Every change of state of both ends that the kernel's tracepoint reports for one connection of ours, in order of time. */
export function tracepoints({ atNs, local, holdMs = 5_000 }: SampleConnection): Unnumbered[] {
  const replyNs = atNs + 500_000 + holdMs * 1e6;
  const client = (ns: number, from: string, to: string): Unnumbered => seenState(ns, local, SERVER, from, to);
  const server = (ns: number, from: string, to: string): Unnumbered => seenState(ns, SERVER, local, from, to);
  return [
    client(atNs + 21_000, 'CLOSED', 'SYN-SENT'),
    server(atNs + 24_000, 'LISTEN', 'SYN-RECEIVED'),
    client(atNs + 25_000, 'SYN-SENT', 'ESTABLISHED'),
    server(atNs + 26_000, 'SYN-RECEIVED', 'ESTABLISHED'),
    server(replyNs + 11_000, 'ESTABLISHED', 'FIN-WAIT-1'),
    client(replyNs + 12_000, 'ESTABLISHED', 'CLOSE-WAIT'),
    server(replyNs + 13_000, 'FIN-WAIT-1', 'FIN-WAIT-2'),
    client(replyNs + 91_000, 'CLOSE-WAIT', 'LAST-ACK'),
    server(replyNs + 92_000, 'FIN-WAIT-2', 'CLOSED'),
    client(replyNs + 93_000, 'LAST-ACK', 'CLOSED'),
  ];
}
