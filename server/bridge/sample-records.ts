// Records for tests: the calls of connections, written as an engine would write them.
import { RecordBatch, recordTag } from '../wire/record.ts';
import type { CallName, OurProcess } from '../wire/vocabulary.ts';

export interface SampleCall {
  call: CallName;
  /** The descriptor the call is about: what accept4 and socket return, the target of epoll_ctl. */
  fd: number;
  process?: OurProcess;
  pid?: number;
  returned?: number;
  atNs?: number;
}

const LISTENER_FD = 3;
const EPOLL_FD = 4;

/** One record each. */
export function callRecords(calls: readonly SampleCall[]): Uint8Array {
  const batch = new RecordBatch(calls.length);
  calls.forEach(({ call, fd, process = 'increment-server', pid = 100, returned, atNs = 1 }, slot) => {
    const opens = call === 'accept4' || call === 'socket';
    const ownFd = call === 'accept4' ? LISTENER_FD : call === 'epoll_ctl' ? EPOLL_FD : call === 'socket' ? -1 : fd;
    batch.put(
      slot,
      recordTag('call', call, process),
      atNs,
      1_000,
      pid,
      ownFd,
      returned ?? (opens ? fd : 0),
      0,
      1,
      call === 'epoll_ctl' ? fd : 1,
      0,
      0x7f000001,
      0x7f000001,
      (9736 << 16) | 40000,
      1,
    );
  });
  return batch.bytes;
}

/** `count` records that belong to no connection. */
export function idleRecords(count: number, process: OurProcess = 'increment-server'): Uint8Array {
  return callRecords(Array.from({ length: count }, () => ({ call: 'epoll_wait', fd: EPOLL_FD, process })));
}
