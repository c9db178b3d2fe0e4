// The states of a TCP connection: RFC 9293 section 3.3.2 spelling, by the kernel's numbers (include/net/tcp_states.h).

export const TCP_STATES = [
  'CLOSED',
  'ESTABLISHED',
  'SYN-SENT',
  'SYN-RECEIVED',
  'FIN-WAIT-1',
  'FIN-WAIT-2',
  'TIME-WAIT',
  'CLOSED',
  'CLOSE-WAIT',
  'LAST-ACK',
  'LISTEN',
  'CLOSING',
  'SYN-RECEIVED',
] as const;

export type TcpState = (typeof TCP_STATES)[number];

/** The state that the kernel calls `number` (TCP_ESTABLISHED is 1 … TCP_NEW_SYN_RECV is 12); null for a number it has not. */
export function tcpState(number: number): TcpState | null {
  return number === 0 ? null : (TCP_STATES[number] ?? null);
}

/** The state's name, or its number where it has none: what is told must not be silent about a number we do not know. */
export function tcpStateText(number: number): string {
  return tcpState(number) ?? `state ${number}`;
}

/** The kernel's number of a state: the inverse of `tcpState` (CLOSED is 7, TCP_CLOSE). */
export function tcpStateNumber(state: TcpState): number {
  return state === 'CLOSED' ? 7 : TCP_STATES.indexOf(state);
}
