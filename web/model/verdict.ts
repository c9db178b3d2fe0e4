// What can be said of a whole conversation, clause by clause, each with the events it follows from.
import type { CallEvent } from '#wire/event.ts';
import type { Evidence } from '#wire/vocabulary.ts';
import { callsOf, type Connection, type Outcome } from './connection.ts';
import type { SocketEnd } from './socket-end.ts';
import { disagreement, statesOf, synRetries, type Disagreement } from './seen-states.ts';

export type ClauseFact =
  | { kind: 'outcome'; outcome: Outcome; afterNs: number; errno: string | null }
  | { kind: 'living'; phase: string; sinceNs: number }
  | { kind: 'syn-again'; count: number; connectedAfterNs: number | null }
  | { kind: 'queued'; durationNs: number }
  | { kind: 'held'; askedMs: number; lateNs: number }
  | { kind: 'closed'; by: 'client' | 'server'; how: 'FIN' | 'RST' }
  | { kind: 'time-wait'; side: 'client' | 'server'; evidence: Evidence | null }
  | ({ kind: 'disagree' } & { what: Disagreement });

/** One clause of the verdict and the numbers of the events it rests on. */
export interface Clause {
  fact: ClauseFact;
  seqs: number[];
}

/** Shorter than this nobody waited in the queue: the server simply had not looked yet. */
const QUEUED_FROM_NS = 50e6;

export function verdict(connection: Connection): Clause[] {
  const clauses = [outcomeClause(connection)];
  const { client, server } = connection;
  const retries = synRetries(connection);
  if (retries > 0) {
    const seqs = connection.notes.filter((note) => note.kind === 'retransmit' && note.segment === 'SYN').map((note) => note.seq);
    clauses.push({ fact: { kind: 'syn-again', count: retries, connectedAfterNs: since(connection.startNs, connection.connectedNs) }, seqs });
  }
  const accept = find(server, (call) => call.call === 'accept4');
  const queuedNs = connection.connectedNs === null || connection.acceptedNs === null ? 0 : connection.acceptedNs - connection.connectedNs;
  if (accept !== undefined && queuedNs >= QUEUED_FROM_NS) {
    const connected = find(client, (call) => call.call === 'getsockopt' && call.args.option === 'SO_ERROR');
    clauses.push({ fact: { kind: 'queued', durationNs: queuedNs }, seqs: numbers(connected, accept) });
  }
  const read = find(server, (call) => call.call === 'read' && call.returned > 0);
  const write = find(server, (call) => call.call === 'write' && call.returned > 0);
  if (read !== undefined && write !== undefined && connection.holdMs !== null) {
    const heldNs = write.atNs - (read.atNs + read.durationNs);
    clauses.push({ fact: { kind: 'held', askedMs: connection.holdMs, lateNs: heldNs - connection.holdMs * 1e6 }, seqs: numbers(read, write) });
  }
  const closed = closedClause(connection);
  if (closed !== null) clauses.push(closed);
  const waits = timeWaitClause(connection, closed);
  if (waits !== null) clauses.push(waits);
  const what = disagreement(connection);
  if (what !== null) clauses.push({ fact: { kind: 'disagree', what }, seqs: lastSeqs(connection) });
  return clauses;
}

function outcomeClause(connection: Connection): Clause {
  const { client, server, outcome, startNs, endNs, repliedNs } = connection;
  if (outcome === null || endNs === null)
    return { fact: { kind: 'living', phase: connection.phase, sinceNs: startNs }, seqs: numbers(callsOf(client).at(-1), callsOf(server).at(-1)) };
  const ended = connection.notes.find((note) => note.kind === 'client-ended');
  const afterNs = (outcome === 'replied' ? (repliedNs ?? endNs) : endNs) - startNs;
  const reply = find(client, (call) => call.call === 'read' && call.returned > 0) ?? find(server, (call) => call.call === 'write' && call.returned > 0);
  const failed = [client, server].map((end) => find(end, (call) => call.errno !== undefined && call.errno === connection.errno));
  const first = callsOf(client)[0] ?? callsOf(server)[0];
  return {
    fact: { kind: 'outcome', outcome, afterNs, errno: connection.errno },
    seqs: [...numbers(first, outcome === 'replied' ? reply : undefined, ...failed), ...(ended === undefined ? [] : [ended.seq])],
  };
}

/** Who closed first, as far as the calls tell; null where they do not. */
export function closedFirst(connection: Connection): 'client' | 'server' | null {
  const fact = closedClause(connection)?.fact;
  return fact?.kind === 'closed' ? fact.by : null;
}

/** Who said first that it has nothing more to send, and how. */
function closedClause(connection: Connection): Clause | null {
  const { client, server } = connection;
  const resets = connection.notes.filter((note) => note.kind === 'reset');
  const heard = [client, server].map((end) => find(end, (call) => call.errno === 'ECONNRESET' || call.errno === 'EPIPE'));
  if (heard[1] !== undefined) return { fact: { kind: 'closed', by: 'client', how: 'RST' }, seqs: [...numbers(heard[1]), ...resets.map((note) => note.seq)] };
  if (heard[0] !== undefined) return { fact: { kind: 'closed', by: 'server', how: 'RST' }, seqs: [...numbers(heard[0]), ...resets.map((note) => note.seq)] };
  const farewells = (
    [
      ['client', client],
      ['server', server],
    ] as const
  )
    .map(([by, end]) => ({ by, end, call: farewell(end) }))
    .filter((one) => one.call !== undefined)
    .sort((a, b) => (a.call?.atNs ?? 0) - (b.call?.atNs ?? 0));
  const first = farewells[0];
  // An unseen client may have said farewell before: end of file at the server before its own farewell tells.
  const eof = find(server, (call) => call.call === 'read' && call.returned === 0);
  if (eof !== undefined && !client.ours && (first === undefined || eof.atNs < (first.call?.atNs ?? 0)))
    return { fact: { kind: 'closed', by: 'client', how: 'FIN' }, seqs: numbers(eof) };
  if (first === undefined || server === null) return null;
  const linger = find(first.end, (call) => call.call === 'setsockopt' && call.args.option === 'SO_LINGER');
  return { fact: { kind: 'closed', by: first.by, how: linger === undefined ? 'FIN' : 'RST' }, seqs: numbers(linger, first.call) };
}

/** Whoever closed first, in order, keeps the address in TIME-WAIT; `evidence` null where that only follows. */
function timeWaitClause(connection: Connection, closed: Clause | null): Clause | null {
  for (const side of ['server', 'client'] as const) {
    const seen = statesOf(connection, side).find((state) => state.to === 'TIME-WAIT');
    if (seen !== undefined) return { fact: { kind: 'time-wait', side, evidence: seen.evidence }, seqs: [seen.seq] };
  }
  if (closed?.fact.kind !== 'closed' || closed.fact.how !== 'FIN' || connection.phase !== 'ended') return null;
  const other = closed.fact.by === 'server' ? connection.client : connection.server;
  const answered = find(other, (call) => call.call === 'read' && call.returned === 0);
  return answered === undefined ? null : { fact: { kind: 'time-wait', side: closed.fact.by, evidence: null }, seqs: [...closed.seqs, ...numbers(answered)] };
}

function farewell(end: SocketEnd | null): CallEvent | undefined {
  return find(end, (call) => call.call === 'shutdown' && call.returned === 0) ?? find(end, (call) => call.call === 'close');
}

function find(end: SocketEnd | null, wanted: (call: CallEvent) => boolean): CallEvent | undefined {
  return callsOf(end).find(wanted);
}

function numbers(...calls: (CallEvent | undefined)[]): number[] {
  return calls.filter((call) => call !== undefined).map((call) => call.seq);
}

function since(fromNs: number, toNs: number | null): number | null {
  return toNs === null ? null : toNs - fromNs;
}

function lastSeqs(connection: Connection): number[] {
  return (['client', 'server'] as const).flatMap((side) =>
    statesOf(connection, side)
      .slice(-1)
      .map((state) => state.seq),
  );
}
