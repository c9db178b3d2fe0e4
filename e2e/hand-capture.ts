// A capture by hand, as the kernel's documentation teaches it: an own tracefs instance, read as text, with nothing of sockscope in it.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

// Where nobody has mounted tracefs it is mounted for this script alone.
const MOUNT = 'T=/sys/kernel/tracing; [ -e $T/trace_clock ] || mount -t tracefs nodev $T || exit 9;';

/** A state change as the trace file prints it. */
export interface Transition {
  readonly seconds: number;
  /** The socket's own ports; `sport` 0 where connect() had none yet. */
  readonly sport: number;
  readonly dport: number;
  /** The kernel's names: TCP_SYN_SENT … */
  readonly from: string;
  readonly to: string;
}

/** Runs `script` where tracefs stands at $T. */
function withTracefs(script: string): string[] {
  return ['-m', 'sh', '-c', MOUNT + script];
}

/** Why there are no tracing files to look into here (they are for root, and some containers have none for it either); null where there are. */
export function noTracefs(): string | null {
  return spawnSync('unshare', withTracefs('true'), { stdio: 'ignore' }).status === 0 ? null : 'needs root, and a tracefs that can be mounted';
}

/** Names of the tracing instances there are now. */
export function traceInstances(): string[] {
  return execFileSync('unshare', withTracefs('ls $T/instances')).toString().split('\n').filter(Boolean);
}

/** Captures the state changes of the sockets of `port` while `during` runs. */
export async function captureStates(port: number, during: () => Promise<unknown>): Promise<Transition[]> {
  const script = `
    set -e; I=$T/instances/by-hand-$$; mkdir $I; trap 'echo 0 > $I/events/enable; rmdir $I' EXIT
    echo mono > $I/trace_clock; E=$I/events/sock/inet_sock_set_state
    echo 'sport==${port}||dport==${port}' > $E/filter; echo 1 > $E/enable; echo ready
    read line; echo 0 > $I/tracing_on; cat $I/trace`;
  const capture = spawn('unshare', withTracefs(script), { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface(capture.stdout);
  reader.on('line', (line) => lines.push(line));
  const closed = once(reader, 'close');
  await once(reader, 'line');
  await during();
  capture.stdin.write('enough\n');
  await closed;
  return lines.flatMap((line) => {
    const found = /(\d+\.\d+): inet_sock_set_state: .* sport=(\d+) dport=(\d+) .* oldstate=(\w+) newstate=(\w+)/.exec(line);
    if (found === null) return [];
    const [, seconds, sport, dport, from = '', to = ''] = found;
    return [{ seconds: Number(seconds), sport: Number(sport), dport: Number(dport), from, to }];
  });
}
