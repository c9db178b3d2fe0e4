// The glossary in English.
import type { GlossaryWords } from './glossary-words.ts';

export const glossaryWordsEn: GlossaryWords = {
  glossary: {
    explain: (term) => `What is: ${term}`,
    terms: {
      socket: {
        title: 'socket',
        means: 'One end of a conversation, kept by the kernel: an address, a state, and two queues of bytes. A program holds it by a descriptor.',
        written: ['listening socket', 'socket', 'sockets'],
      },
      descriptor: {
        title: 'descriptor',
        means: 'A small number that stands for something the process has opened. The kernel hands out the lowest free one; after close() it may be used again.',
        written: ['descriptor', 'descriptors'],
      },
      backlog: {
        title: 'backlog',
        means:
          'The second argument of listen(): how long the accept queue may be. Linux lets one more in, and never more than net.core.somaxconn. It is not a limit of connections that are being served.',
        written: ['backlog'],
      },
      acceptQueue: {
        title: 'accept queue',
        means:
          'Connections whose handshake the kernel has completed and that the program has not taken with accept() yet. When it is full, Linux throws new SYNs away; nobody is refused, and the senders try again.',
        written: ['accept queue', 'the queue'],
      },
      handshake: {
        title: 'handshake',
        means: 'SYN, SYN ACK, ACK: three segments by which two kernels agree to talk. Neither program takes part; accept() only fetches the result.',
        written: ['handshake', 'handshakes'],
      },
      segment: {
        title: 'segment',
        means: 'What TCP sends in one piece: a header with flags and numbers, and perhaps bytes. On the wire it travels in an IP packet.',
        written: ['segment', 'segments'],
      },
      syn: {
        title: 'SYN',
        means: 'The flag of the first segment of a connection: “let us agree on where to begin counting”.',
        written: ['SYN ACK', 'SYNs', 'SYN'],
      },
      fin: {
        title: 'FIN',
        means: 'The flag that ends one direction in good order: all bytes before it arrive, then read() returns 0. The other direction goes on.',
        written: ['FIN'],
      },
      rst: {
        title: 'RST',
        means:
          'Reset: the connection is over at once, in both directions, and bytes under way are lost. It answers a SYN where nobody listens, and a close() with unread data.',
        written: ['RST'],
      },
      halfClose: {
        title: 'half-close',
        means: 'shutdown(SHUT_WR): “I have finished writing, I am still reading”. FIN goes out, and the descriptor stays open.',
        written: ['half-close', 'Half-close', 'done writing', 'finished writing'],
      },
      timeWait: {
        title: 'TIME-WAIT',
        means:
          'Whoever closes first keeps the pair of addresses for a minute on Linux, so that late segments are not taken for those of a new connection. It holds no descriptor; SO_REUSEADDR lets a server bind over it.',
        written: ['TIME-WAIT'],
      },
      nonBlocking: {
        title: 'non-blocking',
        means: 'A socket with O_NONBLOCK never puts the process to sleep: what cannot be done now returns -1 with EAGAIN, or EINPROGRESS for connect().',
        written: ['non-blocking'],
      },
      eagain: {
        title: 'EAGAIN',
        means: 'Not now: there is nothing to read, nobody to accept, or no room to write. Not a failure; wait with epoll, then call again.',
        written: ['EAGAIN'],
      },
      epoll: {
        title: 'epoll',
        means: "Linux's way to sleep until any of many descriptors has news: epoll_ctl() says which, epoll_wait() sleeps and tells.",
        written: ['epoll'],
      },
      endOfFile: {
        title: 'end of file',
        means: 'read() returned 0: the peer has sent its FIN, and everything before it has been read.',
        written: ['end of file'],
      },
      hold: {
        title: 'hold',
        means: 'How long this server keeps a byte before it answers. It belongs to the exercise, not to TCP: it gives you time to look.',
        written: ['The hold', 'the hold', 'hold'],
      },
      sendQueue: {
        title: 'send queue',
        means: 'Bytes that write() has handed to the kernel and that the peer has not acknowledged. write() returns as soon as they are here.',
        written: ['send queue'],
      },
      receiveQueue: { title: 'receive queue', means: 'Bytes that have arrived and that the program has not read yet.', written: ['receive queue'] },
      port: {
        title: 'port',
        means:
          'A number from 1 to 65535 that tells the conversations of one address apart. A server binds a known one; connect() gets a free one from the kernel.',
        written: ['local port', 'port'],
      },
    },
  },
};
