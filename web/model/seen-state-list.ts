// The states an end was seen in, as one array of numbers: beside a crowd there are hundreds of thousands, and an object for each is what collecting garbage would stand still for.
import { TCP_STATES } from '#wire/tcp-state.ts';
import { EVIDENCES, type Evidence } from '#wire/vocabulary.ts';
import { added } from './short-list.ts';

/** A state in which somebody saw a socket. */
export interface SeenState {
  atNs: number;
  /** Null where nobody saw the state before. */
  from: string | null;
  to: string;
  evidence: Evidence;
  seq: number;
}

/** Three numbers for each state, in order of time: when, the event's number, and what was seen, by whom. */
export type SeenStateList = number[];

const FIELDS = 3;
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
 * The list with what was seen put in its place, or a new one. Evidence from different sources arrives in any order; of many equal looks in a row
 * the first and the last are kept, so that a connection that rests for hours stays small.
 */
export function keepState(list: SeenStateList, state: SeenState): SeenStateList {
  const { atNs, seq } = state;
  const look = lookOf(state);
  let at = list.length;
  while (at > 0 && isAfter(list, at - FIELDS, atNs, seq)) at -= FIELDS;
  if (at === list.length) list = added(list, [atNs, seq, look]);
  else list.splice(at, 0, atNs, seq, look);
  if (at < 2 * FIELDS || toldEachChange(state.evidence)) return list;
  const same = (place: number): boolean => (((list[place + 2] ?? 0) ^ look) & LOOK_MASK) === 0;
  if (same(at - FIELDS) && same(at - 2 * FIELDS)) list.splice(at - FIELDS, FIELDS);
  return list;
}

function isAfter(list: SeenStateList, place: number, atNs: number, seq: number): boolean {
  const thereNs = list[place] ?? 0;
  return thereNs > atNs || (thereNs === atNs && (list[place + 1] ?? 0) > seq);
}

function stateAt(list: Readonly<SeenStateList>, place: number): SeenState {
  const look = list[place + 2] ?? 0;
  return {
    atNs: list[place] ?? 0,
    from: names[look >> (EVIDENCE_BITS + STATE_BITS)] ?? null,
    to: names[(look & LOOK_MASK) >> EVIDENCE_BITS] ?? '',
    evidence: EVIDENCES[look & ((1 << EVIDENCE_BITS) - 1)] ?? 'inferred',
    seq: list[place + 1] ?? 0,
  };
}

/** The states of a list, in order of time. */
export function statesIn(list: Readonly<SeenStateList>): SeenState[] {
  const states: SeenState[] = [];
  for (let place = 0; place < list.length; place += FIELDS) states.push(stateAt(list, place));
  return states;
}

/** The last of them. */
export function lastOf(list: Readonly<SeenStateList>): SeenState | undefined {
  return list.length === 0 ? undefined : stateAt(list, list.length - FIELDS);
}
