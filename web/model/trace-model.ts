// Events in, connections out: a pure fold of the trace, whatever order its processes' events arrive in.
import type { CallEvent, TraceEvent } from '#wire/event.ts';
import { PAGE_ENDED_CONNECTIONS } from '#wire/limits.ts';
import type { Snapshot } from '#wire/message.ts';
import { isFailure, unknownEnd, type Connection, type Outcome, type Phase, type SocketEnd } from './connection.ts';
import { EventLog } from './event-log.ts';
import { ServerModel } from './server-model.ts';

type SeenEvent = Extract<TraceEvent, { local: string }>;

/** Events that did not reach the page, or were never recorded. */
export interface TraceGap {
  from: number;
  to: number;
  dropped: number;
  /** 'feed': this page was too slow, the journal may still have them. Else the process whose events were not recorded. */
  where: string;
}

export class TraceModel {
  readonly log = new EventLog();
  server = new ServerModel();
  /** Oldest first; all that live, and the newest that ended. */
  connections: Connection[] = [];
  gaps: TraceGap[] = [];
  lastSeq = 0;
  /** Of those watched for TCP states: how many were left out since the run began. */
  skippedSamples = 0;
  revision = 0;
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

  /** Takes events in the order of their numbers. */
  apply(events: readonly TraceEvent[]): void {
    for (const event of events) this.#applyOne(event);
    this.revision += 1;
    if (this.#ended > PAGE_ENDED_CONNECTIONS * 1.25) this.#forgetOldest();
  }

  /** Begins anew from a snapshot; what a page had before is replaced, gaps are remembered. */
  reset(snapshot: Snapshot): void {
    this.log.clear();
    this.server = new ServerModel();
    this.connections = [];
    this.#byKey.clear();
    this.#bySocket.clear();
    this.#byClientEndpoint.clear();
    this.#openByPid.clear();
    this.#number = 0;
    this.#ended = 0;
    this.#replied = 0;
    this.#failed = 0;
    this.skippedSamples = 0;
    this.apply(snapshot.events);
    this.lastSeq = snapshot.seq;
  }

  noteGap(gap: TraceGap): void {
    this.gaps.push(gap);
    this.revision += 1;
  }

  byKey(key: string): Connection | null {
    return this.#byKey.get(key) ?? null;
  }

  /** The connection that an event belongs to, or null. */
  ofEvent(event: TraceEvent): Connection | null {
    if ('socket' in event && event.socket !== undefined && event.pid !== undefined) {
      return this.#bySocket.get(socketKey(event.pid, event.socket)) ?? null;
    }
    if ('local' in event) return this.#byEndpoints(event.local, event.remote);
    return null;
  }

  /** What this page has seen; the bridge's own totals are the ones that stay exact. */
  get counts(): { live: number; replied: number; failed: number } {
    return { live: this.connections.length - this.#ended, replied: this.#replied, failed: this.#failed };
  }

  #applyOne(event: TraceEvent): void {
    this.lastSeq = event.seq;
    this.log.push(event);
    switch (event.kind) {
      case 'call':
        this.server.apply(event);
        if (event.process === 'tcp-client') this.#clientCall(event);
        else if (event.process === 'increment-server') this.#serverCall(event);
        break;
      case 'client-ended': {
        const connection = this.#bySocket.get(socketKey(event.pid, event.socket ?? 0));
        if (connection === undefined) break;
        connection.errno = event.errno ?? connection.errno;
        connection.notes.push(event);
        this.#clientEnded(connection, event.outcome, event.atNs);
        break;
      }
      case 'hold': {
        const connection = this.#bySocket.get(socketKey(event.pid, event.socket ?? 0));
        if (connection === undefined) break;
        connection.holdMs = event.holdMs;
        connection.notes.push(event);
        connection.revision += 1;
        break;
      }
      case 'cut':
        this.#note(this.#bySocket.get(socketKey(event.pid, event.socket ?? 0)), event);
        break;
      case 'tcp-state':
      case 'socket-owner':
      case 'foreign-call':
      case 'reset':
      case 'retransmit':
      case 'segment-drop':
        this.#seen(event);
        break;
      case 'process':
        this.server.apply(event);
        if (event.change === 'exited') this.#processExited(event.pid, event.atNs);
        break;
      case 'dropped':
        this.gaps.push({ from: event.seq, to: event.seq, dropped: event.count, where: event.process });
        break;
      case 'sampling':
        this.skippedSamples += event.skipped;
        break;
      case 'accept-queue':
      case 'accept-paused':
      case 'accept-resumed':
      case 'setting':
      case 'listener-drops':
        this.server.apply(event);
        break;
    }
  }

  #note(connection: Connection | undefined, event: TraceEvent): void {
    if (connection === undefined) return;
    connection.notes.push(event);
    connection.revision += 1;
  }

  #clientCall(event: CallEvent): void {
    if (event.socket === undefined) return;
    const id = socketKey(event.pid, event.socket);
    let connection = this.#bySocket.get(id);
    if (connection === undefined) {
      // Its beginning may be missing (dropped, or older than the journal): what is there still tells.
      const end = unknownEnd(true, 'tcp-client');
      end.pid = event.pid;
      end.socket = event.socket;
      end.clientId = event.clientId ?? null;
      connection = this.#create(event.clientId ?? `c${event.socket}`, end, null, event.atNs);
      this.#bySocket.set(id, connection);
      this.#open(event.pid, connection);
    }
    const end = connection.client;
    keepCall(end, event);
    connection.revision += 1;
    switch (event.call) {
      case 'socket':
        if (event.returned >= 0) end.fd = event.returned;
        break;
      case 'connect':
        connection.target = `${event.args.address.ip}:${event.args.address.port}`;
        if (event.errno !== undefined && event.errno !== 'EINPROGRESS') connection.errno = event.errno;
        break;
      case 'getsockname':
        if (event.args.address !== null) {
          end.local = `${event.args.address.ip}:${event.args.address.port}`;
          this.#pairClient(connection, end.local);
        }
        break;
      case 'getsockopt':
        if (event.args.option === 'SO_ERROR' && event.args.value === 0) connection.connectedNs = event.atNs + event.durationNs;
        break;
      case 'write':
        if (event.returned === 1) connection.byte ??= firstByte(event.args.data);
        break;
      case 'read':
        if (event.returned > 0) {
          connection.reply ??= firstByte(event.args.data);
          connection.repliedNs ??= event.atNs + event.durationNs;
        }
        break;
      case 'close':
        end.closedNs = event.atNs + event.durationNs;
        this.#settle(connection);
        break;
      default:
        break;
    }
    this.#rephase(connection);
  }

  #serverCall(event: CallEvent): void {
    if (event.socket === undefined || event.fd === this.server.startCalls[0]?.returned) {
      if (event.call !== 'accept4' || event.returned < 0 || event.socket === undefined) return;
      this.#accepted(event, event.socket);
      return;
    }
    const connection = this.#bySocket.get(socketKey(event.pid, event.socket));
    if (connection === undefined) {
      if (event.call === 'accept4' && event.returned >= 0) this.#accepted(event, event.socket);
      return;
    }
    const end = connection.server;
    if (end === null) return;
    keepCall(end, event);
    connection.revision += 1;
    switch (event.call) {
      case 'getsockname':
        if (event.args.address !== null) end.local = `${event.args.address.ip}:${event.args.address.port}`;
        connection.target ??= end.local;
        break;
      case 'read':
        if (event.returned > 0 && connection.holdFromNs === null) {
          connection.byte ??= firstByte(event.args.data);
          connection.holdFromNs = event.atNs + event.durationNs;
        } else if (event.errno !== undefined && event.errno !== 'EAGAIN') connection.errno = event.errno;
        break;
      case 'write':
        if (event.returned === 1) {
          connection.reply ??= firstByte(event.args.data);
          connection.repliedNs ??= event.atNs + event.durationNs;
        } else connection.errno = event.errno ?? connection.errno;
        break;
      case 'close':
        end.closedNs = event.atNs + event.durationNs;
        this.#settle(connection);
        break;
      default:
        break;
    }
    this.#rephase(connection);
  }

  #accepted(event: CallEvent & { call: 'accept4' }, socket: number): void {
    const address = event.args.address;
    if (address === null) return;
    const remote = `${address.ip}:${address.port}`;
    const end = unknownEnd(true, 'increment-server');
    end.pid = event.pid;
    end.fd = event.returned;
    end.socket = socket;
    let connection = this.#byClientEndpoint.get(remote);
    // The client's end may be known already; one that has a server's end is an earlier generation of the same port.
    if (connection === undefined || connection.server !== null || connection.startNs > event.atNs) {
      const client = unknownEnd(false, '');
      client.local = remote;
      connection = this.#create(`s${event.pid}-${socket}`, client, end, event.atNs);
      this.#byClientEndpoint.set(remote, connection);
    } else {
      connection.server = end;
      this.#byKey.set(`s${event.pid}-${socket}`, connection);
      this.#reopen(connection);
    }
    connection.acceptedNs = event.atNs + event.durationNs;
    this.#bySocket.set(socketKey(event.pid, socket), connection);
    this.#open(event.pid, connection);
    keepCall(end, event);
    connection.revision += 1;
    this.#rephase(connection);
  }

  /** The client's endpoint is known now: its other end may have been heard of first. */
  #pairClient(connection: Connection, local: string): void {
    const other = this.#byClientEndpoint.get(local);
    this.#byClientEndpoint.set(local, connection);
    if (other === undefined || other === connection || other.client.ours || other.startNs < connection.startNs) return;
    // What the server told so far was taken for a foreign client's: it is this one's.
    connection.server = other.server;
    connection.holdMs = other.holdMs;
    connection.holdFromNs = other.holdFromNs;
    connection.byte ??= other.byte;
    connection.reply ??= other.reply;
    connection.acceptedNs = other.acceptedNs;
    connection.repliedNs ??= other.repliedNs;
    connection.errno ??= other.errno;
    connection.notes.push(...other.notes);
    connection.client.states.push(...other.client.states);
    this.#byKey.set(other.key, connection);
    if (other.server?.pid != null && other.server.socket !== null) {
      this.#bySocket.set(socketKey(other.server.pid, other.server.socket), connection);
      this.#openByPid.get(other.server.pid)?.delete(other);
      if (other.server.closedNs === null) this.#open(other.server.pid, connection);
    }
    if (other.phase === 'ended') this.#uncount(other);
    const at = this.connections.lastIndexOf(other);
    if (at >= 0) this.connections.splice(at, 1);
  }

  /** What the kernel or a tool of its saw of a socket, from outside. */
  #seen(event: SeenEvent): void {
    const owned = event.socket === undefined || event.pid === undefined ? undefined : this.#bySocket.get(socketKey(event.pid, event.socket));
    const connection = owned ?? this.#byEndpoints(event.local, event.remote) ?? this.#firstSeen(event);
    if (connection === null) return;
    const end = connection.client.local === event.local ? connection.client : connection.server;
    connection.revision += 1;
    if (event.kind === 'tcp-state') {
      end?.states.push({ atNs: event.atNs, from: event.from, to: event.to, evidence: event.evidence, seq: event.seq });
      if (end === null) connection.notes.push(event);
    } else connection.notes.push(event);
    if (end !== null && !end.ours && event.process !== undefined) {
      end.process = event.process;
      end.pid = event.pid ?? null;
    }
  }

  #byEndpoints(local: string, remote: string): Connection | null {
    return this.#byClientEndpoint.get(local) ?? this.#byClientEndpoint.get(remote) ?? null;
  }

  /** A connection that the kernel knows and our server has not accepted yet: somebody foreign waits in its queue. */
  #firstSeen(event: SeenEvent): Connection | null {
    const listening = this.server.startCalls.find((call) => call.call === 'bind');
    if (listening?.call !== 'bind' || event.kind !== 'tcp-state' || event.to === 'TIME-WAIT' || event.to === 'CLOSED' || event.to === 'LISTEN') return null;
    const port = `:${listening.args.address.port}`;
    const client = event.local.endsWith(port) ? event.remote : event.remote.endsWith(port) ? event.local : null;
    if (client === null || client.endsWith(':0')) return null;
    const end = unknownEnd(false, '');
    end.local = client;
    const connection = this.#create(`k${client}-${event.seq}`, end, null, event.atNs);
    connection.target = client === event.local ? event.remote : event.local;
    this.#byClientEndpoint.set(client, connection);
    this.#rephase(connection);
    return connection;
  }

  #create(key: string, client: SocketEnd, server: SocketEnd | null, startNs: number): Connection {
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
    return connection;
  }

  #open(pid: number, connection: Connection): void {
    const open = this.#openByPid.get(pid);
    if (open === undefined) this.#openByPid.set(pid, new Set([connection]));
    else open.add(connection);
  }

  #clientEnded(connection: Connection, outcome: Outcome, atNs: number): void {
    connection.client.closedNs ??= atNs;
    connection.outcome = outcome;
    connection.revision += 1;
    this.#settle(connection);
  }

  /** Ends the connection when all its known ends are closed. */
  #settle(connection: Connection): void {
    const { client, server } = connection;
    if (server?.closedNs != null && server.pid !== null) this.#openByPid.get(server.pid)?.delete(connection);
    if (client.closedNs !== null && client.pid !== null && client.ours) this.#openByPid.get(client.pid)?.delete(connection);
    const clientDone = client.ours ? client.closedNs !== null && connection.outcome !== null : server !== null;
    const serverDone = server === null || server.closedNs !== null;
    if (!clientDone || !serverDone) return;
    connection.outcome = this.#outcome(connection);
    connection.endNs = Math.max(client.closedNs ?? 0, server?.closedNs ?? 0);
    if (connection.phase === 'ended') return;
    connection.phase = 'ended';
    this.#ended += 1;
    if (connection.outcome === 'replied') this.#replied += 1;
    else if (isFailure(connection.outcome)) this.#failed += 1;
  }

  /** What came of it: the client's own word where it has one, but a reset or a loss that the server saw is said. */
  #outcome({ client, server, outcome }: Connection): Outcome {
    const serverReset = server?.calls.some((call) => call.errno === 'ECONNRESET' || call.errno === 'EPIPE') ?? false;
    const answered = server?.calls.some((call) => call.call === 'write' && call.returned === 1) ?? false;
    if (client.ours && outcome !== null) return outcome === 'ended' && serverReset ? 'reset' : outcome;
    if (outcome === 'lost') return 'lost';
    if (answered) return 'replied';
    if (serverReset) return 'reset';
    const byteCame = server?.calls.some((call) => call.call === 'read' && call.returned > 0) ?? false;
    return byteCame ? 'lost' : 'closed-without-byte';
  }

  #processExited(pid: number, atNs: number): void {
    const open = this.#openByPid.get(pid);
    if (open === undefined) return;
    this.#openByPid.delete(pid);
    for (const connection of open) {
      for (const end of [connection.client, connection.server]) if (end?.pid === pid && end.ours) end.closedNs ??= atNs;
      connection.outcome ??= connection.client.ours && connection.client.pid !== pid ? null : 'lost';
      connection.revision += 1;
      this.#settle(connection);
      this.#rephase(connection);
    }
  }

  /** An ended connection of which more is heard: a client that gave up before it was accepted. */
  #reopen(connection: Connection): void {
    if (connection.phase !== 'ended') return;
    this.#uncount(connection);
    connection.phase = 'reading';
    connection.endNs = null;
  }

  #uncount(connection: Connection): void {
    this.#ended -= 1;
    if (connection.outcome === 'replied') this.#replied -= 1;
    else if (isFailure(connection.outcome)) this.#failed -= 1;
  }

  #rephase(connection: Connection): void {
    if (connection.phase === 'ended') return;
    connection.phase = phaseOf(connection);
  }

  #forgetOldest(): void {
    let excess = this.#ended - PAGE_ENDED_CONNECTIONS;
    this.connections = this.connections.filter((connection) => {
      if (excess <= 0 || connection.phase !== 'ended') return true;
      excess -= 1;
      this.#ended -= 1;
      this.#forget(connection);
      return false;
    });
  }

  #forget(connection: Connection): void {
    this.#byKey.delete(connection.key);
    const { client, server } = connection;
    if (client.local !== null && this.#byClientEndpoint.get(client.local) === connection) this.#byClientEndpoint.delete(client.local);
    for (const end of [client, server]) {
      if (end === null || end.pid === null || end.socket === null) continue;
      this.#bySocket.delete(socketKey(end.pid, end.socket));
      this.#byKey.delete(`s${end.pid}-${end.socket}`);
    }
  }
}

function phaseOf({ server, connectedNs, holdFromNs, repliedNs, acceptedNs }: Connection): Phase {
  if (server !== null) {
    if (server.closedNs !== null || server.calls.some((call) => call.call === 'shutdown')) return 'closing';
    if (repliedNs !== null) return 'replying';
    return holdFromNs === null ? 'reading' : 'held';
  }
  return connectedNs !== null && acceptedNs === null ? 'queued' : 'connecting';
}

/** Calls of one process come in order; a merge of batches may still bring an earlier one late. */
function keepCall(end: SocketEnd, event: CallEvent): void {
  const { calls } = end;
  let at = calls.length;
  while (at > 0 && (calls[at - 1]?.atNs ?? 0) > event.atNs) at -= 1;
  if (at === calls.length) calls.push(event);
  else calls.splice(at, 0, event);
}

function firstByte(dataHex: string): number | null {
  return dataHex === '' ? null : parseInt(dataHex.slice(0, 2), 16);
}

/** One number for a process's socket: pids stay below 2^22, socket numbers below 2^31. */
function socketKey(pid: number, socket: number): number {
  return pid * 0x8000_0000 + socket;
}
