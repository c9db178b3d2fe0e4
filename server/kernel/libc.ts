// The C library: the only place where a function pointer is looked up, for glibc and musl alike.
import koffi, { type LibraryHandle } from 'koffi';

/** dlopen(NULL) finds libc in a glibc program; a musl one may want it by its own name. */
function loadLibc(): LibraryHandle {
  const names = [null, 'libc.so.6', 'libc.so', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];
  let failure: unknown;
  for (const name of names) {
    try {
      const library = koffi.load(name);
      library.func('int epoll_create1(int)');
      return library;
    } catch (error) {
      failure = error;
    }
  }
  throw new Error('no C library with epoll_create1 could be loaded: sockscope needs Linux with glibc or musl', { cause: failure });
}

const libc = loadLibc();

type Int = (...args: number[]) => number;
type WithBuffer = (fd: number, buffer: Uint8Array, length: number) => number;

// ssize_t and socklen_t by their widths: koffi knows no such names. Buffers go as void*, the fastest way through.
export const socket = libc.func('int socket(int, int, int)') as Int;
export const setsockopt = libc.func('int setsockopt(int, int, int, void*, uint32_t)') as (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: number,
) => number;
export const getsockopt = libc.func('int getsockopt(int, int, int, void*, void*)') as (
  fd: number,
  level: number,
  option: number,
  value: Uint8Array,
  length: Uint8Array,
) => number;
export const bind = libc.func('int bind(int, void*, uint32_t)') as WithBuffer;
export const connect = libc.func('int connect(int, void*, uint32_t)') as WithBuffer;
export const listen = libc.func('int listen(int, int)') as Int;
export const accept4 = libc.func('int accept4(int, void*, void*, int)') as (fd: number, address: Uint8Array, length: Uint8Array, flags: number) => number;
export const getsockname = libc.func('int getsockname(int, void*, void*)') as (fd: number, address: Uint8Array, length: Uint8Array) => number;
export const read = libc.func('int64_t read(int, void*, size_t)') as WithBuffer;
export const write = libc.func('int64_t write(int, void*, size_t)') as WithBuffer;
export const shutdown = libc.func('int shutdown(int, int)') as Int;
export const close = libc.func('int close(int)') as Int;
export const epollCreate1 = libc.func('int epoll_create1(int)') as Int;
export const epollCtl = libc.func('int epoll_ctl(int, int, int, void*)') as (epfd: number, op: number, fd: number, event: Uint8Array) => number;
export const epollWait = libc.func('int epoll_wait(int, void*, int, int)') as (
  epfd: number,
  events: Uint8Array,
  maxEvents: number,
  timeoutMs: number,
) => number;
export const fcntl = libc.func('int fcntl(int, int, int)') as Int;
export const prctl = libc.func('int prctl(int, uint64_t, uint64_t, uint64_t, uint64_t)') as Int;
export const mount = libc.func('int mount(const char*, const char*, const char*, uint64_t, void*)') as (
  source: string,
  target: string,
  type: string,
  flags: number,
  data: Uint8Array | null,
) => number;
export const unshare = libc.func('int unshare(int)') as Int;
export const getrlimit = libc.func('int getrlimit(int, void*)') as (resource: number, limit: Uint8Array) => number;

/** errno of the call that has just returned -1; stale after any other. */
export const errno: () => number = koffi.errno;

/** Where a buffer lies, as a pointer: strace prints it where a call filled nothing in. */
export const addressOf = (buffer: Uint8Array): bigint => koffi.address(buffer);
