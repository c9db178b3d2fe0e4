import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipNumber } from '../wire/address.ts';
import { Targets, allowTargetProblem } from './targets.ts';

const ok = (allow: string[], host: string, port = 80): boolean => new Targets(allow).judge(host, port).ok;

it('allows nothing but our own server by default, and says so', () => {
  expect(new Targets([]).judge('127.0.0.1', 80)).toEqual({ ok: false, message: expect.stringContaining('--allow-target') as string });
});

describe('a network', () => {
  it.each<[string, string, number, boolean]>([
    ['10.0.0.0/8', '10.255.255.255', 1, true],
    ['10.0.0.0/8', '11.0.0.0', 1, false],
    ['10.0.0.0/8', '9.255.255.255', 1, false],
    ['192.0.2.7', '192.0.2.7', 65_535, true],
    ['192.0.2.7', '192.0.2.8', 80, false],
    ['192.0.2.0/24:9736', '192.0.2.9', 9_736, true],
    ['192.0.2.0/24:9736', '192.0.2.9', 9_737, false],
    ['0.0.0.0/0', '8.8.8.8', 53, true],
    ['192.0.2.128/25', '192.0.2.127', 80, false],
    ['192.0.2.128/25', '192.0.2.128', 80, true],
  ])('%s and %s:%i: %s', (allow, host, port, expected) => {
    expect(ok([allow], host, port)).toBe(expected);
  });

  it.each([
    '',
    '10',
    '10.0.0.0/33',
    '10.0.0/8',
    '::1/128',
    '10.0.0.0/8:0',
    '10.0.0.0/8:65536',
    'localhost',
    '10.0.0.0/8:80:80',
    '010.0.0.0/8',
    '10.0.0.0/-1',
    '10.0.0.0/8 ',
  ])('is not %j', (text) => {
    expect(allowTargetProblem(text)).toContain('is not CIDR or CIDR:PORT');
    expect(() => new Targets([text])).toThrow(TypeError);
  });
});

it.each([
  '0x7f.1',
  '127.1',
  '2130706433',
  '0177.0.0.1',
  '127.0.0.01',
  '::ffff:127.0.0.1',
  '[::1]',
  'localhost',
  '127.0.0.1 ',
  ' 127.0.0.1',
  '127.0.0.1\n',
  '127.0.0.1%00',
  '127.0.0.1.',
  '１２７.0.0.1',
  '127。0。0。1',
  '256.0.0.1',
  '1.2.3',
  '1.2.3.4.5',
  '',
])('takes no other spelling of an address, even where everything is allowed: %j', (host) => {
  expect(new Targets(['0.0.0.0/0']).judge(host, 80)).toMatchObject({ ok: false });
});

it('gives the very address it was asked for', () => {
  fc.assert(
    fc.property(fc.ipV4(), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
      const verdict = new Targets(['0.0.0.0/0']).judge(host, port);
      expect(verdict).toEqual({ ok: true, ip: host, port });
      expect(ipNumber(host)).not.toBeNull();
    }),
  );
});
