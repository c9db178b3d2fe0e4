// The closed word lists of the protocol: names of calls, processes, reasons and outcomes, without any schema, so that the page can import them.

/** Who saw an event: see the README's table of evidence. */
export const EVIDENCES = ['returned', 'tcp_info', 'procfs', 'sock_diag', 'tracefs', 'packet', 'inferred'] as const;
export type Evidence = (typeof EVIDENCES)[number];

/** Processes of ours by their role; a foreign process goes by its own name (comm), such as 'nc'. */
export const OUR_PROCESSES = ['bridge', 'increment-server', 'tcp-client', 'kernel-tap'] as const;
export type OurProcess = (typeof OUR_PROCESSES)[number];

/** The calls by their number in a record; append only, a recording may hold them. */
export const CALL_NAMES = [
  'socket',
  'setsockopt',
  'bind',
  'listen',
  'accept4',
  'connect',
  'getsockname',
  'getsockopt',
  'read',
  'write',
  'shutdown',
  'close',
  'epoll_create1',
  'epoll_ctl',
  'epoll_wait',
] as const;
export type CallName = (typeof CALL_NAMES)[number];

/** Why accepting pauses. */
export const PAUSE_REASONS = ['errno', 'connection-cap', 'command'] as const;

/** Why our own process ended a connection before its peer did. */
export const CUT_REASONS = ['first-byte-timeout', 'evicted', 'linger-timeout', 'linger-bytes', 'drain-timeout', 'asked', 'timeout'] as const;

/** What a client of ours came to. */
export const CLIENT_OUTCOMES = [
  'replied',
  'refused',
  'reset',
  'timed-out',
  'closed-without-reply',
  'no-local-port',
  'no-descriptor',
  'ended',
  'failed',
] as const;

export type ClientOutcome = (typeof CLIENT_OUTCOMES)[number];

/** What can happen to a process of ours, as its parent sees it. */
export const PROCESS_CHANGES = ['started', 'ready', 'exited', 'unresponsive', 'responsive', 'gave-up'] as const;

/** Settings of the server that can change while it runs. */
export const SETTINGS = ['holdMs', 'backlog'] as const;

/** How a client behaves once it is connected; `reset` and `close` end it after a time, `silent` never sends. */
export const CLIENT_PLANS = ['reply', 'silent', 'half-close', 'reset', 'close'] as const;
export type ClientPlan = (typeof CLIENT_PLANS)[number];

/** How a living client can be told to end. */
export const END_WAYS = ['close', 'reset', 'half-close'] as const;
export type EndWay = (typeof END_WAYS)[number];

/** What went out again because nobody acknowledged it. */
export const RETRANSMITTED = ['SYN', 'SYN-ACK', 'other'] as const;

/** Which way a reset went, as its socket's machine saw it. */
export const RESET_DIRECTIONS = ['sent', 'received'] as const;
