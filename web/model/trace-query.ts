// What a person looks for in the trace: `call:read,write errno:EAGAIN -is:routine "some text"`, read once and then asked of each event.
import type { TraceEvent } from '#wire/event.ts';
import { straceLine } from '#wire/strace.ts';
import { CALL_NAMES, EVIDENCES } from '#wire/vocabulary.ts';
import type { Connection } from './connection.ts';
import { isFailedCall } from './explain.ts';
import { isRoutine } from './step.ts';

export const QUERY_KEYS = ['call', 'errno', 'fd', 'process', 'pid', 'conn', 'kind', 'evidence', 'is'] as const;
export type QueryKey = (typeof QUERY_KEYS)[number];
export const IS_VALUES = ['failed', 'routine'] as const;

/** One word of a query; all of them must hold, each for one of its values. */
export interface QueryTerm {
  /** Null: the text itself is looked for in the line. */
  key: QueryKey | null;
  /** In lower case. */
  values: readonly string[];
  /** `-call:read`: it must not hold. */
  not: boolean;
}

/** What is wrong with a word of a query. */
export interface QueryProblem {
  word: string;
  kind: 'unknown-key' | 'no-value' | 'unknown-value';
}

export interface TraceQuery {
  terms: readonly QueryTerm[];
  problems: readonly QueryProblem[];
}

/** 'unsure': it is of a connection whose port nobody has told yet; ask again later. */
export type Verdict = boolean | 'unsure';

const WORDS = /(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/giy;
const KNOWN_VALUES: Readonly<Partial<Record<QueryKey, readonly string[]>>> = { call: CALL_NAMES, evidence: EVIDENCES, is: IS_VALUES };

/** Reads a query; a word that means nothing is a problem, and is left out. */
export function readQuery(text: string): TraceQuery {
  const terms: QueryTerm[] = [];
  const problems: QueryProblem[] = [];
  for (const word of wordsOf(text)) {
    const term = readTerm(word);
    if ('kind' in term) problems.push(term);
    else terms.push(term);
  }
  return { terms, problems };
}

interface Word {
  text: string;
  not: boolean;
  key: string | null;
  value: string;
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === ' ') {
      at += 1;
      continue;
    }
    WORDS.lastIndex = at;
    const match = WORDS.exec(text);
    if (match === null) {
      // A key without its value, as while it is being typed; or a lone minus.
      const end = text.indexOf(' ', at);
      const rest = text.slice(at, end < 0 ? undefined : end);
      words.push({ text: rest, not: false, key: null, value: rest });
      at += rest.length;
      continue;
    }
    words.push({ text: match[0], not: match[1] === '-', key: match[2] ?? null, value: match[3] ?? match[4] ?? '' });
    at += match[0].length;
  }
  return words;
}

function readTerm({ text, not, key, value }: Word): QueryTerm | QueryProblem {
  if (key === null) {
    const halfTyped = QUERY_KEYS.some((known) => value.toLowerCase() === `${known}:`);
    return halfTyped ? { word: text, kind: 'no-value' } : { key: null, values: [value.toLowerCase()], not };
  }
  const known = QUERY_KEYS.find((one) => one === key.toLowerCase());
  // '127.0.0.1:9736' and 'sin_port:…' are texts too, only a bare word before a colon is a key.
  if (known === undefined) return { word: text, kind: 'unknown-key' };
  const values = value
    .toLowerCase()
    .split(',')
    .filter((one) => one !== '');
  if (values.length === 0) return { word: text, kind: 'no-value' };
  const allowed = KNOWN_VALUES[known];
  if (allowed !== undefined && values.some((one) => !allowed.some((name) => name.startsWith(one)))) return { word: text, kind: 'unknown-value' };
  return { key: known, values, not };
}

/** Whether `event` is looked for; `connection` is the one it belongs to, `line` how the trace prints it where it is no call. */
export function matches(
  query: TraceQuery,
  event: TraceEvent,
  connectionOf: (event: TraceEvent) => Connection | null,
  line: (event: TraceEvent) => string,
): Verdict {
  let verdict: Verdict = true;
  for (const term of query.terms) {
    const one = termMatches(term, event, connectionOf, line);
    if (one === 'unsure') verdict = 'unsure';
    else if (one === term.not) return false;
  }
  return verdict;
}

function termMatches(
  { key, values }: QueryTerm,
  event: TraceEvent,
  connectionOf: (event: TraceEvent) => Connection | null,
  line: (event: TraceEvent) => string,
): Verdict {
  const any = (text: string | undefined): boolean => text !== undefined && values.some((value) => text.toLowerCase() === value);
  const some = (text: string | undefined): boolean => text !== undefined && values.some((value) => text.toLowerCase().startsWith(value));
  switch (key) {
    case null: {
      const wanted = values[0] ?? '';
      const text = event.kind === 'call' ? straceLine(event) : line(event);
      return text.toLowerCase().includes(wanted) || (event.process ?? '').includes(wanted);
    }
    case 'call':
      return 'call' in event && some(event.call);
    case 'errno':
      return 'errno' in event && some(event.errno);
    case 'fd':
      return (
        ('fd' in event && any(String(event.fd))) ||
        (event.kind === 'call' && (event.call === 'socket' || event.call === 'accept4') && any(String(event.returned)))
      );
    case 'process':
      return some(event.process);
    case 'pid':
      return any(event.pid === undefined ? undefined : String(event.pid));
    case 'kind':
      return some(event.kind);
    case 'evidence':
      return some(event.evidence);
    case 'is':
      return values.some((value) => ('failed'.startsWith(value) ? isFailedEvent(event) : event.kind === 'call' && isRoutine(event)));
    case 'conn':
      return ofConnection(connectionOf(event), event, values);
  }
}

/** True for a call that failed, and for what else went wrong. */
export function isFailedEvent(event: TraceEvent): boolean {
  switch (event.kind) {
    case 'call':
      return isFailedCall(event);
    case 'client-ended':
      return event.outcome !== 'replied' && event.outcome !== 'ended';
    case 'reset':
    case 'segment-drop':
    case 'listener-drops':
    case 'dropped':
      return true;
    case 'process':
      return event.change === 'exited' ? event.exitCode !== 0 : event.change === 'gave-up' || event.change === 'unresponsive';
    default:
      return false;
  }
}

/** By port, ':43902' or 43902; by endpoint; or by the connection's own key. */
function ofConnection(connection: Connection | null, event: TraceEvent, values: readonly string[]): Verdict {
  if (connection === null) return false;
  const { client } = connection;
  const named = values.some((value) => {
    const port = value.startsWith(':') ? value : `:${value}`;
    return value === connection.key.toLowerCase() || client.local === value || (client.local?.endsWith(port) ?? false);
  });
  return named || (client.local === null && connection.phase !== 'ended' && event.kind === 'call' ? 'unsure' : false);
}
