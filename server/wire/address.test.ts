import fc from 'fast-check';
import { expect, it } from 'vitest';
import { endpointParts, endpointText, ipNumber, ipText } from './address.ts';

const ip = fc.integer({ min: 0, max: 0xffffffff });
const port = fc.integer({ min: 0, max: 65_535 });

it('an address is the same after its text', () => {
  fc.assert(fc.property(ip, (number) => ipNumber(ipText(number)) === number));
  expect([ipText(0x7f000001), ipText(0xffffffff), ipText(0)]).toEqual(['127.0.0.1', '255.255.255.255', '0.0.0.0']);
});

it('an endpoint is the same after its text', () => {
  fc.assert(
    fc.property(ip, port, (address, number) => {
      expect(endpointParts(endpointText(address, number))).toEqual({ ip: address, port: number });
    }),
  );
});

it.each(['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.-4', '1.2.3.4 ', ' 1.2.3.4', '0x7f.0.0.1', '127.1', '::1', 'localhost', '1.2.3.4\n'])(
  'what inet_pton would refuse is refused: %j',
  (text) => {
    expect(ipNumber(text)).toBeNull();
  },
);

it.each([
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '127.0.0.1:-1',
  '127.0.0.1:x',
  ':80',
  '127.0.0.1:1.5',
  '127.0.0.1: 80',
  '127.0.0.1:0x50',
  '127.0.0.1:1e3',
])('what is no endpoint is refused: %j', (text) => {
  expect(endpointParts(text)).toBeNull();
});
