// The state diagram: every box and arrow of the RFC, the ways that were seen, and no way that was not.
import { expect, test } from 'vitest';
import { TCP_STATES } from '#wire/tcp-state.ts';
import { walked } from '../model/seen-states.ts';
import type { SeenState } from '../model/seen-state-list.ts';
import { DIAGRAM_HEIGHT, DIAGRAM_WIDTH, NODE_HEIGHT, NODE_WIDTH, stateDiagram } from './state-diagram.ts';

function looks(evidence: SeenState['evidence'], ...states: [from: string | null, to: string][]): SeenState[] {
  return states.map(([from, to], i) => ({ atNs: i, seq: i, from, to, evidence }));
}

test('all eleven states have a box inside the picture, and none covers another', () => {
  const { nodes } = stateDiagram({ client: [], server: [] });
  expect(new Set(nodes.map((node) => node.state))).toEqual(new Set(TCP_STATES));
  for (const node of nodes) {
    expect(node.x - NODE_WIDTH / 2).toBeGreaterThanOrEqual(0);
    expect(node.x + NODE_WIDTH / 2).toBeLessThanOrEqual(DIAGRAM_WIDTH);
    expect(node.y + NODE_HEIGHT / 2).toBeLessThanOrEqual(DIAGRAM_HEIGHT);
    for (const other of nodes) {
      if (other === node) continue;
      expect(Math.abs(other.x - node.x) >= NODE_WIDTH || Math.abs(other.y - node.y) >= NODE_HEIGHT, `${node.id} ${other.id}`).toBe(true);
    }
  }
});

test('the way of each end is marked where a tracepoint saw it, and both are where they were last seen', () => {
  const client = walked(
    looks('tracefs', ['CLOSED', 'SYN-SENT'], ['SYN-SENT', 'ESTABLISHED'], ['ESTABLISHED', 'CLOSE-WAIT'], ['CLOSE-WAIT', 'LAST-ACK'], ['LAST-ACK', 'CLOSED']),
  );
  const server = walked(looks('tracefs', ['LISTEN', 'SYN-RECEIVED'], ['SYN-RECEIVED', 'ESTABLISHED']));
  const { nodes, edges } = stateDiagram({ client, server });
  const marked = edges.filter((edge) => edge.client !== null || edge.server !== null);
  expect(marked.map(({ id, client: c, server: s }) => [id, c, s])).toEqual([
    ['CLOSED>SYN-SENT', 'seen', null],
    ['LISTEN>SYN-RECEIVED', null, 'seen'],
    ['SYN-SENT>ESTABLISHED', 'seen', null],
    ['SYN-RECEIVED>ESTABLISHED', null, 'seen'],
    ['ESTABLISHED>CLOSE-WAIT', 'seen', null],
    ['CLOSE-WAIT>LAST-ACK', 'seen', null],
    ['LAST-ACK>END', 'seen', null],
  ]);
  expect(nodes.filter((node) => node.here.length > 0).map((node) => [node.id, node.here])).toEqual([
    ['ESTABLISHED', ['server']],
    ['END', ['client']],
  ]);
});

test('between two looks the way is one jump, and no state in between is marked', () => {
  const server = walked(looks('tcp_info', [null, 'ESTABLISHED'], ['ESTABLISHED', 'FIN-WAIT-1'], ['FIN-WAIT-1', 'CLOSED']));
  const { nodes, edges } = stateDiagram({ client: [], server });
  expect(edges.find((edge) => edge.id === 'FIN-WAIT-1>END')).toMatchObject({ label: '', server: 'follows' });
  expect(nodes.filter((node) => node.visited.length > 0).map((node) => node.id)).toEqual(['ESTABLISHED', 'FIN-WAIT-1', 'END']);
});

test('a socket that was only ever closed is at the beginning, not at the end', () => {
  const { nodes } = stateDiagram({ client: walked(looks('sock_diag', [null, 'CLOSED'])), server: [] });
  expect(nodes.filter((node) => node.here.length > 0).map((node) => node.id)).toEqual(['CLOSED']);
});
