// Looks over the records an engine sent before they enter the journal: a broken engine must not be able to break its readers.
import { RECORD_BYTES } from '../wire/limits.ts';
import { KINDS } from '../wire/record-layout.ts';
import { recordTag } from '../wire/record.ts';
import {
  CALL_NAMES,
  CLIENT_OUTCOMES,
  CUT_REASONS,
  EVIDENCES,
  OUR_PROCESSES,
  PAUSE_REASONS,
  PROCESS_CHANGES,
  RESET_DIRECTIONS,
  RETRANSMITTED,
  SETTINGS,
  type OurProcess,
} from '../wire/vocabulary.ts';
import type { EventKind } from '../wire/event.ts';

// Where the bytes of a record's tag, its time and its first argument stand: see record.ts. Read byte by byte, because a frame has no alignment.
const TIME_HIGH_BYTE = 7;
const TIME_NEXT_BYTE = 6;
const KIND_BYTE = 12;
const CALL_BYTE = 13;
const PROCESS_BYTE = 14;
const EVIDENCE_BYTE = 15;
const A0_BYTE = 32;

const kindNumber = (kind: EventKind): number => recordTag(kind, null, 'bridge') & 0xff;

/** How many entries the closed list has that a kind's first argument points into; no entry for kinds without such a list. */
const LIST_LENGTHS = new Map<number, number>([
  [kindNumber('setting'), SETTINGS.length],
  [kindNumber('accept-paused'), PAUSE_REASONS.length],
  [kindNumber('cut'), CUT_REASONS.length],
  [kindNumber('client-ended'), CLIENT_OUTCOMES.length],
  [kindNumber('process'), PROCESS_CHANGES.length],
  [kindNumber('reset'), RESET_DIRECTIONS.length],
  [kindNumber('retransmit'), RETRANSMITTED.length],
]);
const KIND_CALL = kindNumber('call');

/** What is wrong with these records of engine `process`, in words; null where each can be worded as an event. */
export function recordsProblem(records: Uint8Array, process: OurProcess): string | null {
  const processNumber = OUR_PROCESSES.indexOf(process);
  for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES) {
    const kind = records[at + KIND_BYTE] ?? 0;
    if (kind >= KINDS.length) return `a record of kind ${kind}; there are ${KINDS.length}`;
    if (kind === KIND_CALL) {
      if ((records[at + CALL_BYTE] ?? 0) >= CALL_NAMES.length) return `a record of call ${records[at + CALL_BYTE]}; there are ${CALL_NAMES.length}`;
    } else {
      const length = LIST_LENGTHS.get(kind);
      if (length !== undefined && firstArgument(records, at) >= length)
        return `a record of kind ${kind} names entry ${firstArgument(records, at)} of ${length}`;
    }
    if (records[at + PROCESS_BYTE] !== processNumber) return `a record in the name of process ${records[at + PROCESS_BYTE]}, sent by ${process}`;
    if ((records[at + EVIDENCE_BYTE] ?? 0) >= EVIDENCES.length) return `a record of evidence ${records[at + EVIDENCE_BYTE]}; there are ${EVIDENCES.length}`;
    if (((records[at + TIME_HIGH_BYTE] ?? 0) & 0x7f) === 0x7f && ((records[at + TIME_NEXT_BYTE] ?? 0) & 0xf0) === 0xf0)
      return 'a record whose time is not a number';
  }
  return null;
}

function firstArgument(records: Uint8Array, at: number): number {
  return new DataView(records.buffer, records.byteOffset + at + A0_BYTE).getUint32(0, true);
}
