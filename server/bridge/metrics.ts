// What Prometheus may scrape: the status's own totals under its naming rules, counted nowhere a second time.
import { Counter, Gauge, Registry } from 'prom-client';
import type { Status } from '../wire/message.ts';
import type { TapKeeper } from './tap-keeper.ts';

const OUTCOMES = ['replied', 'closedWithoutByte', 'reset', 'lost'] as const;
const CLIENT_OUTCOMES = ['replied', 'failed', 'ended'] as const;

/** Prometheus spells label values with underscores. */
const label = (outcome: string): string => outcome.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A registry whose values are read from `status`, and from what the tap last told, when it is scraped. */
export function metricsOf(status: () => Status, watchers: () => number, tap: Pick<TapKeeper, 'totals' | 'lost'>): Registry {
  const registry = new Registry();
  const registers = [registry];
  // A total is kept by the engines: a counter is set to it at each scrape rather than incremented here.
  const counter = (name: string, help: string, read: (status: Status) => [Record<string, string>, number][]): void => {
    const first = Object.keys(read(status())[0]?.[0] ?? {});
    new Counter({
      name,
      help,
      registers,
      labelNames: first,
      collect() {
        this.reset();
        // reset() leaves a figure without labels at 0, which would be said of what nobody knows.
        this.remove({});
        for (const [labels, value] of read(status())) this.inc(labels, value);
      },
    });
  };
  const gauge = (name: string, help: string, labelNames: string[], read: (status: Status) => [Record<string, string>, number][]): void => {
    new Gauge({
      name,
      help,
      registers,
      labelNames,
      collect() {
        this.reset();
        this.remove({});
        for (const [labels, value] of read(status())) this.set(labels, value);
      },
    });
  };

  counter('sockscope_connections_accepted_total', 'Connections the increment server accepted.', ({ totals }) => [[{}, totals.server.accepted]]);
  counter('sockscope_connections_total', 'Connections of the increment server that have ended, by outcome.', ({ totals }) =>
    OUTCOMES.map((outcome) => [{ outcome: label(outcome) }, totals.server[outcome]]),
  );
  gauge('sockscope_connections_live', 'Connections of the increment server that are open and not yet settled.', [], ({ totals }) => [[{}, totals.server.live]]);
  gauge('sockscope_connections_held', 'Connections whose byte is held.', [], ({ totals }) => [[{}, totals.server.held]]);
  counter('sockscope_clients_started_total', 'TCP clients that were started.', ({ totals }) => [[{}, totals.clients.started]]);
  counter('sockscope_clients_total', 'TCP clients that are done, by outcome.', ({ totals }) =>
    CLIENT_OUTCOMES.map((outcome) => [{ outcome }, totals.clients[outcome]]),
  );
  gauge('sockscope_clients_live', 'TCP clients that are alive.', [], ({ totals }) => [[{}, totals.clients.live]]);
  counter('sockscope_events_total', 'Events in the trace.', ({ totals }) => [[{}, totals.events.recorded]]);
  counter('sockscope_events_dropped_total', 'Events that were not recorded because their reader was too slow.', ({ totals }) => [[{}, totals.events.dropped]]);
  gauge('sockscope_watchers', 'Pages that watch.', [], () => [[{}, watchers()]]);
  gauge('sockscope_up', '1 while the increment server listens.', [], ({ server }) => [[{}, server.state === 'listening' ? 1 : 0]]);
  gauge('sockscope_engine_heartbeat_age_seconds', 'Time since the loop of an engine last said that it turns.', ['process'], ({ processes }) =>
    processes.flatMap(({ name, heartbeatAgeMs }): [Record<string, string>, number][] =>
      name === 'bridge' || heartbeatAgeMs === null ? [] : [[{ process: name }, heartbeatAgeMs / 1_000]],
    ),
  );
  counter('sockscope_engine_restarts_total', 'Restarts of an engine after it ended unexpectedly.', ({ processes }) =>
    processes.filter(({ name }) => name !== 'bridge').map(({ name, restarts }) => [{ process: name }, restarts]),
  );
  // Without a tap these have no value, rather than a wrong one.
  const queue = (read: (queue: { length: number; limit: number }) => number): [Record<string, string>, number][] =>
    tap.totals?.queue == null ? [] : [[{}, read(tap.totals.queue)]];
  gauge('sockscope_accept_queue_length', 'Connections in the accept queue of the listening socket when it was last looked at.', [], () =>
    queue(({ length }) => length),
  );
  gauge('sockscope_accept_queue_limit', 'Limit of the accept queue; it admits one more.', [], () => queue(({ limit }) => limit));
  counter('sockscope_listener_drops_total', 'Segments that the listening socket dropped, SYNs beyond its backlog among them, by its own counter.', () =>
    tap.totals === null ? [] : [[{}, tap.totals.listenerDrops]],
  );
  counter('sockscope_listen_overflows_total', 'Overflows of accept queues in this network namespace while the tap watched.', () =>
    tap.totals === null ? [] : [[{}, tap.totals.listenOverflows]],
  );
  counter('sockscope_tap_events_lost_total', 'Trace records that the kernel overwrote before the tap could read them.', () => [[{}, tap.lost]]);
  return registry;
}
