// The state diagram of RFC 9293 (figure 5) as boxes and arrows, with the ways that two ends went marked on it; pure geometry.
import type { Walk } from '../model/seen-states.ts';

export const DIAGRAM_WIDTH = 640;
export const DIAGRAM_HEIGHT = 436;
export const NODE_WIDTH = 118;
export const NODE_HEIGHT = 36;

export type End = 'client' | 'server';

/** Where the boxes stand: the middle of each. CLOSED stands twice, as beginning and as end. */
const PLACES: Readonly<Record<string, readonly [x: number, y: number]>> = {
  CLOSED: [320, 22],
  LISTEN: [180, 92],
  'SYN-RECEIVED': [180, 172],
  'SYN-SENT': [460, 132],
  ESTABLISHED: [320, 222],
  'FIN-WAIT-1': [120, 272],
  'FIN-WAIT-2': [120, 342],
  CLOSING: [300, 322],
  'TIME-WAIT': [210, 412],
  'CLOSE-WAIT': [520, 272],
  'LAST-ACK': [520, 342],
  END: [420, 412],
};

const EDGES: readonly (readonly [from: string, to: string])[] = [
  ['CLOSED', 'LISTEN'],
  ['CLOSED', 'SYN-SENT'],
  ['LISTEN', 'SYN-RECEIVED'],
  ['SYN-SENT', 'SYN-RECEIVED'],
  ['SYN-SENT', 'ESTABLISHED'],
  ['SYN-RECEIVED', 'ESTABLISHED'],
  ['SYN-RECEIVED', 'FIN-WAIT-1'],
  ['ESTABLISHED', 'FIN-WAIT-1'],
  ['ESTABLISHED', 'CLOSE-WAIT'],
  ['FIN-WAIT-1', 'FIN-WAIT-2'],
  ['FIN-WAIT-1', 'CLOSING'],
  ['FIN-WAIT-2', 'TIME-WAIT'],
  ['CLOSING', 'TIME-WAIT'],
  ['CLOSE-WAIT', 'LAST-ACK'],
  ['LAST-ACK', 'END'],
  ['TIME-WAIT', 'END'],
];

export interface DiagramNode {
  id: string;
  state: string;
  x: number;
  y: number;
  /** Ends that were seen in it; the last look of `here` found it there. */
  visited: End[];
  here: End[];
}

export interface DiagramEdge {
  id: string;
  /** Key of its words: 'ESTABLISHED>FIN-WAIT-1'; '' for a way that nobody saw and the diagram does not have. */
  label: string;
  x1: number;
  y1: number;
  x2: number;
  y2: number;
  /** `seen`: the change itself was seen; `follows`: only its two ends were. */
  client: 'seen' | 'follows' | null;
  server: 'seen' | 'follows' | null;
}

export interface StateDiagramPlan {
  nodes: DiagramNode[];
  edges: DiagramEdge[];
}

/** Marks the ways of both ends. What lies between two looks is drawn as one jump where the diagram has no such arrow: nobody saw which way it was. */
export function stateDiagram(ways: Readonly<Record<End, readonly Walk[]>>): StateDiagramPlan {
  const nodes = new Map<string, DiagramNode>(
    Object.entries(PLACES).map(([id, [x, y]]) => [id, { id, state: id === 'END' ? 'CLOSED' : id, x, y, visited: [], here: [] }]),
  );
  const edges = new Map<string, DiagramEdge>(EDGES.map(([from, to]) => [`${from}>${to}`, edge(from, to, `${from}>${to === 'END' ? 'CLOSED' : to}`)]));
  for (const end of ['client', 'server'] as const) {
    let at: string | null = null;
    for (const walk of ways[end]) {
      const from: string | null = at ?? walk.from;
      const to: string = walk.to === 'CLOSED' && from !== null && from !== 'CLOSED' ? 'END' : walk.to;
      for (const id of [from, to]) if (id !== null) add(nodes.get(id)?.visited, end);
      if (from !== null) {
        const known: DiagramEdge = edges.get(`${from}>${to}`) ?? edge(from, to, '');
        known[end] = walk.seen ? 'seen' : 'follows';
        edges.set(known.id, known);
      }
      at = to;
    }
    if (at !== null) add(nodes.get(at)?.here, end);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

function add(ends: End[] | undefined, end: End): void {
  if (ends !== undefined && !ends.includes(end)) ends.push(end);
}

/** From border to border of the two boxes. */
function edge(from: string, to: string, label: string): DiagramEdge {
  const [fromX, fromY] = PLACES[from] ?? [0, 0];
  const [toX, toY] = PLACES[to] ?? [0, 0];
  const start = border(fromX, fromY, toX, toY);
  const end = border(toX, toY, fromX, fromY);
  return { id: `${from}>${to}`, label, x1: start.x, y1: start.y, x2: end.x, y2: end.y, client: null, server: null };
}

/** Where the line from a box's middle towards a point leaves the box. */
function border(x: number, y: number, towardsX: number, towardsY: number): { x: number; y: number } {
  const dx = towardsX - x;
  const dy = towardsY - y;
  const share = Math.min(dx === 0 ? Infinity : (NODE_WIDTH / 2 + 2) / Math.abs(dx), dy === 0 ? Infinity : (NODE_HEIGHT / 2 + 2) / Math.abs(dy));
  return Number.isFinite(share) ? { x: x + dx * share, y: y + dy * share } : { x, y };
}
