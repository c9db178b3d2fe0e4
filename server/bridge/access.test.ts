import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Access, isLoopback, type AccessOptions } from './access.ts';

const PORT = 9737;

function request(headers: [string, string][], url = '/api/status'): IncomingMessage {
  const joined: Record<string, string> = {};
  // As Node does it: of a repeated Host the first counts.
  for (const [name, value] of headers) joined[name.toLowerCase()] ??= value;
  return { url, headers: joined, rawHeaders: headers.flat() } as unknown as IncomingMessage;
}

const access = (options: Partial<AccessOptions> = {}, port = PORT): Access => new Access({ httpHost: '127.0.0.1', allowHosts: [], ...options }, () => port);
const judge = (host: string, options: Partial<AccessOptions> = {}, port = PORT): number =>
  access(options, port).judge(request([['Host', host]]))?.status ?? 200;

describe('Host', () => {
  it.each(['localhost:9737', '127.0.0.1:9737', '[::1]:9737', 'LocalHost:9737'])('allows %s', (host) => {
    expect(judge(host)).toBe(200);
  });

  it.each([
    'evil.com',
    'evil.com:9737',
    'localhost',
    'localhost:80',
    'localhost:9738',
    'localhost:97370',
    '127.0.0.1',
    '127.0.0.1:9737.evil.com',
    'localhost:9737.evil.com',
    'localhost.evil.com:9737',
    'evil.com#localhost:9737',
    'evil.com@localhost:9737',
    'localhost:9737@evil.com',
    'localhost.:9737',
    '127.1:9737',
    '2130706433:9737',
    '0x7f.1:9737',
    '0.0.0.0:9737',
    '[::]:9737',
    '[::ffff:127.0.0.1]:9737',
    '::1:9737',
    ' localhost:9737',
    'localhost:9737,evil.com',
    'localhost:09737',
    '',
  ])('refuses %j', (host) => {
    expect(judge(host)).toBe(403);
  });

  it('refuses a request without Host, and one with two, even two good ones', () => {
    expect(access().judge(request([]))).toEqual({ status: 400, message: 'a Host header is required' });
    expect(
      access().judge(
        request([
          ['Host', 'localhost:9737'],
          ['host', 'localhost:9737'],
        ]),
      )?.status,
    ).toBe(400);
    expect(
      access().judge(
        request([
          ['Host', 'localhost:9737'],
          ['HOST', 'evil.com'],
        ]),
      )?.status,
    ).toBe(400);
  });

  it.each(['http://localhost:9737/api/status', 'http://evil.com/', '//', '*', 'localhost:9737', ''])('judges the request target %j by its form', (url) => {
    const refusal = access().judge(request([['Host', 'localhost:9737']], url));
    if (url.startsWith('/')) expect(refusal).toBeNull();
    else expect(refusal?.status).toBe(400);
  });

  it('refuses a target that is too long', () => {
    expect(access().judge(request([['Host', 'localhost:9737']], `/${'a'.repeat(2_048)}`))?.status).toBe(414);
    expect(access().judge(request([['Host', 'localhost:9737']], `/${'a'.repeat(2_047)}`))).toBeNull();
  });

  it('allows what the operator allowed, with our port unless it has its own, and nothing near it', () => {
    const options = { allowHosts: ['Lecture.example', 'proxy.example:8080'] };
    expect(judge('lecture.example:9737', options)).toBe(200);
    expect(judge('lecture.example', options)).toBe(403);
    expect(judge('lecture.example:80', options)).toBe(403);
    expect(judge('proxy.example:8080', options)).toBe(200);
    expect(judge('proxy.example:9737', options)).toBe(403);
    expect(judge('proxy.example:80801', options)).toBe(403);
  });

  it('takes a Host without a port for port 80, there and only there', () => {
    expect(judge('localhost', {}, 80)).toBe(200);
    expect(judge('localhost:80', {}, 80)).toBe(200);
  });

  it('allows the literal address it is bound to, and no wildcard', () => {
    expect(judge('192.0.2.7:9737', { httpHost: '192.0.2.7', token: 't' })).toBe(200);
    expect(judge('192.0.2.8:9737', { httpHost: '192.0.2.7', token: 't' })).toBe(403);
    expect(judge('[2001:db8::7]:9737', { httpHost: '2001:db8::7', token: 't' })).toBe(200);
    expect(judge('0.0.0.0:9737', { httpHost: '0.0.0.0', token: 't' })).toBe(403);
  });

  it('asks for the port each time: port 0 becomes one when it listens', () => {
    let port = 0;
    const late = new Access({ httpHost: '127.0.0.1', allowHosts: [] }, () => port);
    port = 40_001;
    expect(late.judge(request([['Host', 'localhost:40001']]))).toBeNull();
  });
});

describe('Origin of an upgrade', () => {
  const upgrade = (...origins: string[]): number =>
    access().judge(request([['Host', 'localhost:9737'], ['Upgrade', 'websocket'], ...origins.map((origin): [string, string] => ['Origin', origin])], '/ws'))
      ?.status ?? 200;

  it('may be absent, as programs leave it', () => {
    expect(upgrade()).toBe(200);
  });

  it.each(['http://localhost:9737', 'http://127.0.0.1:9737', 'http://[::1]:9737'])('may be %s', (origin) => {
    expect(upgrade(origin)).toBe(200);
  });

  it.each([
    'null',
    '',
    'http://evil.com',
    'http://localhost',
    'http://localhost:9738',
    'https://localhost:9737',
    'http://localhost:9737.evil.com',
    'http://localhost:9737/',
    'http://localhost.evil.com:9737',
    'http://evil.com/http://localhost:9737',
    'file://',
    'chrome-extension://localhost:9737',
    'localhost:9737',
    'ws://localhost:9737',
  ])('must not be %j', (origin) => {
    expect(upgrade(origin)).toBe(403);
  });

  it('must be one', () => {
    expect(upgrade('http://localhost:9737', 'http://localhost:9737')).toBe(403);
  });
});

describe('tokens', () => {
  const options = { token: 'correct horse', watchToken: 'look' };
  const role = (headers: [string, string][], given: Partial<AccessOptions> = options): string | null => access(given).role(request(headers));
  const upgraded = (protocols: string): [string, string][] => [
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Protocol', protocols],
  ];

  it('are not asked for where none is set', () => {
    expect(role([], {})).toBe('control');
  });

  it('give their role by Authorization: Bearer', () => {
    expect(role([['Authorization', 'Bearer look']])).toBe('watch');
    expect(role([['Authorization', 'bearer secret']], { token: 'secret' })).toBe('control');
  });

  it.each(['', 'Bearer', 'Bearer ', 'Bearer loo', 'Bearer lookk', 'Bearer LOOK', 'Basic look', 'look', 'Bearer look look', 'Bearer undefined'])(
    'are not %j',
    (authorization) => {
      expect(role([['Authorization', authorization]])).toBeNull();
    },
  );

  it('give their role by a subprotocol of the upgrade, percent-encoded where it must be', () => {
    expect(role(upgraded('sockscope, sockscope.correct%20horse'))).toBe('control');
    expect(role(upgraded('sockscope.look'))).toBe('watch');
    expect(role(upgraded('sockscope, sockscope.wrong'))).toBeNull();
    expect(role(upgraded('sockscope, sockscope.%E0%A4'))).toBeNull();
    expect(role(upgraded('sockscope'))).toBeNull();
  });

  it('are needed beyond loopback', () => {
    for (const httpHost of ['0.0.0.0', '192.0.2.7', '::', 'lecture.example']) {
      expect(() => access({ httpHost })).toThrow(/needs a token/);
      expect(() => access({ httpHost, token: 't' })).not.toThrow();
    }
  });
});

it('knows what only this machine can reach', () => {
  expect(['127.0.0.1', '127.9.9.9', '::1', 'localhost'].every(isLoopback)).toBe(true);
  expect(['0.0.0.0', '::', '128.0.0.1', '127.0.0.1.evil.com', '10.0.0.1'].some(isLoopback)).toBe(false);
});
