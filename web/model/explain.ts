// Any event or step in words: the exact call, a plain sentence, and who saw it.
import type { CallEvent, ForeignCallEvent, TraceEvent } from '#wire/event.ts';
import { straceLine } from '#wire/strace.ts';
import { callsOf, type Connection } from './connection.ts';
import { thinnedBy } from './left-out.ts';
import { toldEachChange } from './seen-state-list.ts';
import { closedFirst, type Clause, type ClauseFact } from './verdict.ts';
import type { ErrnoHelp, ErrnoWords } from './words/errno-words.ts';
import type { StepWords } from './words/step-words.ts';

/** The languages of explanations. */
export interface ExplainWords {
  steps: StepWords;
  errnos: ErrnoWords;
}

export interface Explanation {
  /** As strace prints it, or a short name for what is no call. */
  call: string;
  sentence: string;
  /** The next step where something failed; '' otherwise. */
  doNext: string;
  seenBy: string;
}

/** A clause of a verdict; `duration` words a number of nanoseconds. */
export function clauseText(fact: ClauseFact, words: StepWords, duration: (ns: number) => string): string {
  const say = words.verdict;
  switch (fact.kind) {
    case 'outcome':
      return say.outcomes[fact.outcome](duration(fact.afterNs)) + (fact.errno === null ? '' : ` (${fact.errno})`);
    case 'living':
      return say.living[fact.phase] ?? fact.phase;
    case 'syn-again':
      return say.synAgain(fact.count, fact.connectedAfterNs === null ? null : duration(fact.connectedAfterNs));
    case 'queued':
      return say.queued(duration(fact.durationNs));
    case 'held':
      return say.held(holdLabel(fact.askedMs), duration(fact.lateNs));
    case 'closed':
      return say.closed[fact.how][fact.by];
    case 'time-wait':
      return say.timeWait(fact.side, fact.evidence);
    case 'disagree':
      return say.disagree[fact.what.kind];
  }
}

/** The verdict in one line: what came of it, who closed, who keeps the address; what a single exchange is measured by stands in its clauses. */
export function verdictLine(clauses: readonly Clause[], words: StepWords, duration: (ns: number) => string): string {
  const closedBy = clauses.map(({ fact }) => (fact.kind === 'closed' ? fact.by : null)).find((by) => by !== null);
  return clauses
    .filter(({ fact }) => fact.kind !== 'held')
    .map(({ fact }) => (fact.kind === 'time-wait' && fact.side === closedBy ? words.verdict.timeWaitThere : clauseText(fact, words, duration)))
    .join('; ');
}

/** What an errno means for this call, or null where it has no words of its own. */
export function errnoHelp(words: ErrnoWords, errno: string, call: string): ErrnoHelp | null {
  return words[`${call} ${errno}`] ?? words[errno] ?? null;
}

/** A byte as a person reads it: `'A' 0x41`; control characters by their number alone. */
export function byteLabel(byte: number): string {
  const code = `0x${byte.toString(16).padStart(2, '0')}`;
  return byte > 32 && byte < 127 ? `'${String.fromCharCode(byte)}' ${code}` : code;
}

/** '5.000 s', '120 ms': a hold as it is said. */
export function holdLabel(holdMs: number): string {
  return holdMs >= 1_000 ? `${(holdMs / 1_000).toFixed(holdMs % 1_000 === 0 ? 0 : 3)} s` : `${holdMs} ms`;
}

/** True for a failure a person should look at: not "not yet" or "nothing there". */
export function isFailedCall(event: CallEvent): boolean {
  if (event.call === 'getsockopt' && event.args.option === 'SO_ERROR') return event.args.value !== 0;
  return event.errno !== undefined && event.errno !== 'EAGAIN' && event.errno !== 'EINPROGRESS' && event.errno !== 'EINTR';
}

/** Explains an event; `connection` gives a call its context. */
export function explain(event: TraceEvent, connection: Connection | null, words: ExplainWords): Explanation {
  const pid = event.pid ?? null;
  const seenBy = words.steps.seenBy[event.evidence]?.(pid) ?? event.evidence;
  if (event.kind === 'call') return { call: straceLine(event), ...callWords(event, connection, words), seenBy };
  return { call: eventName(event), sentence: eventSentence(event, words.steps), doNext: '', seenBy };
}

/** As far as the tracepoints tell them: socket() is given no descriptor, poll() an array of them. */
function foreignArgs({ call, fd, count }: ForeignCallEvent): string {
  if (call === 'socket' || fd < 0) return '…';
  return count === undefined ? String(fd) : `${fd}, …, ${count}`;
}

function eventName(event: TraceEvent): string {
  switch (event.kind) {
    case 'foreign-call':
      return `${event.call}(${foreignArgs(event)}) = ${event.errno === undefined ? event.returned : `-1 ${event.errno}`}`;
    case 'tcp-state':
      // Dashed, as all that nobody saw: two looks tell of two states, and of no way between them.
      return `${event.from ?? '?'} ${toldEachChange(event.evidence) ? '→' : '⇢'} ${event.to}`;
    case 'accept-queue':
      return `accept queue ${event.length}/${event.limit}`;
    case 'hold':
      return `hold ${holdLabel(event.holdMs)}`;
    case 'setting':
      return `${event.name} = ${event.value}`;
    case 'process':
      return `${event.process} ${event.pid}: ${event.change}`;
    case 'client-ended':
      return `client ${event.clientId ?? ''}: ${event.outcome}`;
    case 'cut':
      return `cut: ${event.reason}`;
    case 'dropped':
      return `${event.count} events dropped`;
    case 'reset':
      return `RST ${event.direction}`;
    case 'retransmit':
      return `${event.segment} again`;
    case 'segment-drop':
      return `dropped: ${event.reason}`;
    case 'listener-drops':
      return `listener drops +${event.drops}`;
    default:
      return event.kind;
  }
}

function eventSentence(event: TraceEvent, words: StepWords): string {
  switch (event.kind) {
    case 'tcp-state': {
      const said = toldEachChange(event.evidence) ? words.tcpState(event.to, event.from) : words.tcpStateLook(event.to, event.from);
      return `${said} ${words.tcpStates[event.to] ?? ''}`.trim();
    }
    case 'socket-owner':
      return words.socketOwner(`${event.process ?? '?'} (pid ${event.pid ?? '?'})`);
    case 'foreign-call':
      return words.foreignCall(event.process ?? '?', event.call);
    case 'reset':
      return event.direction === 'sent' ? words.resetSent(event.reason) : words.resetReceived(event.reason);
    case 'retransmit':
      return words.retransmit(event.segment);
    case 'segment-drop':
      return words.segmentDrop(event.reason);
    case 'listener-drops':
      return words.listenerDrops(event.drops);
    case 'sampling':
      return words.sampling[thinnedBy(event)](event.skipped, event.connections);
    case 'accept-queue':
      return words.acceptQueue(event.length, event.limit);
    case 'hold':
      return words.hold(holdLabel(event.holdMs));
    case 'setting':
      return words.setting(event.name, event.value);
    case 'accept-paused':
      return words.acceptPaused(event.errno ?? event.reason, event.pauseMs);
    case 'accept-resumed':
      return words.acceptResumed;
    case 'cut':
      return words.cut[event.reason] ?? event.reason;
    case 'client-ended':
      return words.clientEnded[event.outcome] ?? event.outcome;
    case 'process': {
      const how = event.signal === undefined ? (event.exitCode === undefined ? '' : ` (exit ${event.exitCode})`) : ` (${event.signal})`;
      return words.process[event.change]?.(event.process, how) ?? event.change;
    }
    case 'dropped':
      return words.dropped(event.count);
    case 'call':
      return '';
  }
}

function callWords(event: CallEvent, connection: Connection | null, words: ExplainWords): { sentence: string; doNext: string } {
  const say = words.steps;
  const errno = event.call === 'getsockopt' && event.args.option === 'SO_ERROR' && event.args.value !== 0 ? (connection?.errno ?? undefined) : event.errno;
  if (isFailedCall(event)) {
    const help = errnoHelp(words.errnos, errno ?? '', event.call === 'getsockopt' ? 'connect' : event.call);
    const prefix = event.call === 'getsockopt' ? `${say.connectFailed} ` : '';
    return { sentence: prefix + say.failed(event.call, help, errno ?? String(event.returned)), doNext: help?.doNext ?? '' };
  }
  return { sentence: okSentence(event, connection, words), doNext: '' };
}

function connected(call: CallEvent): boolean {
  return (call.call === 'connect' && call.returned === 0) || (call.call === 'getsockopt' && call.args.option === 'SO_ERROR' && call.args.value === 0);
}

/** What close() makes the kernel send depends on what both ends have done before. */
function closeSentence(event: CallEvent, connection: Connection, say: StepWords): string {
  const server = event.process === 'increment-server';
  const before = callsOf(server ? connection.server : connection.client).filter((call) => call.atNs < event.atNs);
  if (before.some((call) => call.call === 'setsockopt' && call.args.option === 'SO_LINGER')) return say.closeReset;
  if (before.some((call) => isFailedCall(call)) || (!server && !before.some(connected))) return say.closeGone;
  if (before.some((call) => call.call === 'shutdown' && call.returned === 0))
    return server && closedFirst(connection) === 'server' ? say.closeServer : say.closeAfterShutdown;
  return before.some((call) => call.call === 'read' && call.returned === 0) ? say.closeClient : say.closeFirst;
}

function okSentence(event: CallEvent, connection: Connection | null, words: ExplainWords): string {
  const say = words.steps;
  const server = event.process === 'increment-server';
  switch (event.call) {
    case 'socket':
      return say.socket(event.returned);
    case 'setsockopt':
      return event.args.option === 'SO_REUSEADDR' ? say.reuseAddress : event.args.option === 'SO_LINGER' ? say.lingerZero : say.setOption(event.args.option);
    case 'bind':
      return say.bind(`${event.args.address.ip}:${event.args.address.port}`);
    case 'listen':
      return say.listen(event.args.backlog);
    case 'accept4':
      return event.args.address === null
        ? (errnoHelp(words.errnos, event.errno ?? '', 'accept4')?.means ?? '')
        : say.accept(event.returned, `${event.args.address.ip}:${event.args.address.port}`);
    case 'connect': {
      const target = `${event.args.address.ip}:${event.args.address.port}`;
      return event.errno === 'EINPROGRESS' ? say.connectStarted(target) : say.connected(target);
    }
    case 'getsockname':
      return say.getsockname(event.connection?.local ?? (event.args.address === null ? '?' : `${event.args.address.ip}:${event.args.address.port}`));
    case 'getsockopt': {
      const value = event.args.value;
      if (event.args.option === 'SO_ERROR') return say.connectDone;
      if (value === null || typeof value === 'number') return say.getsockopt(event.args.option);
      return value.state === 'LISTEN'
        ? say.tcpInfoListener(value.unacked, value.sacked)
        : `${say.tcpInfo(value.state)} ${say.tcpStates[value.state] ?? ''}`.trim();
    }
    case 'read': {
      if (event.errno === 'EAGAIN') return server ? say.readNothing : (errnoHelp(words.errnos, 'EAGAIN', 'read')?.means ?? '');
      if (event.returned === 0) return say.endOfFile(server);
      const first = callsOf(connection?.server).find((call) => call.call === 'read' && call.returned > 0);
      if (server && first !== undefined && first.seq !== event.seq) return say.drained(event.returned);
      const byte = byteLabel(parseInt(event.args.data.slice(0, 2), 16));
      return server ? say.readByteServer(byte, connection?.holdMs ? holdLabel(connection.holdMs) : null) : say.readReply(byte);
    }
    case 'write': {
      const byte = byteLabel(parseInt(event.args.data.slice(0, 2), 16));
      return server ? say.writeReply(byte) : say.writeByte(byte);
    }
    case 'shutdown':
      return event.args.how === 'SHUT_WR' ? say.shutdownWrite : say.shutdownOther(event.args.how);
    case 'close':
      return connection === null ? say.closeListener : closeSentence(event, connection, say);
    case 'epoll_create1':
      return say.epollCreate;
    case 'epoll_ctl':
      return event.args.op === 'EPOLL_CTL_ADD'
        ? say.epollAdd(event.args.events)
        : event.args.op === 'EPOLL_CTL_MOD'
          ? say.epollChange(event.args.events)
          : say.epollRemove;
    case 'epoll_wait':
      return say.epollWait(event.returned);
  }
}
