// The few records a page always needs, however long ago they were: each process's own start, its changes and its settings.
import { MILESTONES_MAX, RECORD_BYTES, START_RECORDS_MAX } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import { OUR_PROCESSES } from '../wire/vocabulary.ts';

interface Kept {
  seq: number;
  record: Uint8Array;
  /** Only the latest of a name is kept: of a setting, of listen(); '' where each counts. */
  name: string;
}

/** What is told of one process since it was last started. */
class ProcessStory {
  starting = false;
  readonly start: Kept[] = [];
  readonly since: Kept[] = [];
}

export class Milestones {
  readonly #stories = OUR_PROCESSES.map(() => new ProcessStory());

  /** True while a process starts: its calls are then milestones. */
  starting(process: number): boolean {
    return this.#stories[process]?.starting ?? false;
  }

  /** A call that a starting process made. */
  keepStart(process: number, seq: number, record: Uint8Array): void {
    const start = this.#stories[process]?.start;
    if (start !== undefined && start.length < START_RECORDS_MAX) start.push({ seq, record: record.slice(), name: '' });
  }

  /** A 'process' or 'setting' event, or a later listen() on the living listener. */
  keep(process: number, seq: number, record: Uint8Array): void {
    const batch = new RecordBatch(1);
    batch.bytes.set(record.subarray(0, RECORD_BYTES));
    const event = batch.event(0, seq);
    const story = this.#stories[process];
    if (story === undefined) return;
    if (event.kind === 'process') {
      if (event.change === 'started') {
        story.start.length = 0;
        story.since.length = 0;
      }
      story.starting = event.change === 'started';
    }
    const name = event.kind === 'setting' ? event.name : event.kind === 'call' ? event.call : '';
    const earlier = name === '' ? -1 : story.since.findIndex((kept) => kept.name === name);
    if (earlier >= 0) story.since.splice(earlier, 1);
    else if (story.since.length >= MILESTONES_MAX) story.since.splice(1, 1);
    story.since.push({ seq, record: record.slice(), name });
  }

  /** All of them, by their numbers. */
  all(): Map<number, Uint8Array> {
    const kept = new Map<number, Uint8Array>();
    for (const story of this.#stories) for (const one of [...story.start, ...story.since]) kept.set(one.seq, one.record);
    return kept;
  }
}
