// The kernel's tracing files, Documentation/trace/ftrace.rst: where they are, and an instance of one's own that leaves nothing behind.
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, writeFileSync, closeSync, constants } from 'node:fs';
import { errnoName, type Errno } from '../wire/errno.ts';
import * as libc from './libc.ts';
import { startTicks } from './process-name.ts';
import { TraceFormat } from './trace-format.ts';
import { knowsHeaderEvent, parseHeaderPage, type PageLayout } from './trace-page.ts';

/** Why nothing can be traced here. */
export const UNAVAILABLE_REASONS = ['not-root', 'no-tracefs', 'not-mounted', 'unknown-layout', 'no-instance', 'no-event', 'no-buffer'] as const;
export interface Unavailable {
  readonly ok: false;
  readonly reason: (typeof UNAVAILABLE_REASONS)[number];
  /** What the failing call said, where one failed. */
  readonly errno: Errno | null;
  /** One sentence for a person. */
  readonly message: string;
}

export function unavailable(reason: Unavailable['reason'], message: string, errno: Errno | null = null): Unavailable {
  return { ok: false, reason, errno, message };
}

const MOUNT_POINT = '/sys/kernel/tracing';
/** Where older kernels and distributions have it: debugfs mounts it by itself when somebody looks. */
const PLACES = [MOUNT_POINT, '/sys/kernel/debug/tracing'];
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;
const MS_REC = 0x4000;
const MS_PRIVATE = 0x40000;
const CLONE_NEWNS = 0x20000;

/** Names of our instances: `sockscope-PID-STARTTICKS-WHAT`; number and start name the process for ever. */
const INSTANCE_NAME = /^sockscope-(\d+)-(\d+)-[a-z]+$/;

function errnoOf(error: unknown): Errno {
  return errnoName(-((error as NodeJS.ErrnoException).errno ?? 0));
}

/** A tracefs that can be used: its path, and the layout of its ring buffer's pages. */
export interface Tracefs {
  readonly ok: true;
  readonly path: string;
  readonly layout: PageLayout;
  /** True when this call mounted it, for this process alone. */
  readonly mounted: boolean;
}

/**
 * Finds tracefs and looks whether we may use it. `mount`: where nobody mounted it, this thread gets a mount namespace of its own (unshare(2)) and mounts
 * it there: nobody else sees it, and it is gone with the process. The instances in it belong to the kernel, not to the mount.
 */
export function findTracefs(mount: boolean): Tracefs | Unavailable {
  const found = mountedAt();
  if (typeof found === 'string') return usable(found, false);
  if (found !== null) return found;
  let kernelHas;
  try {
    kernelHas = /^nodev\ttracefs$/m.test(readFileSync('/proc/filesystems', 'latin1'));
  } catch (error) {
    return unavailable('no-tracefs', '/proc/filesystems cannot be read', errnoOf(error));
  }
  if (!kernelHas) return unavailable('no-tracefs', 'this kernel has no tracefs (CONFIG_TRACING)');
  if (process.geteuid?.() !== 0) return unavailable('not-root', 'tracepoints are for root; start sockscope as root to see what the kernel does');
  if (!mount) return unavailable('not-mounted', `tracefs is not mounted; mount -t tracefs nodev ${MOUNT_POINT}`);
  const errno = mountPrivately();
  if (errno !== 0)
    return unavailable('not-mounted', `tracefs could not be mounted at ${MOUNT_POINT} (a container without CAP_SYS_ADMIN cannot)`, errnoName(errno));
  return usable(MOUNT_POINT, true);
}

/** Mounts tracefs in a mount namespace of this thread's own, from which nothing spreads; 0 or the errno. */
function mountPrivately(): number {
  if (libc.unshare(CLONE_NEWNS) === -1) return libc.errno();
  if (libc.mount('none', '/', 'none', MS_REC | MS_PRIVATE, null) === -1) return libc.errno();
  return libc.mount('nodev', MOUNT_POINT, 'tracefs', MS_NOSUID | MS_NODEV | MS_NOEXEC, null) === -1 ? libc.errno() : 0;
}

/** The first place that shows tracefs, null when none does, or why we cannot tell. */
function mountedAt(): string | Unavailable | null {
  for (const path of PLACES) {
    try {
      if (readdirSync(path).includes('trace_clock')) return path;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'EACCES' || errno === 'EPERM')
        return unavailable('not-root', `${path} is for root; start sockscope as root to see what the kernel does`, errno);
    }
  }
  return null;
}

function usable(path: string, mounted: boolean): Tracefs | Unavailable {
  let layout;
  let known;
  try {
    layout = parseHeaderPage(readFileSync(`${path}/events/header_page`, 'latin1'));
    known = knowsHeaderEvent(readFileSync(`${path}/events/header_event`, 'latin1'));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EACCES' || errno === 'EPERM')
      return unavailable('not-root', `${path} is for root; start sockscope as root to see what the kernel does`, errno);
    return unavailable('no-tracefs', `${path} has no events`, errno);
  }
  if (layout === null || !known) return unavailable('unknown-layout', 'this kernel lays out its trace buffer in a way sockscope does not know');
  if (!existsSync(`${path}/instances`)) return unavailable('no-instance', 'this kernel has no tracing instances (before 3.10)');
  return { ok: true, path, layout, mounted };
}

/**
 * Removes the instances of runs that no longer live; returns their names. One that somebody still reads cannot be removed: the kernel says EBUSY
 * (a run in another pid namespace), and it stays.
 */
export function removeLeftOvers(tracefs: Tracefs): string[] {
  let names: string[];
  try {
    names = readdirSync(`${tracefs.path}/instances`);
  } catch {
    return [];
  }
  return names.filter((name) => {
    const match = INSTANCE_NAME.exec(name);
    if (match === null || startTicks(Number(match[1])) === Number(match[2])) return false;
    try {
      rmdirSync(`${tracefs.path}/instances/${name}`);
      return true;
    } catch {
      return false;
    }
  });
}

/** What a write to a tracing file came to. */
export type WriteResult = Errno | null;

/** An instance: buffers, filters and switches that no other user of tracing sees. */
export class TraceInstance {
  readonly path: string;
  readonly layout: PageLayout;
  /** Held open: when this process dies, however it dies, the kernel stops the recording and gives the buffers back (options/disable_on_free). */
  #freeBufferFd = -1;

  private constructor(path: string, layout: PageLayout) {
    this.path = path;
    this.layout = layout;
  }

  /** Makes `sockscope-PID-STARTTICKS-what`, recording nothing yet, on CLOCK_MONOTONIC, with `bufferKib` per CPU that keep the newest. */
  static create(tracefs: Tracefs, what: string, bufferKib: number): TraceInstance | Unavailable {
    const path = `${tracefs.path}/instances/sockscope-${process.pid}-${startTicks(process.pid) ?? 0}-${what}`;
    try {
      mkdirSync(path);
    } catch (error) {
      return unavailable('no-instance', `${path} could not be made`, errnoOf(error));
    }
    const instance = new TraceInstance(path, tracefs.layout);
    const errno = instance.write('tracing_on', '0') ?? instance.write('trace_clock', 'mono') ?? instance.write('buffer_size_kb', String(bufferKib));
    if (errno !== null) {
      instance.remove();
      return unavailable('no-buffer', 'a trace buffer with a monotonic clock could not be had', errno);
    }
    if (instance.write('options/disable_on_free', '1') === null) instance.#freeBufferFd = openSync(`${path}/free_buffer`, constants.O_WRONLY);
    return instance;
  }

  /** The format of an event; null where this kernel has none such (or none that parses). */
  format(event: string): TraceFormat | null {
    try {
      return TraceFormat.parse(readFileSync(`${this.path}/events/${event}/format`, 'latin1'));
    } catch {
      return null;
    }
  }

  /** Records `event` where `filter` holds ('' for always); null, or why the kernel refused. */
  enable(event: string, filter: string): WriteResult {
    return (filter === '' ? null : this.write(`events/${event}/filter`, filter)) ?? this.write(`events/${event}/enable`, '1');
  }

  /** Writes a tracing file, from its beginning (which empties lists such as triggers and pids) or behind what is there. */
  write(file: string, text: string, append = false): WriteResult {
    try {
      writeFileSync(`${this.path}/${file}`, text, { flag: append ? 'a' : 'w' });
      return null;
    } catch (error) {
      return errnoOf(error);
    }
  }

  /** A tracing file's text; null where it cannot be read. */
  read(file: string): string | null {
    try {
      return readFileSync(`${this.path}/${file}`, 'latin1');
    } catch {
      return null;
    }
  }

  /** Stops recording and takes the instance away; whatever is open in it must be closed before. Returns why it could not, null when it is gone. */
  remove(): WriteResult {
    this.write('tracing_on', '0');
    if (this.#freeBufferFd >= 0) closeSync(this.#freeBufferFd);
    this.#freeBufferFd = -1;
    try {
      rmdirSync(this.path);
      return null;
    } catch (error) {
      return errnoOf(error);
    }
  }
}
