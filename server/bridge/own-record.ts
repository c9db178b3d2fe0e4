// The records the bridge writes itself: what became of a process, and how many events were never recorded.
import { RecordBatch, processChangeNumber, recordTag } from '../wire/record.ts';
import type { OurProcess, PROCESS_CHANGES } from '../wire/vocabulary.ts';

/** A change of a process of ours, as its parent saw it. */
export interface ProcessChange {
  change: (typeof PROCESS_CHANGES)[number];
  process: OurProcess;
  pid: number;
  exitCode?: number | null;
  signal?: string | null;
  /** When it will be started again, in milliseconds from now. */
  restartMs?: number;
}

const encoder = new TextEncoder();
const NONE = -1;

/** The record of `change` at `atNs`, nanoseconds since the run began. */
export function processRecord(change: ProcessChange, atNs: number): Uint8Array {
  const batch = new RecordBatch(1);
  const tag = recordTag('process', null, change.process);
  batch.put(0, tag, atNs, 0, change.pid, NONE, 0, 0, processChangeNumber(change.change), change.exitCode ?? NONE, change.restartMs ?? NONE, 0, 0, 0, 0);
  const signal = encoder.encode(change.signal ?? '');
  batch.setData(0, signal, signal.length);
  return batch.bytes;
}

/** The record of `count` events of `process` that were dropped before their reader could take them. */
export function droppedRecord(process: OurProcess, pid: number, count: number, atNs: number): Uint8Array {
  const batch = new RecordBatch(1);
  batch.put(0, recordTag('dropped', null, process), atNs, 0, pid, NONE, 0, 0, count, 0, 0, 0, 0, 0, 0);
  return batch.bytes;
}
