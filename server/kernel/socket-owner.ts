// Whose a socket is: searches /proc/PID/fd, proc(5), for the inodes of a socket table, a bounded step at a time.
import { readdirSync, readlinkSync } from 'node:fs';
import { OWNER_RETRY_MS, OWNER_STEP_DESCRIPTORS, OWNERS_MAX } from '../wire/tap-limits.ts';
import { processName } from './process-name.ts';

/** A process that holds a descriptor of the socket; where several do (after fork), the one with the highest number. */
export interface SocketOwner {
  readonly pid: number;
  readonly comm: string;
  readonly fd: number;
}

/** 'searching': not found yet. 'not-permitted': not found, and descriptors of some processes could not be read. 'nobody': not found in any process we see. */
export type Ownership = SocketOwner | 'searching' | 'not-permitted' | 'nobody';

interface Entry {
  ownership: Ownership;
  /** The first round that looks at every process since it was asked for; with its end the answer is final. */
  round: number;
  answeredMs: number;
}

/** The inode in a link of /proc/PID/fd, 'socket:[12345]'; -1 for any other link. */
export function socketInode(link: string): number {
  const digits = /^socket:\[(\d{1,15})\]$/.exec(link)?.[1];
  return digits === undefined ? -1 : Number(digits);
}

/** Finds the owners of sockets. Newest processes are looked at first: a netcat just started is found in the first step. */
export class SocketOwners {
  readonly #skipPids: ReadonlySet<number>;
  readonly #proc: string;
  readonly #entries = new Map<number, Entry>();
  readonly #wanted = new Set<number>();
  /** Processes left in this round, the next one last; and its descriptors left. */
  #pids: number[] = [];
  #pid = 0;
  #fds: string[] = [];
  #round = 0;
  #denied = false;

  /** `skipPids`: processes whose sockets nobody asks for (our own hold thousands). */
  constructor(skipPids: Iterable<number> = [], proc = '/proc') {
    this.#skipPids = new Set(skipPids);
    this.#proc = proc;
  }

  /** Sockets still looked for: while there are any, `step` has work. */
  get searching(): number {
    return this.#wanted.size;
  }

  /** Whose socket `inode` is, as far as known; asking begins the search. `nowMs` any monotonic clock. 0 (no descriptor) is nobody's. */
  of(inode: number, nowMs: number): Ownership {
    if (inode === 0) return 'nobody';
    const entry = this.#entries.get(inode);
    if (entry !== undefined && (typeof entry.ownership === 'object' || entry.ownership === 'searching' || nowMs - entry.answeredMs < OWNER_RETRY_MS))
      return entry.ownership;
    this.#entries.delete(inode);
    if (this.#entries.size >= OWNERS_MAX) this.#forgetOldest();
    this.#entries.set(inode, { ownership: 'searching', round: this.#pid === 0 ? this.#round : this.#round + 1, answeredMs: nowMs });
    this.#wanted.add(inode);
    return 'searching';
  }

  /** Looks at up to OWNER_STEP_DESCRIPTORS descriptors, going on where the last step ended; returns how many it looked at. */
  step(nowMs: number, budget: number = OWNER_STEP_DESCRIPTORS): number {
    let looked = 0;
    while (looked < budget && this.#wanted.size > 0) {
      const fd = this.#fds.pop();
      if (fd !== undefined) {
        looked += 1;
        this.#look(fd, nowMs);
      } else if (!this.#nextProcess()) {
        this.#endRound(nowMs);
        // One listing of /proc a step: what was asked for meanwhile waits for the next.
        return looked;
      } else {
        looked += 1;
      }
    }
    return looked;
  }

  #look(fd: string, nowMs: number): void {
    let inode;
    try {
      inode = socketInode(readlinkSync(`${this.#proc}/${this.#pid}/fd/${fd}`));
    } catch {
      return;
    }
    if (!this.#wanted.delete(inode)) return;
    const comm = processName(this.#pid) ?? '';
    this.#entries.set(inode, { ownership: { pid: this.#pid, comm, fd: Number(fd) }, round: this.#round, answeredMs: nowMs });
  }

  /** False when the round is over. A process that ended meanwhile has no descriptors; one of another user does not show them. */
  #nextProcess(): boolean {
    if (this.#pids.length === 0 && this.#pid === 0) {
      this.#pids = readdirSync(this.#proc)
        .map(Number)
        .filter((pid) => Number.isInteger(pid) && pid > 0 && !this.#skipPids.has(pid))
        .sort((a, b) => a - b);
    }
    const pid = this.#pids.pop();
    if (pid === undefined) return false;
    this.#pid = pid;
    try {
      this.#fds = readdirSync(`${this.#proc}/${pid}/fd`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') this.#denied = true;
    }
    return true;
  }

  #endRound(nowMs: number): void {
    for (const inode of this.#wanted) {
      const entry = this.#entries.get(inode);
      if (entry === undefined || entry.round > this.#round) continue;
      entry.ownership = this.#denied ? 'not-permitted' : 'nobody';
      entry.answeredMs = nowMs;
      this.#wanted.delete(inode);
    }
    this.#round += 1;
    this.#pid = 0;
    this.#denied = false;
  }

  #forgetOldest(): void {
    const oldest = this.#entries.keys().next().value;
    if (oldest === undefined) return;
    this.#entries.delete(oldest);
    this.#wanted.delete(oldest);
  }
}
