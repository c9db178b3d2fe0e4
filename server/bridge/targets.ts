// Where our clients may connect to beside our own server: what the operator allowed with --allow-target, and nothing that merely looks like it.
import ipaddr from 'ipaddr.js';
import { ipNumber } from '../wire/address.ts';

/** The address to connect to, or why not. */
export type TargetVerdict = { ok: true; ip: string; port: number } | { ok: false; message: string };

interface Allowed {
  network: [ipaddr.IPv4, number];
  /** Null allows every port. */
  port: number | null;
}

/** The word for an `--allow-target` that cannot be read; null for one that can. Form: `CIDR` or `CIDR:PORT`, such as 10.0.0.0/8 or 192.0.2.7/32:9736. */
export function allowTargetProblem(text: string): string | null {
  return parse(text) === null
    ? `--allow-target ${JSON.stringify(text)} is not CIDR or CIDR:PORT with a dotted IPv4 network, such as 192.0.2.0/24 or 192.0.2.7/32:9736`
    : null;
}

export class Targets {
  readonly #allowed: Allowed[];

  /** Throws a TypeError where an entry cannot be read: see allowTargetProblem. */
  constructor(allowTargets: readonly string[]) {
    this.#allowed = allowTargets.map((text) => {
      const allowed = parse(text);
      if (allowed === null) throw new TypeError(allowTargetProblem(text) ?? text);
      return allowed;
    });
  }

  /** Judges `host`:`port`. What it allows is the very address that is then connected to: nothing is looked up or read anew. */
  judge(host: string, port: number): TargetVerdict {
    const ip = ipNumber(host);
    if (ip === null)
      return refused(`${JSON.stringify(host.slice(0, 64))} is not an IPv4 address of four decimal numbers; names and other spellings are not taken`);
    if (this.#allowed.length === 0) return refused(`clients connect to our own server only; the operator allows others with --allow-target`);
    const address = ipaddr.IPv4.parse(host);
    const covers = (one: Allowed): boolean => address.match(one.network) && (one.port === null || one.port === port);
    if (!this.#allowed.some(covers)) return refused(`${host}:${port} is in no network that --allow-target allows`);
    return { ok: true, ip: address.toString(), port };
  }
}

function refused(message: string): TargetVerdict {
  return { ok: false, message };
}

function parse(text: string): Allowed | null {
  const parts = /^([0-9.]+)(?:\/(\d{1,2}))?(?::(\d{1,5}))?$/.exec(text);
  const host = parts?.[1] ?? '';
  const bits = Number(parts?.[2] ?? 32);
  const port = parts?.[3] === undefined ? null : Number(parts[3]);
  if (ipNumber(host) === null || bits > 32 || (port !== null && (port < 1 || port > 65_535))) return null;
  return { network: [ipaddr.IPv4.parse(host), bits], port };
}
