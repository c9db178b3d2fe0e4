// Which system calls, of all that are recorded, belong to a foreign process's connection to us: everything else stays here and is forgotten.
import {
  CALLS_LINGER_NS,
  FOREIGN_PROCESSES_MAX,
  FOREIGN_SOCKETS_MAX,
  RECENT_SOCKET_CALLS_MAX,
  THREAD_LOOKUPS_PER_READ,
  THREADS_MAX,
} from '../wire/tap-limits.ts';
import { DESCRIPTOR_CALLS, type CallListener } from './call-events.ts';
import { TCP_CLOSE, type FollowedSocket } from './followed-sockets.ts';
import type { ForeignCall } from './kernel-event.ts';

/** What procfs and the kernel's own list of names tell: see process-name.ts. */
export interface ProcessLookup {
  /** The process a thread belongs to; null when it is gone. */
  processOf(tid: number): number | null;
  /** Its name; null when nobody knows any more. */
  nameOf(tid: number): string | null;
  /** True for a process of our own that nobody has named yet: it has only just begun. */
  isSibling(pid: number): boolean;
}

interface ForeignProcess {
  readonly pid: number;
  readonly comm: string;
  readonly sockets: Map<number, FollowedSocket>;
}

interface Call {
  readonly atNs: number;
  readonly call: string;
  readonly args: readonly number[];
  /** The socket it turned out to be about; undefined while nobody knows. */
  socket?: FollowedSocket;
}

/** A wait that is over, for whatever came. */
interface Wait extends Call {
  readonly durationNs: number;
  readonly returned: number;
  /** Those it was told of: one wait may have brought news of several. */
  readonly toldOf: FollowedSocket[];
}

interface SocketCall extends Call {
  readonly durationNs: number;
  readonly fd: number;
}

const BY_DESCRIPTOR: ReadonlySet<string> = new Set(DESCRIPTOR_CALLS);
const DESCRIPTORS_PER_THREAD = 0x100_0000;
/** A thread number may be another process's after this long. */
const IDENTITY_NS = 1e9;

/** Follows foreign processes from their connect() to the close() of their last socket. Records must come in order of time. */
export class ForeignCalls implements CallListener {
  readonly #lookup: ProcessLookup;
  readonly #tell: (call: ForeignCall, socket: FollowedSocket) => void;
  #own: Set<number>;
  readonly #processes = new Map<number, ForeignProcess>();
  /** What processes other threads belong to (0: gone). */
  readonly #threads = new Map<number, number>();
  /** By thread, for a while: one client may connect thousands of times. */
  readonly #identities = new Map<number, { pid: number; comm: string }>();
  #identitiesNs = 0;
  readonly #pending = new Map<number, Call>();
  readonly #recentSockets = new Map<number, SocketCall>();
  /** The last wait of each thread: a busy program waits a hundred times for others, and what it does next says for whom. */
  readonly #waits = new Map<number, Wait>();
  /** Records of each thread since they were last asked for. */
  readonly #heard = new Map<number, number>();
  #openSockets = 0;
  #lookups = 0;
  /** Connections and threads of which calls are missing, because a bound was reached. */
  leftOut = 0;

  constructor(ownPids: Iterable<number>, lookup: ProcessLookup, tell: (call: ForeignCall, socket: FollowedSocket) => void) {
    this.#own = new Set(ownPids);
    this.#lookup = lookup;
    this.#tell = tell;
  }

  set ownPids(pids: Iterable<number>) {
    this.#own = new Set(pids);
    for (const pid of this.#own) {
      const client = this.#processes.get(pid);
      for (const fd of [...(client?.sockets.keys() ?? [])]) if (client !== undefined) this.#forget(client, fd);
    }
  }

  isOwn(pid: number): boolean {
    return this.#own.has(pid);
  }

  /** Foreign processes that have a socket to us now. */
  get pids(): number[] {
    return [...this.#processes.keys()];
  }

  /** A new reading of the buffers begins, at `nowNs` since the run began: procfs may be asked again. */
  beginRead(nowNs: number): void {
    this.#lookups = THREAD_LOOKUPS_PER_READ;
    if (nowNs - this.#identitiesNs < IDENTITY_NS) return;
    this.#identitiesNs = nowNs;
    this.#identities.clear();
  }

  mayConcern(tid: number): boolean {
    if (this.#own.has(tid)) return false;
    const heard = this.#heard.get(tid);
    if (heard !== undefined || this.#heard.size < THREADS_MAX) this.#heard.set(tid, (heard ?? 0) + 1);
    return true;
  }

  /** Threads of processes not connected to us that made at least `records` since this was last asked, the noisiest first. */
  noisy(records: number): number[] {
    const noisy = [...this.#heard].filter(([tid, heard]) => heard >= records && this.#processOf(tid) === undefined);
    this.#heard.clear();
    return noisy.sort((a, b) => b[1] - a[1]).map(([tid]) => tid);
  }

  /** Forgets everybody: their calls are not recorded any more. */
  forgetAll(): void {
    this.#processes.clear();
    this.#threads.clear();
    this.#pending.clear();
    this.#recentSockets.clear();
    this.#waits.clear();
    this.#openSockets = 0;
  }

  /** True for a thread of a process that is connected to us. */
  #concerns(tid: number): boolean {
    if (this.#processes.has(tid)) return true;
    if (this.#processes.size === 0) return false;
    let pid = this.#threads.get(tid);
    if (pid === undefined) {
      if (this.#lookups === 0) {
        this.leftOut += 1;
        return false;
      }
      this.#lookups -= 1;
      if (this.#threads.size >= THREADS_MAX) this.#threads.clear();
      pid = this.#lookup.processOf(tid) ?? 0;
      this.#threads.set(tid, pid);
    }
    return this.#processes.has(pid);
  }

  /** The process of a thread that works on one of our sockets, and its name ('' when it is gone, and for our own, who know theirs). */
  identify(tid: number): { pid: number; comm: string } {
    if (this.#own.has(tid)) return { pid: tid, comm: '' };
    const known = this.#processes.get(this.#threads.get(tid) ?? tid) ?? this.#identities.get(tid);
    if (known !== undefined) return known;
    const pid = this.#lookup.processOf(tid) ?? tid;
    if (this.#lookup.isSibling(pid)) this.#own.add(pid);
    const identity = { pid, comm: this.#own.has(pid) ? '' : (this.#lookup.nameOf(pid) ?? this.#lookup.nameOf(tid) ?? '') };
    if (this.#identities.size < THREADS_MAX) this.#identities.set(tid, identity);
    return identity;
  }

  /** Thread `tid` began to connect `socket` to us, inside the connect() that was recorded before. */
  connecting(atNs: number, tid: number, socket: FollowedSocket): void {
    const { pid, comm } = this.identify(tid);
    socket.pid = pid;
    socket.comm = comm;
    if (this.#own.has(pid)) return;
    const connect = this.#pending.get(tid);
    const fd = connect?.call === 'connect' && connect.atNs <= atNs ? (connect.args[0] ?? -1) : -1;
    let client = this.#processes.get(pid);
    if (
      connect === undefined ||
      fd < 0 ||
      this.#openSockets >= FOREIGN_SOCKETS_MAX ||
      (client === undefined && this.#processes.size >= FOREIGN_PROCESSES_MAX)
    ) {
      this.leftOut += 1;
      return;
    }
    if (client === undefined) {
      client = { pid, comm, sockets: new Map() };
      this.#processes.set(pid, client);
    }
    if (tid !== pid) this.#threads.set(tid, pid);
    if (!client.sockets.has(fd)) this.#openSockets += 1;
    client.sockets.set(fd, socket);
    connect.socket = socket;
    socket.connectNs = connect.atNs;
    const made = this.#recentSockets.get(tid * DESCRIPTORS_PER_THREAD + fd);
    if (made !== undefined) {
      this.#recentSockets.delete(tid * DESCRIPTORS_PER_THREAD + fd);
      this.#say(made, client, tid, fd, made.durationNs, fd, socket);
    }
  }

  entered(atNs: number, tid: number, call: string, args: readonly number[]): void {
    // A thread is in one call at a time: one that was never seen to return is replaced.
    this.#pending.delete(tid);
    if (call === 'socket' || call === 'connect') {
      if (this.#pending.size >= FOREIGN_SOCKETS_MAX) this.#pending.delete(this.#pending.keys().next().value ?? 0);
      this.#pending.set(tid, { atNs, call, args });
      return;
    }
    const client = this.#concerns(tid) ? this.#processOf(tid) : undefined;
    if (client === undefined) return;
    if (!BY_DESCRIPTOR.has(call)) {
      this.#pending.set(tid, { atNs, call, args });
      return;
    }
    const socket = client.sockets.get(args[0] ?? -1);
    if (socket !== undefined) this.#pending.set(tid, { atNs, call, args, socket });
  }

  returned(atNs: number, tid: number, call: string, returned: number): void {
    const pending = this.#pending.get(tid);
    if (pending?.call !== call) return;
    this.#pending.delete(tid);
    const durationNs = atNs - pending.atNs;
    const client = this.#processOf(tid);
    if (call === 'socket') {
      if (returned < 0) return;
      // Whatever had that descriptor before is closed.
      if (client !== undefined) this.#forget(client, returned);
      this.#remember(tid, returned, { ...pending, durationNs, fd: returned });
      return;
    }
    if (client === undefined) return;
    if (call !== 'connect' && !BY_DESCRIPTOR.has(call)) {
      this.#waits.delete(tid);
      if (this.#waits.size >= THREADS_MAX) this.#waits.delete(this.#waits.keys().next().value ?? 0);
      this.#waits.set(tid, { ...pending, durationNs, returned, toldOf: [] });
      return;
    }
    const fd = pending.args[0] ?? -1;
    // A second connect() of the same socket asks how the first one went.
    const socket = pending.socket ?? client.sockets.get(fd);
    if (socket === undefined) return;
    const wait = this.#waits.get(tid);
    // One that was over before the socket went anywhere was for others.
    if (wait !== undefined && wait.atNs + wait.durationNs > socket.connectNs && !wait.toldOf.includes(socket)) {
      wait.toldOf.push(socket);
      this.#say(wait, client, tid, -1, wait.durationNs, wait.returned, socket);
    }
    this.#say(pending, client, tid, fd, durationNs, returned, socket);
    if (call === 'close') this.#forget(client, fd);
  }

  /** Forgets sockets closed a while ago whose close() was not seen (their process was killed); returns how many are left. `nowNs` since the run began. */
  sweep(nowNs: number): number {
    for (const client of [...this.#processes.values()]) {
      for (const [fd, socket] of [...client.sockets]) {
        if (socket.state === TCP_CLOSE && nowNs - socket.closedNs > CALLS_LINGER_NS) this.#forget(client, fd);
      }
    }
    if (this.#openSockets === 0) {
      this.#threads.clear();
      this.#waits.clear();
    }
    return this.#openSockets;
  }

  #processOf(tid: number): ForeignProcess | undefined {
    return this.#processes.get(tid) ?? this.#processes.get(this.#threads.get(tid) ?? 0);
  }

  #say(call: Call, client: ForeignProcess, tid: number, fd: number, durationNs: number, returned: number, socket: FollowedSocket): void {
    const { localIp, localPort, remoteIp, remotePort, address } = socket;
    const { pid, comm } = client;
    this.#tell(
      {
        kind: 'call',
        atNs: call.atNs,
        localIp,
        localPort,
        remoteIp,
        remotePort,
        socket: address,
        durationNs,
        pid,
        tid,
        comm,
        call: call.call,
        fd,
        args: call.args,
        returned,
      },
      socket,
    );
  }

  #remember(tid: number, fd: number, call: SocketCall): void {
    const key = tid * DESCRIPTORS_PER_THREAD + fd;
    this.#recentSockets.delete(key);
    if (this.#recentSockets.size >= RECENT_SOCKET_CALLS_MAX) this.#recentSockets.delete(this.#recentSockets.keys().next().value ?? 0);
    this.#recentSockets.set(key, call);
  }

  #forget(client: ForeignProcess, fd: number): void {
    if (!client.sockets.delete(fd)) return;
    this.#openSockets -= 1;
    if (client.sockets.size === 0) this.#processes.delete(client.pid);
  }
}
