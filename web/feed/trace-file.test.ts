// The file is put together from the bridge's pages: all of them, each once, with the token, and a refusal is said.
import { describe, expect, it } from 'vitest';
import { TRACE_PAGE_DEFAULT } from '#wire/limits.ts';
import { traceFile, TraceFileError } from './trace-file.ts';

/** A bridge whose journal holds the events `first` … `last`; asked for, it remembers how. */
function journal(
  first: number,
  last: number,
): { asked: { url: string; authorization: string | null }[]; fetch: (url: string, init: RequestInit) => Promise<Response> } {
  const asked: { url: string; authorization: string | null }[] = [];
  return {
    asked,
    fetch: (url, init) => {
      asked.push({ url, authorization: new Headers(init.headers).get('authorization') });
      const query = new URL(url, 'http://bridge').searchParams;
      const from = Math.max(Number(query.get('since')) + 1, first);
      const count = Math.max(0, Math.min(Number(query.get('limit')), last - from + 1));
      const body = Array.from({ length: count }, (_, i) => `${from + i}\n`).join('');
      return Promise.resolve(new Response(body, { headers: { 'x-sockscope-first-seq': String(first), 'x-sockscope-last-seq': String(last) } }));
    },
  };
}

const numbers = async (file: Blob): Promise<number[]> => (await file.text()).trim().split('\n').map(Number);

describe('the trace as a file', () => {
  it('holds every event once, however many pages it takes', async () => {
    const last = TRACE_PAGE_DEFAULT * 2 + 17;
    const bridge = journal(1, last);
    const shares: number[] = [];
    const got = await numbers(await traceFile('ndjson', null, (share) => shares.push(share), bridge));
    expect(got).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    expect(bridge.asked).toHaveLength(3);
    expect(shares.at(-1)).toBe(1);
    expect([...shares].sort((a, b) => a - b)).toEqual(shares);
  });

  it('begins where the journal begins', async () => {
    expect(await numbers(await traceFile('strace', null, () => undefined, journal(50_001, 50_003)))).toEqual([50_001, 50_002, 50_003]);
  });

  it('is empty where nothing has happened', async () => {
    const shares: number[] = [];
    const file = await traceFile('ndjson', null, (share) => shares.push(share), journal(1, 0));
    expect(file.size).toBe(0);
    expect(shares).toEqual([1]);
  });

  it('is asked for with the token, and only where there is one', async () => {
    const bridge = journal(1, 1);
    await traceFile('ndjson', 'secret', () => undefined, bridge);
    await traceFile('ndjson', null, () => undefined, bridge);
    expect(bridge.asked.map((one) => one.authorization)).toEqual(['Bearer secret', null]);
  });

  it('says why it cannot be had', async () => {
    const refuse = { fetch: () => Promise.resolve(new Response('', { status: 401, statusText: 'Unauthorized' })) };
    await expect(traceFile('ndjson', null, () => undefined, refuse)).rejects.toThrow(new TraceFileError('the bridge answered 401 Unauthorized'));
    const lost = { fetch: () => Promise.reject(new TypeError('network')) };
    await expect(traceFile('ndjson', null, () => undefined, lost)).rejects.toThrow(TraceFileError);
  });
});
