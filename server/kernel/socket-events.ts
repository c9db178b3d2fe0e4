// The socket tracepoints of our ports: which there are, how they are filtered in the kernel, and what their records say.
import { TCP_CLOSE, type FollowedSocket, type FollowedSockets } from './followed-sockets.ts';
import type { SocketEvent } from './kernel-event.ts';
import { TRACE_FLAG_HARDIRQ, TRACE_FLAG_NMI, TRACE_FLAG_SOFTIRQ, type FieldReader, type TraceFormat } from './trace-format.ts';
import type { TraceKind } from './trace-reader.ts';

const AF_INET = 2;
const IPPROTO_TCP = 6;
const TCP_SYN_SENT = 2;
const TCP_SYN_RECV = 3;
/** struct sockaddr_in6, as the reset tracepoint keeps both of its ends. */
const SOCKADDR_BYTES = 28;
const NOT_A_CALL = TRACE_FLAG_HARDIRQ | TRACE_FLAG_SOFTIRQ | TRACE_FLAG_NMI;

/** A kind whose records do something when their turn in time has come. */
export interface TapKind extends TraceKind {
  apply(atNs: number, view: DataView, at: number): void;
}

/** Those who hear what the records say. */
export interface SocketListener {
  readonly sockets: FollowedSockets;
  /** `socket` is the one the event is about, null where the kernel had none. */
  told(event: SocketEvent, socket: FollowedSocket | null): void;
  /** Thread `tid` called connect() on `socket`, which now is in SYN-SENT; fills in `socket.pid` and `comm`. */
  connecting(atNs: number, tid: number, socket: FollowedSocket): void;
  /** The process of a thread that changed a socket by its own call, and its name. */
  identify(tid: number): { pid: number; comm: string };
}

/** A tracepoint of sockets: its filter in the kernel ('' where it cannot be filtered by port), and how its records are read (null: a layout we do not know). */
export interface SocketTracepoint {
  readonly event: string;
  filter(format: TraceFormat, ports: readonly number[]): string;
  kind(format: TraceFormat, ports: ReadonlySet<number>, listener: SocketListener): TapKind | null;
}

const eachPort = (ports: readonly number[], test: (port: number) => string): string => `(${ports.map(test).join('||')})`;
const eitherEnd = (ports: readonly number[]): string => eachPort(ports, (port) => `sport==${port}||dport==${port}`);

/** The ends of a socket in a record: sport, dport, saddr, daddr; those of IPv6 sockets are taken only where they speak IPv4. */
class EndsReader {
  readonly #sport: FieldReader;
  readonly #dport: FieldReader;
  readonly #family: FieldReader;
  readonly #saddr: number;
  readonly #daddr: number;
  readonly #daddr6: number;

  private constructor(sport: FieldReader, dport: FieldReader, family: FieldReader, saddr: number, daddr: number, daddr6: number) {
    this.#sport = sport;
    this.#dport = dport;
    this.#family = family;
    this.#saddr = saddr;
    this.#daddr = daddr;
    this.#daddr6 = daddr6;
  }

  static of(format: TraceFormat): EndsReader | null {
    const [sport, dport, family] = ['sport', 'dport', 'family'].map((name) => format.reader(name));
    const [saddr, daddr] = ['saddr', 'daddr'].map((name) => format.field(name));
    const daddr6 = format.field('daddr_v6');
    if (!sport || !dport || !family || saddr?.size !== 4 || daddr?.size !== 4 || daddr6?.size !== 16) return null;
    return new EndsReader(sport, dport, family, saddr.offset, daddr.offset, daddr6.offset);
  }

  speaksIpv4(view: DataView, at: number): boolean {
    if (this.#family(view, at) === AF_INET) return true;
    const daddr = at + this.#daddr6;
    return view.getUint32(daddr) === 0 && view.getUint32(daddr + 4) === 0 && view.getUint32(daddr + 8) === 0xffff;
  }

  into(socket: FollowedSocket, view: DataView, at: number): void {
    socket.setEnds(view.getUint32(at + this.#saddr), this.#sport(view, at), view.getUint32(at + this.#daddr), this.#dport(view, at));
  }
}

function endsOf(socket: FollowedSocket): { localIp: number; localPort: number; remoteIp: number; remotePort: number; socket: number } {
  const { localIp, localPort, remoteIp, remotePort, address } = socket;
  return { localIp, localPort, remoteIp, remotePort, socket: address };
}

const stateChange: SocketTracepoint = {
  event: 'sock/inet_sock_set_state',
  filter: (_format, ports) => `${eitherEnd(ports)}&&protocol==${IPPROTO_TCP}`,
  kind(format, _ports, listener) {
    const ends = EndsReader.of(format);
    const [address, from, to, tid, flags] = ['skaddr', 'oldstate', 'newstate', 'common_pid', 'common_flags'].map((name) => format.reader(name));
    if (ends === null || !address || !from || !to || !tid || !flags) return null;
    const byCall = (view: DataView, at: number): boolean => (flags(view, at) & NOT_A_CALL) === 0;
    return {
      format,
      wanted: (view, at) => ends.speaksIpv4(view, at),
      apply(atNs, view, at) {
        const before = from(view, at);
        const after = to(view, at);
        const called = byCall(view, at);
        // A listener's child begins as a copy of it.
        const socket = before === TCP_CLOSE || after === TCP_SYN_RECV ? listener.sockets.begin(address(view, at)) : listener.sockets.follow(address(view, at));
        ends.into(socket, view, at);
        socket.state = after;
        socket.seenNs = atNs;
        if (called && after === TCP_SYN_SENT) {
          listener.connecting(atNs, tid(view, at), socket);
        } else if (called && (socket.pid === 0 || socket.pid !== tid(view, at))) {
          const { pid, comm } = listener.identify(tid(view, at));
          socket.pid = pid;
          socket.comm = comm;
        }
        if (after === TCP_CLOSE) {
          socket.closedNs = atNs;
          listener.sockets.end(socket);
        }
        listener.told({ kind: 'state', atNs, ...endsOf(socket), from: before, to: after, byCall: called, pid: socket.pid, comm: socket.comm }, socket);
      },
    };
  },
};

/** Tracepoints that tell a socket by its address and its ends. */
function ofSocket(event: string, kind: 'reset-received' | 'retransmit' | 'retransmit-synack'): SocketTracepoint {
  return {
    event,
    filter: (_format, ports) => eitherEnd(ports),
    kind(format, _ports, listener) {
      const ends = EndsReader.of(format);
      // A SYN-ACK is of a half-open socket, which the kernel keeps apart (req); its listener stands in skaddr.
      const address = format.reader(kind === 'retransmit-synack' ? 'req' : 'skaddr');
      const state = format.reader('state');
      if (ends === null || address === null) return null;
      return {
        format,
        wanted: (view, at) => ends.speaksIpv4(view, at),
        apply(atNs, view, at) {
          const socket = listener.sockets.follow(address(view, at));
          ends.into(socket, view, at);
          const common = { atNs, ...endsOf(socket), state: state?.(view, at) ?? 0 };
          listener.told(kind === 'reset-received' ? { kind, ...common, reason: '' } : { kind, ...common }, socket);
          // One whose states nobody told is known for this event only.
          if (socket.state === 0) listener.sockets.end(socket);
        },
      };
    },
  };
}

const resetSent: SocketTracepoint = {
  event: 'tcp/tcp_send_reset',
  // Kernels since 6.10 keep the ends as two sockaddr, which no filter can look into: few enough to be sorted out here.
  filter: (format, ports) => (format.field('sport') === null ? '' : eitherEnd(ports)),
  kind(format, ports, listener) {
    const address = format.reader('skaddr');
    const state = format.reader('state');
    const reason = format.reader('reason');
    const reasons = format.symbols('reason');
    const [saddr, daddr] = ['saddr', 'daddr'].map((name) => format.field(name));
    const ends = EndsReader.of(format);
    const asSockaddr = ends === null && saddr?.size === SOCKADDR_BYTES && daddr?.size === SOCKADDR_BYTES;
    if (address === null || saddr === undefined || daddr === undefined || saddr === null || daddr === null || (ends === null && !asSockaddr)) return null;
    const port = (view: DataView, sockaddr: number): number => view.getUint16(sockaddr + 2);
    const ip = (view: DataView, sockaddr: number): number => view.getUint32(sockaddr + (view.getUint16(sockaddr, true) === AF_INET ? 4 : 20));
    return {
      format,
      wanted: (view, at) => (ends === null ? ports.has(port(view, at + saddr.offset)) || ports.has(port(view, at + daddr.offset)) : ends.speaksIpv4(view, at)),
      apply(atNs, view, at) {
        const number = address(view, at);
        // Without a socket (nobody listens there) there is one for this event only.
        const socket = listener.sockets.follow(number);
        if (ends === null)
          socket.setEnds(ip(view, at + saddr.offset), port(view, at + saddr.offset), ip(view, at + daddr.offset), port(view, at + daddr.offset));
        else ends.into(socket, view, at);
        const value = reason?.(view, at);
        listener.told(
          {
            kind: 'reset-sent',
            atNs,
            ...endsOf(socket),
            state: state?.(view, at) ?? 0,
            reason: value === undefined ? '' : (reasons.get(value) ?? String(value)),
          },
          socket,
        );
        if (socket.state === 0) listener.sockets.end(socket);
      },
    };
  },
};

const dropped: SocketTracepoint = {
  event: 'skb/kfree_skb',
  // The record has no ports, only the socket the segment had reached: the tap knows which are ours. Reason 2 is "not specified".
  filter: () => 'rx_sk!=0&&reason>2',
  kind(format, _ports, listener) {
    const address = format.reader('rx_sk');
    const reason = format.reader('reason');
    const reasons = format.symbols('reason');
    if (address === null || reason === null) return null;
    return {
      format,
      wanted: () => true,
      apply(atNs, view, at) {
        const socket = listener.sockets.get(address(view, at));
        if (socket === undefined) return;
        const value = reason(view, at);
        listener.told({ kind: 'drop', atNs, ...endsOf(socket), reason: reasons.get(value) ?? String(value) }, socket);
      },
    };
  },
};

/** Filtered to our ports inside the kernel. The first is what a tap is for; the others are welcome where there are any. */
export const STATE_CHANGE = stateChange;
export const PORT_TRACEPOINTS: readonly SocketTracepoint[] = [
  ofSocket('tcp/tcp_receive_reset', 'reset-received'),
  ofSocket('tcp/tcp_retransmit_skb', 'retransmit'),
  ofSocket('tcp/tcp_retransmit_synack', 'retransmit-synack'),
];
/** Those that the kernel cannot filter by port: they have a buffer apart, so that other ports' traffic never pushes ours out. */
export const ANY_PORT_TRACEPOINTS: readonly SocketTracepoint[] = [resetSent, dropped];

/** The condition of `stateChange` for one in `part` connections, by the client's port; a connecting socket that has none yet is left out. */
export function thinStateFilter(ports: readonly number[], part: number): string {
  const mask = part - 1;
  const either = eachPort(ports, (port) => `(sport==${port}&&!(dport&${mask}))||(dport==${port}&&sport!=0&&!(sport&${mask}))`);
  return `${either}&&protocol==${IPPROTO_TCP}`;
}

/** The condition under which a process other than `ownPids` begins a connection to one of `ports`. */
export function foreignConnectFilter(ports: readonly number[], ownPids: readonly number[]): string {
  const notOurs = ownPids.map((pid) => `&&common_pid!=${pid}`).join('');
  return `${eachPort(ports, (port) => `dport==${port}`)}&&newstate==${TCP_SYN_SENT}&&protocol==${IPPROTO_TCP}${notOurs}`;
}
