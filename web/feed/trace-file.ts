// The whole trace as a file: asked for page by page, with the token where one is needed, so that how far it is can be said.
import { TRACE_PAGE_DEFAULT } from '#wire/limits.ts';

export type TraceFormat = 'ndjson' | 'strace';

/** What is needed of the world; a test brings its own. */
export interface TraceFileWorld {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

/** The bridge refused, or could not be reached. */
export class TraceFileError extends Error {
  override name = 'TraceFileError';
}

/**
 * Everything the bridge's journal holds now, as it gives it, in one blob. `onProgress` hears of it from 0 to 1. Throws a TraceFileError.
 * Events that come while it is read are not waited for: the file ends with what was there when it began.
 */
export async function traceFile(format: TraceFormat, token: string | null, onProgress: (share: number) => void, world: TraceFileWorld): Promise<Blob> {
  const parts: Blob[] = [];
  let since = 0;
  let begin: number | null = null;
  let end: number | null = null;
  do {
    const response = await page(world, token, `/api/trace?format=${format}&since=${since}&limit=${TRACE_PAGE_DEFAULT}`);
    const firstSeq = seqHeader(response, 'x-sockscope-first-seq');
    end ??= seqHeader(response, 'x-sockscope-last-seq');
    begin ??= firstSeq - 1;
    // A journal that has moved on meanwhile begins later than asked; its answer says so, and so does the file's own numbering.
    since = Math.max(since, firstSeq - 1) + TRACE_PAGE_DEFAULT;
    parts.push(await response.blob());
    onProgress(end <= begin ? 1 : Math.min(1, (since - begin) / (end - begin)));
  } while (since < end);
  return new Blob(parts, { type: format === 'ndjson' ? 'application/x-ndjson' : 'text/plain' });
}

async function page(world: TraceFileWorld, token: string | null, url: string): Promise<Response> {
  let response: Response;
  try {
    response = await world.fetch(url, { headers: token === null ? {} : { authorization: `Bearer ${token}` }, cache: 'no-store' });
  } catch (error) {
    throw new TraceFileError('the bridge cannot be reached', { cause: error });
  }
  if (!response.ok) throw new TraceFileError(`the bridge answered ${response.status} ${response.statusText}`);
  return response;
}

function seqHeader(response: Response, name: string): number {
  const value = Number(response.headers.get(name) ?? NaN);
  if (!Number.isInteger(value)) throw new TraceFileError(`the bridge's answer has no ${name}`);
  return value;
}
