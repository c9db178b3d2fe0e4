// The increment server as the trace tells it: the calls of its start, its settings, its queue, and the processes of the run.
import type { CallEvent, TraceEvent } from '#wire/event.ts';

export interface ProcessModel {
  name: string;
  pid: number;
  state: 'started' | 'ready' | 'exited' | 'unresponsive' | 'gave-up';
  exitCode: number | null;
  signal: string | null;
  restartMs: number | null;
}

/** Calls of a start, in their order. */
const START_CALLS = new Set(['socket', 'setsockopt', 'bind', 'listen']);

export class ServerModel {
  /** Of the process that made the newest start. */
  pid: number | null = null;
  /** socket, setsockopt, bind, listen of the newest start; the last may have failed. */
  startCalls: CallEvent[] = [];
  /** The newest accept4. */
  lastAccept: CallEvent | null = null;
  /** The port it listens on: what bind() asked for, or what getsockname() told of port 0. */
  port: number | null = null;
  holdMs: number | null = null;
  backlog: number | null = null;
  queue: { length: number; limit: number; atNs: number } | null = null;
  paused: (TraceEvent & { kind: 'accept-paused' }) | null = null;
  /** SYNs that the listener threw away, by its own counter. */
  drops = 0;
  readonly processes = new Map<string, ProcessModel>();

  /** Takes one event of the trace; those of connections are not its concern. */
  apply(event: TraceEvent): void {
    switch (event.kind) {
      case 'call':
        if (event.process === 'increment-server') this.#applyCall(event);
        break;
      case 'setting':
        if (event.name === 'holdMs') this.holdMs = event.value;
        else this.backlog = event.value;
        break;
      case 'accept-queue':
        this.queue = { length: event.length, limit: event.limit, atNs: event.atNs };
        break;
      case 'accept-paused':
        this.paused = event;
        break;
      case 'accept-resumed':
        this.paused = null;
        break;
      case 'listener-drops':
        this.drops = event.totalDrops;
        break;
      case 'process':
        this.#applyProcess(event);
        break;
      default:
        break;
    }
  }

  #applyCall(event: CallEvent): void {
    if (event.call === 'accept4') this.lastAccept = event;
    else if (event.call === 'socket') {
      this.pid = event.pid;
      this.startCalls = [event];
      this.lastAccept = null;
      this.port = null;
      this.paused = null;
      this.queue = null;
    } else if (event.call === 'getsockname' && event.pid === this.pid && event.fd === this.startCalls[0]?.returned) {
      this.port = event.args.address?.port ?? null;
    } else if (START_CALLS.has(event.call) && event.pid === this.pid && event.fd === this.startCalls[0]?.returned) {
      // listen() again only changes the backlog: the newest one counts.
      this.startCalls = [...this.startCalls.filter((call) => call.call !== event.call), event];
    }
  }

  #applyProcess(event: TraceEvent & { kind: 'process' }): void {
    const state = event.change === 'responsive' ? 'ready' : event.change;
    this.processes.set(event.process, {
      name: event.process,
      pid: event.pid,
      state,
      exitCode: event.exitCode ?? null,
      signal: event.signal ?? null,
      restartMs: event.restartMs ?? null,
    });
    if (event.process === 'increment-server' && state === 'exited') {
      this.queue = null;
      this.paused = null;
    }
  }
}
