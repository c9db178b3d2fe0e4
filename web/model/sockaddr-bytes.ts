// The sixteen bytes of struct sockaddr_in as they lie in memory, field by field: ip(7), on a little-endian machine.
import { ipNumber } from '#wire/address.ts';
import { AF_INET, SOCKADDR_IN_BYTES } from '#wire/constants.ts';

export type SockaddrField = 'sin_family' | 'sin_port' | 'sin_addr' | 'sin_zero';

export interface FieldBytes {
  field: SockaddrField;
  /** Its type in C. */
  type: string;
  /** Where it begins, in bytes. */
  offset: number;
  bytes: readonly number[];
}

/** The fields of the address `ip`:`port` in their order; together 16 bytes. Throws a RangeError for what is no IPv4 address or port. */
export function sockaddrBytes(ip: string, port: number): readonly FieldBytes[] {
  const address = ipNumber(ip);
  if (address === null) throw new RangeError(`not an IPv4 address: ${ip}`);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`not a port, 0 to 65535: ${port}`);
  return [
    // sa_family_t is in the machine's own order, low byte first; port and address are in network order, high byte first.
    { field: 'sin_family', type: 'sa_family_t', offset: 0, bytes: [AF_INET & 255, AF_INET >> 8] },
    { field: 'sin_port', type: 'in_port_t', offset: 2, bytes: [port >> 8, port & 255] },
    { field: 'sin_addr', type: 'struct in_addr', offset: 4, bytes: [(address >>> 24) & 255, (address >>> 16) & 255, (address >>> 8) & 255, address & 255] },
    { field: 'sin_zero', type: 'unsigned char[8]', offset: 8, bytes: Array.from({ length: SOCKADDR_IN_BYTES - 8 }, () => 0) },
  ];
}

/** '26 08': bytes as a hex dump prints them. */
export function hexText(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

/** The port read in the wrong order, as a program that forgot htons() would have it: 9736 becomes 2086. */
export function swappedPort(port: number): number {
  return ((port & 255) << 8) | (port >> 8);
}
