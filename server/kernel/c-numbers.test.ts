// Every number we hand to the kernel, and every offset at which we read what it wrote, against the C compiler's own headers.
import { describe, expect, it } from 'vitest';
import * as constants from '../wire/constants.ts';
import { errnoName, errnoNumber, errnoWords } from '../wire/errno.ts';
import { TCP_STATES, tcpState, tcpStateNumber } from '../wire/tcp-state.ts';
import { EPOLL_DATA_OFFSET, EPOLL_EVENT_BYTES, EpollEvents } from './epoll-event.ts';
import * as own from './own-process.ts';
import { askC, numbersOfC, outputOfC } from './sample-c.ts';
import { SockaddrInBuffer } from './sockaddr.ts';

describe.skipIf(!askC)('against the C compiler (cc)', () => {
  it('constants of the man pages', () => {
    const { SOCKADDR_IN_BYTES, TCP_INFO_OFFSET, ...numbers } = constants;
    const headers = ['sys/socket.h', 'netinet/in.h', 'netinet/tcp.h', 'sys/epoll.h'];
    const unsigned = Object.fromEntries(
      Object.entries(numbersOfC(headers, Object.keys(numbers))).map(([name, value]) => [name, name === 'EPOLLET' ? value >>> 0 : value]),
    );
    expect(unsigned).toEqual(numbers);
    expect(numbersOfC(headers, ['sizeof(struct sockaddr_in)'])).toEqual({ 'sizeof(struct sockaddr_in)': SOCKADDR_IN_BYTES });
    for (const [field, offset] of Object.entries(TCP_INFO_OFFSET)) {
      // linux/tcp.h, the kernel's own: it and netinet/tcp.h cannot be included together.
      const expression = `offsetof(struct tcp_info, ${field})`;
      expect(numbersOfC(['linux/tcp.h'], [expression])).toEqual({ [expression]: offset });
    }
  });

  it('numbers of prctl, fcntl, signals and limits', () => {
    const { PR_SET_PDEATHSIG, SIGKILL, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, O_NONBLOCK, RLIMIT_NOFILE } = own;
    const numbers = {
      PR_SET_PDEATHSIG,
      SIGKILL,
      F_GETFL,
      F_SETFL,
      F_DUPFD_CLOEXEC,
      O_NONBLOCK,
      RLIMIT_NOFILE,
      'sizeof(struct rlimit)': 16,
      'offsetof(struct rlimit, rlim_cur)': 0,
    };
    expect(numbersOfC(['sys/prctl.h', 'signal.h', 'fcntl.h', 'sys/resource.h'], Object.keys(numbers))).toEqual(numbers);
  });

  it('struct epoll_event, packed or not', () => {
    expect(numbersOfC(['sys/epoll.h'], ['sizeof(struct epoll_event)', 'offsetof(struct epoll_event, data)'])).toEqual({
      'sizeof(struct epoll_event)': EPOLL_EVENT_BYTES,
      'offsetof(struct epoll_event, data)': EPOLL_DATA_OFFSET,
    });
    const events = new EpollEvents();
    events.set(1, constants.EPOLLIN | constants.EPOLLET, 77);
    const written = outputOfC(
      ['sys/epoll.h', 'string.h'],
      `struct epoll_event two[2]; memset(two, 0, sizeof two); two[1].events = EPOLLIN | EPOLLET; two[1].data.fd = 77;
       for (size_t i = 0; i < sizeof two; i++) printf("%02x", ((unsigned char *)two)[i]);`,
    );
    expect(Buffer.from(events.bytes.subarray(0, 2 * EPOLL_EVENT_BYTES)).toString('hex')).toBe(written);
    expect([events.events(1), events.fd(1)]).toEqual([(constants.EPOLLIN | constants.EPOLLET) >>> 0, 77]);
  });

  it('struct sockaddr_in, byte for byte', () => {
    const address = new SockaddrInBuffer();
    address.set(0x7f000002, 9736);
    const written = outputOfC(
      ['netinet/in.h', 'arpa/inet.h', 'string.h'],
      `struct sockaddr_in a; memset(&a, 0, sizeof a); a.sin_family = AF_INET; a.sin_port = htons(9736); a.sin_addr.s_addr = inet_addr("127.0.0.2");
       for (size_t i = 0; i < sizeof a; i++) printf("%02x", ((unsigned char *)&a)[i]);`,
    );
    expect(Buffer.from(address.bytes).toString('hex')).toBe(written);
    expect([address.family, address.ip, address.port]).toEqual([constants.AF_INET, 0x7f000002, 9736]);
    expect(numbersOfC(['sys/socket.h'], ['sizeof(socklen_t)'])).toEqual({ 'sizeof(socklen_t)': address.length.length });
  });

  it('errno names, numbers and words', () => {
    const names = Array.from({ length: 200 }, (_, number) => errnoName(number)).filter((name) => !name.startsWith('errno '));
    expect(names.length).toBeGreaterThan(50);
    expect(numbersOfC(['errno.h'], names)).toEqual(Object.fromEntries(names.map((name) => [name, errnoNumber(name)])));
    const words = outputOfC(['errno.h', 'string.h'], names.map((name) => `puts(strerror(${name}));`).join('\n'))
      .trim()
      .split('\n');
    expect(names.map(errnoWords)).toEqual(words);
  });

  it("TCP states by the kernel's numbers", () => {
    const kernelName: Record<string, string> = {
      'SYN-SENT': 'TCP_SYN_SENT',
      'SYN-RECEIVED': 'TCP_SYN_RECV',
      'FIN-WAIT-1': 'TCP_FIN_WAIT1',
      'FIN-WAIT-2': 'TCP_FIN_WAIT2',
      'TIME-WAIT': 'TCP_TIME_WAIT',
      CLOSED: 'TCP_CLOSE',
      'CLOSE-WAIT': 'TCP_CLOSE_WAIT',
      'LAST-ACK': 'TCP_LAST_ACK',
    };
    const states = [...new Set(TCP_STATES)];
    const numbers = Object.fromEntries(states.map((state) => [kernelName[state] ?? `TCP_${state}`, tcpStateNumber(state)]));
    expect(numbersOfC(['netinet/tcp.h'], Object.keys(numbers))).toEqual(numbers);
    for (const state of states) expect(tcpState(tcpStateNumber(state))).toBe(state);
    // TCP_NEW_SYN_RECV stands in the kernel's own header only.
    expect([tcpState(12), tcpState(0), tcpState(99), tcpState(-1)]).toEqual(['SYN-RECEIVED', null, null, null]);
  });
});

it('an errno that no table has keeps its number', () => {
  expect(errnoName(999)).toBe('errno 999');
  expect(errnoNumber('errno 999')).toBe(999);
  expect(errnoWords('errno 999')).toBe('Unknown error 999');
});
