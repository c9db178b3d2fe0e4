// The wording of calls, against lines that strace 6.1 itself printed for the same calls with the same bytes.
import { expect, it } from 'vitest';
import * as c from './constants.ts';
import { errnoNumber, type Errno } from './errno.ts';
import type { CallEvent } from './event.ts';
import { RecordBatch, recordTag } from './record.ts';
import { straceLine } from './strace.ts';
import type { CallName } from './vocabulary.ts';

interface Given {
  fd?: number;
  returned?: number | Errno;
  a?: readonly number[];
  data?: Uint8Array | string;
  local?: readonly [number, number];
  remote?: readonly [number, number];
}

function line(call: CallName, given: Given): string {
  const batch = new RecordBatch(1);
  const { fd = 3, returned = 0, a = [], local = [0, 0], remote = [0, 0] } = given;
  const data = typeof given.data === 'string' ? Buffer.from(given.data, 'latin1') : (given.data ?? new Uint8Array(0));
  const failed = typeof returned === 'string';
  batch.put(
    0,
    recordTag('call', call, 'increment-server'),
    0,
    1,
    1,
    fd,
    failed ? -1 : returned,
    failed ? errnoNumber(returned) : 0,
    a[0] ?? 0,
    a[1] ?? 0,
    a[2] ?? 0,
    local[0],
    remote[0],
    (local[1] << 16) | remote[1],
    1,
  );
  batch.setData(0, data, data.length);
  return straceLine(batch.event(0, 1) as CallEvent);
}

const LOOPBACK = 0x7f000001;
const pointer = Buffer.from('00d2d55796550000', 'hex');
const int = (value: number): Uint8Array => new Uint8Array(new Int32Array([value]).buffer);
const ready = (...events: [fd: number, events: number][]): Uint8Array => new Uint8Array(new Int32Array(events.flat()).buffer);
const write = (data: string): Given => ({ data, a: [data.length], returned: data.length });

it.each<[CallName, Given, string]>([
  ['socket', { returned: 4, a: [c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC, 0] }, 'socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC, IPPROTO_IP) = 4'],
  [
    'socket',
    { returned: 20, a: [c.AF_INET, c.SOCK_STREAM | c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, 0] },
    'socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = 20',
  ],
  ['socket', { returned: 5, a: [c.AF_INET, c.SOCK_STREAM, c.IPPROTO_TCP] }, 'socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 5'],
  ['socket', { returned: 'EMFILE', a: [c.AF_INET, c.SOCK_STREAM, 0] }, 'socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = -1 EMFILE (Too many open files)'],
  ['setsockopt', { fd: 20, a: [c.SOL_SOCKET, c.SO_REUSEADDR, 1] }, 'setsockopt(20, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0'],
  ['setsockopt', { fd: 4, a: [c.SOL_SOCKET, c.SO_LINGER, 0] }, 'setsockopt(4, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=0}, 8) = 0'],
  [
    'setsockopt',
    { fd: 77, a: [c.SOL_SOCKET, c.SO_REUSEADDR, 1], returned: 'EBADF' },
    'setsockopt(77, SOL_SOCKET, SO_REUSEADDR, [1], 4) = -1 EBADF (Bad file descriptor)',
  ],
  ['bind', { local: [0, 9736] }, 'bind(3, {sa_family=AF_INET, sin_port=htons(9736), sin_addr=inet_addr("0.0.0.0")}, 16) = 0'],
  [
    'bind',
    { local: [LOOPBACK, 9736], returned: 'EADDRINUSE' },
    'bind(3, {sa_family=AF_INET, sin_port=htons(9736), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EADDRINUSE (Address already in use)',
  ],
  ['listen', { fd: 20, a: [5] }, 'listen(20, 5) = 0'],
  [
    'accept4',
    { fd: 20, returned: 21, a: [c.SOCK_CLOEXEC | c.SOCK_NONBLOCK, 16], remote: [LOOPBACK, 40416] },
    'accept4(20, {sa_family=AF_INET, sin_port=htons(40416), sin_addr=inet_addr("127.0.0.1")}, [16], SOCK_CLOEXEC|SOCK_NONBLOCK) = 21',
  ],
  ['accept4', { fd: 77, returned: 'EAGAIN', a: [0, 16], data: pointer }, 'accept4(77, 0x559657d5d200, [16], 0) = -1 EAGAIN (Resource temporarily unavailable)'],
  [
    'connect',
    { fd: 20, remote: [LOOPBACK, 1], returned: 'EINPROGRESS' },
    'connect(20, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("127.0.0.1")}, 16) = -1 EINPROGRESS (Operation now in progress)',
  ],
  [
    'getsockname',
    { fd: 21, local: [LOOPBACK, 43655], a: [0, 16] },
    'getsockname(21, {sa_family=AF_INET, sin_port=htons(43655), sin_addr=inet_addr("127.0.0.1")}, [16]) = 0',
  ],
  ['getsockname', { fd: 77, returned: 'EBADF', a: [0, 16], data: pointer }, 'getsockname(77, 0x559657d5d200, [16]) = -1 EBADF (Bad file descriptor)'],
  ['getsockopt', { fd: 20, a: [c.SOL_SOCKET, c.SO_ERROR, 4], data: int(0) }, 'getsockopt(20, SOL_SOCKET, SO_ERROR, [0], [4]) = 0'],
  ['getsockopt', { fd: 20, a: [c.SOL_SOCKET, c.SO_ERROR, 4], data: int(111) }, 'getsockopt(20, SOL_SOCKET, SO_ERROR, [ECONNREFUSED], [4]) = 0'],
  [
    'getsockopt',
    { fd: 77, a: [c.SOL_SOCKET, c.SO_ERROR, 4], data: pointer, returned: 'EBADF' },
    'getsockopt(77, SOL_SOCKET, SO_ERROR, 0x559657d5d200, [4]) = -1 EBADF (Bad file descriptor)',
  ],
  ['read', { fd: 21, returned: 1, a: [1], data: 'A' }, 'read(21, "A", 1) = 1'],
  ['read', { fd: 21, returned: 8, a: [4096], data: '\x07\r9\xff"\\\x001' }, 'read(21, "\\7\\r9\\377\\"\\\\\\0001", 4096) = 8'],
  ['read', { fd: 21, returned: 0, a: [4096] }, 'read(21, "", 4096) = 0'],
  ['read', { fd: 77, returned: 'EBADF', a: [1], data: pointer }, 'read(77, 0x559657d5d200, 1) = -1 EBADF (Bad file descriptor)'],
  ['write', write('\x1b8\x1b7\x0098\x07 \x7f\x80a\xff9'), 'write(3, "\\338\\0337\\098\\7 \\177\\200a\\3779", 14) = 14'],
  [
    'write',
    write(String.fromCharCode(...Array.from({ length: 32 }, (_, byte) => byte))),
    'write(3, "\\0\\1\\2\\3\\4\\5\\6\\7\\10\\t\\n\\v\\f\\r\\16\\17\\20\\21\\22\\23\\24\\25\\26\\27\\30\\31\\32\\33\\34\\35\\36\\37", 32) = 32',
  ],
  ['write', write(`${'x'.repeat(31)}\x017`), `write(3, "${'x'.repeat(31)}\\1"..., 33) = 33`],
  ['write', write('x'.repeat(32)), `write(3, "${'x'.repeat(32)}", 32) = 32`],
  ['write', { data: 'B', a: [1], returned: 'EPIPE' }, 'write(3, "B", 1) = -1 EPIPE (Broken pipe)'],
  ['shutdown', { fd: 4, a: [c.SHUT_WR], returned: 'ENOTCONN' }, 'shutdown(4, SHUT_WR) = -1 ENOTCONN (Transport endpoint is not connected)'],
  ['shutdown', { fd: 77, a: [c.SHUT_RDWR], returned: 'EBADF' }, 'shutdown(77, SHUT_RDWR) = -1 EBADF (Bad file descriptor)'],
  ['close', { fd: 21 }, 'close(21) = 0'],
  ['epoll_create1', { returned: 19, a: [c.EPOLL_CLOEXEC] }, 'epoll_create1(EPOLL_CLOEXEC) = 19'],
  [
    'epoll_ctl',
    { fd: 19, a: [c.EPOLL_CTL_ADD, 21, c.EPOLLIN | c.EPOLLRDHUP | c.EPOLLET] },
    'epoll_ctl(19, EPOLL_CTL_ADD, 21, {events=EPOLLIN|EPOLLRDHUP|EPOLLET, data={u32=21, u64=21}}) = 0',
  ],
  [
    'epoll_ctl',
    { fd: 3, a: [c.EPOLL_CTL_MOD, 4, c.EPOLLOUT | c.EPOLLONESHOT | c.EPOLLET] },
    'epoll_ctl(3, EPOLL_CTL_MOD, 4, {events=EPOLLOUT|EPOLLONESHOT|EPOLLET, data={u32=4, u64=4}}) = 0',
  ],
  ['epoll_ctl', { fd: 3, a: [c.EPOLL_CTL_ADD, 4, 0] }, 'epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=0, data={u32=4, u64=4}}) = 0'],
  ['epoll_ctl', { fd: 3, a: [c.EPOLL_CTL_DEL, 4, 0] }, 'epoll_ctl(3, EPOLL_CTL_DEL, 4, NULL) = 0'],
  [
    'epoll_wait',
    { fd: 19, returned: 1, a: [512, 80], data: ready([21, c.EPOLLIN | c.EPOLLERR | c.EPOLLHUP | c.EPOLLRDHUP]) },
    'epoll_wait(19, [{events=EPOLLIN|EPOLLERR|EPOLLHUP|EPOLLRDHUP, data={u32=21, u64=21}}], 512, 80) = 1',
  ],
  [
    'epoll_wait',
    { fd: 19, returned: 2, a: [512, 17], data: ready([20, c.EPOLLIN], [21, c.EPOLLOUT]) },
    'epoll_wait(19, [{events=EPOLLIN, data={u32=20, u64=20}}, {events=EPOLLOUT, data={u32=21, u64=21}}], 512, 17) = 2',
  ],
  ['epoll_wait', { fd: 3, returned: 'EINTR', a: [100, 1000], data: pointer }, 'epoll_wait(3, 0x559657d5d200, 100, 1000) = -1 EINTR (Interrupted system call)'],
])('%s %#', (call, given, printed) => {
  expect(line(call, given)).toBe(printed);
});

it('of many ready descriptors it shows the first, and says that there are more', () => {
  const shown = ready([1, c.EPOLLIN], [2, c.EPOLLIN], [3, c.EPOLLIN], [4, c.EPOLLIN]);
  expect(line('epoll_wait', { fd: 19, returned: 7, a: [512, 0], data: shown })).toMatch(/u32=4, u64=4\}\}, \.\.\.\], 512, 0\) = 7$/);
});

it('TCP_INFO is told in words, where strace prints its bytes', () => {
  const info = new Uint8Array(32);
  info[0] = 10;
  info[24] = 6;
  info[28] = 5;
  expect(line('getsockopt', { fd: 20, a: [c.IPPROTO_TCP, c.TCP_INFO, 104], data: info })).toBe(
    'getsockopt(20, SOL_TCP, TCP_INFO, {tcpi_state=LISTEN, tcpi_unacked=6, tcpi_sacked=5, ...}, [104]) = 0',
  );
});
