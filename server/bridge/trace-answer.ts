// The answer of /api/trace: events after a given one, as lines of JSON or as strace would print them.
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TraceEvent } from '../wire/event.ts';
import { TRACE_PAGE_DEFAULT, TRACE_PAGE_MAX } from '../wire/limits.ts';
import { straceLine } from '../wire/strace.ts';
import type { Excerpt } from './excerpt.ts';
import type { Journal } from './journal.ts';
import { fieldProblem, type FieldProblem } from './schema-words.ts';

export const TraceQuery = Type.Object(
  {
    /** Only events with a greater number. */
    since: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: TRACE_PAGE_MAX })),
    format: Type.Optional(Type.Enum(['ndjson', 'strace'])),
  },
  { additionalProperties: false },
);
export type TraceQuery = Static<typeof TraceQuery>;

const traceQuery = Compile(TraceQuery);

/** Reads a query string's values: digits are numbers, everything else stays text and is judged by the schema. */
export function readTraceQuery(query: unknown): { ok: true; query: TraceQuery } | { ok: false; problem: FieldProblem } {
  const values = Object.fromEntries(
    Object.entries(query as Record<string, unknown>).map(([name, value]) => [
      name,
      typeof value === 'string' && /^\d{1,17}$/.test(value) ? Number(value) : value,
    ]),
  );
  return traceQuery.Check(values) ? { ok: true, query: values } : { ok: false, problem: fieldProblem(TraceQuery, values, traceQuery.Errors(values)) };
}

export interface TraceAnswer {
  headers: Record<string, string>;
  /** Bytes in slices; between two of them the loop turns. */
  body: AsyncGenerator<string>;
}

/** What the journal holds after `since`; where that begins later than asked, a header says what is missing. */
export function traceAnswer(journal: Journal, { since = 0, limit = TRACE_PAGE_DEFAULT, format = 'ndjson' }: TraceQuery): TraceAnswer {
  const { firstSeq, lastSeq } = journal;
  const excerpt = journal.read(since, limit);
  const missing = Math.max(0, Math.min(firstSeq, lastSeq + 1) - 1 - since);
  return {
    headers: {
      'content-type': format === 'strace' ? 'text/plain; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
      'cache-control': 'no-store',
      'x-sockscope-first-seq': String(firstSeq),
      'x-sockscope-last-seq': String(lastSeq),
      ...(missing === 0
        ? {}
        : { 'x-sockscope-note': `events ${since + 1} to ${since + missing} are no longer held; this answer begins at ${since + missing + 1}` }),
    },
    body: lines(excerpt, format === 'strace' ? straceText : jsonLine),
  };
}

async function* lines(excerpt: Excerpt, line: (event: TraceEvent) => string): AsyncGenerator<string> {
  for await (const slice of excerpt.slices()) yield slice.map(line).join('');
}

function jsonLine(event: TraceEvent): string {
  return `${JSON.stringify(event)}\n`;
}

/** As `strace -f -o` prints it: the pid, then the call; the end of a process in strace's own words. What strace does not know is left out, but never a hole. */
function straceText(event: TraceEvent): string {
  const pid = String(event.pid).padEnd(5);
  switch (event.kind) {
    case 'call':
      return `${pid} ${straceLine(event)}\n`;
    case 'process':
      if (event.change !== 'exited') return '';
      return `${pid} +++ ${event.signal === undefined ? `exited with ${event.exitCode ?? 0}` : `killed by ${event.signal}`} +++\n`;
    case 'dropped':
      return `# ${event.count} events of process ${event.pid} were not recorded here\n`;
    default:
      return '';
  }
}
