// What a failed call of the server's start means, and what to do about it, in plain words.
import { errnoWords, type Errno } from '../wire/errno.ts';

/** One or two sentences for call `call` that failed with `errno` while starting to listen at `host`:`port`. */
export function startFailureWords(call: string, errno: string, host: string, port: number): string {
  switch (errno) {
    case 'EADDRINUSE':
      return `Port ${port} of ${host} is taken: another program listens there. See which with "ss -ltnp sport = :${port}", stop it and start the server again, or choose another port with --tcp-port.`;
    case 'EACCES':
      return `The kernel does not let this user bind port ${port}: ports below net.ipv4.ip_unprivileged_port_start (usually 1024) need root or CAP_NET_BIND_SERVICE. Choose a higher port with --tcp-port.`;
    case 'EADDRNOTAVAIL':
      return `No interface of this machine has the address ${host}. "ip -4 addr" lists those it has; 0.0.0.0 means all of them. Choose one with --tcp-host.`;
    case 'EMFILE':
    case 'ENFILE':
      return `No descriptor is left (${call}: ${errnoWords(errno)}). Raise the limit ("ulimit -n") or close what holds so many, then start the server again.`;
    case 'ENOBUFS':
    case 'ENOMEM':
      return `The kernel has no memory left for another socket. Free some, then start the server again.`;
    default:
      return `${call}() failed: ${errnoWords(errno as Errno)} (${errno}). See ${call}(2).`;
  }
}
