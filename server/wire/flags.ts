// Flag words and enumerations of system calls, spelled as strace spells them.
import * as c from './constants.ts';
import { eachOnce } from './each-once.ts';

type Flags = readonly (readonly [number, string])[];

const SOCKET_TYPE_FLAGS: Flags = [
  [c.SOCK_CLOEXEC, 'SOCK_CLOEXEC'],
  [c.SOCK_NONBLOCK, 'SOCK_NONBLOCK'],
];
const EPOLL_EVENT_FLAGS: Flags = [
  [c.EPOLLIN, 'EPOLLIN'],
  [c.EPOLLOUT, 'EPOLLOUT'],
  [c.EPOLLERR, 'EPOLLERR'],
  [c.EPOLLHUP, 'EPOLLHUP'],
  [c.EPOLLRDHUP, 'EPOLLRDHUP'],
  [c.EPOLLONESHOT, 'EPOLLONESHOT'],
  [c.EPOLLET, 'EPOLLET'],
];
const SOCKET_OPTIONS: Record<number, Record<number, string>> = {
  [c.SOL_SOCKET]: { [c.SO_REUSEADDR]: 'SO_REUSEADDR', [c.SO_ERROR]: 'SO_ERROR', [c.SO_LINGER]: 'SO_LINGER' },
  [c.IPPROTO_TCP]: { [c.TCP_INFO]: 'TCP_INFO' },
};

/** Combinations of flags that are remembered. */
const WORDS_MAX = 256;

function flagWords(flags: Flags, word: number): string[] {
  return flags.filter(([bit]) => (word & bit) !== 0).map(([, name]) => name);
}

/** 'SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK' for the type argument of socket(2). */
export const socketTypeWords = eachOnce(WORDS_MAX, (type) => {
  const base = (type & 0xff) === c.SOCK_STREAM ? 'SOCK_STREAM' : String(type & 0xff);
  return [base, ...flagWords(SOCKET_TYPE_FLAGS, type)].join('|');
});

/** 'SOCK_CLOEXEC|SOCK_NONBLOCK' for the flags argument of accept4(2); '0' for none. */
export const acceptFlagWords = eachOnce(WORDS_MAX, (flags) => flagWords(SOCKET_TYPE_FLAGS, flags).join('|') || '0');

/** 'EPOLLIN|EPOLLRDHUP|EPOLLET' for the events of struct epoll_event; '0' for none. */
export const epollEventWords = eachOnce(WORDS_MAX, (events) => flagWords(EPOLL_EVENT_FLAGS, events).join('|') || '0');

export function epollOpWord(op: number): string {
  return op === c.EPOLL_CTL_ADD ? 'EPOLL_CTL_ADD' : op === c.EPOLL_CTL_MOD ? 'EPOLL_CTL_MOD' : op === c.EPOLL_CTL_DEL ? 'EPOLL_CTL_DEL' : String(op);
}

/** The level of getsockopt(2) as strace spells it: SOL_TCP, not IPPROTO_TCP. */
export function levelWord(level: number): string {
  return level === c.SOL_SOCKET ? 'SOL_SOCKET' : level === c.IPPROTO_TCP ? 'SOL_TCP' : String(level);
}

export function optionWord(level: number, option: number): string {
  return SOCKET_OPTIONS[level]?.[option] ?? String(option);
}

export function shutdownWord(how: number): string {
  return how === c.SHUT_RD ? 'SHUT_RD' : how === c.SHUT_WR ? 'SHUT_WR' : how === c.SHUT_RDWR ? 'SHUT_RDWR' : String(how);
}
