// Records for tests: the calls of connections, written as an engine would write them.
import { RecordBatch, recordTag } from '../wire/record.ts';
import { tcpStateNumber, type TcpState } from '../wire/tcp-state.ts';
import type { CallName, OurProcess } from '../wire/vocabulary.ts';

export interface SampleCall {
  call: CallName;
  /** The descriptor the call is about: what accept4 and socket return, the target of epoll_ctl. */
  fd: number;
  process?: OurProcess;
  pid?: number;
  returned?: number;
  atNs?: number;
  /** Of a client's socket and a server's those with the same are the two ends of one exchange. */
  clientPort?: number;
}

const LISTENER_FD = 3;
const EPOLL_FD = 4;

const SERVER_PORT = 9736;
const PIDS: Readonly<Record<OurProcess, number>> = { bridge: 99, 'increment-server': 100, 'tcp-client': 101, 'kernel-tap': 102 };

/** Numbers of the sockets that were opened at each descriptor, as an engine gives them: never twice. */
const numbers = new Map<string, number>();
let lastNumber = 0;

function socketNumber(process: OurProcess, fd: number, call: CallName): number {
  const key = `${process} ${fd}`;
  const known = call === 'accept4' || call === 'socket' ? undefined : numbers.get(key);
  const number = known ?? (lastNumber += 1);
  if (call === 'close') numbers.delete(key);
  else numbers.set(key, number);
  return number;
}

/** One record each. */
export function callRecords(calls: readonly SampleCall[]): Uint8Array {
  const batch = new RecordBatch(calls.length);
  calls.forEach(
    (
      { call, fd, process = 'increment-server', pid = PIDS[process], returned, atNs = 1, clientPort = (process === 'tcp-client' ? 50_000 : 40_000) + fd },
      slot,
    ) => {
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
        process === 'tcp-client' ? (clientPort << 16) | SERVER_PORT : (SERVER_PORT << 16) | (fd === LISTENER_FD && call !== 'accept4' ? 0 : clientPort),
        call === 'epoll_wait' ? 0 : socketNumber(process, fd, call),
      );
    },
  );
  return batch.bytes;
}

/** `count` records that belong to no connection. */
export function idleRecords(count: number, process: OurProcess = 'increment-server'): Uint8Array {
  return callRecords(Array.from({ length: count }, () => ({ call: 'epoll_wait', fd: EPOLL_FD, process })));
}

/** What the kernel tap told of a client's end: the state it came to. */
export function stateRecord(to: TcpState, clientPort: number): Uint8Array {
  const batch = new RecordBatch(1);
  const tag = recordTag('tcp-state', null, 'kernel-tap', 'tracefs');
  batch.put(0, tag, 1, 0, PIDS['kernel-tap'], 0, 0, 0, 0, tcpStateNumber(to), 0, 0x7f000001, 0x7f000001, (clientPort << 16) | SERVER_PORT, 0);
  return batch.bytes;
}

/** An epoll_wait() that brought news of these descriptors, four at most. */
export function wakeRecord(ready: readonly number[], process: OurProcess = 'increment-server'): Uint8Array {
  const batch = new RecordBatch(1);
  batch.put(0, recordTag('call', 'epoll_wait', process), 1, 0, PIDS[process], EPOLL_FD, ready.length, 0, 64, -1, 0, 0, 0, 0, 0);
  batch.setData(0, new Uint8Array(Int32Array.from(ready.flatMap((fd) => [fd, 1])).buffer), 8 * ready.length);
  return batch.bytes;
}
