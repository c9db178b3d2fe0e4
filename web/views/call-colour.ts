// Which colour a call or a state has: blue setting up, green open, amber the byte, grey closing, red failed; nothing else.
import type { CallName } from '#wire/vocabulary.ts';

export type Tone = 'setup' | 'open' | 'data' | 'close';

const CALL_TONES: Readonly<Record<CallName, Tone>> = {
  socket: 'setup',
  setsockopt: 'setup',
  bind: 'setup',
  listen: 'setup',
  connect: 'open',
  accept4: 'open',
  getsockname: 'close',
  getsockopt: 'close',
  read: 'data',
  write: 'data',
  shutdown: 'close',
  close: 'close',
  epoll_create1: 'close',
  epoll_ctl: 'close',
  epoll_wait: 'close',
};

export function callTone(call: string): Tone {
  return (CALL_TONES as Partial<Record<string, Tone>>)[call] ?? 'close';
}

export function stateTone(state: string): Tone {
  switch (state) {
    case 'LISTEN':
    case 'SYN-SENT':
    case 'SYN-RECEIVED':
      return 'setup';
    case 'ESTABLISHED':
      return 'open';
    default:
      return 'close';
  }
}
