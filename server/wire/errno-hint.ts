// What a failed start means and what to do about it: one sentence for a terminal, a log or an error reply.

const HINTS: Record<string, string> = {
  'bind EADDRINUSE': 'another socket holds this port; end that program (ss -ltnp shows it) or choose another port',
  'listen EADDRINUSE': 'another socket already listens on this port; end that program (ss -ltnp shows it) or choose another port',
  'bind EACCES': 'ports below 1024 are for root (or CAP_NET_BIND_SERVICE); choose a port from 1024 up',
  'bind EADDRNOTAVAIL': 'this machine has no such address; choose one of its own (ip address shows them), 127.0.0.1 or 0.0.0.0',
  'socket EMFILE': 'this process has no descriptor left; raise its limit (ulimit -n)',
  'socket ENFILE': 'the whole machine has no descriptor left; end something or raise fs.file-max',
};

/** `bind`, `EADDRINUSE` → why, and the next step. */
export function errnoHint(errno: string, call: string): string {
  return HINTS[`${call} ${errno}`] ?? `the kernel refused ${call}(): see its man page, ${call}(2), under ${errno}`;
}
