// A call as strace prints it: the same words, in the same order, so that strace itself can be the referee.
import { IPPROTO_IP, IPPROTO_TCP } from './constants.ts';
import { errnoName, errnoWords, type Errno } from './errno.ts';
import type { CallEvent, SockaddrIn, TcpInfo } from './event.ts';
import { DATA_MAX_BYTES } from './limits.ts';

/** `bind(3, {sa_family=AF_INET, sin_port=htons(9736), sin_addr=inet_addr("0.0.0.0")}, 16) = 0` */
export function straceLine(event: CallEvent): string {
  return `${event.call}(${straceArguments(event)}) = ${straceResult(event)}`;
}

/** What stands behind the equals sign: `7`, or `-1 EADDRINUSE (Address already in use)`. */
export function straceResult(event: CallEvent): string {
  return event.errno === undefined ? String(event.returned) : `-1 ${event.errno} (${errnoWords(event.errno as Errno)})`;
}

function straceArguments(event: CallEvent): string {
  const fd = event.fd;
  switch (event.call) {
    case 'socket':
      return `${event.args.domain}, ${event.args.type}, ${protocolWord(event.args.protocol)}`;
    case 'setsockopt':
      return event.args.option === 'SO_LINGER'
        ? `${fd}, ${event.args.level}, SO_LINGER, {l_onoff=1, l_linger=${event.args.value}}, 8`
        : `${fd}, ${event.args.level}, ${event.args.option}, [${event.args.value}], 4`;
    case 'bind':
    case 'connect':
      return `${fd}, ${sockaddrText(event.args.address)}, ${event.args.addressLength}`;
    case 'listen':
      return `${fd}, ${event.args.backlog}`;
    case 'accept4':
      return `${fd}, ${event.args.address === null ? event.args.pointer : sockaddrText(event.args.address)}, [${event.args.addressLength}], ${event.args.flags}`;
    case 'getsockname':
      return `${fd}, ${event.args.address === null ? event.args.pointer : sockaddrText(event.args.address)}, [${event.args.addressLength}]`;
    case 'getsockopt':
      return `${fd}, ${event.args.level}, ${event.args.option}, ${optionText(event.args.option, event.args.value, event.args.pointer)}, [${event.args.length}]`;
    case 'read':
      return `${fd}, ${event.returned < 0 ? event.args.pointer : straceString(event.args.data, event.returned)}, ${event.args.count}`;
    case 'write':
      return `${fd}, ${straceString(event.args.data, event.args.count)}, ${event.args.count}`;
    case 'shutdown':
      return `${fd}, ${event.args.how}`;
    case 'close':
      return String(fd);
    case 'epoll_create1':
      return event.args.flags;
    case 'epoll_ctl':
      return `${fd}, ${event.args.op}, ${event.args.fd}, ${event.args.op === 'EPOLL_CTL_DEL' ? 'NULL' : epollEventText(event.args.fd, event.args.events)}`;
    case 'epoll_wait': {
      if (event.returned < 0) return `${fd}, ${event.args.pointer ?? 'NULL'}, ${event.args.maxEvents}, ${event.args.timeoutMs}`;
      const ready = event.args.ready.map((one) => epollEventText(one.fd, one.events));
      if (event.returned > ready.length) ready.push('...');
      return `${fd}, [${ready.join(', ')}], ${event.args.maxEvents}, ${event.args.timeoutMs}`;
    }
  }
}

function protocolWord(protocol: number): string {
  return protocol === IPPROTO_IP ? 'IPPROTO_IP' : protocol === IPPROTO_TCP ? 'IPPROTO_TCP' : String(protocol);
}

function sockaddrText(address: SockaddrIn): string {
  return `{sa_family=AF_INET, sin_port=htons(${address.port}), sin_addr=inet_addr("${address.ip}")}`;
}

function epollEventText(fd: number, events: string): string {
  return `{events=${events}, data={u32=${fd}, u64=${fd}}}`;
}

function optionText(option: string, value: number | TcpInfo | null, pointer: string | undefined): string {
  if (value === null) return pointer ?? 'NULL';
  if (typeof value !== 'number') return `{tcpi_state=${value.state}, tcpi_unacked=${value.unacked}, tcpi_sacked=${value.sacked}, ...}`;
  return option === 'SO_ERROR' && value !== 0 ? `[${errnoName(value)}]` : `[${value}]`;
}

const ESCAPES: Record<number, string> = { 9: '\\t', 10: '\\n', 11: '\\v', 12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\' };

/** Bytes between quotes as strace shows them: printable ASCII as itself, the rest octal or `\n`; `...` where it shows only the first 32. */
export function straceString(dataHex: string, length: number): string {
  let text = '';
  const count = dataHex.length / 2;
  for (let i = 0; i < count; i += 1) {
    const byte = parseInt(dataHex.slice(2 * i, 2 * i + 2), 16);
    const next = i + 1 < count ? parseInt(dataHex.slice(2 * i + 2, 2 * i + 4), 16) : -1;
    // An octal digit behind it would be read as part of it.
    const octalFollows = next >= 48 && next <= 55;
    text +=
      ESCAPES[byte] ?? (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${octalFollows ? byte.toString(8).padStart(3, '0') : byte.toString(8)}`);
  }
  return `"${text}"${length > DATA_MAX_BYTES ? '...' : ''}`;
}
