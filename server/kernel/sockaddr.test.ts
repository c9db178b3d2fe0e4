import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AF_INET, SOCKADDR_IN_BYTES } from '../wire/constants.ts';
import { SockaddrInBuffer } from './sockaddr.ts';

const ips = fc.integer({ min: 0, max: 0xffffffff });
const ports = fc.integer({ min: 0, max: 65_535 });

it('every address and port lies in memory as ip(7) says, and comes back as it was', () => {
  const buffer = new SockaddrInBuffer();
  fc.assert(
    fc.property(ips, ports, (ip, port) => {
      buffer.set(ip, port);
      expect([buffer.family, buffer.ip, buffer.port]).toEqual([AF_INET, ip, port]);
      // sin_family in the machine's order, sin_port and sin_addr in the network's, sin_zero nothing.
      const network = [port >>> 8, port & 255, ip >>> 24, (ip >>> 16) & 255, (ip >>> 8) & 255, ip & 255];
      expect([...buffer.bytes]).toEqual([AF_INET, 0, ...network, 0, 0, 0, 0, 0, 0, 0, 0]);
    }),
  );
});

it('whatever the kernel leaves there is read as numbers in their range', () => {
  const buffer = new SockaddrInBuffer();
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: SOCKADDR_IN_BYTES, maxLength: SOCKADDR_IN_BYTES }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      (bytes, length) => {
        buffer.bytes.set(bytes);
        buffer.length.set(length);
        expect(buffer.port).toBe((bytes[2] ?? 0) * 256 + (bytes[3] ?? 0));
        for (const [value, max] of [
          [buffer.family, 65_535],
          [buffer.ip, 0xffffffff],
          [buffer.filled, 0xffffffff],
        ] as const) {
          expect(Number.isInteger(value) && value >= 0 && value <= max).toBe(true);
        }
      },
    ),
  );
});

it('a call is offered as much room as there is', () => {
  const buffer = new SockaddrInBuffer();
  buffer.length.fill(255);
  buffer.offer();
  expect(buffer.filled).toBe(SOCKADDR_IN_BYTES);
});
