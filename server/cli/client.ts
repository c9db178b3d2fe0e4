// `sockscope client`: real TCP clients from a terminal, one line for what each came to.
import type { CallEvent, TraceEvent } from '../wire/event.ts';
import { errnoWords, type Errno } from '../wire/errno.ts';
import { byteText, eventLine } from './console-text.ts';
import { runEngine } from './engine-run.ts';
import { EXIT } from './flags.ts';
import type { LineOutput } from './output.ts';

export interface ClientCommand {
  tcpHost: string;
  tcpPort: number;
  count: number;
  timeoutMs: number;
  trace?: true;
  json?: true;
}

interface ClientStory {
  byte: number;
  reply: number | null;
  startNs: number;
  failedCall: CallEvent | null;
}

/** Starts `count` clients for each byte; resolves with the exit code when all are done. `stops` as for the server. */
export function client(
  bytes: readonly number[],
  command: ClientCommand,
  script: URL,
  out: LineOutput,
  err: LineOutput,
  stops: (onStop: () => void) => void,
): Promise<number> {
  const target = `${command.tcpHost}:${command.tcpPort}`;
  const stories = new Map<number, ClientStory>();
  let failures = 0;
  let endedCount = 0;

  function ended(event: TraceEvent & { kind: 'client-ended' }, story: ClientStory): void {
    if (event.outcome !== 'replied') failures += 1;
    if (command.json) {
      const { outcome, errno } = event;
      const failed = story.failedCall === null ? {} : { call: blamed(story.failedCall) };
      out.line(
        JSON.stringify({
          byte: story.byte,
          reply: story.reply,
          outcome,
          ...failed,
          ...(errno === undefined ? {} : { errno }),
          durationNs: event.atNs - story.startNs,
        }),
      );
    } else if (event.outcome === 'replied' && story.reply !== null) out.line(`char from server = ${byteText(story.reply)}`);
    else err.line(failureLine(event.outcome, event.errno, story.failedCall, target, command.timeoutMs));
  }

  function hear(event: TraceEvent): void {
    if (command.trace) err.line(eventLine(event));
    if (event.kind !== 'call' && event.kind !== 'client-ended') return;
    const story = stories.get(event.socket ?? 0);
    if (story === undefined) return;
    if (event.kind === 'client-ended') {
      endedCount += 1;
      ended(event, story);
    } else if (event.call === 'socket') story.startNs = event.atNs;
    else if (event.call === 'read' && event.returned > 0) story.reply = parseInt(event.args.data.slice(0, 2), 16);
    if (event.kind === 'call' && failed(event)) story.failedCall = event;
  }

  return new Promise((resolve) => {
    const child = runEngine(
      'tcp-client',
      script,
      { runStartNs: String(process.hrtime.bigint()) },
      {
        onEvent: (event) => {
          hear(event);
          if (endedCount === bytes.length * command.count) void child.stop(0);
        },
        onDropped: (count) => {
          err.line(`--- ${count} events were dropped: the reader was too slow ---`);
        },
        onReady: () => {
          let first = 1;
          for (const byte of bytes) {
            for (let i = 0; i < command.count; i += 1) stories.set(first + i, { byte, reply: null, startNs: 0, failedCall: null });
            const order = {
              type: 'spawn',
              firstClient: first,
              count: command.count,
              byte,
              ip: command.tcpHost,
              port: command.tcpPort,
              plan: 'reply',
              afterMs: 0,
            } as const;
            child.order({ ...order, timeoutMs: command.timeoutMs }).catch(() => undefined);
            first += command.count;
          }
        },
        onFailed: () => undefined,
        // Where events were dropped, the totals still say when all are done.
        onBeat: (beat) => {
          if (beat.clients?.started === bytes.length * command.count && beat.clients.live === 0) void child.stop(0);
        },
        onExit: (exit) => {
          if (exit.code !== 0) err.line(`tcp-client ended: ${exit.problem ?? exit.signal ?? `exit code ${String(exit.code)}`}`);
          resolve(exit.code === 0 && failures === 0 ? EXIT.done : EXIT.failed);
        },
      },
    );
    stops(() => {
      failures += 1;
      void child.stop(0);
    });
  });
}

/** A call that failed for good: not one that only said "not yet". A SO_ERROR other than 0 is the failure of the connect before it. */
function failed(event: CallEvent): boolean {
  if (event.call === 'getsockopt' && event.args.option === 'SO_ERROR') return event.args.value !== 0;
  return event.returned < 0 && event.errno !== 'EAGAIN' && event.errno !== 'EINPROGRESS' && event.errno !== 'EINTR';
}

/** The call that a failure is told of: what SO_ERROR says is said of the connect. */
function blamed(failedCall: CallEvent): string {
  return failedCall.call === 'getsockopt' ? 'connect' : failedCall.call;
}

/** `connect: ECONNREFUSED (connection refused) 127.0.0.1:9736` */
function failureLine(outcome: string, errno: string | undefined, failedCall: CallEvent | null, target: string, timeoutMs: number): string {
  if (errno !== undefined) {
    const call = failedCall === null ? 'connect' : blamed(failedCall);
    const words = errnoWords(errno as Errno);
    return `${call}: ${errno} (${words.charAt(0).toLowerCase()}${words.slice(1)}) ${target}`;
  }
  switch (outcome) {
    case 'timed-out':
      return `timed out: no reply within ${timeoutMs} ms from ${target}`;
    case 'closed-without-reply':
      return `read: end of file, the server closed without a reply ${target}`;
    case 'ended':
      return `ended before the reply ${target}`;
    default:
      return `${outcome} ${target}`;
  }
}
