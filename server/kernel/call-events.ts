// The tracepoints of system calls, entry and exit: which calls are followed, and what their records say.
import type { TapKind } from './socket-events.ts';
import { SYSCALL_NUMBERS } from './syscall-numbers.ts';
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

/** The tracepoints of all system calls: two events for the eighteen that are followed, because each one switched on and off costs the kernel 70 ms. */
export const ANY_CALL_ENTRY = 'raw_syscalls/sys_enter';
export const ANY_CALL_EXIT = 'raw_syscalls/sys_exit';

const FOLLOWED: ReadonlyMap<number, string> = new Map(
  [...DESCRIPTOR_CALLS, ...WAITING_CALLS].flatMap((call) => (SYSCALL_NUMBERS[call] === undefined ? [] : [[SYSCALL_NUMBERS[call], call] as const])),
);
const ARGUMENTS = 6;

/** The condition under which a call is one of DESCRIPTOR_CALLS or WAITING_CALLS; '' where this architecture's numbers are not known. */
export const followedCallFilter = [...FOLLOWED.keys()].map((number) => `id==${number}`).join('||');

/** How the records of ANY_CALL_ENTRY are read; null where its layout is not known. */
export function anyEntryKind(format: TraceFormat, listener: CallListener): TapKind | null {
  const tid = format.reader('common_pid');
  const id = format.reader('id');
  const args = format.field('args');
  if (tid === null || id === null || args?.size !== 8 * ARGUMENTS) return null;
  const places = Array.from({ length: ARGUMENTS }, (_, index) => args.offset + 8 * index);
  return {
    format,
    wanted: (view, at) => listener.mayConcern(tid(view, at)),
    apply(atNs, view, at) {
      const call = FOLLOWED.get(id(view, at));
      // The lower half tells descriptors and sizes; of pointers nothing is told.
      const values = places.map((place) => view.getInt32(at + place, true));
      if (call !== undefined) listener.entered(atNs, tid(view, at), call, values);
    },
  };
}

/** How the records of ANY_CALL_EXIT are read; null where its layout is not known. */
export function anyExitKind(format: TraceFormat, listener: CallListener): TapKind | null {
  const tid = format.reader('common_pid');
  const id = format.reader('id');
  const returned = format.reader('ret');
  if (tid === null || id === null || returned === null) return null;
  return {
    format,
    wanted: (view, at) => listener.mayConcern(tid(view, at)),
    apply(atNs, view, at) {
      const call = FOLLOWED.get(id(view, at));
      if (call !== undefined) listener.returned(atNs, tid(view, at), call, returned(view, at));
    },
  };
}
