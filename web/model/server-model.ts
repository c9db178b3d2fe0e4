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

/** A time in which the server did not accept, and what came of it: the ground of the overflow's explanation. */
export interface AcceptPause {
  paused: TraceEvent & { kind: 'accept-paused' };
  resumed: (TraceEvent & { kind: 'accept-resumed' }) | null;
  /** The queue at its longest, during the pause. */
  fullest: (TraceEvent & { kind: 'accept-queue' }) | null;
  drops: (TraceEvent & { kind: 'listener-drops' })[];
  /** How many SYNs were seen to go out again, and the first time. */
  synsAgain: number;
  firstSynAgain: TraceEvent | null;
}

/** Pauses remembered; older ones are history that the trace still tells. */
const PAUSES_MAX = 8;
/** SYNs that were thrown away come again within this time (tcp_syn_linear_timeouts, ip-sysctl). */
const AFTERMATH_NS = 8e9;
/** The listener's counter is read now and then: what it counted during a pause is told this long after it at most. */
const READ_LATE_NS = 1e9;

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
  /** Segments that the listener threw away, by its own counter. */
  drops = 0;
  /** Oldest first. */
  pauses: AcceptPause[] = [];
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
        this.#noteQueue(event);
        break;
      case 'accept-paused':
        this.paused = event;
        this.pauses.push({ paused: event, resumed: null, fullest: null, drops: [], synsAgain: 0, firstSynAgain: null });
        if (this.pauses.length > PAUSES_MAX) this.pauses.shift();
        break;
      case 'accept-resumed': {
        this.paused = null;
        const pause = this.pauses.at(-1);
        if (pause !== undefined) pause.resumed ??= event;
        break;
      }
      case 'listener-drops':
        this.drops = event.totalDrops;
        if (event.drops > 0) this.#pauseAt(event.atNs, READ_LATE_NS)?.drops.push(event);
        break;
      case 'process':
        this.#applyProcess(event);
        break;
      default:
        break;
    }
  }

  /** The SYN of a client that came at `startNs` (null: not known) went out again: nobody had answered it. */
  noteSynAgain(event: TraceEvent, startNs: number | null): void {
    const pause = this.#pauseAt(event.atNs, AFTERMATH_NS);
    if (pause === null || (startNs !== null && startNs > (pause.resumed?.atNs ?? Infinity))) return;
    pause.synsAgain += 1;
    pause.firstSynAgain ??= event;
  }

  #noteQueue(event: TraceEvent & { kind: 'accept-queue' }): void {
    const pause = this.#pauseAt(event.atNs, 0);
    if (pause !== null && event.length > (pause.fullest?.length ?? 0)) pause.fullest = event;
  }

  /** The pause that `atNs` falls into, or no more than `afterNs` behind. */
  #pauseAt(atNs: number, afterNs: number): AcceptPause | null {
    const pause = this.pauses.at(-1);
    if (pause === undefined || atNs < pause.paused.atNs) return null;
    return pause.resumed === null || atNs <= pause.resumed.atNs + afterNs ? pause : null;
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
