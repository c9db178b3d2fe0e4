// The states an end was seen in, as numbers: beside a crowd there are hundreds of thousands, and an object for each is what collecting garbage would stand still for.
import { TCP_STATES } from '#wire/tcp-state.ts';
import { EVIDENCES, type Evidence } from '#wire/vocabulary.ts';
import { EMPTY, type TimedList, type TimedLists } from './timed-lists.ts';

/** A state in which somebody saw a socket. */
export interface SeenState {
  atNs: number;
  /** Null where nobody saw the state before. */
  from: string | null;
  to: string;
  evidence: Evidence;
  seq: number;
}

/** What was seen, by whom: evidence in the lowest bits, above it the state, above that the state before. */
const EVIDENCE_BITS = 4;
const STATE_BITS = 12;
const LOOK_MASK = (1 << (EVIDENCE_BITS + STATE_BITS)) - 1;

/** The state's number is its place; 0 is that of a state nobody saw. A state we do not know gets the next, as long as the bits suffice. */
const names: (string | null)[] = [null, ...new Set<string>(TCP_STATES)];

function numberOf(name: string | null): number {
  const known = names.indexOf(name);
  if (known >= 0) return known;
  return names.length < 1 << STATE_BITS ? names.push(name) - 1 : 0;
}

function lookOf({ from, to, evidence }: SeenState): number {
  return (((numberOf(from) << STATE_BITS) | numberOf(to)) << EVIDENCE_BITS) | EVIDENCES.indexOf(evidence);
}

/** Only a tracepoint fires at each change, so what it last told still holds; everything else tells of one moment. */
export function toldEachChange(evidence: Evidence): boolean {
  return evidence === 'tracefs';
}

/**
 * The list with what was seen put in its place: its moment, the event's number, and as mark what was seen, by whom. Evidence from different sources
 * arrives in any order; of many equal looks in a row the first and the last are kept, so that a connection that rests for hours stays small.
 */
export function keepState(lists: TimedLists, list: TimedList, state: SeenState): TimedList {
  const { atNs, seq } = state;
  const look = lookOf(state);
  const before = lists.nodeBefore(list, atNs, seq);
  const same = (node: number): boolean => node !== 0 && ((lists.mark(node) ^ look) & LOOK_MASK) === 0;
  if (!toldEachChange(state.evidence) && same(before) && same(lists.previous(list, before))) {
    lists.change(before, atNs, seq, look);
    return list;
  }
  return lists.insertAfter(list, before, atNs, seq, look);
}

function stateAt(lists: TimedLists, node: number): SeenState {
  const look = lists.mark(node);
  return {
    atNs: lists.atNs(node),
    from: names[look >> (EVIDENCE_BITS + STATE_BITS)] ?? null,
    to: names[(look & LOOK_MASK) >> EVIDENCE_BITS] ?? '',
    evidence: EVIDENCES[look & ((1 << EVIDENCE_BITS) - 1)] ?? 'inferred',
    seq: lists.value(node),
  };
}

/** The states of a list, in order of time. */
export function statesIn(lists: TimedLists, list: TimedList): SeenState[] {
  const states: SeenState[] = [];
  for (let node = lists.first(list); node !== 0; node = lists.next(list, node)) states.push(stateAt(lists, node));
  return states;
}

/** The last of them. */
export function lastOf(lists: TimedLists, list: TimedList): SeenState | undefined {
  return list === EMPTY ? undefined : stateAt(lists, list);
}
