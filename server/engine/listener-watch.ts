// The listeners of our ports as looks at the socket table show them: the accept queue, and what was dropped between two looks.
import { readListenCounters } from '../kernel/listen-counters.ts';
import type { SocketTable } from '../kernel/socket-table.ts';
import type { TapRecords } from './tap-records.ts';

export class ListenerWatch {
  readonly #records: TapRecords;
  #ports: readonly number[] = [];
  /** The counter of each by its inode, as the last look saw it: a listener that follows another begins at 0. */
  #dropsBefore = new Map<number, number>();
  #dropsNow = new Map<number, number>();
  /** ListenOverflows of the whole namespace when it was last told. */
  #overflowsTold = 0;
  /** The counters have been seen once. */
  #counted = false;
  queue: { length: number; limit: number } | null = null;
  /** The counter of the listener seen last. */
  drops = 0;
  /** Of the whole namespace, since `ports` are watched. */
  overflows = 0;

  constructor(records: TapRecords) {
    this.#records = records;
  }

  set ports(ports: readonly number[]) {
    this.#ports = ports;
    this.#dropsBefore.clear();
    this.#overflowsTold = readListenCounters()?.overflows ?? 0;
    this.#counted = false;
  }

  /** One row of a listener. */
  look(table: SocketTable, index: number): void {
    const { localPort, inode, drops, rqueue, wqueue } = table.row(index);
    if (!this.#ports.includes(localPort)) return;
    this.queue = { length: rqueue, limit: wqueue };
    this.drops = drops;
    // One that began while we watched began at 0; at the first look nobody knows since when its counter runs.
    const dropped = drops - (this.#dropsBefore.get(inode) ?? (this.#counted ? 0 : drops));
    this.#dropsNow.set(inode, drops);
    // Both counters are read one after the other: what only one of them shows yet is told with the next.
    if (dropped <= 0) return;
    const overflows = readListenCounters()?.overflows ?? 0;
    const overflown = overflows - this.#overflowsTold;
    this.#overflowsTold = overflows;
    this.overflows += overflown;
    this.#records.listenerDrops(table.evidence, table.atNs, dropped, drops, overflown);
  }

  /** The table has been looked through: who was not in it is gone. A table that was cut has them all, they come first. */
  endLook(): void {
    [this.#dropsBefore, this.#dropsNow] = [this.#dropsNow, this.#dropsBefore];
    this.#dropsNow.clear();
    this.#counted = true;
  }
}
