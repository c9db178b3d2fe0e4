// What must happen at a time: a binary heap of deadlines, each of which can be moved or lifted.

/** Something that has at most one deadline at a time. */
export interface Due {
  /** Nanoseconds since the run began; set through Deadlines only. */
  dueNs: number;
  /** Its place in the heap; -1 when it has no deadline. */
  heapIndex: number;
  /** Its time has come; it has no deadline any more. */
  onDue(nowNs: number): void;
}

/** All deadlines of a loop, the earliest first. */
export class Deadlines {
  readonly #heap: Due[] = [];

  /** Sets or moves the deadline of `due`. */
  set(due: Due, dueNs: number): void {
    due.dueNs = dueNs;
    if (due.heapIndex < 0) {
      due.heapIndex = this.#heap.length;
      this.#heap.push(due);
      this.#up(due.heapIndex);
    } else {
      this.#up(due.heapIndex);
      this.#down(due.heapIndex);
    }
  }

  /** Lifts the deadline of `due`, if it has one. */
  clear(due: Due): void {
    const index = due.heapIndex;
    if (index < 0) return;
    due.heapIndex = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === due) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#up(index);
    this.#down(last.heapIndex);
  }

  /** When the earliest deadline is; Infinity when there is none. */
  get nextNs(): number {
    return this.#heap[0]?.dueNs ?? Infinity;
  }

  get count(): number {
    return this.#heap.length;
  }

  /** Carries out what was due at `nowNs`, earliest first. */
  run(nowNs: number): void {
    for (let first = this.#heap[0]; first !== undefined && first.dueNs <= nowNs; first = this.#heap[0]) {
      this.clear(first);
      first.onDue(nowNs);
    }
  }

  #up(start: number): void {
    let index = start;
    const due = this.#heap[index];
    if (due === undefined) return;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#heap[above];
      if (parent === undefined || parent.dueNs <= due.dueNs) break;
      this.#heap[index] = parent;
      parent.heapIndex = index;
      index = above;
    }
    this.#heap[index] = due;
    due.heapIndex = index;
  }

  #down(start: number): void {
    let index = start;
    const due = this.#heap[index];
    if (due === undefined) return;
    for (;;) {
      const left = this.#heap[2 * index + 1];
      const right = this.#heap[2 * index + 2];
      const least = right !== undefined && left !== undefined && right.dueNs < left.dueNs ? right : left;
      if (least === undefined || least.dueNs >= due.dueNs) break;
      const below = least.heapIndex;
      this.#heap[index] = least;
      least.heapIndex = index;
      index = below;
    }
    this.#heap[index] = due;
    due.heapIndex = index;
  }
}
