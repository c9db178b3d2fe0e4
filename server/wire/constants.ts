// The numbers Linux gives to the names of the man pages, for x86-64 and arm64 alike; checked against the C compiler in a test.

export const AF_INET = 2;

export const SOCK_STREAM = 1;
export const SOCK_NONBLOCK = 0o4000;
export const SOCK_CLOEXEC = 0o2000000;

export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_ERROR = 4;
export const SO_LINGER = 13;

export const IPPROTO_TCP = 6;
export const TCP_INFO = 11;

export const IPPROTO_IP = 0;

export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

export const EPOLL_CLOEXEC = 0o2000000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x001;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
export const EPOLLRDHUP = 0x2000;
export const EPOLLONESHOT = 0x40000000;
export const EPOLLET = 0x80000000;

/** sizeof(struct sockaddr_in), ip(7). */
export const SOCKADDR_IN_BYTES = 16;

/** Where the fields that we read stand in struct tcp_info, linux/tcp.h: the same on every 64-bit Linux. */
export const TCP_INFO_OFFSET = {
  tcpi_state: 0,
  tcpi_retransmits: 2,
  tcpi_probes: 3,
  tcpi_backoff: 4,
  tcpi_rto: 8,
  tcpi_unacked: 24,
  tcpi_sacked: 28,
} as const;
