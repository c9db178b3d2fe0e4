// The sentence for each thing that can happen in a conversation: English. A second language is a second object of this type.
import type { Outcome } from '../connection.ts';
import type { Thinned } from '../left-out.ts';
import type { ErrnoHelp } from './errno-words.ts';

/** A byte as a person reads it: 'A' 0x41. */
type ByteText = string;

export interface StepWords {
  socket(fd: number): string;
  reuseAddress: string;
  lingerZero: string;
  setOption(option: string): string;
  bind(address: string): string;
  listen(backlog: number): string;
  accept(fd: number, peer: string): string;
  connectStarted(target: string): string;
  connected(target: string): string;
  getsockname(local: string): string;
  connectDone: string;
  connectFailed: string;
  tcpInfo(state: string): string;
  tcpInfoListener(length: number, limit: number): string;
  getsockopt(option: string): string;
  readByteServer(byte: ByteText, holdSeconds: string | null): string;
  readReply(byte: ByteText): string;
  drained(count: number): string;
  endOfFile(peerIsClient: boolean): string;
  readNothing: string;
  writeByte(byte: ByteText): string;
  writeReply(byte: ByteText): string;
  shutdownWrite: string;
  shutdownOther(how: string): string;
  closeServer: string;
  closeClient: string;
  closeFirst: string;
  closeAfterShutdown: string;
  closeGone: string;
  closeReset: string;
  closeListener: string;
  epollCreate: string;
  epollAdd(events: string): string;
  epollChange(events: string): string;
  epollRemove: string;
  epollWait(count: number): string;
  failed(call: string, help: ErrnoHelp | null, errno: string): string;
  hold(seconds: string): string;
  cut: Readonly<Record<string, string>>;
  clientEnded: Readonly<Record<string, string>>;
  tcpState(to: string, from: string | null): string;
  /** Of a look at the socket: nobody saw the change itself. */
  tcpStateLook(to: string, from: string | null): string;
  tcpStates: Readonly<Record<string, string>>;
  socketOwner(name: string): string;
  foreignCall(name: string, call: string): string;
  resetSent(reason: string | null): string;
  resetReceived(reason: string | null): string;
  retransmit(segment: string): string;
  segmentDrop(reason: string): string;
  listenerDrops(drops: number): string;
  sampling: Readonly<Record<Thinned, (skipped: number, of: number) => string>>;
  acceptQueue(length: number, limit: number): string;
  acceptPaused(reason: string, pauseMs: number): string;
  acceptResumed: string;
  setting(name: string, value: number): string;
  process: Readonly<Record<string, (name: string, how: string) => string>>;
  dropped(count: number): string;
  segments: Readonly<Record<'SYN' | 'SYN unanswered' | 'SYN ACK' | 'ACK' | 'FIN' | 'RST' | 'byte' | 'reply', string>>;
  seenBy: Readonly<Record<string, (pid: number | null) => string>>;
  verdict: VerdictWords;
}

/** The clauses of a verdict; durations come as text. */
export interface VerdictWords {
  outcomes: Readonly<Record<Outcome, (after: string) => string>>;
  living: Readonly<Record<string, string>>;
  synAgain(count: number, connectedAfter: string | null): string;
  queued(duration: string): string;
  held(asked: string, late: string): string;
  closed: Readonly<Record<'FIN' | 'RST', Readonly<Record<'client' | 'server', string>>>>;
  timeWait(side: 'client' | 'server', seenBy: string | null): string;
  /** Where it was just said who closed first. */
  timeWaitThere: string;
  disagree: Readonly<Record<'half-open' | 'unseen' | 'gone', string>>;
}

export const stepWordsEn: StepWords = {
  socket: (fd) => `The kernel makes a socket and hands out descriptor ${fd} for it. It has no address and no peer yet.`,
  reuseAddress: 'Lets a restarted server bind its port again while old connections still rest in TIME-WAIT.',
  lingerZero: 'Tells the kernel to answer the coming close() with RST instead of FIN.',
  setOption: (option) => `Sets the option ${option} of the socket.`,
  bind: (address) => `The socket gets its own address, ${address}. Nobody can connect yet.`,
  listen: (backlog) =>
    `From now on the kernel completes handshakes by itself and queues them: up to ${backlog + 1} wait here for accept() (backlog ${backlog}, plus one).`,
  accept: (fd, peer) =>
    `Takes the oldest finished connection out of the queue, as descriptor ${fd}; its peer is ${peer}. The handshake was over before: accept() changes no TCP state.`,
  connectStarted: (target) => `The kernel chooses a local port and sends SYN to ${target}. The call returns at once; the handshake goes on without it.`,
  connected: (target) => `The handshake with ${target} is complete.`,
  getsockname: (local) => `Asks for this socket's own end: ${local}.`,
  connectDone: 'Asks how the connect ended: 0, the handshake is complete. Whether anybody has accepted it is another matter.',
  connectFailed: 'Asks how the connect ended: it failed.',
  tcpInfo: (state) => `Asks the kernel for the TCP state of this socket: ${state}.`,
  tcpInfoListener: (length, limit) => `Asks the listening socket for its accept queue: ${length} waiting, limit ${limit} (one more is admitted).`,
  getsockopt: (option) => `Reads the option ${option} of the socket.`,
  readByteServer: (byte, hold) => `The server takes the byte ${byte} out of its receive queue${hold === null ? '.' : `; the ${hold} begin.`}`,
  readReply: (byte) => `The reply ${byte} has arrived and is taken out of the receive queue.`,
  drained: (count) =>
    `Takes ${count} more ${count === 1 ? 'byte' : 'bytes'} and forgets them: closing with unread data would send RST and could lose the reply.`,
  endOfFile: (peerIsClient) => `0 is end of file: the ${peerIsClient ? 'client' : 'server'} has sent its FIN and will send nothing more.`,
  readNothing: 'Nothing more is there to read: the receive queue is empty, so the reply can go.',
  writeByte: (byte) => `The kernel takes the byte ${byte} into its send queue. That it returned 1 does not mean that it arrived.`,
  writeReply: (byte) => `The server hands the reply ${byte} to the kernel. That it returned 1 does not mean that it arrived.`,
  shutdownWrite: 'Says "I have finished writing": FIN goes out, reading stays possible. What the peer still sends can be read to its end.',
  shutdownOther: (how) => `Closes one direction of the connection (${how}).`,
  closeServer: 'Gives the descriptor back. The server closed first, so the TIME-WAIT is on its side.',
  closeClient: 'Gives the descriptor back; the kernel sends the last FIN.',
  closeFirst: 'Gives the descriptor back; the kernel sends FIN.',
  closeAfterShutdown: 'Gives the descriptor back; shutdown() has sent the FIN before.',
  closeGone: 'Gives the descriptor back. There is no connection to end, so nothing is sent.',
  closeReset: 'Gives the descriptor back; the kernel sends RST, and the connection is gone at once.',
  closeListener: 'The listening socket is gone: whoever connects from now on is refused.',
  epollCreate: 'Makes the epoll instance with which the process waits for all its sockets at once.',
  epollAdd: (events) => `Asks epoll to tell when this descriptor has news (${events}).`,
  epollChange: (events) => `Changes what epoll tells of this descriptor (${events}).`,
  epollRemove: 'epoll tells no more of this descriptor.',
  epollWait: (count) => `Sleeps until there is news: ${count} ${count === 1 ? 'descriptor has' : 'descriptors have'} some.`,
  failed: (call, help, errno) => (help === null ? `${call}() failed with ${errno}: see its man page.` : help.means),
  hold: (seconds) => `The byte is held for ${seconds} before the reply, counted from when it was read.`,
  cut: {
    'first-byte-timeout': 'The client connected and never sent its byte: the server has waited long enough.',
    evicted: 'The server was full, and this connection had been silent the longest: it made room.',
    'linger-timeout': 'The reply was sent, but the client did not close its side in time: the server no longer waits.',
    'linger-bytes': 'The client kept talking after its reply: the server has read enough.',
    'drain-timeout': 'The server was stopping, and its time was up.',
    asked: 'The client was told to end here.',
    timeout: 'The client waited long enough and gave up.',
  },
  clientEnded: {
    replied: 'The client has its reply.',
    refused: 'The client was refused: nobody listens there.',
    reset: 'The connection was reset before the reply came.',
    'timed-out': 'The client gave up waiting.',
    'closed-without-reply': 'The server closed the connection without a reply.',
    'no-local-port': 'The client found no free local port.',
    'no-descriptor': 'The client process has no descriptor left.',
    ended: 'The client ended early, as it was told.',
    failed: 'The client failed.',
  },
  tcpState: (to, from) => (from === null ? `Seen in state ${to}.` : `From ${from} to ${to}.`),
  tcpStateLook: (to, from) => (from === null ? `Seen in state ${to}.` : `Seen in state ${to}; at the look before it was ${from}.`),
  tcpStates: {
    LISTEN: 'Waiting for connections.',
    'SYN-SENT': 'SYN is out; the answer has not come.',
    'SYN-RECEIVED': 'SYN came, SYN ACK is out; the last ACK of the handshake has not come.',
    ESTABLISHED: 'The handshake is complete: bytes can flow both ways.',
    'FIN-WAIT-1': 'This side has sent FIN; its ACK has not come.',
    'FIN-WAIT-2': 'This side is done writing, and the peer knows; the peer has not closed yet.',
    'CLOSE-WAIT': 'The peer has closed its direction; this side has not.',
    CLOSING: 'Both sides sent FIN at the same time.',
    'LAST-ACK': 'Both directions are closed; the last ACK has not come.',
    'TIME-WAIT': 'Closed first, so this side keeps the address a minute for stragglers.',
    CLOSED: 'The socket has no connection (any more). One that closed first has handed it over to a TIME-WAIT record of the kernel.',
  },
  socketOwner: (name) => `This socket belongs to ${name}.`,
  foreignCall: (name, call) => `${name} called ${call}(), as the kernel saw it; what its buffers held is not seen.`,
  resetSent: (reason) => `The kernel sent RST${reason === null ? '.' : `: ${reason}.`}`,
  resetReceived: (reason) => `RST arrived${reason === null ? '.' : `: ${reason}.`}`,
  retransmit: (segment) => `${segment} was sent again: nobody had acknowledged it.`,
  segmentDrop: (reason) => `The kernel threw a segment away: ${reason}.`,
  listenerDrops: (drops) =>
    `The accept queue was full: the listener threw ${drops} segment${drops === 1 ? '' : 's'} away. Their senders try again by themselves.`,
  sampling: {
    samples: (skipped, of) => `Too many connections at once to ask each for its TCP states: ${skipped} of ${of} new ones were left out.`,
    sockets: (skipped, of) => `Too many sockets at once to tell of each: of ${of} that have gone from the kernel's table, ${skipped} went untold.`,
    part: (skipped, of) =>
      skipped === 0
        ? "The kernel's tracepoints follow every connection again."
        : `Too many connections at once: from here on the kernel's tracepoints follow one in ${of}.`,
  },
  acceptQueue: (length, limit) => `The accept queue holds ${length} (limit ${limit}, one more is admitted).`,
  acceptPaused: (reason, pauseMs) => `The server accepts nobody for ${pauseMs} ms (${reason}). Whoever connects waits in the queue; nobody there is dropped.`,
  acceptResumed: 'The server accepts again.',
  setting: (name, value) => (name === 'holdMs' ? `The hold is ${value} ms from now on.` : `The backlog is ${value} from now on.`),
  process: {
    started: (name) => `The ${name} process was started.`,
    ready: (name) => `The ${name} process is ready.`,
    exited: (name, how) => `The ${name} process ended${how}. The kernel closed all its sockets.`,
    unresponsive: (name) => `The loop of the ${name} process does not turn: it is stopped or hung. Its listening socket still completes handshakes.`,
    responsive: (name) => `The loop of the ${name} process turns again.`,
    'gave-up': (name) => `The ${name} process ended too often and is not started again by itself.`,
  },
  dropped: (count) => `${count} ${count === 1 ? 'event was' : 'events were'} not recorded: the reader was too slow, and the engine does not wait.`,
  segments: {
    SYN: 'The client asks to connect. Nobody captured this segment: it follows from the calls.',
    'SYN unanswered':
      'The client asks to connect, and no answer comes: there was no room in the accept queue. Its kernel asks again, the first time after a second. Inferred from how long the connect took.',
    'SYN ACK': "The server's kernel answers by itself; the server process is not involved. Nobody captured this segment.",
    ACK: 'The handshake is complete. Nobody captured this segment.',
    FIN: '"I have nothing more to send." Nobody captured this segment.',
    RST: 'The connection is ended at once. Nobody captured this segment.',
    byte: 'The byte crosses to the server. Written here and read there were both seen; the way between was not.',
    reply: 'The reply crosses to the client. Written there and read here were both seen; the way between was not.',
  },
  seenBy: {
    returned: (pid) => (pid === null ? 'returned to our process' : `returned to pid ${pid}`),
    tcp_info: (pid) => (pid === null ? 'TCP_INFO' : `TCP_INFO, asked by pid ${pid}`),
    procfs: () => 'read in /proc/net/tcp',
    sock_diag: () => "read in the kernel's socket table",
    tracefs: () => 'a kernel tracepoint fired',
    packet: () => 'captured on the wire',
    inferred: () => 'inferred: nobody saw it',
  },
  verdict: {
    outcomes: {
      replied: (after) => `replied after ${after}`,
      refused: (after) => `refused after ${after}: nobody listened`,
      reset: (after) => `reset after ${after}`,
      'timed-out': (after) => `gave up after ${after}`,
      'closed-without-byte': (after) => `closed after ${after} without a byte`,
      'closed-without-reply': (after) => `closed after ${after} without a reply`,
      'no-local-port': () => 'never began: no local port was left',
      'no-descriptor': () => 'never began: no descriptor was left',
      ended: (after) => `ended early, after ${after}`,
      lost: (after) => `lost after ${after}: a process died with it`,
      failed: (after) => `failed after ${after}`,
    },
    living: {
      connecting: 'connecting',
      queued: 'connected, not accepted yet',
      reading: 'accepted; its byte has not come',
      held: 'its byte is held',
      replying: 'replied; not closed yet',
      closing: 'closing',
    },
    synAgain: (count, connected) =>
      `its SYN went out again ${count === 1 ? 'once' : `${count} times`}${connected === null ? '' : `, and it was connected after ${connected}`}`,
    queued: (duration) => `waited ${duration} for accept()`,
    held: (asked, late) => `held ${asked}, ${late} late`,
    closed: {
      FIN: { client: 'closed in order by the client', server: 'closed in order by the server' },
      RST: { client: 'reset by the client', server: 'reset by the server' },
    },
    timeWait: (side, seenBy) =>
      `TIME-WAIT on ${side === 'server' ? "the server's" : "the client's"} side${seenBy === null ? ', as follows from who closed first' : ''}`,
    timeWaitThere: 'TIME-WAIT on its side',
    disagree: {
      'half-open':
        "the two ends do not agree: the client is ESTABLISHED, the server's end still SYN-RECEIVED. Its last ACK found the queue full; the server will ask again",
      unseen: "the client is ESTABLISHED; of the server's end nobody has seen anything yet",
      gone: "the two ends do not agree: the client is ESTABLISHED, the server's end is closed. The client learns of it when it next sends",
    },
  },
};
