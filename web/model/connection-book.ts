// All connections the page knows, and the ways to find one: by key, by socket, by endpoint; bounded, the longest ended going first.
import { PAGE_CONNECTIONS, PAGE_ENDED_CONNECTIONS_MIN, PAGE_FORGET_CONNECTIONS } from '#wire/limits.ts';
import { ByProcess } from './by-process.ts';
import { Connection, CONNECTION_COLUMNS, isFailure, type Phase } from './connection.ts';
import { ConnectionStore } from './connection-store.ts';
import type { EventLog } from './event-log.ts';
import { LongList } from './long-list.ts';
import { endOf, isOver, outcomeOf, phaseOf } from './outcome.ts';
import { PhaseList } from './phase-list.ts';
import { END_COLUMNS, SocketEnd } from './socket-end.ts';
import { Spares } from './spares.ts';

/** How many connections that used the same client port one after another can still be told apart by time. */
const GENERATIONS_MAX = 4;

export type LivingPhase = Exclude<Phase, 'ended'>;

export class ConnectionBook {
  /** Those that live, by how far they are; in each the longest there comes first. */
  readonly living: Readonly<Record<LivingPhase, PhaseList>> = {
    connecting: new PhaseList(),
    queued: new PhaseList(),
    reading: new PhaseList(),
    held: new PhaseList(),
    replying: new PhaseList(),
    closing: new PhaseList(),
  };
  /** Oldest first; all that live, and the newest that ended. */
  connections = new LongList<Connection>();
  readonly #byKey = new Map<string, Connection>();
  /** By process and socket number; both ends of a connection lead to it. */
  readonly #bySocket = new ByProcess<Connection>();
  /** By process and descriptor, while it is open. */
  readonly #byDescriptor = new ByProcess<Connection>();
  /** By the client's endpoint, the newest; ports are reused, and those that had it before follow by `earlier`. */
  readonly #byClientEndpoint = new Map<string, Connection>();
  readonly #store: ConnectionStore;
  readonly #spares = new Spares<Connection>();
  readonly #spareEnds = new Spares<SocketEnd>();
  #number = 0;
  #forgotten = 0;
  #ended = 0;
  #replied = 0;
  #failed = 0;

  /** `log`: where the events of its connections are. */
  constructor(log: EventLog) {
    this.#store = new ConnectionStore(log, CONNECTION_COLUMNS, END_COLUMNS);
  }

  get counts(): { live: number; replied: number; failed: number } {
    return { live: this.connections.length - this.#ended, replied: this.#replied, failed: this.#failed };
  }

  /** How many were forgotten so far, always the longest ended. */
  get forgotten(): number {
    return this.#forgotten;
  }

  byKey(key: string): Connection | null {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const [, pid, socket] = SERVER_KEY.exec(key) ?? [];
    return pid === undefined ? null : this.bySocket(Number(pid), Number(socket));
  }

  bySocket(pid: number, socket: number | undefined): Connection | null {
    return socket === undefined ? null : this.#bySocket.get(pid, socket);
  }

  /** Only while the descriptor is open: afterwards it may be another's. */
  byDescriptor(pid: number, fd: number): Connection | null {
    return this.#byDescriptor.get(pid, fd);
  }

  /** The newest that used this client port. */
  byClientEndpoint(endpoint: string): Connection | null {
    return this.#byClientEndpoint.get(endpoint) ?? null;
  }

  /** Either order of the two ends; of several generations of a port the one that `atNs` falls into. */
  byEndpoints(local: string, remote: string, atNs = Infinity): Connection | null {
    let one = this.#byClientEndpoint.get(local) ?? this.#byClientEndpoint.get(remote) ?? null;
    while (one !== null && one.earlier !== null) {
      const before: Connection = one.earlier;
      // What came before the first that is known of this one, but after the end of the one before, is this one's beginning.
      if (atNs >= one.startNs || (before.endNs !== null && atNs > before.endNs)) break;
      one = before;
    }
    return one;
  }

  /** An end of which nothing is known yet. */
  newEnd(ours: boolean, process: string): SocketEnd {
    const end = this.#spareEnds.take() ?? new SocketEnd(this.#store);
    end.begin(ours, process);
    return end;
  }

  /** One string for all that say the same. */
  shared(text: string): string {
    return this.#store.shared(text);
  }

  create(key: string, client: SocketEnd, server: SocketEnd | null, startNs: number): Connection {
    this.#number += 1;
    const connection = this.#spares.take() ?? new Connection(this.#store, client);
    connection.begin(key, this.#number, client, server, startNs);
    this.connections.push(connection);
    this.living.connecting.add(connection);
    this.#byKey.set(key, connection);
    if (client.local !== null) this.setClientEndpoint(connection, client.local);
    return connection;
  }

  /** From here on `socket` of process `pid` leads to this connection. */
  own(connection: Connection, pid: number, socket: number): void {
    this.#bySocket.set(pid, socket, connection);
  }

  setClientEndpoint(connection: Connection, endpoint: string): void {
    let later: Connection | null = null;
    let earlier = this.#byClientEndpoint.get(endpoint) ?? null;
    for (let one = earlier; one !== null; one = one.earlier) if (one === connection) return;
    for (; earlier !== null && earlier.startNs > connection.startNs; earlier = earlier.earlier) later = earlier;
    connection.earlier = earlier;
    if (later === null) this.#byClientEndpoint.set(endpoint, connection);
    else later.earlier = connection;
    let oldest = this.#byClientEndpoint.get(endpoint);
    for (let generation = 1; generation < GENERATIONS_MAX; generation += 1) oldest = oldest?.earlier ?? undefined;
    if (oldest !== undefined) oldest.earlier = null;
  }

  /** From here on descriptor `fd` of process `pid` is this connection's. */
  openDescriptor(connection: Connection, pid: number, fd: number): void {
    this.#byDescriptor.set(pid, fd, connection);
  }

  closeDescriptor(pid: number, fd: number): void {
    this.#byDescriptor.delete(pid, fd);
  }

  /** Those that process `pid` has open; it is gone, and none of their descriptors is its any more. */
  takeOpen(pid: number): Connection[] {
    const open: Connection[] = [];
    for (const list of Object.values(this.living))
      for (const connection of list)
        for (const end of [connection.client, connection.server]) {
          if (end?.ours !== true || end.pid !== pid || end.isClosed) continue;
          open.push(connection);
          if (end.fd !== null) this.closeDescriptor(pid, end.fd);
        }
    return open;
  }

  /** Looks at a connection that changed: over, or how far. */
  settle(connection: Connection): void {
    if (connection.phase === 'ended') return;
    if (!isOver(connection)) {
      this.#enter(connection, phaseOf(connection));
      return;
    }
    connection.outcome = outcomeOf(connection);
    connection.endNs = endOf(connection);
    this.#enter(connection, 'ended');
    this.#ended += 1;
    if (connection.outcome === 'replied') this.#replied += 1;
    else if (isFailure(connection.outcome)) this.#failed += 1;
  }

  /** An ended connection of which more is heard: a client that gave up before it was accepted. */
  reopen(connection: Connection): void {
    if (connection.phase !== 'ended') return;
    this.#uncount(connection);
    this.#enter(connection, 'reading');
    connection.endNs = null;
  }

  #enter(connection: Connection, phase: Phase): void {
    if (connection.phase === phase) return;
    if (connection.phase !== 'ended') this.living[connection.phase].delete(connection);
    if (phase !== 'ended') this.living[phase].add(connection);
    connection.phase = phase;
  }

  /** `other` turned out to be `connection` seen from its other end: all that led to it leads here. */
  merge(connection: Connection, other: Connection): void {
    if (connection.otherKey !== null) this.#byKey.delete(connection.otherKey);
    this.#byKey.set(other.key, connection);
    const end = other.server;
    if (end?.pid != null && end.socket !== null) {
      this.own(connection, end.pid, end.socket);
      if (!end.isClosed && end.fd !== null) this.openDescriptor(connection, end.pid, end.fd);
    }
    if (other.phase === 'ended') this.#uncount(other);
    else this.living[other.phase].delete(other);
    this.#forgetEndpoint(other);
    this.connections.delete(other);
    connection.absorb(other);
    this.#rest(other);
  }

  /** Keeps the bound; does nothing until there is enough to make it worth while. */
  prune(): void {
    const excess = this.#ended - Math.max(PAGE_ENDED_CONNECTIONS_MIN, PAGE_CONNECTIONS - this.counts.live);
    if (excess < PAGE_FORGET_CONNECTIONS) return;
    this.#forgotten += excess;
    this.#ended -= excess;
    this.connections = this.connections.withoutFirst(excess, (connection) => {
      if (connection.phase !== 'ended') return false;
      this.#forget(connection);
      return true;
    });
    this.#store.log.tidy();
  }

  #uncount(connection: Connection): void {
    this.#ended -= 1;
    if (connection.outcome === 'replied') this.#replied -= 1;
    else if (isFailure(connection.outcome)) this.#failed -= 1;
  }

  #forget(connection: Connection): void {
    this.#byKey.delete(connection.key);
    if (connection.otherKey !== null) this.#byKey.delete(connection.otherKey);
    const { client, server } = connection;
    this.#forgetEndpoint(connection);
    for (const end of [client, server]) {
      if (end?.pid == null) continue;
      if (end.socket !== null) this.#bySocket.delete(end.pid, end.socket);
      if (end.fd !== null && this.byDescriptor(end.pid, end.fd) === connection) this.closeDescriptor(end.pid, end.fd);
    }
    this.#rest(connection);
  }

  /** Nothing leads to it any more: in a while it serves another. */
  #rest(connection: Connection): void {
    for (const end of [connection.client, connection.server]) {
      if (end === null) continue;
      end.free();
      this.#spareEnds.add(end);
    }
    connection.free();
    this.#spares.add(connection);
  }

  #forgetEndpoint(connection: Connection): void {
    const endpoint = connection.client.local;
    if (endpoint === null) return;
    const newest = this.#byClientEndpoint.get(endpoint);
    if (newest === connection) {
      if (connection.earlier === null) this.#byClientEndpoint.delete(endpoint);
      else this.#byClientEndpoint.set(endpoint, connection.earlier);
    } else for (let one = newest; one != null; one = one.earlier ?? undefined) if (one.earlier === connection) one.earlier = connection.earlier;
    connection.earlier = null;
  }
}

const SERVER_KEY = /^s(\d+)-(\d+)$/;

/** The key of a connection that the server told of first; by it, each that a server accepted is found. */
export function serverKey(pid: number, socket: number): string {
  return `s${pid}-${socket}`;
}
