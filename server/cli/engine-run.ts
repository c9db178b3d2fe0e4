// One engine run from a terminal: its events as they come, without a bridge around it.
import { EngineChild, type Beat, type EngineExit, type Ready, type StartFailure } from '../bridge/engine-child.ts';
import type { ClientOptions, ServerOptions } from '../wire/engine-message.ts';
import type { TraceEvent } from '../wire/event.ts';
import { RECORD_BYTES } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import type { OurProcess } from '../wire/vocabulary.ts';

/** What a terminal wants to hear. */
export interface RunListener {
  onEvent(event: TraceEvent): void;
  /** `count` events are missing here: the engine did not wait for us. */
  onDropped(count: number): void;
  onReady(ready: Ready): void;
  onFailed(failure: StartFailure): void;
  onBeat?(beat: Beat): void;
  onExit(exit: EngineExit): void;
}

/** Runs the built entry `script` (beside main.js) as the process `name`. */
export function runEngine(name: OurProcess, script: URL, options: ServerOptions | ClientOptions, listener: RunListener): EngineChild {
  let seq = 0;
  return new EngineChild(name, script.pathname, options, {
    onRecords(records, droppedBefore) {
      if (droppedBefore > 0) listener.onDropped(droppedBefore);
      const count = records.length / RECORD_BYTES;
      const batch = new RecordBatch(count);
      batch.bytes.set(records);
      for (let slot = 0; slot < count; slot += 1) listener.onEvent(batch.event(slot, (seq += 1)));
    },
    onReady: (ready) => {
      listener.onReady(ready);
    },
    onFailed: (failure) => {
      listener.onFailed(failure);
    },
    onBeat: (beat) => listener.onBeat?.(beat),
    onExit: (exit) => {
      listener.onExit(exit);
    },
  });
}
