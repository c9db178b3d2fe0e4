// The story of one connection, step by step: the calls of both ends in order of time, and between them what follows from them.
import type { CallEvent, TcpStateEvent, TraceEvent } from '#wire/event.ts';
import type { Evidence } from '#wire/vocabulary.ts';
import { callsOf, type Connection } from './connection.ts';
import { statesOf, stretches } from './seen-states.ts';
import { inferredSegments, type InferredSegment, type Segment } from './segments.ts';

export type Side = 'client' | 'server' | 'network';

export interface Step {
  /** Its place in the story, from 0. */
  id: number;
  /** Null where nobody saw it: it follows from the others. */
  event: TraceEvent | null;
  side: Side;
  atNs: number;
  durationNs: number;
  evidence: Evidence;
  /** Others who saw the same; of states only. */
  alsoSeenBy: Evidence[];
  /** Of the network's steps: what crossed, which way, and when it was there. */
  segment: Segment | null;
  toServer: boolean;
  arrivedNs: number;
  byte: number | null;
}

/** Which steps a story has. */
export interface StoryOptions {
  /** Segments that nobody captured. */
  inferred: boolean;
  /** Calls that serve the watching, not the conversation: TCP_INFO, epoll_ctl. */
  routine: boolean;
}

/** From this length on a call was waiting, and that is part of the story. */
const WAITING_FROM_NS = 10e6;

/** A foreign process's calls that only wait for news. */
const WAITS = /^(?:p?poll|p?select\d?|epoll_p?wait\d?)/;

/** True for calls that a server needs to watch its sockets and a student need not see first. */
export function isRoutine(event: CallEvent): boolean {
  if (event.call === 'epoll_wait') return event.durationNs < WAITING_FROM_NS;
  return event.call === 'epoll_ctl' || (event.call === 'getsockopt' && event.args.option === 'TCP_INFO');
}

/** The steps of a connection in order of time; a cause stands before what it causes. */
export function steps(connection: Connection, options: StoryOptions): Step[] {
  const story: Omit<Step, 'id'>[] = [];
  for (const [side, end] of [
    ['client', connection.client],
    ['server', connection.server],
  ] as const) {
    for (const call of callsOf(end)) if (options.routine || !isRoutine(call)) story.push(ofEvent(call, side, call.durationNs));
  }
  for (const note of connection.notes) {
    if (note.kind === 'socket-owner' || note.kind === 'tcp-state') continue;
    if (!options.routine && note.kind === 'foreign-call' && WAITS.test(note.call) && note.durationNs < WAITING_FROM_NS) continue;
    story.push(ofEvent(note, sideOf(note, connection), note.kind === 'foreign-call' ? note.durationNs : 0));
  }
  story.push(...stateSteps(connection, 'client'), ...stateSteps(connection, 'server'));
  if (options.inferred) for (const segment of inferredSegments(connection)) story.push(ofSegment(segment));
  story.sort((a, b) => a.atNs - b.atNs);
  return story.map((step, id) => ({ ...step, id }));
}

/** Where an end was first seen in a state: one step for each, whoever else saw it too. */
function stateSteps(connection: Connection, side: 'client' | 'server'): Omit<Step, 'id'>[] {
  const states = statesOf(connection, side);
  const bySeq = new Map(states.map((state) => [state.seq, state]));
  const local = side === 'client' ? connection.client.local : (connection.server?.local ?? connection.target);
  const remote = side === 'client' ? connection.target : connection.client.local;
  const found: Omit<Step, 'id'>[] = [];
  let before: string | null = null;
  for (const { state: to, seen, seqs, evidences } of stretches(states, 0)) {
    const first = bySeq.get(seqs[0] ?? -1);
    if (!seen || first === undefined || to === before) continue;
    before = to;
    const event: TcpStateEvent = { ...first, kind: 'tcp-state', local: local ?? '', remote: remote ?? '' };
    found.push({ ...ofEvent(event, side, 0), alsoSeenBy: evidences.filter((evidence) => evidence !== first.evidence) });
  }
  return found;
}

function ofEvent(event: TraceEvent, side: Side, durationNs: number): Omit<Step, 'id'> {
  return {
    event,
    side,
    atNs: event.atNs,
    durationNs,
    evidence: event.evidence,
    alsoSeenBy: [],
    segment: null,
    toServer: false,
    arrivedNs: event.atNs,
    byte: null,
  };
}

function sideOf(event: TraceEvent, connection: Connection): Side {
  if ('local' in event) return event.local === connection.client.local ? 'client' : 'server';
  return event.process === 'increment-server' ? 'server' : 'client';
}

function ofSegment({ segment, toServer, leftNs, arrivedNs, byte }: InferredSegment): Omit<Step, 'id'> {
  return {
    event: null,
    side: 'network',
    atNs: leftNs,
    durationNs: arrivedNs - leftNs,
    evidence: 'inferred',
    alsoSeenBy: [],
    segment,
    toServer,
    arrivedNs,
    byte,
  };
}
