// The bridge without its HTTP side: journal, both engines, and the pages that watch; what app.ts and main.ts hold on to.
import { randomBytes } from 'node:crypto';
import type { ServerStatus, Status } from '../wire/message.ts';
import { Broadcast } from './broadcast.ts';
import { ClientKeeper } from './client-keeper.ts';
import type { Commanded } from './commands.ts';
import { Journal } from './journal.ts';
import type { BridgeOptions } from './options.ts';
import { RunClock } from './run-clock.ts';
import { ServerKeeper } from './server-keeper.ts';
import type { Log } from './supervisor.ts';
import { TapKeeper, type TapWatch } from './tap-keeper.ts';
import { Targets } from './targets.ts';

export class Bridge implements Commanded {
  readonly clock = new RunClock();
  readonly journal = new Journal();
  readonly server: ServerKeeper;
  readonly clients: ClientKeeper;
  readonly tap: TapKeeper;
  readonly broadcast: Broadcast;
  readonly targets: Targets;
  /** Names this run: a page that finds another one starts afresh. */
  readonly run = randomBytes(8).toString('hex');
  readonly #version: string;
  #closing: Promise<number> | null = null;

  constructor(options: BridgeOptions, log: Log) {
    this.#version = options.version;
    this.targets = new Targets(options.allowTargets);
    this.server = new ServerKeeper({ ...options, entry: options.serverEntry }, this.journal, this.clock, log);
    this.clients = new ClientKeeper(options.clientEntry, this.journal, this.clock, log);
    this.tap = new TapKeeper(options.tapEntry, this.journal, this.clock, log, () => this.#watched());
    this.broadcast = new Broadcast(this.journal, () => this.status());
  }

  get closing(): boolean {
    return this.#closing !== null;
  }

  status(): Status {
    const { server, clients, tap, journal } = this;
    return {
      version: this.#version,
      run: this.run,
      nowNs: this.clock.nowNs(),
      startedAt: this.clock.startedAt,
      server: server.status,
      processes: [
        { name: 'bridge', pid: process.pid, heartbeatAgeMs: 0, restarts: 0, dropped: 0 },
        server.supervisor.status,
        clients.supervisor.status,
        ...(tap.supervisor === null ? [] : [tap.supervisor.status]),
      ],
      totals: {
        server: server.totals,
        clients: clients.totals,
        events: { recorded: journal.lastSeq, dropped: server.supervisor.dropped + clients.supervisor.dropped + (tap.supervisor?.dropped ?? 0) },
      },
      journal: { firstSeq: journal.firstSeq, lastSeq: journal.lastSeq },
      watchers: this.broadcast.watchers,
      evidence: tap.evidence,
      sampler: tap.sampler,
    };
  }

  /** Starts the engines; resolves when the increment server listens, or it is clear that it will not. */
  async start(): Promise<ServerStatus> {
    const started = this.server.start();
    void this.clients.supervisor.start();
    await started;
    // Last: whoever waits for the server does not wait for what only watches it.
    if (!this.closing) this.tap.start();
    return this.server.status;
  }

  /** The orderly end: the server answers those held, then our clients end. Resolves with the number of connections lost by it. */
  close(): Promise<number> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /** Ends the engines at once. Resolves when they are gone. */
  async kill(): Promise<void> {
    this.#closing ??= Promise.resolve(0);
    await Promise.all([this.server.supervisor.kill(), this.clients.supervisor.kill(), this.tap.kill()]);
  }

  /** Our port and processes, and whether there is anything to see. */
  #watched(): TapWatch {
    const { server, clients } = this;
    const port = server.address.port;
    const own = [
      { name: 'bridge' as const, pid: process.pid },
      { name: 'increment-server' as const, pid: server.supervisor.pid },
      { name: 'tcp-client' as const, pid: clients.supervisor.pid },
    ];
    return {
      ports: port === 0 ? [] : [port],
      own: own.flatMap(({ name, pid }) => (pid === null ? [] : [{ name, pid }])),
      alive: server.totals.live > 0 || clients.totals.live > 0,
      watched: this.broadcast.watchers > 0,
    };
  }

  async #drain(): Promise<number> {
    const before = this.server.totals.lost;
    await this.server.stop();
    await this.clients.stop();
    await this.tap.stop();
    return this.server.totals.lost - before;
  }
}
