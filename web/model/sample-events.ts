// Events for tests: what a run of the classic pair tells, made up of as few words as a test needs.
import type { CallEvent, TraceEvent } from '#wire/event.ts';

const SERVER = { process: 'increment-server', pid: 100, evidence: 'returned' } as const;
const CLIENT = { process: 'tcp-client', pid: 200, evidence: 'returned' } as const;

/** A teller of events with ascending numbers. */
export class SampleRun {
  seq = 0;

  next<Kind extends TraceEvent>(event: Kind extends TraceEvent ? Omit<Kind, 'seq'> : never): TraceEvent {
    this.seq += 1;
    return { ...event, seq: this.seq };
  }

  serverCall(atMs: number, socket: number, call: string, args: object, returned: number, more: object = {}): TraceEvent {
    const fd = call === 'accept4' ? 3 : socket + 6;
    return this.next<CallEvent>({ ...SERVER, kind: 'call', atNs: atMs * 1e6, durationNs: 2_000, socket, call, fd, args, returned, ...more } as never);
  }

  clientCall(atMs: number, socket: number, call: string, args: object, returned: number, more: object = {}): TraceEvent {
    return this.next<CallEvent>({
      ...CLIENT,
      kind: 'call',
      atNs: atMs * 1e6,
      durationNs: 2_000,
      socket,
      clientId: `c${socket}`,
      call,
      fd: socket + 16,
      args,
      returned,
      ...more,
    } as never);
  }

  /** accept4 … close of one connection whose byte is held `holdMs`, answered `lateMs` after that. */
  served(atMs: number, socket: number, holdMs: number, lateMs: number): TraceEvent[] {
    const doneMs = atMs + holdMs + lateMs;
    return [
      this.accepted(atMs, socket),
      this.serverCall(atMs, socket, 'read', { data: '41', count: 1, pointer: '' }, 1),
      this.next({ ...SERVER, kind: 'hold', atNs: atMs * 1e6, socket, fd: socket + 6, holdMs }),
      this.serverCall(doneMs, socket, 'write', { data: '42', count: 1 }, 1),
      this.serverCall(doneMs, socket, 'close', {}, 0),
    ];
  }

  accepted(atMs: number, socket: number): TraceEvent {
    const address = { family: 'AF_INET', port: 40_000 + socket, ip: '127.0.0.1' };
    return this.serverCall(atMs, socket, 'accept4', { address, addressLength: 16, flags: 'SOCK_CLOEXEC', pointer: '' }, socket + 6);
  }

  queue(atMs: number, length: number, limit = 5): TraceEvent {
    return this.next({ ...SERVER, kind: 'accept-queue', atNs: atMs * 1e6, length, limit });
  }

  serverExited(atMs: number): TraceEvent {
    return this.next({ ...SERVER, kind: 'process', atNs: atMs * 1e6, change: 'exited', exitCode: 0 });
  }
}
