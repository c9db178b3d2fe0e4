// What a process arranges for itself: its end with its parent, its priority, its descriptor limit and table, pipes that never block.
import { readdirSync } from 'node:fs';
import { setPriority } from 'node:os';
import * as libc from './libc.ts';

/** The numbers of sys/prctl.h, signal.h, fcntl.h and sys/resource.h; checked against the C compiler in a test. */
export const PR_SET_PDEATHSIG = 1;
export const SIGKILL = 9;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_DUPFD_CLOEXEC = 1030;
export const O_NONBLOCK = 0o4000;
export const RLIMIT_NOFILE = 7;
/** struct rlimit: rlim_cur, rlim_max. */
const RLIMIT_BYTES = 16;

/** The kernel ends this process when its parent dies, however the parent dies: prctl(2), PR_SET_PDEATHSIG. */
export function dieWithParent(): void {
  libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

/** Lowers the priority of all threads of this process: setpriority(2) is for one thread, and threads made later take after their maker. */
export function yieldProcessor(nice: number): void {
  for (const thread of readdirSync('/proc/self/task')) {
    try {
      setPriority(Number(thread), nice);
    } catch {
      // The thread has ended meanwhile, or a container forbids it: politeness is not worth an end.
    }
  }
}

/** fcntl(2), O_NONBLOCK. */
export function setNonBlocking(fd: number): void {
  libc.fcntl(fd, F_SETFL, libc.fcntl(fd, F_GETFL, 0) | O_NONBLOCK);
}

/** How many descriptors this process may hold: the soft limit of RLIMIT_NOFILE, getrlimit(2). */
export function descriptorLimit(): number {
  const limit = new Uint8Array(RLIMIT_BYTES);
  libc.getrlimit(RLIMIT_NOFILE, limit);
  return Number(new DataView(limit.buffer).getBigUint64(0, true));
}

/**
 * Makes room for `count` descriptors (or the limit) in the kernel's table of this process, which shows as FDSize in /proc/self/status.
 * It grows by doubling, and while threads share it each growth waits for an RCU grace period (fs/file.c): 10 to 30 ms on a busy machine,
 * in which a server accepts nobody. A table once grown stays so; a duplicate of `fd` at its end, closed again, grows it in one step.
 */
export function growDescriptorTable(count: number, fd: number): void {
  const last = libc.fcntl(fd, F_DUPFD_CLOEXEC, Math.min(count, descriptorLimit()) - 1);
  if (last >= 0) libc.close(last);
}

/** How many descriptors this process has open now: the entries of /proc/self/fd, proc(5), less the one that reads them. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length - 1;
}
