// What the events tell that a process told of between its last heartbeat and its sudden end: totals know nothing of those any more.
import type { EventKind } from '../wire/event.ts';
import { A0, RETURNED, TAG } from '../wire/record-layout.ts';
import { outcomeNumber, recordTag } from '../wire/record.ts';
import type { CallName, OurProcess } from '../wire/vocabulary.ts';
import type { Excerpt } from './excerpt.ts';

export interface LastWords {
  /** accept4 calls that gave a connection. */
  accepted: number;
  /** write calls that wrote the one byte of a reply. */
  replied: number;
  /** socket calls, failed ones too: each is the beginning of a client. */
  clientsStarted: number;
  clientsReplied: number;
  clientsEnded: number;
  clientsFailed: number;
}

const processBits = (process: OurProcess): number => recordTag('call', 'socket', process) & 0xff0000;
const callTag = (call: CallName): number => recordTag('call', call, 'bridge') & 0xffff;
const kindOf = (kind: EventKind): number => recordTag(kind, null, 'bridge') & 0xff;

const ACCEPT4 = callTag('accept4');
const WRITE = callTag('write');
const SOCKET = callTag('socket');
const CLIENT_ENDED = kindOf('client-ended');
const REPLIED = outcomeNumber('replied');
const ENDED = outcomeNumber('ended');

/** Counts what `events` tell of `process`. */
export function lastWords(events: Excerpt, process: OurProcess): LastWords {
  const words: LastWords = { accepted: 0, replied: 0, clientsStarted: 0, clientsReplied: 0, clientsEnded: 0, clientsFailed: 0 };
  for (let index = 0; index < events.count; index += 1) {
    const tag = events.word(index, TAG);
    if ((tag & 0xff0000) !== processBits(process)) continue;
    const call = tag & 0xffff;
    const returned = events.word(index, RETURNED);
    if (call === ACCEPT4 && returned >= 0) words.accepted += 1;
    else if (call === WRITE && returned === 1) words.replied += 1;
    else if (call === SOCKET) words.clientsStarted += 1;
    else if ((tag & 0xff) === CLIENT_ENDED) {
      const outcome = events.word(index, A0);
      if (outcome === REPLIED) words.clientsReplied += 1;
      else if (outcome === ENDED) words.clientsEnded += 1;
      else words.clientsFailed += 1;
    }
  }
  return words;
}
