// Endpoints as text, each made once: an exchange's dozen events all name the same two.
import { endpointText, ipText } from './address.ts';

/** Both ends as events tell them; shared by all events of a connection, and so not to be changed. */
export interface EndpointPair {
  readonly local: string;
  readonly remote: string;
}

interface Kept {
  localIp: number;
  remoteIp: number;
  pair: EndpointPair;
}

/** Pairs kept at a time: more than live at once. */
const PAIRS_MAX = 65_536;

/** By both ports: pairs of the same ports, but other addresses, are rare, and take turns. */
const kept = new Map<number, Kept>();

/** The two ends of addresses in host order and ports as `local << 16 | remote`. */
export function endpointPair(localIp: number, remoteIp: number, ports: number): EndpointPair {
  const known = kept.get(ports);
  if (known?.localIp === localIp && known.remoteIp === remoteIp) return known.pair;
  const pair = { local: endpointText(localIp, ports >>> 16), remote: endpointText(remoteIp, ports & 0xffff) };
  if (kept.size >= PAIRS_MAX) kept.clear();
  kept.set(ports, { localIp, remoteIp, pair });
  return pair;
}

const ADDRESSES_MAX = 1_024;
const addresses = new Map<number, string>();

/** An address in host order as text. */
export function addressText(ip: number): string {
  let text = addresses.get(ip);
  if (text === undefined) {
    text = ipText(ip);
    if (addresses.size >= ADDRESSES_MAX) addresses.clear();
    addresses.set(ip, text);
  }
  return text;
}
