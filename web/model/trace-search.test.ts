// The search finds what a look at every line would find, however the looking is cut into frames.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_LOG_EVENTS } from '#wire/limits.ts';
import type { Connection } from './connection.ts';
import { EventLog } from './event-log.ts';
import { SampleRun } from './sample-events.ts';
import { readQuery } from './trace-query.ts';
import { TraceSearch, type SearchContext } from './trace-search.ts';

/** A clock that goes on by one at each look: budgets run out as they do in a frame. */
function context(more: Partial<SearchContext> = {}): SearchContext {
  let nowMs = 0;
  return { connectionOf: () => null, line: () => '', now: () => (nowMs += 1), ...more };
}

function found(search: TraceSearch): number[] {
  return Array.from({ length: search.count }, (_, n) => search.placeAt(n) ?? -1);
}

describe('the search', () => {
  it('finds the same, in order, whatever comes between two looks', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 6 }), (batches) => {
        const run = new SampleRun();
        const log = new EventLog();
        const search = new TraceSearch(readQuery('fd:7'), context());
        for (const size of batches) {
          for (let i = 0; i < size; i += 1) log.add([run.serverCall(i, (run.seq % 3) + 1, 'close', {}, 0)]);
          search.look(log, 1);
        }
        for (let i = 0; i < 50 && search.look(log, 1) < 1; i += 1);
        const wanted = Array.from({ length: log.length }, (_, place) => place).filter((place) => place % 3 === 0);
        expect(found(search)).toEqual(wanted);
      }),
      { numRuns: 20 },
    );
  });

  it('stops when its time is up, and says how far it is', () => {
    const run = new SampleRun();
    const log = new EventLog();
    for (let i = 0; i < 2_560; i += 1) log.add([run.queue(i, 1)]);
    const search = new TraceSearch(readQuery('kind:accept'), context());
    const share = search.look(log, 2);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
    expect(search.count).toBe(share * log.length);
  });

  it('forgets what the log no longer holds', () => {
    const run = new SampleRun();
    const log = new EventLog();
    const search = new TraceSearch(readQuery('kind:accept'), context());
    for (let i = 0; i < PAGE_LOG_EVENTS; i += 1) log.add([run.queue(i, 1)]);
    while (search.look(log, 1_000) < 1);
    for (let i = 0; i < 1_000; i += 1) log.add([run.queue(i, 2)]);
    while (search.look(log, 1_000) < 1);
    expect(search.count).toBe(PAGE_LOG_EVENTS);
    expect(search.gone).toBe(1_000);
    expect(log.at(search.placeAt(0)!)?.seq).toBe(1_001);
    expect(search.indexOf(log.placeOf(1_001))).toBe(0);
  });

  it('puts a client’s first calls where they belong once its port is known', () => {
    const run = new SampleRun();
    const log = new EventLog();
    const client = { local: null as string | null };
    const connection = { key: 'c1', phase: 'connecting', client } as unknown as Connection;
    const search = new TraceSearch(readQuery('conn:40001'), context({ connectionOf: (event) => ('socket' in event ? connection : null) }));
    log.add([run.clientCall(1, 1, 'socket', { domain: 'AF_INET', type: 'SOCK_STREAM', protocol: 0 }, 17)]);
    log.add([run.queue(2, 1)]);
    search.look(log, 1);
    expect(found(search)).toEqual([]);
    client.local = '127.0.0.1:40001';
    log.add([run.clientCall(3, 1, 'close', {}, 0)]);
    search.look(log, 1);
    expect(found(search)).toEqual([0, 2]);
  });

  it('begins anew with a new log', () => {
    const run = new SampleRun();
    const [log, next] = [new EventLog(), new EventLog()];
    const search = new TraceSearch(readQuery('kind:accept'), context());
    for (let i = 0; i < 5; i += 1) log.add([run.queue(i, 1)]);
    search.look(log, 1);
    next.add([run.queue(9, 1)]);
    search.look(next, 1);
    expect(found(search)).toEqual([0]);
  });
});
