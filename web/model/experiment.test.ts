// An experiment's result against the connections and events it is counted from.
import { describe, expect, it } from 'vitest';
import type { Connection } from './connection.ts';
import { EventLog } from './event-log.ts';
import { Experiment, type ExperimentModel } from './experiment.ts';
import { SampleRun } from './sample-events.ts';

function model(connections: Readonly<Record<string, Partial<Connection>>>, log = new EventLog()): ExperimentModel {
  return { log, byKey: (key) => (connections[key] as Connection | undefined) ?? null };
}

describe('an experiment', () => {
  it('counts what became of its own clients, and of no others', () => {
    const outcomes = ['replied', 'refused', 'reset', 'ended', 'timed-out'] as const;
    const connections = Object.fromEntries(
      outcomes.map((outcome, i) => [
        `c${i}`,
        { phase: 'ended' as const, outcome, startNs: 0, connectedNs: null, repliedNs: outcome === 'replied' ? 5e9 : null },
      ]),
    );
    const result = new Experiment(['c0', 'c1', 'c2', 'c3', 'c4', 'c5'], 0).look(
      model({
        ...connections,
        c5: { phase: 'held', outcome: null, startNs: 0, connectedNs: 1, repliedNs: null },
        c6: { phase: 'held', outcome: null, startNs: 0, connectedNs: 1 },
      }),
    );
    expect(result).toMatchObject({ started: 6, replied: 1, refused: 1, reset: 1, ended: 1, failed: 1, live: 1, lastReplyNs: 5e9 });
  });

  it('tells how many connected only at the second attempt', () => {
    const held = { phase: 'held' as const, outcome: null, startNs: 0, repliedNs: null };
    const result = new Experiment(['a', 'b'], 0).look(model({ a: { ...held, connectedNs: 1e6 }, b: { ...held, connectedNs: 1.01e9 } }));
    expect(result.retried).toBe(1);
  });

  it('goes on looking at the queue while none of its clients has been heard of', () => {
    const run = new SampleRun();
    const log = new EventLog();
    const experiment = new Experiment(['a'], run.seq);
    log.add([run.queue(1, 2)]);
    expect(experiment.look(model({}, log)).queueMost).toBe(2);
    log.add([run.queue(2, 6)]);
    expect(experiment.look(model({ a: { phase: 'queued', outcome: null, startNs: 0, connectedNs: 1 } }, log)).queueMost).toBe(6);
  });

  it('tells the longest queue since it began, as long as it lasts', () => {
    const run = new SampleRun();
    const log = new EventLog();
    log.add([run.queue(1, 6)]);
    const client: Partial<Connection> = { phase: 'held', outcome: null, startNs: 0, connectedNs: 1, repliedNs: null };
    const experiment = new Experiment(['a'], run.seq);
    expect(experiment.look(model({ a: client }, log)).queueMost).toBeNull();
    log.add([run.queue(2, 4)]);
    log.add([run.queue(3, 1)]);
    expect(experiment.look(model({ a: client }, log))).toMatchObject({ queueMost: 4, queueAdmits: 6 });
    client.phase = 'ended';
    client.outcome = 'replied';
    log.add([run.queue(4, 5)]);
    expect(experiment.look(model({ a: client }, log)).queueMost).toBe(5);
    log.add([run.queue(5, 6)]);
    expect(experiment.look(model({ a: client }, log)).queueMost).toBe(5);
  });
});
