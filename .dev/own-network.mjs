// Runs a command in a network namespace of its own, where this machine lets us: its firewall, port range and counters are then nobody else's.
import { spawnSync } from 'node:child_process';

const ways = [
  ['unshare', '--net'],
  // Who is not root may be root of a namespace.
  ['unshare', '--user', '--map-root-user', '--net'],
];
const loopback = 'ip link set lo up && exec "$@"';
const way = ways.find(([program, ...flags]) => spawnSync(program, [...flags, 'sh', '-c', 'ip link set lo up'], { stdio: 'ignore' }).status === 0);

const wanted = process.argv.slice(2);
const [program, ...args] = way === undefined ? wanted : [...way, 'sh', '-c', loopback, 'sh', ...wanted];
const env = { ...process.env, ...(way === undefined ? {} : { SOCKSCOPE_OWN_NETWORK: way.includes('--user') ? 'user' : 'root' }) };
if (way === undefined) console.log('no network namespace to be had here: what needs one is skipped');
const { status, signal, error } = spawnSync(program, args, { stdio: 'inherit', env });
if (error !== undefined) console.error(error.message);
process.exitCode = signal === null ? (status ?? 1) : 1;
