// Who stands on the stage: a few connections each with their own boxes, a crowd as one counted group; and where the wires between them run.
import type { Connection } from '../model/connection.ts';
import type { LivingPhase } from '../model/connection-book.ts';
import { synRetries } from '../model/seen-states.ts';

export const BOX_HEIGHT = 42;
export const PITCH = 47;
export const LISTENER_HEIGHT = 60;
export const STAGE_HEIGHT = LISTENER_HEIGHT + 6 + 2 * PITCH + BOX_HEIGHT;
const CLIENT_ROWS = 4;
const ACCEPTED_ROWS = 3;

/** Those that live, by how far they are; in each the longest there comes first. */
export type Living = Readonly<Record<LivingPhase, Standing>>;

/** Connections in the order in which they came to where they are. */
export type Standing = Iterable<Connection> & { readonly size: number };

/** All that have no box of their own, counted by how far they are. */
export interface Crowd {
  count: number;
  accepted: number;
  phases: Partial<Record<LivingPhase, number>>;
}

/** A client's box and socket in row `row`; its accepted socket in row `acceptedRow` below the listener, null where it has none. */
export interface StagePlace {
  connection: Connection;
  row: number;
  acceptedRow: number | null;
}

/** From the middle of a client's socket to where the connection is on the server's side: its accepted socket, the queue, or nowhere yet. */
export interface Wire {
  key: string;
  fromY: number;
  toY: number;
  kind: 'accepted' | 'queued' | 'connecting' | 'crowd';
}

export interface StagePlan {
  places: StagePlace[];
  crowd: Crowd | null;
  crowdRow: number;
  /** Row of the crowd's accepted sockets; null where none is accepted. */
  crowdAcceptedRow: number | null;
  wires: Wire[];
}

/** Those whose handshake is not done, and how often their SYNs went out again. */
export interface Outside {
  count: number;
  again: number;
}

/** More SYNs under way than this are not looked through in each frame. */
const COUNTED_MAX = 256;

export function outsideOf(connecting: Standing): Outside {
  let again = 0;
  let looked = 0;
  for (const one of connecting) {
    if (looked === COUNTED_MAX) break;
    looked += 1;
    again += synRetries(one);
  }
  return { count: connecting.size, again };
}

/** Nearest to their end first. */
const ACCEPTED: readonly LivingPhase[] = ['closing', 'replying', 'held', 'reading'];
const WAITING: readonly LivingPhase[] = ['queued', 'connecting'];

/** Those nearest to their end come first; `chosen` is always among them. Looks at no more connections than it shows. */
export function stagePlan(living: Living, chosen: Connection | null): StagePlan {
  const acceptedCount = sizeOf(living, ACCEPTED);
  const count = acceptedCount + sizeOf(living, WAITING);
  const crowded = count > CLIENT_ROWS || acceptedCount > ACCEPTED_ROWS;
  const accepted = pick(living, ACCEPTED, crowded ? ACCEPTED_ROWS - 1 : ACCEPTED_ROWS, chosen);
  const waiting = pick(living, WAITING, CLIENT_ROWS - (crowded ? 1 : 0) - accepted.length, chosen);
  const places = [
    ...accepted.map((connection, row) => ({ connection, row, acceptedRow: row })),
    ...waiting.map((connection, i) => ({ connection, row: accepted.length + i, acceptedRow: null })),
  ];
  const crowd = count === places.length ? null : crowdOf(living, places);
  const crowdAcceptedRow = crowd === null || crowd.accepted === 0 ? null : accepted.length;
  const wires: Wire[] = places.map(({ connection, row, acceptedRow }) => ({
    key: connection.key,
    fromY: clientY(row),
    ...(acceptedRow !== null
      ? { toY: acceptedY(acceptedRow), kind: 'accepted' as const }
      : { toY: LISTENER_HEIGHT - 18, kind: connection.phase === 'queued' ? ('queued' as const) : ('connecting' as const) }),
  }));
  if (crowd !== null && crowdAcceptedRow !== null) wires.push({ key: '', fromY: clientY(places.length), toY: acceptedY(crowdAcceptedRow), kind: 'crowd' });
  return { places, crowd, crowdRow: places.length, crowdAcceptedRow, wires };
}

function sizeOf(living: Living, phases: readonly LivingPhase[]): number {
  return phases.reduce((sum, phase) => sum + living[phase].size, 0);
}

/** The first `count`; the chosen one takes the last place where it is not among them. */
function pick(living: Living, phases: readonly LivingPhase[], count: number, chosen: Connection | null): Connection[] {
  const picked: Connection[] = [];
  for (const phase of phases) {
    if (picked.length >= count) break;
    for (const connection of living[phase]) {
      if (picked.length >= count) break;
      picked.push(connection);
    }
  }
  const isHere = chosen !== null && phases.some((phase) => phase === chosen.phase);
  if (isHere && picked.length > 0 && !picked.includes(chosen)) picked[picked.length - 1] = chosen;
  return picked;
}

function crowdOf(living: Living, places: readonly StagePlace[]): Crowd {
  const phases: Partial<Record<LivingPhase, number>> = {};
  let count = 0;
  let accepted = 0;
  for (const phase of [...ACCEPTED, ...WAITING]) {
    const left = living[phase].size - places.filter((place) => place.connection.phase === phase).length;
    if (left === 0) continue;
    phases[phase] = left;
    count += left;
    if (ACCEPTED.includes(phase)) accepted += left;
  }
  return { count, accepted, phases };
}

const clientY = (row: number): number => row * PITCH + BOX_HEIGHT / 2;

/** Top of an accepted socket's box, below the listener. */
export const acceptedTop = (row: number): number => LISTENER_HEIGHT + 6 + row * PITCH;
const acceptedY = (row: number): number => acceptedTop(row) + BOX_HEIGHT / 2;
