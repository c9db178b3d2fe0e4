// Events in, connections out: a pure fold of the trace, whatever order its processes' events arrive in.
import type { CallEvent, TraceEvent } from '#wire/event.ts';
import type { Snapshot } from '#wire/message.ts';
import type { NumberedRecords } from '#wire/record-frame.ts';
import type { Connection } from './connection.ts';
import { ConnectionBook, serverKey } from './connection-book.ts';
import { EventLog } from './event-log.ts';
import type { Connections } from './connection-list.ts';
import { applySeen } from './kernel-evidence.ts';
import { LeftOut } from './left-out.ts';
import { ServerModel } from './server-model.ts';

type OfOurs = Extract<TraceEvent, { kind: 'client-ended' | 'hold' | 'cut' }>;

/** Events that did not reach the page, or were never recorded. */
export interface TraceGap {
  from: number;
  to: number;
  dropped: number;
  /** 'feed': this page was too slow, the journal may still have them. Else the process whose events were not recorded. */
  where: string;
}

export class TraceModel {
  log = new EventLog();
  server = new ServerModel();
  book = new ConnectionBook(this.log);
  gaps: TraceGap[] = [];
  lastSeq = 0;
  leftOut = new LeftOut();
  revision = 0;

  /** Oldest first; all that live, and the newest that ended. */
  get connections(): Connections {
    return this.book.connections;
  }

  /** What this page has seen; the bridge's own totals are the ones that stay exact. */
  get counts(): { live: number; replied: number; failed: number } {
    return this.book.counts;
  }

  /** Takes events in the order of their numbers, with the bytes they came in where they did not come in JSON. */
  apply(events: readonly TraceEvent[], records?: NumberedRecords): void {
    let place = this.log.add(events, records);
    for (const event of events) {
      this.#applyOne(event, place);
      place += 1;
    }
    this.revision += 1;
    this.book.prune();
  }

  /** Begins anew from a snapshot, of which `begun` knows the parts that came before; what a page had is replaced, gaps are remembered. */
  reset(snapshot: Snapshot, begun = new TraceModel()): void {
    begun.apply(snapshot.events);
    this.log = begun.log;
    this.server = begun.server;
    this.book = begun.book;
    this.leftOut = begun.leftOut;
    this.gaps.push(...begun.gaps);
    this.lastSeq = snapshot.seq;
    this.revision += 1;
  }

  noteGap(gap: TraceGap): void {
    this.gaps.push(gap);
    this.revision += 1;
  }

  byKey(key: string): Connection | null {
    return this.book.byKey(key);
  }

  /** The connection that an event belongs to, or null. */
  ofEvent(event: TraceEvent): Connection | null {
    if ('socket' in event && event.pid !== undefined) return this.book.bySocket(event.pid, event.socket);
    if ('local' in event) return this.book.byEndpoints(event.local, event.remote, event.atNs);
    return null;
  }

  #applyOne(event: TraceEvent, place: number): void {
    this.lastSeq = event.seq;
    switch (event.kind) {
      case 'call':
        this.server.apply(event);
        if (event.call === 'epoll_wait') this.#waited(event, place);
        else if (event.process === 'tcp-client') this.#clientCall(event, place);
        else if (event.process === 'increment-server') this.#serverCall(event, place);
        break;
      case 'client-ended':
      case 'hold':
      case 'cut':
        this.#told(event, place);
        break;
      case 'tcp-state':
      case 'socket-owner':
      case 'foreign-call':
      case 'reset':
      case 'retransmit':
      case 'segment-drop':
        applySeen(event, place, this.book, this.server);
        break;
      case 'process':
        this.server.apply(event);
        if (event.change === 'exited') this.#processExited(event.pid, event.atNs);
        break;
      case 'dropped':
        this.gaps.push({ from: event.seq, to: event.seq, dropped: event.count, where: event.process });
        break;
      case 'sampling':
        this.leftOut.apply(event);
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

  /** What an engine says of its own connection and is no call. */
  #told(event: OfOurs, place: number): void {
    const connection = this.book.bySocket(event.pid, event.socket);
    if (connection === null) return;
    connection.keepNote(event.atNs, place);
    connection.changed();
    if (event.kind === 'hold') connection.holdMs = event.holdMs;
    if (event.kind !== 'client-ended') return;
    connection.errno = event.errno ?? connection.errno;
    connection.client.closedNs ??= event.atNs;
    connection.outcome = event.outcome;
    this.book.settle(connection);
  }

  /** An epoll_wait() belongs to the conversations of which it brought news. */
  #waited(event: CallEvent & { call: 'epoll_wait' }, place: number): void {
    for (const { fd } of event.args.ready) {
      const connection = this.book.byDescriptor(event.pid, fd);
      if (connection === null) continue;
      const end = event.process === 'increment-server' ? connection.server : connection.client;
      if (end === null) continue;
      end.keepCall(event.atNs, place);
      connection.changed();
    }
  }

  #clientCall(event: CallEvent, place: number): void {
    if (event.socket === undefined) return;
    let connection = this.book.bySocket(event.pid, event.socket);
    if (connection === null) {
      // Its beginning may be missing (dropped, or older than the journal): what is there still tells.
      const end = this.book.newEnd(true, 'tcp-client');
      end.pid = event.pid;
      end.socket = event.socket;
      end.clientId = event.clientId ?? null;
      connection = this.book.create(event.clientId ?? `c${event.socket}`, end, null, event.atNs);
      this.book.own(connection, event.pid, event.socket);
    }
    const end = connection.client;
    const isFirst = !end.gotByte;
    end.keepOwnCall(event, place);
    connection.changed();
    switch (event.call) {
      case 'socket':
        if (event.returned >= 0) {
          end.fd = event.returned;
          this.book.openDescriptor(connection, event.pid, event.returned);
        }
        break;
      case 'connect':
        connection.target = this.book.shared(`${event.args.address.ip}:${event.args.address.port}`);
        if (event.errno !== undefined && event.errno !== 'EINPROGRESS') connection.errno = event.errno;
        break;
      case 'getsockname':
        if (event.args.address !== null) {
          end.local = event.connection?.local ?? `${event.args.address.ip}:${event.args.address.port}`;
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
          // Replied is when the client has it; a write() of the server's stands only until then.
          if (isFirst) connection.repliedNs = event.atNs + event.durationNs;
        }
        break;
      case 'close':
        end.closedNs = event.atNs + event.durationNs;
        this.book.closeDescriptor(event.pid, event.fd);
        break;
      default:
        break;
    }
    this.book.settle(connection);
  }

  #serverCall(event: CallEvent, place: number): void {
    if (event.socket === undefined) return;
    if (event.call === 'accept4') {
      if (event.returned >= 0) this.#accepted(event, event.socket, place);
      return;
    }
    const connection = this.book.bySocket(event.pid, event.socket);
    const end = connection?.server ?? null;
    if (connection === null || end === null) return;
    end.keepOwnCall(event, place);
    connection.changed();
    switch (event.call) {
      case 'getsockname':
        if (event.args.address !== null) end.local = this.book.shared(event.connection?.local ?? `${event.args.address.ip}:${event.args.address.port}`);
        connection.target ??= end.local;
        break;
      case 'read':
        if (event.returned > 0 && !connection.isHeld) {
          connection.byte ??= firstByte(event.args.data);
          connection.holdFromNs = event.atNs + event.durationNs;
        } else if (event.errno !== undefined && event.errno !== 'EAGAIN') connection.errno = event.errno;
        break;
      case 'write':
        if (event.returned === 1) {
          connection.reply ??= firstByte(event.args.data);
          // Of a client that tells nothing, it is all there is.
          connection.repliedNs ??= event.atNs + event.durationNs;
        } else connection.errno = event.errno ?? connection.errno;
        break;
      case 'close':
        end.closedNs = event.atNs + event.durationNs;
        this.book.closeDescriptor(event.pid, event.fd);
        break;
      default:
        break;
    }
    this.book.settle(connection);
  }

  #accepted(event: CallEvent & { call: 'accept4' }, socket: number, place: number): void {
    const address = event.args.address;
    if (address === null) return;
    const remote = event.connection?.remote ?? `${address.ip}:${address.port}`;
    const end = this.book.newEnd(true, 'increment-server');
    end.pid = event.pid;
    end.fd = event.returned;
    end.socket = socket;
    let connection = this.book.byClientEndpoint(remote);
    // The client's end may be known already; one that was accepted, or was over before, is an earlier generation of the same port.
    if (connection?.server !== null || (connection.phase === 'ended' && connection.startNs > event.atNs)) {
      const client = this.book.newEnd(false, '');
      client.local = remote;
      connection = this.book.create(serverKey(event.pid, socket), client, end, event.atNs);
    } else {
      connection.accept(end);
      this.book.reopen(connection);
    }
    connection.acceptedNs = event.atNs + event.durationNs;
    this.book.own(connection, event.pid, socket);
    this.book.openDescriptor(connection, event.pid, event.returned);
    end.keepOwnCall(event, place);
    connection.changed();
    this.book.settle(connection);
  }

  /** The client's endpoint is known now: its other end may have been heard of first. */
  #pairClient(connection: Connection, local: string): void {
    const other = this.book.byClientEndpoint(local);
    this.book.setClientEndpoint(connection, local);
    if (other === null || other === connection || other.client.ours || other.startNs < connection.startNs) return;
    // What was told so far was taken for a foreign client's: it is this one's.
    this.book.merge(connection, other);
  }

  #processExited(pid: number, atNs: number): void {
    for (const connection of this.book.takeOpen(pid)) {
      for (const end of [connection.client, connection.server]) if (end?.pid === pid && end.ours) end.closedNs ??= atNs;
      connection.outcome ??= connection.client.ours && connection.client.pid !== pid ? null : 'lost';
      connection.changed();
      this.book.settle(connection);
    }
  }
}

function firstByte(dataHex: string): number | null {
  return dataHex === '' ? null : parseInt(dataHex.slice(0, 2), 16);
}
