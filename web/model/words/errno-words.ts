// What each errno that a socket call can give means here, and what to do next: English.
import type { Errno } from '#wire/errno.ts';

export interface ErrnoHelp {
  means: string;
  doNext: string;
}

/** By `call ERRNO` where the call makes a difference, else by the errno alone. */
export type ErrnoWords = Readonly<Record<string, ErrnoHelp>>;

/** Of errno(3), those that no call on a socket or an epoll instance gives. */
type NotOfSockets = 'ESRCH' | 'ECHILD' | 'EBUSY' | 'EXDEV' | 'ENODEV' | 'ENOTDIR' | 'EISDIR' | 'EFBIG' | 'ENOSYS' | 'EOVERFLOW';
/** Every other named errno has words: one that is new in the table is a type error here until it has. */
type SocketErrno = Exclude<Errno, NotOfSockets | `errno ${number}`>;
type OfCall =
  | 'bind EADDRINUSE'
  | 'bind EACCES'
  | 'bind EADDRNOTAVAIL'
  | 'bind EINVAL'
  | 'listen EADDRINUSE'
  | 'connect EADDRNOTAVAIL'
  | 'connect EACCES'
  | 'read EAGAIN'
  | 'write EAGAIN'
  | 'accept4 EAGAIN'
  | 'accept4 EMFILE';

/** A language: all of them. */
export type CompleteErrnoWords = Readonly<Record<SocketErrno | OfCall, ErrnoHelp>>;

export const errnoWordsEn: CompleteErrnoWords = {
  'bind EADDRINUSE': {
    means: 'Another socket already holds this port, so the kernel did not give it to this one.',
    doNext: 'Find who has it with `ss -ltnp`, end that program (or choose another --tcp-port), then press Start server.',
  },
  'bind EACCES': { means: 'Ports below 1024 belong to root.', doNext: 'Choose a port from 1024 up, or give the program CAP_NET_BIND_SERVICE.' },
  'bind EADDRNOTAVAIL': { means: 'This machine has no such address.', doNext: 'Choose one of its own (`ip address` shows them), 127.0.0.1 or 0.0.0.0.' },
  'listen EADDRINUSE': { means: 'Another socket already listens on this port.', doNext: 'Find it with `ss -ltnp`, end it, then press Start server.' },
  'connect EADDRNOTAVAIL': {
    means: 'No local port is left for this destination: each one is in use, or rests in TIME-WAIT.',
    doNext: 'Wait a minute for TIME-WAIT to end, or use fewer clients at once.',
  },
  'read EAGAIN': {
    means: 'Nothing is there to read right now. On a non-blocking socket that is an answer, not a failure.',
    doNext: 'Wait with epoll until the kernel says there is something.',
  },
  'accept4 EAGAIN': { means: 'The accept queue is empty.', doNext: 'Wait with epoll until somebody connects.' },
  ECONNREFUSED: {
    means: 'The other machine answered the SYN with RST: nobody listens on that port.',
    doNext: 'Start the server (here: the Start server button), or check address and port.',
  },
  ECONNRESET: {
    means: 'The peer sent RST: it ended the connection at once, without the orderly FIN. What was under way is lost.',
    doNext: 'Nothing to repair on this side: close the descriptor. A peer that closes with unread data, or with SO_LINGER 0, does this.',
  },
  EPIPE: {
    means: 'The peer has gone and said so: nobody can read what was written.',
    doNext: 'Close the descriptor. The write before this one was already lost, though it returned 1.',
  },
  ETIMEDOUT: {
    means: 'Nobody answered, however often the segment was sent again.',
    doNext: 'Check that the machine is up and no firewall swallows the packets.',
  },
  EHOSTUNREACH: { means: 'No route leads to that machine, or nobody there answers.', doNext: 'Check the address and the network.' },
  ENETUNREACH: { means: 'No route leads to that network.', doNext: 'Check the address and the routes (`ip route`).' },
  EINPROGRESS: {
    means: 'The SYN is on its way. A non-blocking connect() does not wait for the answer.',
    doNext: 'Wait until the socket can be written, then ask SO_ERROR how it ended.',
  },
  EALREADY: { means: 'An earlier connect() of this socket is still under way.', doNext: 'Wait for it.' },
  EISCONN: { means: 'The socket is already connected.', doNext: 'Use it, or make a new one.' },
  ENOTCONN: { means: 'The socket is not connected (any more).', doNext: 'Close it.' },
  EMFILE: {
    means: 'This process has as many descriptors open as it may.',
    doNext: 'Close some, or raise the limit (`ulimit -n`). The clients wait in the accept queue meanwhile.',
  },
  ENFILE: { means: 'The whole machine has as many files open as it may.', doNext: 'End something, or raise fs.file-max.' },
  ENOBUFS: { means: 'The kernel has no memory for another socket right now.', doNext: 'Try again shortly.' },
  ENOMEM: { means: 'The kernel has no memory for this right now.', doNext: 'Try again shortly.' },
  ECONNABORTED: { means: 'The client went away between its handshake and this accept.', doNext: 'Accept the next one.' },
  EPROTO: { means: 'A protocol error befell the connection that was to be accepted.', doNext: 'Accept the next one.' },
  EPERM: { means: 'A firewall rule forbids it.', doNext: 'Check the rules (`nft list ruleset`).' },
  EINTR: { means: 'A signal came before the call could finish.', doNext: 'Call again.' },
  EBADF: { means: 'That descriptor is not open.', doNext: 'A bug in the program: it was closed already.' },
  ENOTSOCK: { means: 'That descriptor is not a socket.', doNext: 'A bug in the program.' },
  EINVAL: { means: 'An argument makes no sense for this socket in its present state.', doNext: 'See the man page of the call.' },
  EAGAIN: { means: 'It cannot be done without waiting, and this socket does not wait.', doNext: 'Wait with epoll, then call again.' },
  EFAULT: { means: 'A pointer led nowhere.', doNext: 'A bug in the program.' },
  EAFNOSUPPORT: { means: 'The kernel does not speak this address family.', doNext: 'Use AF_INET.' },
  EOPNOTSUPP: { means: 'This kind of socket cannot do that.', doNext: 'See the man page of the call.' },
  'bind EINVAL': { means: 'The socket has an address already.', doNext: 'Bind it once, or make a new socket.' },
  'connect EACCES': { means: 'A firewall rule, or a broadcast address, forbids it.', doNext: 'Check the address and the rules (`nft list ruleset`).' },
  'write EAGAIN': {
    means: 'The send queue is full: the peer reads too slowly.',
    doNext: 'Wait with epoll until there is room (EPOLLOUT), then write the rest.',
  },
  'accept4 EMFILE': {
    means: 'This process has as many descriptors open as it may, so the connection stays in the accept queue.',
    doNext: 'Nobody is dropped: close some descriptors, or raise the limit (`ulimit -n`), and accept again.',
  },
  EACCES: { means: 'This process may not do that.', doNext: 'See the man page of the call for what it needs.' },
  EADDRINUSE: { means: 'The address is taken by another socket.', doNext: 'Find it with `ss -tnap`, or choose another port.' },
  EADDRNOTAVAIL: { means: 'There is no such address here, or no port of it is left.', doNext: 'Check the address; wait for TIME-WAIT to end.' },
  EPROTONOSUPPORT: { means: 'The kernel has no such protocol for this family and type.', doNext: 'Use protocol 0 with SOCK_STREAM: that is TCP.' },
  EPROTOTYPE: { means: 'The protocol does not fit the type of socket.', doNext: 'Use protocol 0.' },
  ENOPROTOOPT: { means: 'The protocol has no such option.', doNext: 'Check level and option: SO_… belongs to SOL_SOCKET, TCP_… to IPPROTO_TCP.' },
  EDOM: { means: 'The time given does not fit into the option.', doNext: 'Give a smaller one.' },
  EIO: { means: 'The kernel met an error of its own while it read or wrote.', doNext: 'See the kernel log (`dmesg`).' },
  ENETDOWN: { means: 'The network interface is down.', doNext: 'Check `ip link`; from accept() it belongs to that one connection: accept the next.' },
  ENETRESET: { means: 'The connection was dropped because its keepalive found the peer gone.', doNext: 'Close the descriptor.' },
  EHOSTDOWN: { means: 'The machine does not answer on the local network.', doNext: 'Check that it is up.' },
  ENONET: { means: 'This machine is on no network.', doNext: 'Check `ip address`.' },
  EDESTADDRREQ: { means: 'The socket has no peer to write to.', doNext: 'Connect it first.' },
  ESHUTDOWN: { means: 'This direction was shut down; nothing can be sent any more.', doNext: 'A bug in the program: it wrote after shutdown(SHUT_WR).' },
  EMSGSIZE: { means: 'The message is too long to go out in one piece. A TCP socket never says so.', doNext: 'Send less at once.' },
  EEXIST: { means: 'epoll watches this descriptor already.', doNext: 'Use EPOLL_CTL_MOD.' },
  ENOENT: { means: 'epoll does not watch this descriptor.', doNext: 'Add it with EPOLL_CTL_ADD first.' },
  ENOSPC: { means: 'This user may watch no more descriptors with epoll.', doNext: 'Raise fs.epoll.max_user_watches.' },
  ELOOP: { means: 'epoll instances would watch each other in a circle.', doNext: 'A bug in the program.' },
};

export type ErrnoKey = keyof CompleteErrnoWords;
