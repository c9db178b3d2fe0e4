// All connections the page knows, and the ways to find one: by key, by socket, by endpoint; bounded, the longest ended going first.
import { PAGE_CONNECTIONS, PAGE_ENDED_CONNECTIONS_MIN, PAGE_FORGET_CONNECTIONS } from '#wire/limits.ts';
import { isFailure, type Connection, type Phase, type SocketEnd } from './connection.ts';
import type { EventLog } from './event-log.ts';
import { isOver, outcomeOf, phaseOf } from './outcome.ts';
import { NONE } from './short-list.ts';

/** How many connections that used the same client port one after another can still be told apart by time. */
const GENERATIONS_MAX = 4;

export type LivingPhase = Exclude<Phase, 'ended'>;

export class ConnectionBook {
  /** Those that live, by how far they are; in each the longest there comes first. */
  readonly living: Readonly<Record<LivingPhase, Set<Connection>>> = {
    connecting: new Set(),
    queued: new Set(),
    reading: new Set(),
    held: new Set(),
    replying: new Set(),
    closing: new Set(),
  };
  /** Oldest first; all that live, and the newest that ended. */
  connections: Connection[] = [];
  readonly #byKey = new Map<string, Connection>();
  /** By process and socket number; both ends of a connection lead to it. */
  readonly #bySocket = new ByProcess<Connection>();
  /** By process and descriptor, while it is open. */
  readonly #byDescriptor = new ByProcess<Connection>();
  /** By the client's endpoint, the newest; ports are reused, and those that had it before follow by `earlier`. */
  readonly #byClientEndpoint = new Map<string, Connection>();
  readonly #openByPid = new Map<number, Set<Connection>>();
  /** Where the events of its connections are. */
  readonly log: EventLog;
  #number = 0;
  #ended = 0;
  #replied = 0;
  #failed = 0;

  constructor(log: EventLog) {
    this.log = log;
  }

  get counts(): { live: number; replied: number; failed: number } {
    return { live: this.connections.length - this.#ended, replied: this.#replied, failed: this.#failed };
  }

  byKey(key: string): Connection | null {
    return this.#byKey.get(key) ?? null;
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

  create(key: string, client: SocketEnd, server: SocketEnd | null, startNs: number): Connection {
    this.#number += 1;
    const connection: Connection = {
      key,
      number: this.#number,
      client,
      server,
      target: null,
      startNs,
      endNs: null,
      phase: 'connecting',
      outcome: null,
      errno: null,
      byte: null,
      reply: null,
      holdMs: null,
      holdFromNs: null,
      connectedNs: null,
      acceptedNs: null,
      repliedNs: null,
      notePlaces: NONE,
      unacceptedStates: NONE,
      earlier: null,
      revision: 0,
    };
    this.connections.push(connection);
    this.living.connecting.add(connection);
    this.#byKey.set(key, connection);
    if (client.local !== null) this.setClientEndpoint(connection, client.local);
    return connection;
  }

  /** From here on `socket` of process `pid` leads to this connection, which lives as long as that process. */
  own(connection: Connection, pid: number, socket: number): void {
    this.#bySocket.set(pid, socket, connection);
    const open = this.#openByPid.get(pid);
    if (open === undefined) this.#openByPid.set(pid, new Set([connection]));
    else open.add(connection);
  }

  /** Another name for it: the server's, where the client's was first. */
  alias(connection: Connection, key: string): void {
    this.#byKey.set(key, connection);
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

  /** Those that process `pid` had open; it is gone, and none is its any more. */
  takeOpen(pid: number): ReadonlySet<Connection> {
    const open = this.#openByPid.get(pid) ?? new Set();
    this.#openByPid.delete(pid);
    for (const { client, server } of open) for (const end of [client, server]) if (end?.pid === pid && end.fd !== null) this.closeDescriptor(pid, end.fd);
    return open;
  }

  /** Looks at a connection that changed: over, or how far. */
  settle(connection: Connection): void {
    const { client, server } = connection;
    for (const end of [client, server]) if (end?.ours === true && end.closedNs !== null && end.pid !== null) this.#openByPid.get(end.pid)?.delete(connection);
    if (connection.phase === 'ended') return;
    if (!isOver(connection)) {
      this.#enter(connection, phaseOf(connection));
      return;
    }
    connection.outcome = outcomeOf(connection);
    connection.endNs = Math.max(client.closedNs ?? 0, server?.closedNs ?? 0);
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
    this.#byKey.set(other.key, connection);
    const end = other.server;
    if (end?.pid != null && end.socket !== null) {
      this.#openByPid.get(end.pid)?.delete(other);
      this.own(connection, end.pid, end.socket);
      if (end.closedNs !== null) this.#openByPid.get(end.pid)?.delete(connection);
      else if (end.fd !== null) this.openDescriptor(connection, end.pid, end.fd);
    }
    if (other.phase === 'ended') this.#uncount(other);
    else this.living[other.phase].delete(other);
    this.#forgetEndpoint(other);
    const at = this.connections.lastIndexOf(other);
    if (at >= 0) this.connections.splice(at, 1);
  }

  /** Keeps the bound; does nothing until there is enough to make it worth while. */
  prune(): void {
    let excess = this.#ended - Math.max(PAGE_ENDED_CONNECTIONS_MIN, PAGE_CONNECTIONS - this.counts.live);
    if (excess < PAGE_FORGET_CONNECTIONS) return;
    this.connections = this.connections.filter((connection) => {
      if (excess <= 0 || connection.phase !== 'ended') return true;
      excess -= 1;
      this.#ended -= 1;
      this.#forget(connection);
      return false;
    });
    this.log.tidy();
  }

  #uncount(connection: Connection): void {
    this.#ended -= 1;
    if (connection.outcome === 'replied') this.#replied -= 1;
    else if (isFailure(connection.outcome)) this.#failed -= 1;
  }

  #forget(connection: Connection): void {
    this.#byKey.delete(connection.key);
    const { client, server } = connection;
    this.#forgetEndpoint(connection);
    this.#release(connection.notePlaces);
    this.#release(client.callPlaces);
    if (server !== null) this.#release(server.callPlaces);
    for (const end of [client, server]) {
      if (end?.pid == null || end.socket === null) continue;
      this.#bySocket.delete(end.pid, end.socket);
      this.#byKey.delete(serverKey(end.pid, end.socket));
    }
  }

  #release(places: readonly number[]): void {
    for (const place of places) this.log.release(place);
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

/** The key of a connection that the server told of first. */
export function serverKey(pid: number, socket: number): string {
  return `s${pid}-${socket}`;
}

/** What is known by a process and a number of its own. A map for each: one for all would need keys too large to be other than objects. */
class ByProcess<T> {
  readonly #maps = new Map<number, Map<number, T>>();

  get(pid: number, number: number): T | null {
    return this.#maps.get(pid)?.get(number) ?? null;
  }

  set(pid: number, number: number, one: T): void {
    const map = this.#maps.get(pid);
    if (map === undefined) this.#maps.set(pid, new Map([[number, one]]));
    else map.set(number, one);
  }

  delete(pid: number, number: number): void {
    const map = this.#maps.get(pid);
    if (map?.delete(number) === true && map.size === 0) this.#maps.delete(pid);
  }
}
