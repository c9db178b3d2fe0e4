// Who may ask: which Host and Origin a request may carry, and which token gives which role.
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { URL_MAX_BYTES } from '../wire/limits.ts';
import type { Role } from './feed.ts';

/** Why a request is refused: an HTTP status and a plain sentence without any data. */
export interface AccessRefusal {
  status: 400 | 401 | 403 | 414;
  message: string;
}

export interface AccessOptions {
  httpHost: string;
  allowHosts: readonly string[];
  token?: string;
  watchToken?: string;
}

/** A page offers these WebSocket subprotocols: FEED_PROTOCOL, which is what the upgrade answers, and, where a token is needed, TOKEN_PROTOCOL + encodeURIComponent(token). */
export const FEED_PROTOCOL = 'sockscope';
export const TOKEN_PROTOCOL = 'sockscope.';

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

/** True where only this machine can reach a server bound to `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

export class Access {
  readonly #hosts: readonly string[];
  readonly #port: () => number;
  readonly #tokens: { role: Role; hash: Buffer }[] = [];

  /** `port` gives the port of the page, which is known only when it listens. Throws a TypeError where the page would be open to the network without a token. */
  constructor(options: AccessOptions, port: () => number) {
    if (!isLoopback(options.httpHost) && options.token === undefined) {
      throw new TypeError(`serving the page at ${options.httpHost}, beyond this machine, needs a token: give one with --token`);
    }
    // A literal address cannot be rebound to another machine by a foreign name server; a name must be allowed by the operator.
    const own =
      isIP(options.httpHost) === 0 || options.httpHost === '0.0.0.0' || options.httpHost === '::'
        ? []
        : [isIP(options.httpHost) === 6 ? `[${options.httpHost}]` : options.httpHost];
    this.#hosts = [...new Set([...LOOPBACK_HOSTS, ...own, ...options.allowHosts.map((name) => name.toLowerCase())])];
    this.#port = port;
    if (options.token !== undefined) this.#tokens.push({ role: 'control', hash: hashOf(options.token) });
    if (options.watchToken !== undefined) this.#tokens.push({ role: 'watch', hash: hashOf(options.watchToken) });
  }

  /** Judges what every request carries: its target, its one Host, and the Origin of a WebSocket upgrade (RFC 6454; RFC 9112 section 3.2). */
  judge(request: IncomingMessage): AccessRefusal | null {
    const target = request.url ?? '';
    if (target.length > URL_MAX_BYTES) return { status: 414, message: `the request target is longer than ${URL_MAX_BYTES} bytes` };
    if (!target.startsWith('/')) return { status: 400, message: 'the request target must be a path' };
    const hosts = headerValues(request, 'host');
    if (hosts.length !== 1) return { status: 400, message: hosts.length === 0 ? 'a Host header is required' : 'one Host header is allowed' };
    if (!this.#allowed(hosts[0] ?? '')) return { status: 403, message: 'this Host is not allowed; the operator allows further names with --allow-host' };
    if (request.headers.upgrade === undefined) return null;
    const origins = headerValues(request, 'origin');
    // Programs send no Origin; a browser always does, and says truly whose page it is.
    if (origins.length === 0) return null;
    const origin = origins.length === 1 ? (origins[0] ?? '') : '';
    if (!origin.startsWith('http://') || !this.#allowed(origin.slice('http://'.length))) return { status: 403, message: 'this Origin is not allowed' };
    return null;
  }

  /** The role of whoever asks for data; null where a token is needed and none, or a wrong one, was given. */
  role(request: IncomingMessage): Role | null {
    if (this.#tokens.length === 0) return 'control';
    const offered = request.headers.upgrade === undefined ? bearerToken(request) : protocolToken(request);
    if (offered === null) return null;
    const hash = hashOf(offered);
    // Every token is compared, each in constant time: how long it takes says nothing.
    let role: Role | null = null;
    for (const token of this.#tokens) if (timingSafeEqual(hash, token.hash)) role ??= token.role;
    return role;
  }

  #allowed(host: string): boolean {
    const port = this.#port();
    const asked = host.toLowerCase();
    return this.#hosts.some((name) => asked === (hasPort(name) ? name : `${name}:${port}`) || (port === 80 && asked === name));
  }
}

/** A name that --allow-host gave with a port of its own: behind a proxy the page stands at another. */
function hasPort(name: string): boolean {
  return /:\d+$/.test(name) && !name.endsWith(']');
}

/** Every value of a header as it was sent; Node's own list joins or drops repeated ones. */
function headerValues(request: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  const raw = request.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) if (raw[i]?.toLowerCase() === name) values.push(raw[i + 1] ?? '');
  return values;
}

function bearerToken(request: IncomingMessage): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/** A browser's WebSocket cannot send an Authorization header; what it can send is a list of subprotocols. */
function protocolToken(request: IncomingMessage): string | null {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((one) => one.trim());
  const encoded = offered.find((one) => one.startsWith(TOKEN_PROTOCOL))?.slice(TOKEN_PROTOCOL.length);
  if (encoded === undefined) return bearerToken(request);
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
