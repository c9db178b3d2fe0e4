// What a query means, word by word, and what is said of a word that means nothing.
import { describe, expect, it } from 'vitest';
import type { TraceEvent } from '#wire/event.ts';
import type { Connection } from './connection.ts';
import { SampleRun } from './sample-events.ts';
import { matches, readQuery, type Verdict } from './trace-query.ts';

const run = new SampleRun();
const read = run.serverCall(1, 1, 'read', { data: '41', count: 1, pointer: '' }, 1);
const again = run.serverCall(2, 1, 'read', { data: '', count: 1, pointer: '0x1' }, -1, { errno: 'EAGAIN' });
const refused = run.clientCall(3, 1, 'connect', { address: { family: 'AF_INET', port: 9736, ip: '127.0.0.1' }, addressLength: 16 }, -1, {
  errno: 'ECONNREFUSED',
});
const routine = run.serverCall(4, 1, 'epoll_ctl', { op: 'EPOLL_CTL_ADD', fd: 7, events: 'EPOLLIN' }, 0);
const queue = run.queue(5, 2);

const connection = { key: 'c1', phase: 'held', client: { local: '127.0.0.1:43902' } } as unknown as Connection;
const unnamed = { key: 'c2', phase: 'connecting', client: { local: null } } as unknown as Connection;

function ask(query: string, event: TraceEvent, of: Connection | null = null): Verdict {
  return matches(
    readQuery(query),
    event,
    () => of,
    (one) => `accept queue of ${one.seq}`,
  );
}

describe('a query', () => {
  it('asks for calls, several with commas, the beginning being enough', () => {
    expect(ask('call:read', read)).toBe(true);
    expect(ask('call:write,read', read)).toBe(true);
    expect(ask('call:rea', read)).toBe(true);
    expect(ask('call:write', read)).toBe(false);
    expect(ask('call:read', queue)).toBe(false);
  });

  it('wants all its words to hold', () => {
    expect(ask('call:read errno:EAGAIN', again)).toBe(true);
    expect(ask('call:read errno:eagain', read)).toBe(false);
    expect(ask('call:read -errno:EAGAIN', read)).toBe(true);
  });

  it('asks for descriptor, process, pid, kind and evidence', () => {
    expect(ask('fd:7', read)).toBe(true);
    expect(ask('fd:70', read)).toBe(false);
    expect(ask('process:tcp', refused)).toBe(true);
    expect(ask('pid:100', read)).toBe(true);
    expect(ask('pid:10', read)).toBe(false);
    expect(ask('kind:accept-queue', queue)).toBe(true);
    expect(ask('evidence:returned', queue)).toBe(true);
  });

  it('knows what failed and what is routine', () => {
    expect(ask('is:failed', refused)).toBe(true);
    expect(ask('is:failed', again)).toBe(false);
    expect(ask('-is:routine', routine)).toBe(false);
    expect(ask('-is:routine', read)).toBe(true);
  });

  it('looks for text in the line, also with spaces and colons', () => {
    expect(ask('htons(9736)', refused)).toBe(true);
    expect(ask('"read(7, \\"a\\""', read)).toBe(false);
    expect(ask('"= -1 ECONN"', refused)).toBe(true);
    expect(ask('"queue of"', queue)).toBe(true);
  });

  it('finds both ends of a connection by port, endpoint or key', () => {
    for (const value of ['43902', ':43902', '127.0.0.1:43902', 'c1']) expect(ask(`conn:${value}`, read, connection)).toBe(true);
    expect(ask('conn:3902', read, connection)).toBe(false);
    expect(ask('conn:43902', read, null)).toBe(false);
  });

  it('is unsure while the port is not known', () => {
    expect(ask('conn:43902', refused, unnamed)).toBe('unsure');
    expect(ask('conn:43902 call:read', refused, unnamed)).toBe(false);
    expect(ask('conn:c2', refused, unnamed)).toBe(true);
  });

  it('says which word it does not understand, and goes by the others', () => {
    expect(readQuery('colour:red call:read').problems).toEqual([{ word: 'colour:red', kind: 'unknown-key' }]);
    expect(readQuery('call:').problems).toEqual([{ word: 'call:', kind: 'no-value' }]);
    expect(readQuery('call:frobnicate').problems).toEqual([{ word: 'call:frobnicate', kind: 'unknown-value' }]);
    expect(readQuery('127.0.0.1:9736').problems).toEqual([]);
    expect(ask('colour:red call:read', read)).toBe(true);
  });
});
