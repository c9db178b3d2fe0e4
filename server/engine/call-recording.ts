// The recording of foreign processes' system calls: a tracing instance whose events the kernel itself switches on when one of them connects to us.
import { cpus } from 'node:os';
import {
  ANY_CALL_ENTRY,
  ANY_CALL_EXIT,
  anyEntryKind,
  anyExitKind,
  CONNECTING_CALLS,
  entryKind,
  exitKind,
  followedCallFilter,
  type CallListener,
} from '../kernel/call-events.ts';
import { foreignConnectFilter, STATE_CHANGE } from '../kernel/socket-events.ts';
import { TraceReader } from '../kernel/trace-reader.ts';
import { TraceInstance, unavailable, type Tracefs, type Unavailable } from '../kernel/tracefs.ts';
import { CALLS_BUFFER_CPU_MIN_KIB, CALLS_BUFFER_KIB } from '../wire/tap-limits.ts';

export class CallRecording {
  readonly reader: TraceReader;
  readonly #instance: TraceInstance;
  readonly #following: readonly string[];
  /** The condition of what is followed, without those left out for their noise. */
  readonly #filter: string;

  private constructor(instance: TraceInstance, reader: TraceReader, following: readonly string[], filter: string) {
    this.#instance = instance;
    this.reader = reader;
    this.#following = following;
    this.#filter = filter;
  }

  /** Records connect() and socket() of all processes but `ownPids`, and the other calls from the moment one of them connects to `ports`. */
  static open(tracefs: Tracefs, ports: readonly number[], ownPids: readonly number[], originNs: bigint, listener: CallListener): CallRecording | Unavailable {
    const instance = TraceInstance.create(tracefs, 'calls', Math.max(CALLS_BUFFER_CPU_MIN_KIB, Math.floor(CALLS_BUFFER_KIB / cpus().length)));
    if (!(instance instanceof TraceInstance)) return instance;
    const reader = TraceReader.open(instance, originNs);
    if (!(reader instanceof TraceReader)) {
      instance.remove();
      return unavailable('no-buffer', 'the trace buffer of system calls cannot be read', reader.errno);
    }
    const foreign = ownPids.map((pid) => `common_pid!=${pid}`).join('&&');
    for (const call of CONNECTING_CALLS) {
      for (const event of [`syscalls/sys_enter_${call}`, `syscalls/sys_exit_${call}`]) {
        const format = instance.format(event);
        const kind = format === null ? null : event.includes('enter') ? entryKind(format, call, listener) : exitKind(format, call, listener);
        if (kind !== null) reader.add(kind);
        if (kind !== null) instance.enable(event, foreign);
      }
    }
    const following: string[] = [];
    const filter = foreign === '' ? `(${followedCallFilter})` : `(${followedCallFilter})&&${foreign}`;
    for (const event of [ANY_CALL_ENTRY, ANY_CALL_EXIT]) {
      const format = instance.format(event);
      const kind = format === null ? null : event === ANY_CALL_ENTRY ? anyEntryKind(format, listener) : anyExitKind(format, listener);
      if (kind === null || followedCallFilter === '') continue;
      reader.add(kind);
      const trigger = `enable_event:${event.replace('/', ':')} if ${foreignConnectFilter(ports, ownPids)}`;
      const refused = instance.write(`events/${event}/filter`, filter) ?? instance.write(`events/${STATE_CHANGE.event}/trigger`, trigger, true);
      if (refused === null) following.push(event);
    }
    const errno = instance.write('tracing_on', '1');
    if (errno === null) return new CallRecording(instance, reader, following, filter);
    reader.close();
    instance.remove();
    return unavailable('no-event', 'system calls cannot be recorded', errno);
  }

  /** From now on these threads' calls are not recorded (their connect() is): they have nothing to do with us, and fill the buffer. */
  leaveOut(tids: readonly number[]): void {
    const filter = [this.#filter, ...tids.map((tid) => `common_pid!=${tid}`)].join('&&');
    for (const event of this.#following) this.#instance.write(`events/${event}/filter`, filter);
  }

  /** Nobody foreign is connected any more: the events are off until the next one connects. */
  rest(): void {
    for (const event of this.#following) this.#instance.write(`events/${event}/enable`, '0');
  }

  /** On at once: somebody connected while they were being switched off. */
  resume(): void {
    for (const event of this.#following) this.#instance.write(`events/${event}/enable`, '1');
  }

  close(): void {
    this.reader.close();
    this.#instance.remove();
  }
}
