// All connections the page knows, and the ways to find one: by key, by socket, by endpoint; bounded, the longest ended going first.
import { PAGE_ENDED_CONNECTIONS } from '#wire/limits.ts';
import { isFailure, type Connection, type SocketEnd } from './connection.ts';
import { isOver, outcomeOf, phaseOf } from './outcome.ts';

export class ConnectionBook {
  /** Oldest first; all that live, and the newest that ended. */
  connections: Connection[] = [];
  readonly #byKey = new Map<string, Connection>();
  /** By process and socket number; both ends of a connection lead to it. */
  readonly #bySocket = new Map<number, Connection>();
  /** By the client's endpoint, the newest generation: ports are reused. */
  readonly #byClientEndpoint = new Map<string, Connection>();
  readonly #openByPid = new Map<number, Set<Connection>>();
  #number = 0;
  #ended = 0;
  #replied = 0;
  #failed = 0;

  get counts(): { live: number; replied: number; failed: number } {
    return { live: this.connections.length - this.#ended, replied: this.#replied, failed: this.#failed };
  }

  byKey(key: string): Connection | null {
    return this.#byKey.get(key) ?? null;
  }

  bySocket(pid: number, socket: number | undefined): Connection | null {
    return socket === undefined ? null : (this.#bySocket.get(socketKey(pid, socket)) ?? null);
  }

  byClientEndpoint(endpoint: string): Connection | null {
    return this.#byClientEndpoint.get(endpoint) ?? null;
  }

  /** Either order of the two ends. */
  byEndpoints(local: string, remote: string): Connection | null {
    return this.byClientEndpoint(local) ?? this.byClientEndpoint(remote);
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
      notes: [],
      revision: 0,
    };
    this.connections.push(connection);
    this.#byKey.set(key, connection);
    if (client.local !== null) this.#byClientEndpoint.set(client.local, connection);
    return connection;
  }

  /** From here on `socket` of process `pid` leads to this connection, which lives as long as that process. */
  own(connection: Connection, pid: number, socket: number): void {
    this.#bySocket.set(socketKey(pid, socket), connection);
    const open = this.#openByPid.get(pid);
    if (open === undefined) this.#openByPid.set(pid, new Set([connection]));
    else open.add(connection);
  }

  /** Another name for it: the server's, where the client's was first. */
  alias(connection: Connection, key: string): void {
    this.#byKey.set(key, connection);
  }

  setClientEndpoint(connection: Connection, endpoint: string): void {
    this.#byClientEndpoint.set(endpoint, connection);
  }

  /** Those that process `pid` had open; it is gone, and none is its any more. */
  takeOpen(pid: number): ReadonlySet<Connection> {
    const open = this.#openByPid.get(pid) ?? new Set();
    this.#openByPid.delete(pid);
    return open;
  }

  /** Looks at a connection that changed: over, or how far. */
  settle(connection: Connection): void {
    const { client, server } = connection;
    for (const end of [client, server]) if (end?.ours === true && end.closedNs !== null && end.pid !== null) this.#openByPid.get(end.pid)?.delete(connection);
    if (connection.phase === 'ended') return;
    if (!isOver(connection)) {
      connection.phase = phaseOf(connection);
      return;
    }
    connection.outcome = outcomeOf(connection);
    connection.endNs = Math.max(client.closedNs ?? 0, server?.closedNs ?? 0);
    connection.phase = 'ended';
    this.#ended += 1;
    if (connection.outcome === 'replied') this.#replied += 1;
    else if (isFailure(connection.outcome)) this.#failed += 1;
  }

  /** An ended connection of which more is heard: a client that gave up before it was accepted. */
  reopen(connection: Connection): void {
    if (connection.phase !== 'ended') return;
    this.#uncount(connection);
    connection.phase = 'reading';
    connection.endNs = null;
  }

  /** `other` turned out to be `connection` seen from its other end: all that led to it leads here. */
  merge(connection: Connection, other: Connection): void {
    this.#byKey.set(other.key, connection);
    const end = other.server;
    if (end?.pid != null && end.socket !== null) {
      this.#openByPid.get(end.pid)?.delete(other);
      this.own(connection, end.pid, end.socket);
      if (end.closedNs !== null) this.#openByPid.get(end.pid)?.delete(connection);
    }
    if (other.phase === 'ended') this.#uncount(other);
    const at = this.connections.lastIndexOf(other);
    if (at >= 0) this.connections.splice(at, 1);
  }

  /** Keeps the bound; does nothing until there is enough to make it worth while. */
  prune(): void {
    if (this.#ended <= PAGE_ENDED_CONNECTIONS * 1.25) return;
    let excess = this.#ended - PAGE_ENDED_CONNECTIONS;
    this.connections = this.connections.filter((connection) => {
      if (excess <= 0 || connection.phase !== 'ended') return true;
      excess -= 1;
      this.#ended -= 1;
      this.#forget(connection);
      return false;
    });
  }

  #uncount(connection: Connection): void {
    this.#ended -= 1;
    if (connection.outcome === 'replied') this.#replied -= 1;
    else if (isFailure(connection.outcome)) this.#failed -= 1;
  }

  #forget(connection: Connection): void {
    this.#byKey.delete(connection.key);
    const { client, server } = connection;
    if (client.local !== null && this.#byClientEndpoint.get(client.local) === connection) this.#byClientEndpoint.delete(client.local);
    for (const end of [client, server]) {
      if (end?.pid == null || end.socket === null) continue;
      this.#bySocket.delete(socketKey(end.pid, end.socket));
      this.#byKey.delete(serverKey(end.pid, end.socket));
    }
  }
}

/** The key of a connection that the server told of first. */
export function serverKey(pid: number, socket: number): string {
  return `s${pid}-${socket}`;
}

/** One number for a process's socket: pids stay below 2^22, socket numbers below 2^31. */
function socketKey(pid: number, socket: number): number {
  return pid * 0x8000_0000 + socket;
}
