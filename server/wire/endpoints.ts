// Endpoints as text, each made once: an exchange's dozen events all name the same two.
import { ipText } from './address.ts';
import { eachOnce } from './each-once.ts';

/** Both ends as events tell them; shared by all events of a connection, and so not to be changed. */
export interface EndpointPair {
  readonly local: string;
  readonly remote: string;
}

/** As many as there are: an endpoint as one number is its address above its port. */
const PORTS = 65_536;

/** Places for pairs, a power of two: more than connections live at once. Where two meet in one place, the newer takes it. */
const PLACES = 65_536;
const placedPorts = new Int32Array(PLACES);
const placedLocalIps = new Int32Array(PLACES);
const placedRemoteIps = new Int32Array(PLACES);
const placed: (EndpointPair | undefined)[] = [];

/** The two ends of addresses in host order and ports as `local << 16 | remote`, each as an int32. */
export function endpointPair(localIp: number, remoteIp: number, ports: number): EndpointPair {
  // Fibonacci hashing: neighbouring ports are the rule, and get places far apart.
  const place = Math.imul(ports, 0x9e3779b1) >>> 16;
  const known = placed[place];
  if (known !== undefined && placedPorts[place] === ports && placedLocalIps[place] === localIp && placedRemoteIps[place] === remoteIp) return known;
  const pair = { local: flatText((localIp >>> 0) * PORTS + (ports >>> 16)), remote: flatText((remoteIp >>> 0) * PORTS + (ports & 0xffff)) };
  placed[place] = pair;
  placedPorts[place] = ports;
  placedLocalIps[place] = localIp;
  placedRemoteIps[place] = remoteIp;
  return pair;
}

/** In one piece: put together with +, a text keeps its parts, three objects where one would do. A server's own is in every pair, a client's in several. */
const flatText = eachOnce(8_192, (key) => [addressText(Math.floor(key / PORTS) | 0), key % PORTS].join(':'));

/** An address in host order as text. */
export const addressText = eachOnce(1_024, ipText);
