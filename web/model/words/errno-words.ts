// What each errno that a socket call can give means here, and what to do next: English.

export interface ErrnoHelp {
  means: string;
  doNext: string;
}

/** By `call ERRNO` where the call makes a difference, else by the errno alone. */
export type ErrnoWords = Readonly<Record<string, ErrnoHelp>>;

export const errnoWordsEn = {
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
} as const satisfies ErrnoWords;

export type ErrnoKey = keyof typeof errnoWordsEn;
