// What became of the clients of one experiment, counted from the trace of those very clients and of the server meanwhile.
import type { Connection } from './connection.ts';
import type { EventLog } from './event-log.ts';

/** A connect() that took this long was not answered at once: its SYN was sent again (the first retry comes after 1 s). */
const RETRIED_FROM_NS = 0.9e9;

export interface ExperimentResult {
  started: number;
  live: number;
  replied: number;
  refused: number;
  reset: number;
  /** Ended early, as they were told. */
  ended: number;
  /** Failed in any other way. */
  failed: number;
  /** Connected only after their SYN was sent again. */
  retried: number;
  /** The longest accept queue seen meanwhile, and how many it admits; null where nobody looked. */
  queueMost: number | null;
  queueAdmits: number | null;
  /** Segments that the listener threw away meanwhile: SYNs mostly. */
  drops: number;
  /** From the first connect to the last reply; null before there is one. */
  lastReplyNs: number | null;
}

/** What an experiment asks of the page's model. */
export interface ExperimentModel {
  readonly log: EventLog;
  byKey(key: string): Connection | null;
}

export class Experiment {
  readonly #clientIds: readonly string[];
  readonly #fromSeq: number;
  #next: number | null = null;
  #generation = -1;
  #queueMost: number | null = null;
  #queueAdmits: number | null = null;
  #drops = 0;

  /** `fromSeq`: the newest event before it began. */
  constructor(clientIds: readonly string[], fromSeq: number) {
    this.#clientIds = clientIds;
    this.#fromSeq = fromSeq;
  }

  /** Looks at what is new since the last look. */
  look(model: ExperimentModel): ExperimentResult {
    const result: ExperimentResult = {
      started: this.#clientIds.length,
      live: 0,
      replied: 0,
      refused: 0,
      reset: 0,
      ended: 0,
      failed: 0,
      retried: 0,
      queueMost: null,
      queueAdmits: null,
      drops: 0,
      lastReplyNs: null,
    };
    let known = 0;
    let firstNs = Infinity;
    let lastNs = -Infinity;
    for (const id of this.#clientIds) {
      const connection = model.byKey(id);
      if (connection === null) continue;
      known += 1;
      count(result, connection);
      firstNs = Math.min(firstNs, connection.startNs);
      if (connection.outcome === 'replied') lastNs = Math.max(lastNs, connection.repliedNs ?? -Infinity);
    }
    // The server may tell of its queue before a client's own first call has come.
    this.#lookAtServer(model.log, result.live > 0 || known < this.#clientIds.length);
    return {
      ...result,
      queueMost: this.#queueMost,
      queueAdmits: this.#queueAdmits,
      drops: this.#drops,
      lastReplyNs: lastNs > firstNs ? lastNs - firstNs : null,
    };
  }

  /** The queue counts for as long as a client of the experiment lives: what comes later is another story. */
  #lookAtServer(log: EventLog, running: boolean): void {
    if (log.generation !== this.#generation) {
      this.#generation = log.generation;
      this.#next = null;
    }
    this.#next ??= log.placeOf(this.#fromSeq + 1);
    if (this.#next === Infinity) return;
    for (let place = Math.max(this.#next, log.first); place < log.end; place += 1) {
      const kind = log.kindAt(place);
      if (kind !== 'accept-queue' && kind !== 'listener-drops') continue;
      const event = log.at(place);
      if (event?.kind === 'accept-queue') {
        this.#queueMost = Math.max(this.#queueMost ?? 0, event.length);
        this.#queueAdmits = event.limit + 1;
      } else if (event?.kind === 'listener-drops') this.#drops += event.drops;
    }
    this.#next = running ? log.end : Infinity;
  }
}

function count(result: ExperimentResult, { phase, outcome, startNs, connectedNs }: Connection): void {
  if (connectedNs !== null && connectedNs - startNs > RETRIED_FROM_NS) result.retried += 1;
  if (phase !== 'ended') result.live += 1;
  else if (outcome === 'replied') result.replied += 1;
  else if (outcome === 'refused') result.refused += 1;
  else if (outcome === 'reset') result.reset += 1;
  else if (outcome === 'ended') result.ended += 1;
  else result.failed += 1;
}
