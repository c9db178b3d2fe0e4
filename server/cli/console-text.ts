// Lines for a terminal: events as strace would print them, and never a raw byte from a peer.
import type { TraceEvent } from '../wire/event.ts';
import { straceLine } from '../wire/strace.ts';

/** One event as a line: a call as strace prints it; anything else between dashes, as strace prints a signal. */
export function eventLine(event: TraceEvent): string {
  switch (event.kind) {
    case 'call':
      return straceLine(event);
    case 'hold':
      return `--- fd ${event.fd}: the byte is held for ${event.holdMs} ms ---`;
    case 'setting':
      return `--- ${event.name} is ${event.value} ---`;
    case 'accept-queue':
      return `--- accept queue ${event.length}/${event.limit} ---`;
    case 'accept-paused':
      return `--- accepting pauses for ${event.pauseMs} ms: ${event.errno ?? event.reason} ---`;
    case 'accept-resumed':
      return '--- accepting resumes ---';
    case 'cut':
      return `--- fd ${event.fd}: ended by us: ${event.reason} ---`;
    case 'client-ended':
      return `--- client ${event.clientId ?? ''}: ${event.outcome} ---`;
    case 'tcp-state':
      return `--- ${event.local} ${event.remote}: ${event.from ?? '?'} -> ${event.to} (${event.evidence}) ---`;
    case 'foreign-call':
      return `[${event.process ?? '?'} ${event.pid ?? '?'}] ${event.call}(${event.call === 'socket' || event.fd < 0 ? '…' : event.fd}) = ${event.errno === undefined ? event.returned : `-1 ${event.errno}`}`;
    case 'socket-owner':
      return `--- ${event.local} ${event.remote}: of process ${event.process ?? '?'} ${event.pid ?? '?'} (${event.evidence}) ---`;
    case 'reset':
      return `--- ${event.local} ${event.remote}: RST ${event.direction}${event.reason === null ? '' : `: ${event.reason}`} ---`;
    case 'retransmit':
      return `--- ${event.local} ${event.remote}: ${event.segment} sent again ---`;
    case 'segment-drop':
      return `--- ${event.local} ${event.remote}: segment dropped: ${event.reason} ---`;
    case 'listener-drops':
      return `--- the listener dropped ${event.drops} SYN (${event.totalDrops} in all) ---`;
    case 'sampling':
      return `--- ${event.skipped} of ${event.connections} connections left out of the trace (${event.evidence}) ---`;
    case 'process':
      return `--- process ${event.process} ${event.pid}: ${event.change} ---`;
    case 'dropped':
      return `--- ${event.count} events were dropped: the reader was too slow ---`;
  }
}

/** A byte as strace would show it in a string, without the quotes: `B`, `\n`, `\33`. */
export function byteText(byte: number): string {
  const names: Record<number, string> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };
  return names[byte] ?? (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8)}`);
}

/** What an end that could not wait for all leaves to say. */
export function lostLine(lost: number): string {
  return `stopped: ${lost} connection${lost === 1 ? ' was' : 's were'} lost`;
}
