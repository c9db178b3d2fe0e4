// The bytes of an address: known values, and that every address gives sixteen that can be read back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hexText, sockaddrBytes, swappedPort } from './sockaddr-bytes.ts';

const all = (ip: string, port: number): number[] => sockaddrBytes(ip, port).flatMap((field) => [...field.bytes]);

describe('the bytes of a sockaddr_in', () => {
  it('of 127.0.0.1:9736 are 02 00, 26 08, 7f 00 00 01 and eight zeros', () => {
    expect(sockaddrBytes('127.0.0.1', 9736).map((field) => [field.field, field.offset, hexText(field.bytes)])).toEqual([
      ['sin_family', 0, '02 00'],
      ['sin_port', 2, '26 08'],
      ['sin_addr', 4, '7f 00 00 01'],
      ['sin_zero', 8, '00 00 00 00 00 00 00 00'],
    ]);
  });

  it('are sixteen for every address and port, and both can be read back', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }), (ip, port) => {
        const bytes = all(ip, port);
        expect(bytes).toHaveLength(16);
        const view = new DataView(Uint8Array.from(bytes).buffer);
        expect(view.getUint16(0, true)).toBe(2);
        expect(view.getUint16(2, false)).toBe(port);
        expect(bytes.slice(4, 8).join('.')).toBe(ip);
      }),
    );
  });

  it('are refused for what is no address or no port', () => {
    expect(() => sockaddrBytes('localhost', 1)).toThrow(RangeError);
    expect(() => sockaddrBytes('127.0.0.1', 65_536)).toThrow(RangeError);
  });

  it('show another port where htons() was forgotten', () => {
    expect(swappedPort(9736)).toBe(2086);
    fc.assert(fc.property(fc.integer({ min: 0, max: 65_535 }), (port) => swappedPort(swappedPort(port)) === port));
  });
});
