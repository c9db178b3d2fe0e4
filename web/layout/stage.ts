// Who stands on the stage: a few connections each with their own boxes, a crowd as one counted group; and where the wires between them run.
import type { Connection, Phase } from '../model/connection.ts';

export const BOX_HEIGHT = 44;
export const PITCH = 50;
export const LISTENER_HEIGHT = 62;
export const STAGE_HEIGHT = LISTENER_HEIGHT + 6 + 3 * PITCH - 6;
const CLIENT_ROWS = 4;
const ACCEPTED_ROWS = 3;

/** All that have no box of their own, counted by how far they are. */
export interface Crowd {
  count: number;
  accepted: number;
  phases: Partial<Record<Phase, number>>;
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

/** The oldest live connections come first, for they are nearest to their end; `chosen` is always among them. */
export function stagePlan(connections: readonly Connection[], chosen: string | null): StagePlan {
  const live = connections.filter((connection) => connection.phase !== 'ended');
  const crowded = live.length > CLIENT_ROWS || live.filter(isAccepted).length > ACCEPTED_ROWS;
  const accepted = pick(live.filter(isAccepted), crowded ? ACCEPTED_ROWS - 1 : ACCEPTED_ROWS, chosen);
  const waiting = pick(
    live.filter((connection) => !isAccepted(connection)),
    CLIENT_ROWS - (crowded ? 1 : 0) - accepted.length,
    chosen,
  );
  const places = [
    ...accepted.map((connection, row) => ({ connection, row, acceptedRow: row })),
    ...waiting.map((connection, i) => ({ connection, row: accepted.length + i, acceptedRow: null })),
  ];
  const shown = new Set(places.map((place) => place.connection));
  const rest = live.filter((connection) => !shown.has(connection));
  const crowd = rest.length === 0 ? null : crowdOf(rest);
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

function isAccepted(connection: Connection): boolean {
  return connection.server !== null;
}

/** The first `count`; the chosen one takes the last place where it is not among them. */
function pick(from: readonly Connection[], count: number, chosen: string | null): Connection[] {
  const picked = from.slice(0, Math.max(0, count));
  const one = from.find((connection) => connection.key === chosen);
  if (one !== undefined && picked.length > 0 && !picked.includes(one)) picked[picked.length - 1] = one;
  return picked;
}

function crowdOf(connections: readonly Connection[]): Crowd {
  const phases: Partial<Record<Phase, number>> = {};
  for (const { phase } of connections) phases[phase] = (phases[phase] ?? 0) + 1;
  return { count: connections.length, accepted: connections.filter(isAccepted).length, phases };
}

const clientY = (row: number): number => row * PITCH + BOX_HEIGHT / 2;

/** Top of an accepted socket's box, below the listener. */
export const acceptedTop = (row: number): number => LISTENER_HEIGHT + 6 + row * PITCH;
const acceptedY = (row: number): number => acceptedTop(row) + BOX_HEIGHT / 2;
