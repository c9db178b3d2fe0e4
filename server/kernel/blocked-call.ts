// The system call a process is waiting in: /proc/PID/syscall and /proc/PID/wchan, proc(5).
import { readFileSync } from 'node:fs';

/** `number` is the architecture's number of the call; `args` its first six, as given; `where` the kernel function it sleeps in, '' where that is not told. */
export type BlockedCall =
  | { readonly kind: 'blocked'; readonly number: number; readonly args: readonly bigint[]; readonly where: string }
  /** On a CPU right now, or sleeping without a call. */
  | { readonly kind: 'running' }
  | { readonly kind: 'not-permitted' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'malformed' };

/** The text of /proc/PID/syscall: 'running', '-1 SP PC', or the number, six arguments, SP and PC. */
export function parseSyscallLine(text: string, where = ''): BlockedCall {
  const line = text.trimEnd();
  if (line === 'running' || line.startsWith('-1 ')) return { kind: 'running' };
  const words = /^(\d{1,5})((?: 0x[0-9a-f]{1,16}){6})(?: 0x[0-9a-f]{1,16}){2}$/.exec(line);
  if (words?.[2] === undefined) return { kind: 'malformed' };
  return { kind: 'blocked', number: Number(words[1]), args: words[2].trim().split(' ').map(BigInt), where };
}

/** Where process `pid` stands now. Needs the right to trace it: another user's is 'not-permitted'. */
export function blockedCall(pid: number): BlockedCall {
  try {
    const where = readFileSync(`/proc/${pid}/wchan`, 'latin1');
    return parseSyscallLine(readFileSync(`/proc/${pid}/syscall`, 'latin1'), where === '0' ? '' : where);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { kind: code === 'EACCES' || code === 'EPERM' ? 'not-permitted' : 'gone' };
  }
}
