// A program as it is shown: its lines, each with the calls that happen in it, so that the line of a step can be marked.
import type { TraceEvent } from '#wire/event.ts';
import { isRoutine } from '../step.ts';

/** What a line can do: a call, the hold, or reading on to the end of file. */
export type Mark = 'socket' | 'setsockopt' | 'bind' | 'listen' | 'accept4' | 'connect' | 'read' | 'drain' | 'hold' | 'write' | 'shutdown' | 'close';

export interface CodeLine {
  text: string;
  marks: readonly Mark[];
}

/** What a program has of the real thing. */
export interface CodeSettings {
  port: number;
  backlog: number;
  holdMs: number;
  byte: number;
}

/** The classic pair in one language. */
export interface CodePair {
  server(settings: CodeSettings): readonly CodeLine[];
  client(settings: CodeSettings): readonly CodeLine[];
}

const MARK = /\s*@@([a-z0-9,]+)$/;

/** Reads a program in which `@@read,write` at a line's end names what happens there. */
export function codeLines(source: string): readonly CodeLine[] {
  return source
    .trim()
    .split('\n')
    .map((line) => {
      const marks = MARK.exec(line)?.[1]?.split(',') ?? [];
      return { text: line.replace(MARK, ''), marks: marks as Mark[] };
    });
}

/** The program without its marks, as it is copied and compiled. */
export function codeText(lines: readonly CodeLine[]): string {
  return `${lines.map((line) => line.text).join('\n')}\n`;
}

/** Which mark a step's event has; `firstRead` is the number of its side's first read that brought something. Null where no line of the programs does it. */
export function markOf(event: TraceEvent, firstRead: number | null): Mark | null {
  if (event.kind === 'hold') return 'hold';
  if (event.kind !== 'call' || isRoutine(event)) return null;
  switch (event.call) {
    case 'getsockopt':
      // How the connect ended: a blocking connect() returns just that.
      return event.args.option === 'SO_ERROR' ? 'connect' : null;
    case 'setsockopt':
      return event.args.option === 'SO_REUSEADDR' ? 'setsockopt' : null;
    case 'read':
      return event.seq === firstRead || firstRead === null ? 'read' : 'drain';
    case 'getsockname':
    case 'epoll_create1':
    case 'epoll_ctl':
    case 'epoll_wait':
      return null;
    default:
      return event.call;
  }
}

/** A byte as C, Go and TypeScript write it: 'A', or 0x07 where it cannot be seen. */
export function byteLiteral(byte: number): string {
  const plain = byte > 32 && byte < 127 && byte !== 39 && byte !== 92;
  return plain ? `'${String.fromCharCode(byte)}'` : `0x${byte.toString(16).padStart(2, '0')}`;
}
