// The tracepoints of system calls, entry and exit: which calls are followed, and what their records say.
import type { TapKind } from './socket-events.ts';
import type { TraceFormat } from './trace-format.ts';

/** Calls that may begin a connection: recorded for every process at all times (they are few), told only of those who connect to us. */
export const CONNECTING_CALLS = ['socket', 'connect'] as const;

/** Calls whose first argument is the socket's descriptor: recorded while a foreign process is connected to us. */
export const DESCRIPTOR_CALLS = [
  'read',
  'write',
  'readv',
  'writev',
  'recvfrom',
  'sendto',
  'recvmsg',
  'sendmsg',
  'shutdown',
  'close',
  'getsockopt',
  'setsockopt',
] as const;

/** Calls that wait for descriptors named in memory, which a record does not show. */
export const WAITING_CALLS = ['poll', 'ppoll', 'select', 'pselect6', 'epoll_wait', 'epoll_pwait'] as const;

/** Hears the calls of every process that is recorded. */
export interface CallListener {
  /** False for a thread nobody wants to hear of; asked while the buffer is still being read. */
  mayConcern(tid: number): boolean;
  entered(atNs: number, tid: number, call: string, args: readonly number[]): void;
  returned(atNs: number, tid: number, call: string, returned: number): void;
}

/** How the records of sys_enter_CALL are read; null where its layout is not known. */
export function entryKind(format: TraceFormat, call: string, listener: CallListener): TapKind | null {
  const tid = format.reader('common_pid');
  const number = format.field('__syscall_nr');
  if (tid === null || number === null) return null;
  const readers = format.fields.filter((field) => field.offset > number.offset && field.size === 8).map((field) => format.reader(field.name));
  return {
    format,
    wanted: (view, at) => listener.mayConcern(tid(view, at)),
    apply(atNs, view, at) {
      listener.entered(
        atNs,
        tid(view, at),
        call,
        readers.map((reader) => reader?.(view, at) ?? 0),
      );
    },
  };
}

/** How the records of sys_exit_CALL are read; null where its layout is not known. */
export function exitKind(format: TraceFormat, call: string, listener: CallListener): TapKind | null {
  const tid = format.reader('common_pid');
  const returned = format.reader('ret');
  if (tid === null || returned === null) return null;
  return {
    format,
    wanted: (view, at) => listener.mayConcern(tid(view, at)),
    apply(atNs, view, at) {
      listener.returned(atNs, tid(view, at), call, returned(view, at));
    },
  };
}
