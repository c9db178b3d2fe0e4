// What samples of the socket table tell, of real sockets on loopback: every end that is not ours once in each state, and nothing twice.
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as libc from '../kernel/libc.ts';
import { SockDiag } from '../kernel/sock-diag.ts';
import { SockaddrInBuffer } from '../kernel/sockaddr.ts';
import * as sys from '../kernel/syscalls.ts';
import * as c from '../wire/constants.ts';
import type { TraceEvent } from '../wire/event.ts';
import { RecordBatch } from '../wire/record.ts';
import { SocketSampler } from './socket-sampler.ts';
import { TapRecords } from './tap-records.ts';

const LOOPBACK = 0x7f000001;
const SO_LINGER = 13;

type Told = TraceEvent & { from?: string | null; to?: string; local?: string; remote?: string; drops?: number; totalDrops?: number };

const open: number[] = [];
const samplers: SocketSampler[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const sampler of samplers.splice(0)) sampler.watch([], []);
  for (const fd of open.splice(0)) sys.close(fd);
});

function socket(): number {
  const fd = sys.socket(c.AF_INET, c.SOCK_STREAM | c.SOCK_NONBLOCK, 0);
  expect(fd).toBeGreaterThanOrEqual(0);
  sys.setsockopt(fd, c.SOL_SOCKET, c.SO_REUSEADDR, 1);
  open.push(fd);
  return fd;
}

function portOf(fd: number): number {
  const address = new SockaddrInBuffer();
  sys.getsockname(fd, address);
  return address.port;
}

function end(fd: number): void {
  open.splice(open.indexOf(fd), 1);
  sys.close(fd);
}

/** Ends it with a reset: nothing of it stays. */
function reset(fd: number): void {
  const linger = new Uint8Array(8);
  linger[0] = 1;
  expect(libc.setsockopt(fd, c.SOL_SOCKET, SO_LINGER, linger, 8)).toBe(0);
  end(fd);
}

/** A listener, and a sampler that watches its port for the first time. */
class Watched {
  readonly batch = new RecordBatch(4_096);
  readonly records = new TapRecords({
    batch: this.batch,
    next: () => {
      this.batch.count += 1;
      return this.batch.count - 1;
    },
  });
  readonly sampler = new SocketSampler(this.records);
  listener = socket();
  readonly port: number;

  constructor({ backlog = 5, ownPids = [], traced = false }: { backlog?: number; ownPids?: number[]; traced?: boolean } = {}) {
    samplers.push(this.sampler);
    this.#listen(0, backlog);
    this.port = portOf(this.listener);
    this.sampler.watch([this.port], ownPids);
    this.sampler.traced = traced;
    this.sampler.baseline(() => undefined);
  }

  #listen(port: number, backlog: number): void {
    const address = new SockaddrInBuffer();
    address.set(LOOPBACK, port);
    expect(sys.bind(this.listener, address)).toBe(0);
    expect(sys.listen(this.listener, backlog)).toBe(0);
  }

  /** Another listener takes the place of this one. */
  listenAnew(backlog: number): void {
    end(this.listener);
    this.listener = socket();
    this.#listen(this.port, backlog);
  }

  connect(fromPort = 0): number {
    const fd = socket();
    const address = new SockaddrInBuffer();
    address.set(LOOPBACK, fromPort);
    if (fromPort !== 0) expect(sys.bind(fd, address)).toBe(0);
    address.set(LOOPBACK, this.port);
    sys.connect(fd, address);
    return fd;
  }

  accept(): number {
    const fd = sys.accept4(this.listener, new SockaddrInBuffer(), c.SOCK_NONBLOCK);
    expect(fd).toBeGreaterThanOrEqual(0);
    open.push(fd);
    return fd;
  }

  sample(times = 1): void {
    for (let i = 0; i < times; i += 1) this.sampler.sample(() => undefined);
    while (this.sampler.searchOwners() !== null);
  }

  get events(): Told[] {
    return Array.from({ length: this.batch.count }, (_, slot) => this.batch.event(slot, slot + 1) as Told);
  }

  /** 'ESTABLISHED → CLOSED' of the end at `port`. */
  states(port: number): string[] {
    return this.events.filter((event) => event.kind === 'tcp-state' && event.local.endsWith(`:${port}`)).map(({ from, to }) => `${from ?? 'null'} → ${to}`);
  }

  of(kind: string): Told[] {
    return this.events.filter((event) => event.kind === kind);
  }
}

describe.each(['sock_diag', 'procfs'] as const)('from %s', (evidence) => {
  const watched = (options?: ConstructorParameters<typeof Watched>[0]): Watched => {
    if (evidence === 'procfs') vi.spyOn(SockDiag, 'open').mockReturnValue({ ok: false, call: 'socket', errno: 'EPROTONOSUPPORT' });
    const made = new Watched(options);
    expect(made.sampler.usesNetlink).toBe(evidence === 'sock_diag');
    return made;
  };

  it('a foreign end is told with its owner, each state once', () => {
    const scene = watched();
    const client = scene.connect();
    const server = scene.accept();
    const port = portOf(client);
    scene.sample(3);
    const owners = scene.of('socket-owner').filter(({ local }) => local === `127.0.0.1:${port}`);
    expect(owners).toHaveLength(1);
    expect(owners[0]).toMatchObject({ pid: process.pid, evidence: 'procfs' });
    expect(scene.states(port)).toEqual(['null → ESTABLISHED']);
    expect(scene.of('tcp-state').find(({ local }) => local === `127.0.0.1:${port}`)).toMatchObject({ evidence, pid: process.pid });
    sys.shutdown(server, c.SHUT_WR);
    scene.sample(3);
    expect(scene.states(port)).toEqual(['null → ESTABLISHED', 'ESTABLISHED → CLOSE-WAIT']);
    end(client);
    scene.sample(3);
    expect(scene.states(port)).toEqual(['null → ESTABLISHED', 'ESTABLISHED → CLOSE-WAIT', 'CLOSE-WAIT → CLOSED']);
  });

  it('our own processes are not told of again: they tell themselves', () => {
    const scene = watched({ ownPids: [process.pid] });
    const port = portOf(scene.connect());
    scene.accept();
    scene.sample(3);
    // The port that the kernel chose for the scene may have a TIME-WAIT of somebody before it.
    const ofOthers = (event: object): boolean => 'local' in event && 'remote' in event && ![event.local, event.remote].includes(`127.0.0.1:${port}`);
    expect(scene.events.filter((event) => !ofOthers(event))).toEqual([]);
  });

  it('a TIME-WAIT is told once, of the end that closed first, and is nobody’s', () => {
    const scene = watched();
    const client = scene.connect();
    const port = portOf(client);
    end(scene.accept());
    end(client);
    scene.sample(3);
    const waits = scene.of('tcp-state').filter(({ to }) => to === 'TIME-WAIT');
    expect(waits).toHaveLength(1);
    expect(waits[0]).toMatchObject({ local: `127.0.0.1:${scene.port}`, remote: `127.0.0.1:${port}`, from: null });
    expect(waits[0]).not.toHaveProperty('process');
  });

  it('a connection that nobody has accepted is told, and its acceptance changes no state', () => {
    const scene = watched();
    const port = portOf(scene.connect());
    scene.sample(2);
    const queued = scene.of('tcp-state').filter(({ local }) => local === `127.0.0.1:${scene.port}`);
    expect(queued).toMatchObject([{ to: 'ESTABLISHED', remote: `127.0.0.1:${port}` }]);
    scene.accept();
    scene.sample(2);
    expect(scene.states(scene.port)).toEqual(['null → ESTABLISHED']);
  });

  it('a connecting client’s SYNs are told each time they are sent again', async () => {
    const scene = watched({ backlog: 0 });
    scene.connect();
    const port = portOf(scene.connect());
    scene.sample();
    expect(scene.states(port)).toEqual(['null → SYN-SENT']);
    await vi.waitFor(
      () => {
        scene.sample();
        expect(scene.of('retransmit').length).toBeGreaterThan(0);
      },
      { timeout: 10_000, interval: 100 },
    );
    scene.sample(2);
    expect(scene.of('retransmit')).toMatchObject([{ segment: 'SYN', local: `127.0.0.1:${port}` }]);
    scene.accept();
    await vi.waitFor(
      () => {
        scene.sample();
        expect(scene.states(port)).toEqual(['null → SYN-SENT', 'SYN-SENT → ESTABLISHED']);
      },
      { timeout: 10_000, interval: 100 },
    );
  });
});

describe('a new socket between the same two ends', () => {
  it('is none of the old one’s states, though no sample fell between them', () => {
    const scene = new Watched();
    const first = scene.connect();
    const port = portOf(first);
    const firstServer = scene.accept();
    sys.shutdown(firstServer, c.SHUT_WR);
    scene.sample();
    reset(first);
    end(firstServer);
    scene.connect(port);
    scene.accept();
    scene.sample(2);
    expect(scene.states(port)).toEqual(['null → CLOSE-WAIT', 'CLOSE-WAIT → CLOSED', 'null → ESTABLISHED']);
    expect(scene.of('socket-owner').filter(({ local }) => local === `127.0.0.1:${port}`)).toHaveLength(2);
  });
});

describe('beside tracefs, which tells every change', () => {
  it('only what it cannot see is told: TIME-WAIT and its end', () => {
    const scene = new Watched({ traced: true });
    const client = scene.connect();
    const itsEnd = `127.0.0.1:${portOf(client)}`;
    // The kernel may have given the listener a port that another test's TIME-WAITs still name.
    const ofOurs = () => scene.of('tcp-state').filter(({ local, remote }) => local === itsEnd || remote === itsEnd);
    const server = scene.accept();
    scene.sample(2);
    expect(ofOurs()).toEqual([]);
    end(server);
    end(client);
    scene.sample(2);
    expect(ofOurs()).toMatchObject([{ to: 'TIME-WAIT', local: `127.0.0.1:${scene.port}` }]);
  });

  it('and a SYN that nobody answers, whose port tracefs learns late', () => {
    const scene = new Watched({ traced: true, backlog: 0 });
    scene.connect();
    const port = portOf(scene.connect());
    scene.sample();
    expect(scene.states(port)).toEqual([]);
    scene.sample(2);
    expect(scene.states(port)).toEqual(['null → SYN-SENT']);
  });

  it('at its first look all there is, because it began later', () => {
    const scene = new Watched();
    const port = portOf(scene.connect());
    scene.accept();
    scene.sampler.traced = true;
    scene.sampler.baseline(() => undefined);
    expect(scene.states(port)).toEqual(['null → ESTABLISHED']);
  });
});

describe('a listener', () => {
  const told = (scene: Watched): number => scene.of('listener-drops').reduce((sum, { drops = 0 }) => sum + drops, 0);

  it('its queue and its drops are told, the drops as differences to what was told', () => {
    const scene = new Watched({ backlog: 1 });
    scene.sample();
    expect(scene.sampler.listeners.queue).toEqual({ length: 0, limit: 1 });
    expect(scene.of('listener-drops')).toEqual([]);
    for (let i = 0; i < 4; i += 1) scene.connect();
    scene.sample(3);
    expect(scene.sampler.listeners.queue).toEqual({ length: 2, limit: 1 });
    expect(told(scene)).toBe(scene.sampler.listeners.drops);
    expect(told(scene)).toBeGreaterThanOrEqual(2);
    for (let i = 0; i < 3; i += 1) scene.connect();
    scene.sample(3);
    expect(told(scene)).toBe(scene.sampler.listeners.drops);
    expect(told(scene)).toBeGreaterThanOrEqual(5);
  });

  it('that follows another begins at 0, however many it has dropped when it is first seen', () => {
    const scene = new Watched({ backlog: 0 });
    for (let i = 0; i < 3; i += 1) scene.connect();
    scene.sample();
    const before = told(scene);
    for (const fd of open.filter((fd) => fd !== scene.listener)) reset(fd);
    scene.listenAnew(0);
    for (let i = 0; i < 7; i += 1) scene.connect();
    scene.sample(2);
    expect(scene.sampler.listeners.drops).toBeGreaterThanOrEqual(6);
    expect(told(scene) - before).toBe(scene.sampler.listeners.drops);
  });
});

describe('more new sockets than one look follows', () => {
  const crowd = (scene: Watched, count: number): number[] => Array.from({ length: count }, () => scene.connect());
  /** Ends that nobody has accepted; a listener's port may have a TIME-WAIT of another test. */
  const told = (scene: Watched): number => scene.of('tcp-state').filter(({ to }) => to === 'ESTABLISHED').length;

  it('cost the look what it does itself, not what others do meanwhile', () => {
    const scene = new Watched({ backlog: 600 });
    crowd(scene, 550);
    scene.sample();
    const busy = (): void => {
      for (const untilMs = performance.now() + 200; performance.now() < untilMs;);
    };
    scene.sampler.meanwhile = busy;
    scene.sampler.sample(busy);
    // Of 400 ms at the least, that would be 20 s until the next.
    expect(scene.sampler.intervalMs).toBeLessThan(10_000);
  });

  it('have their turn in the next looks, once each, and the tap has its turn while they are read', () => {
    const scene = new Watched({ backlog: 600, ownPids: [process.pid] });
    crowd(scene, 550);
    const heard: string[] = [];
    scene.sampler.meanwhile = () => heard.push(`meanwhile, ${scene.batch.count} told`);
    scene.sampler.sample(() => heard.push('caught up'));
    // A table of more than one datagram: others had their turn before it was read to its end, and before anything was told of it.
    expect(heard.slice(0, 2)).toEqual(['meanwhile, 0 told', expect.any(String)]);
    expect(heard.at(-1)).toBe('caught up');
    expect(told(scene)).toBeLessThanOrEqual(500);
    scene.sample(3);
    const queued = scene.of('tcp-state').filter(({ to, local }) => to === 'ESTABLISHED' && local === `127.0.0.1:${scene.port}`);
    expect(queued.map(({ from }) => from)).toEqual(Array<null>(550).fill(null));
    expect(new Set(queued.map(({ remote }) => remote)).size).toBe(550);
    expect(scene.of('sampling')).toEqual([]);
  });

  it('and end before their turn: they are counted, once', () => {
    const scene = new Watched({ backlog: 600, ownPids: [process.pid] });
    const clients = crowd(scene, 550);
    scene.sample();
    for (const client of clients) {
      reset(client);
      end(scene.accept());
    }
    scene.sample(3);
    const sampling = scene.of('sampling') as (Told & { connections: number; skipped: number })[];
    expect(sampling).toMatchObject([{ evidence: 'sock_diag' }]);
    // Both ends of each; a few may be another test's TIME-WAITs.
    expect(sampling[0]?.connections).toBeGreaterThanOrEqual(1_100);
    expect(sampling[0]?.skipped).toBeGreaterThanOrEqual(600);
    expect(sampling[0]?.skipped).toBeLessThan(650);
  });
});

it('a table that was cut says of nobody that he has ended; whole again, it does', () => {
  const scene = new Watched();
  const port = portOf(scene.connect());
  scene.sample();
  const client = open.at(-1) ?? -1;
  end(scene.accept());
  end(client);
  scene.sample();
  expect(scene.states(scene.port)).toEqual(['null → ESTABLISHED', 'ESTABLISHED → TIME-WAIT']);
  const dump = vi.spyOn(SockDiag.prototype, 'dump').mockImplementation((table) => {
    table.begin('sock_diag', 0);
    table.truncated = true;
    return null;
  });
  scene.sample(2);
  expect(scene.states(scene.port)).toHaveLength(2);
  dump.mockImplementation((table) => {
    table.begin('sock_diag', 0);
    return null;
  });
  scene.sample(2);
  expect(scene.states(scene.port)).toEqual(['null → ESTABLISHED', 'ESTABLISHED → TIME-WAIT', 'TIME-WAIT → CLOSED']);
  expect(scene.states(port).at(-1)).toBe('ESTABLISHED → CLOSED');
});

it('what a port has left that is no longer served is watched to its end, and is not said to have ended before', () => {
  const scene = new Watched();
  const client = scene.connect();
  const port = portOf(client);
  end(scene.accept());
  end(client);
  scene.sample();
  const waits = () => scene.of('tcp-state').filter(({ local, remote }) => local === `127.0.0.1:${scene.port}` && remote === `127.0.0.1:${port}`);
  expect(waits()).toMatchObject([{ to: 'TIME-WAIT' }]);
  scene.sampler.watch([], []);
  scene.sample(2);
  const next = new Watched();
  scene.sampler.watch([next.port], []);
  scene.sample(2);
  expect(waits()).toHaveLength(1);
  vi.spyOn(SockDiag.prototype, 'dump').mockImplementation((table) => {
    table.begin('sock_diag', 0);
    return null;
  });
  scene.sample();
  expect(waits()).toMatchObject([{ to: 'TIME-WAIT' }, { from: 'TIME-WAIT', to: 'CLOSED' }]);
});
