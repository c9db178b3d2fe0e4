// The numbers of the system calls that are followed in foreign processes (asm/unistd.h), which differ between architectures; checked against the C compiler in a test.

const X64: Readonly<Record<string, number>> = {
  read: 0,
  write: 1,
  close: 3,
  poll: 7,
  readv: 19,
  writev: 20,
  select: 23,
  sendto: 44,
  recvfrom: 45,
  sendmsg: 46,
  recvmsg: 47,
  shutdown: 48,
  setsockopt: 54,
  getsockopt: 55,
  epoll_wait: 232,
  pselect6: 270,
  ppoll: 271,
  epoll_pwait: 281,
};

/** The generic table; the older waiting calls are not in it. */
const ARM64: Readonly<Record<string, number>> = {
  epoll_pwait: 22,
  close: 57,
  read: 63,
  write: 64,
  readv: 65,
  writev: 66,
  pselect6: 72,
  ppoll: 73,
  sendto: 206,
  recvfrom: 207,
  setsockopt: 208,
  getsockopt: 209,
  shutdown: 210,
  sendmsg: 211,
  recvmsg: 212,
};

/** Calls by name on this architecture; empty where we do not know it. */
export const SYSCALL_NUMBERS: Readonly<Record<string, number>> = process.arch === 'x64' ? X64 : process.arch === 'arm64' ? ARM64 : {};
