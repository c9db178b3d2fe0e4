// What a pause in accepting came to: the queue at its fullest, SYNs dropped and sent again, late connects; each figure with its events.
import type { Connections } from './connection-list.ts';
import { callsOf, isFailure, type Connection } from './connection.ts';
import type { AcceptPause } from './server-model.ts';

export interface Overflow {
  /** The seq of the pause: one explanation each. */
  key: number;
  over: boolean;
  pausedForNs: number | null;
  fullest: { length: number; limit: number; seq: number } | null;
  /** By the listener's own counter; null where nobody read it. */
  dropped: { count: number; seqs: number[] } | null;
  /** SYNs seen to go out again; null where no tracepoint told of any. */
  synsAgain: { count: number; firstSeq: number } | null;
  clients: number;
  /** Connects that took so long that the SYN must have gone out more than once. */
  late: { count: number; longestNs: number; slowestSeq: number | null };
  refused: number;
  replied: number;
  failed: number;
  living: number;
}

/** The kernel sends an unanswered SYN again after a second; a connect that took this long had to. */
const LATE_FROM_NS = 0.8e9;

const BATCH_SKEW_NS = 2e9;

/** Explains a pause; null where the queue never was full and nothing was dropped: then there is nothing to explain. `connections` in order of their beginning. */
export function overflowOf(pause: AcceptPause, connections: Connections): Overflow | null {
  const { paused, resumed, fullest } = pause;
  const dropped = pause.drops.reduce((sum, event) => sum + event.drops, 0);
  const wasFull = fullest !== null && fullest.length > fullest.limit;
  if (!wasFull && dropped === 0) return null;
  const untilNs = resumed?.atNs ?? Infinity;
  const found: Overflow = {
    key: paused.seq,
    over: false,
    pausedForNs: resumed === null ? null : resumed.atNs - paused.atNs,
    fullest: fullest === null ? null : { length: fullest.length, limit: fullest.limit, seq: fullest.seq },
    dropped: pause.drops.length === 0 ? null : { count: dropped, seqs: pause.drops.map((event) => event.seq) },
    synsAgain: pause.firstSynAgain === null ? null : { count: pause.synsAgain, firstSeq: pause.firstSynAgain.seq },
    clients: 0,
    late: { count: 0, longestNs: 0, slowestSeq: null },
    refused: 0,
    replied: 0,
    failed: 0,
    living: 0,
  };
  for (let i = connections.length - 1; i >= 0; i -= 1) {
    const connection = connections.at(i);
    // Batches of two processes may have crossed: a little further back than the pause began.
    if (connection === undefined || connection.startNs < paused.atNs - BATCH_SKEW_NS) break;
    if (connection.startNs >= paused.atNs && connection.startNs <= untilNs) count(found, connection);
  }
  found.over = resumed !== null && found.living === 0;
  return found;
}

function count(found: Overflow, connection: Connection): void {
  found.clients += 1;
  if (connection.phase === 'ended') {
    if (connection.outcome === 'replied') found.replied += 1;
    else if (connection.outcome === 'refused') found.refused += 1;
    if (isFailure(connection.outcome)) found.failed += 1;
  } else found.living += 1;
  const tookNs = connection.connectedNs === null ? 0 : connection.connectedNs - connection.startNs;
  if (tookNs < LATE_FROM_NS) return;
  found.late.count += 1;
  if (tookNs <= found.late.longestNs) return;
  found.late.longestNs = tookNs;
  found.late.slowestSeq = callsOf(connection.client).find((call) => call.call === 'getsockopt' && call.args.option === 'SO_ERROR')?.seq ?? null;
}
