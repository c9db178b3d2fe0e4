// A step in few words, as it stands in the picture, and its colour.
import type { Connection } from '../model/connection.ts';
import { byteLabel, explain, isFailedCall, type Explanation, type ExplainWords } from '../model/explain.ts';
import type { Step } from '../model/step.ts';
import { callTone, stateTone, type Tone } from './call-colour.ts';

/** The exact call, the plain sentence and who saw it; of a step that nobody saw too. */
export function stepSaid(step: Step, connection: Connection | null, words: ExplainWords): Explanation {
  if (step.event !== null) {
    const said = explain(step.event, connection, words);
    const others = step.alsoSeenBy.map((evidence) => words.steps.seenBy[evidence]?.(null) ?? evidence);
    return others.length === 0 ? said : { ...said, seenBy: [said.seenBy, ...others].join(' · ') };
  }
  const segment = step.segment ?? 'ACK';
  return {
    call: step.byte === null ? segment.replace(' unanswered', '') : byteLabel(step.byte),
    sentence: words.steps.segments[segment],
    doNext: '',
    seenBy: words.steps.seenBy['inferred']?.(null) ?? '',
  };
}

/** `read 'A'`, `accept4 = 21`, `SYN`: what stands beside the block or on the arrow. */
export function stepLabel(step: Step, connection: Connection | null, words: ExplainWords): string {
  const { event } = step;
  if (event === null) return step.byte === null ? (step.segment ?? '').replace(' unanswered', '') : byteLabel(step.byte);
  if (event.kind === 'tcp-state') return event.to;
  if (event.kind === 'foreign-call') return `${event.call} = ${event.errno ?? String(event.returned)}`;
  if (event.kind !== 'call') return explain(event, connection, words).call;
  const result = event.errno ?? String(event.returned);
  switch (event.call) {
    case 'read':
    case 'write': {
      if (event.returned <= 0) return `${event.call} = ${result}`;
      const first = byteLabel(parseInt(event.args.data.slice(0, 2), 16)).split(' ')[0] ?? '';
      return `${event.call} ${first}${event.returned > 1 ? ` +${event.returned - 1}` : ''}`;
    }
    case 'shutdown':
      return `shutdown ${event.args.how.replace('SHUT_', '')}`;
    case 'getsockopt':
      if (event.args.option !== 'SO_ERROR') return event.args.option;
      return `SO_ERROR = ${typeof event.args.value === 'number' ? event.args.value : result}`;
    default:
      return result === '0' ? event.call : `${event.call} = ${result}`;
  }
}

/** Answers that mean "not yet", and no failure. */
const NOT_YET = new Set(['EINPROGRESS', 'EAGAIN', 'EINTR']);

export function stepTone(step: Step): Tone | 'error' {
  const { event, segment } = step;
  if (event === null) return segment === 'byte' || segment === 'reply' ? 'data' : segment === 'RST' ? 'error' : 'close';
  switch (event.kind) {
    case 'call':
      return isFailedCall(event) ? 'error' : callTone(event.call);
    case 'foreign-call':
      return event.errno === undefined || NOT_YET.has(event.errno) ? callTone(event.call) : 'error';
    case 'tcp-state':
      return stateTone(event.to);
    case 'hold':
      return 'data';
    case 'cut':
    case 'reset':
      return 'error';
    case 'client-ended':
      return event.outcome === 'replied' || event.outcome === 'ended' ? 'close' : 'error';
    default:
      return 'close';
  }
}
