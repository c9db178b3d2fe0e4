// The states of a socket as they were seen, told as stretches that say who saw them and where nobody looked.
import type { Evidence } from '#wire/vocabulary.ts';
import { callsOf, type Connection } from './connection.ts';
import { toldEachChange, type SeenState } from './seen-state-list.ts';
import type { SocketEnd } from './socket-end.ts';

/** A stretch of time in one state. `seen` is false where nobody looked. */
export interface StateStretch {
  /** Null: the states before and after differ, and when it changed nobody saw. */
  state: string | null;
  fromNs: number;
  toNs: number;
  seen: boolean;
  /** Who saw it; for a stretch that nobody saw, who saw its two ends. */
  evidences: Evidence[];
  /** The events it rests on, in order of time. */
  seqs: number[];
}

/** What was seen of either end; that of the server's before accept() gave it a descriptor too. */
export function statesOf(connection: Connection, side: 'client' | 'server'): SeenState[] {
  if (side === 'client') return connection.client.states;
  return connection.server === null ? connection.unacceptedStates : connection.server.states;
}

/** The state in which somebody last saw the socket; null where nobody did. */
export function lastState(connection: Connection, side: 'client' | 'server'): string | null {
  return lastSeen(connection, side)?.to ?? null;
}

function lastSeen(connection: Connection, side: 'client' | 'server'): SeenState | undefined {
  if (side === 'client') return connection.client.lastState;
  return connection.server === null ? connection.lastUnacceptedState : connection.server.lastState;
}

/**
 * The stretches of one end up to `untilNs`, in order of time, without overlap. Two sources that tell the same make one
 * stretch that names both; a look that contradicts a tracepoint ends what the tracepoint told (TIME-WAIT, which none reports).
 */
export function stretches(states: readonly SeenState[], untilNs: number): StateStretch[] {
  const found: StateStretch[] = [];
  let holds = false;
  for (const state of states) {
    const last = found.at(-1);
    const continuous = toldEachChange(state.evidence);
    if (last === undefined) {
      found.push(point(state));
    } else if (last.state === state.to && (holds || continuous || last.toNs === state.atNs)) {
      // The same again, from another source or a later look, while it was known to hold.
      if (!holds && last.toNs < state.atNs) found.push(gap(last, state), point(state));
      else join(last, state);
    } else {
      if (holds) last.toNs = Math.max(last.toNs, state.atNs);
      else if (last.toNs < state.atNs) found.push(gap(last, state));
      found.push(point(state));
    }
    holds = continuous || (holds && last?.state === state.to);
  }
  const last = found.at(-1);
  if (last !== undefined && holds && last.state !== 'CLOSED') last.toNs = Math.max(last.toNs, untilNs);
  return found;
}

function point(state: SeenState): StateStretch {
  return { state: state.to, fromNs: state.atNs, toNs: state.atNs, seen: true, evidences: [state.evidence], seqs: [state.seq] };
}

function join(stretch: StateStretch, state: SeenState): void {
  stretch.toNs = Math.max(stretch.toNs, state.atNs);
  if (!stretch.evidences.includes(state.evidence)) stretch.evidences.push(state.evidence);
  stretch.seqs.push(state.seq);
}

function gap(before: StateStretch, after: SeenState): StateStretch {
  return {
    state: before.state === after.to ? after.to : null,
    fromNs: before.toNs,
    toNs: after.atNs,
    seen: false,
    evidences: [...new Set([...before.evidences, after.evidence])],
    seqs: [...before.seqs.slice(-1), after.seq],
  };
}

/** The changes of state of one end, in order: `seen` where somebody saw the change itself. */
export interface Walk {
  from: string | null;
  to: string;
  seen: boolean;
  state: SeenState;
}

/** The way an end went: each state once, as often as it was newly entered. */
export function walked(states: readonly SeenState[]): Walk[] {
  const walks: Walk[] = [];
  for (const state of states) {
    const here = walks.at(-1)?.to ?? null;
    if (here === state.to) continue;
    if (state.to === 'TIME-WAIT' && here === 'CLOSED') {
      // The tracepoint tells that the socket was closed: it was handed over to a TIME-WAIT, which only a look shows.
      const handed = walks.pop();
      walks.push({ from: handed?.from ?? null, to: state.to, seen: false, state });
      continue;
    }
    const told = toldEachChange(state.evidence) ? state.from : null;
    walks.push({ from: told ?? here, to: state.to, seen: told !== null, state });
  }
  return walks;
}

/** What the two ends say of one connection, where they do not say the same. */
export interface Disagreement {
  /** `half-open`: done here, not yet there. `unseen`: done here, and of the other end nobody has seen anything. `gone`: alive here, closed there. */
  kind: 'half-open' | 'unseen' | 'gone';
  client: string;
  server: string | null;
}

/** Compares the last look at either end; null where they agree, or where too little was seen to say. */
export function disagreement(connection: Connection): Disagreement | null {
  if (connection.phase === 'ended') return null;
  const client = connection.client.lastState;
  if (client?.to !== 'ESTABLISHED') return null;
  const server = lastSeen(connection, 'server');
  if (server === undefined) return connection.server === null ? { kind: 'unseen', client: client.to, server: null } : null;
  if (server.to === 'SYN-RECEIVED' && server.atNs >= firstAt(connection.client, 'ESTABLISHED'))
    return { kind: 'half-open', client: client.to, server: server.to };
  // Only a look at the client that came after the server's end was gone contradicts it.
  if (server.to === 'CLOSED' && client.atNs > server.atNs) return { kind: 'gone', client: client.to, server: server.to };
  return null;
}

function firstAt(end: SocketEnd, state: string): number {
  return end.states.find((one) => one.to === state)?.atNs ?? Infinity;
}

/** How often the client's SYN went out again, as the kernel's tracepoint told. */
export function synRetries(connection: Connection): number {
  let count = 0;
  for (const note of connection.notes) if (note.kind === 'retransmit' && note.segment === 'SYN') count += 1;
  return count;
}

/** How many events of each kind of evidence a connection rests on. */
export function evidenceCounts(connection: Connection): Partial<Record<Evidence, number>> {
  const counts: Partial<Record<Evidence, number>> = {};
  const add = (evidence: Evidence): void => {
    counts[evidence] = (counts[evidence] ?? 0) + 1;
  };
  for (const end of [connection.client, connection.server]) {
    for (const call of callsOf(end)) add(call.evidence);
    for (const state of end?.states ?? []) add(state.evidence);
  }
  for (const state of connection.unacceptedStates) add(state.evidence);
  for (const note of connection.notes) add(note.evidence);
  return counts;
}
