// IPv4 addresses and ports between the number a sockaddr_in holds and the text that ss prints.

/** '127.0.0.1' for 0x7f000001 (host order). */
export function ipText(ip: number): string {
  return `${(ip >>> 24) & 255}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}

/** The number of a dotted address, host order; null for anything but four decimal bytes without leading zeros, inet_pton(3). */
export function ipNumber(text: string): number | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  if (parts === undefined || parts.some((part) => Number(part) > 255 || String(Number(part)) !== part)) return null;
  return parts.reduce((ip, part) => ip * 256 + Number(part), 0);
}

/** '127.0.0.1:9736', as ss prints an endpoint. */
export function endpointText(ip: number, port: number): string {
  return `${ipText(ip)}:${port}`;
}

/** The address and port of an endpoint that `endpointText` printed; null for any other text. */
export function endpointParts(text: string): { ip: number; port: number } | null {
  const parts = /^([\d.]+):(\d{1,5})$/.exec(text);
  const ip = ipNumber(parts?.[1] ?? '');
  const port = Number(parts?.[2]);
  return ip === null || port > 65_535 ? null : { ip, port };
}
