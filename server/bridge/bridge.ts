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
import { Targets } from './targets.ts';

export class Bridge implements Commanded {
  readonly clock = new RunClock();
  readonly journal = new Journal();
  readonly server: ServerKeeper;
  readonly clients: ClientKeeper;
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
    this.broadcast = new Broadcast(this.journal, () => this.status());
  }

  get closing(): boolean {
    return this.#closing !== null;
  }

  status(): Status {
    const { server, clients, journal } = this;
    return {
      version: this.#version,
      run: this.run,
      nowNs: this.clock.nowNs(),
      startedAt: this.clock.startedAt,
      server: server.status,
      processes: [{ name: 'bridge', pid: process.pid, heartbeatAgeMs: 0, restarts: 0 }, server.supervisor.status, clients.supervisor.status],
      totals: {
        server: server.totals,
        clients: clients.totals,
        events: { recorded: journal.lastSeq, dropped: server.supervisor.dropped + clients.supervisor.dropped },
      },
      journal: { firstSeq: journal.firstSeq, lastSeq: journal.lastSeq },
      watchers: this.broadcast.watchers,
      evidence: [
        { evidence: 'returned', available: true, missing: '' },
        { evidence: 'tcp_info', available: true, missing: '' },
      ],
      sampler: { intervalMs: null, rows: 0, slowed: false },
    };
  }

  /** Starts both engines; resolves when the increment server listens, or it is clear that it will not. */
  async start(): Promise<ServerStatus> {
    const started = this.server.start();
    void this.clients.supervisor.start();
    await started;
    return this.server.status;
  }

  /** The orderly end: the server answers those held, then our clients end. Resolves with the number of connections lost by it. */
  close(): Promise<number> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /** Ends both engines at once. Resolves when they are gone. */
  async kill(): Promise<void> {
    this.#closing ??= Promise.resolve(0);
    await Promise.all([this.server.supervisor.kill(), this.clients.supervisor.kill()]);
  }

  async #drain(): Promise<number> {
    const before = this.server.totals.lost;
    await this.server.stop();
    await this.clients.stop();
    return this.server.totals.lost - before;
  }
}
