// Which records of a stretch of the journal belong to one exchange: both its sockets and what the kernel told of them; and which exchanges can be told whole.
import { recordCloses, recordDescriptor, recordProcess, recordTag } from '../wire/record.ts';
import { A1, DATA_BYTE, KINDS, LENGTHS, LOCAL_IP, PID, PORTS, REMOTE_IP, SOCKET, TAG, WORDS } from '../wire/record-layout.ts';
import { tcpState, type TcpState } from '../wire/tcp-state.ts';
import { OUR_PROCESSES } from '../wire/vocabulary.ts';

const SERVER = OUR_PROCESSES.indexOf('increment-server');
const TAP = OUR_PROCESSES.indexOf('kernel-tap');
const TAG_SOCKET = recordTag('call', 'socket', 'bridge') & 0xffff;
const TAG_ACCEPT4 = recordTag('call', 'accept4', 'bridge') & 0xffff;
const TAG_EPOLL_WAIT = recordTag('call', 'epoll_wait', 'bridge') & 0xffff;
const KIND_TCP_STATE = KINDS.indexOf('tcp-state');
/** What a socket that waits to be accepted can be seen in; of any other state the beginning lies before what is looked through. */
const FIRST_STATES: ReadonlySet<TcpState | null> = new Set(['SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED', 'CLOSE-WAIT'] as const);
const NONE = -1;

interface Exchange {
  /** The exchange it turned out to be the same as. */
  same: Exchange | null;
  hasClient: boolean;
  hasServer: boolean;
  /** A socket of it is still open. */
  open: boolean;
  /** Its beginning lies before what is looked through. */
  cut: boolean;
  lastSeq: number;
  records: number;
  told: boolean;
  /** Its two addresses in the order of their ports, 0 where they are not known yet; and the one before it with the same two ports. */
  lowIp: number;
  highIp: number;
  earlier: Exchange | null;
}

/** Looks once through the records `fromSeq` … `toSeq` of a ring; afterwards says of each whether a page is to be told it. */
export class Exchanges {
  readonly #words: Int32Array;
  readonly #fromSeq: number;
  /** Of each record the exchange it belongs to. */
  readonly #of: (Exchange | null)[] = [];
  readonly #all: Exchange[] = [];
  /** By process id and socket number. */
  readonly #bySocket = new Map<number, Exchange>();
  /** By both ports; the newest, and those before follow by `earlier`. */
  readonly #byPorts = new Map<number, Exchange>();
  /** By process and descriptor: whose it is now. */
  readonly #byDescriptor: (Exchange | undefined)[][] = OUR_PROCESSES.map(() => []);
  /** An epoll_wait() belongs to all of which it brought news. */
  readonly #waits = new Map<number, Exchange[]>();

  /** `isOpen`: whether a record (its slot, its number) belongs to a socket that is open now. */
  constructor(words: Int32Array, capacity: number, fromSeq: number, toSeq: number, isOpen: (slot: number, seq: number) => boolean) {
    this.#words = words;
    this.#fromSeq = fromSeq;
    for (let seq = fromSeq; seq <= toSeq; seq += 1) {
      const slot = (seq - 1) % capacity;
      if ((this.#word(slot, TAG) & 0xffff) === TAG_EPOLL_WAIT) this.#wait(slot, seq);
      const exchange = this.#find(slot);
      this.#of.push(exchange);
      if (exchange === null) continue;
      exchange.lastSeq = seq;
      exchange.records += 1;
      if (!exchange.open && isOpen(slot, seq)) exchange.open = true;
    }
  }

  /** Chooses those that are open and, of those that ended, the newest that are there from their beginning, up to `records` of their records. */
  choose(records: number): void {
    const ended: Exchange[] = [];
    for (const one of this.#all) {
      if (one.same !== null) continue;
      if (one.open) one.told = true;
      else if (!one.cut) ended.push(one);
    }
    ended.sort((a, b) => b.lastSeq - a.lastSeq);
    let left = records;
    for (const one of ended) {
      left -= one.records;
      if (left < 0) break;
      one.told = true;
    }
  }

  /** Whether record `seq` is of an exchange that was chosen; null where it is of none. */
  tells(seq: number): boolean | null {
    const one = this.#of[seq - this.#fromSeq] ?? null;
    if (one !== null) return root(one).told;
    const woken = this.#waits.get(seq);
    return woken?.some((exchange) => root(exchange).told) === true ? true : null;
  }

  #word(slot: number, field: number): number {
    return this.#words[slot * WORDS + field] ?? 0;
  }

  /** Four of the ready descriptors stand in the record, eight bytes each. */
  #wait(slot: number, seq: number): void {
    const ready = (this.#word(slot, LENGTHS) & 0xff) / 8;
    const owners = this.#byDescriptor[recordProcess(this.#words, slot)];
    const woken: Exchange[] = [];
    for (let at = 0; at < ready; at += 1) {
      const owner = owners?.[this.#word(slot, DATA_BYTE / 4 + 2 * at)];
      if (owner !== undefined) woken.push(owner);
    }
    if (woken.length > 0) this.#waits.set(seq, woken);
  }

  #find(slot: number): Exchange | null {
    const process = recordProcess(this.#words, slot);
    if (process === TAP) return this.#ofKernel(slot);
    const socket = this.#word(slot, SOCKET);
    if (socket === 0) return null;
    const call = this.#word(slot, TAG) & 0xffff;
    // A server's socket that has no peer listens.
    if (process === SERVER && (this.#word(slot, PORTS) & 0xffff) === 0) return null;
    const key = this.#word(slot, PID) * 2 ** 31 + socket;
    let exchange = this.#bySocket.get(key);
    if (exchange === undefined) {
      exchange = this.#begin(call !== (process === SERVER ? TAG_ACCEPT4 : TAG_SOCKET));
      if (process === SERVER) exchange.hasServer = true;
      else exchange.hasClient = true;
      this.#bySocket.set(key, exchange);
    }
    exchange = root(exchange);
    if (exchange.lowIp === 0) {
      exchange = this.#pair(exchange, slot);
      this.#bySocket.set(key, exchange);
    }
    this.#followDescriptor(exchange, process, slot, call);
    return exchange;
  }

  #followDescriptor(exchange: Exchange, process: number, slot: number, call: number): void {
    const owners = this.#byDescriptor[process];
    const fd = recordDescriptor(this.#words, slot);
    if (owners === undefined || fd < 0) return;
    if (call === TAG_SOCKET || call === TAG_ACCEPT4) owners[fd] = exchange;
    else if (recordCloses(this.#words, slot)) owners[fd] = undefined;
  }

  /** What the kernel told of a socket that none of our processes has (yet) belongs to somebody who waits to be accepted. */
  #ofKernel(slot: number): Exchange | null {
    const known = this.#newest(slot);
    if (known !== null) return known;
    if ((this.#word(slot, TAG) & 0xff) !== KIND_TCP_STATE) return null;
    const exchange = this.#begin(!FIRST_STATES.has(tcpState(this.#word(slot, A1))));
    this.#place(exchange, slot);
    return exchange;
  }

  /** Once both ends of a new socket are known it is the other half of what is known of them, unless its ports are used again. */
  #pair(exchange: Exchange, slot: number): Exchange {
    if (this.#word(slot, LOCAL_IP) === 0 || this.#word(slot, REMOTE_IP) === 0 || this.#portsKey(slot) < 0) return exchange;
    const known = this.#newest(slot);
    if (known === null || isOfEarlier(known, exchange)) {
      this.#place(exchange, slot);
      return exchange;
    }
    exchange.same = known;
    known.hasClient ||= exchange.hasClient;
    known.hasServer ||= exchange.hasServer;
    known.open ||= exchange.open;
    known.cut ||= exchange.cut;
    known.records += exchange.records;
    known.lastSeq = Math.max(known.lastSeq, exchange.lastSeq);
    return known;
  }

  #begin(cut: boolean): Exchange {
    const exchange = {
      same: null,
      hasClient: false,
      hasServer: false,
      open: false,
      cut,
      lastSeq: 0,
      records: 0,
      told: false,
      lowIp: 0,
      highIp: 0,
      earlier: null,
    };
    this.#all.push(exchange);
    return exchange;
  }

  /** From here on the two ends of the record lead to this exchange. */
  #place(exchange: Exchange, slot: number): void {
    const key = this.#portsKey(slot);
    [exchange.lowIp, exchange.highIp] = this.#ips(slot);
    exchange.earlier = this.#byPorts.get(key) ?? null;
    this.#byPorts.set(key, exchange);
  }

  #newest(slot: number): Exchange | null {
    const [lowIp, highIp] = this.#ips(slot);
    let one = this.#byPorts.get(this.#portsKey(slot)) ?? null;
    while (one !== null && (one.lowIp !== lowIp || one.highIp !== highIp)) one = one.earlier;
    return one;
  }

  /** Both ports in one number, the lower first, whichever end it is told of; negative where one is not known. */
  #portsKey(slot: number): number {
    const ports = this.#word(slot, PORTS);
    const local = ports >>> 16;
    const remote = ports & 0xffff;
    return local === 0 || remote === 0 ? NONE : Math.min(local, remote) * 65_536 + Math.max(local, remote);
  }

  /** Both addresses in the order of their ports. */
  #ips(slot: number): [number, number] {
    const ports = this.#word(slot, PORTS);
    const local = this.#word(slot, LOCAL_IP);
    const remote = this.#word(slot, REMOTE_IP);
    return ports >>> 16 < (ports & 0xffff) || (ports >>> 16 === (ports & 0xffff) && local < remote) ? [local, remote] : [remote, local];
  }
}

/** The ports were used before: by an exchange that has such a half already, or by one of which only the kernel's last words are there. */
function isOfEarlier(known: Exchange, half: Exchange): boolean {
  if (!known.hasClient && !known.hasServer) return known.cut && !half.cut;
  return (known.hasClient && half.hasClient) || (known.hasServer && half.hasServer);
}

function root(exchange: Exchange): Exchange {
  let one = exchange;
  while (one.same !== null) one = one.same;
  return one;
}
