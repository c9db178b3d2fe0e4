// Lists of what happened when, all in the same few arrays: each connection of a crowd has several, and they come and go without anything for a garbage collector.

/** A list: the number of its last node, from which the chain leads to the first; 0: nothing is in it. Adding to it makes it another. */
export type TimedList = number;
export const EMPTY: TimedList = 0;

const FIRST_NODES = 1_024;

export class TimedLists {
  #atNs = new Float64Array(FIRST_NODES);
  #values = new Float64Array(FIRST_NODES);
  #marks = new Int32Array(FIRST_NODES);
  #next = new Int32Array(FIRST_NODES);
  /** Node 0 is none. */
  #made = 1;
  /** The first of the chain of free nodes. */
  #free = 0;

  atNs(node: number): number {
    return this.#atNs[node] ?? 0;
  }

  value(node: number): number {
    return this.#values[node] ?? 0;
  }

  mark(node: number): number {
    return this.#marks[node] ?? 0;
  }

  /** The first node of a list, from which `next` leads on; 0 where there is none. */
  first(list: TimedList): number {
    return list === EMPTY ? 0 : this.#after(list);
  }

  /** The node behind one of a list; 0 where it is the last. */
  next(list: TimedList, node: number): number {
    return node === list ? 0 : this.#after(node);
  }

  append(list: TimedList, atNs: number, value: number): TimedList {
    return this.insertAfter(list, list, atNs, value, 0);
  }

  /** The node behind which a moment belongs, equals by their values; 0: before all. Most belong at the end. */
  nodeBefore(list: TimedList, atNs: number, value: number): number {
    if (list === EMPTY || !this.#isAfter(list, atNs, value)) return list;
    let before = 0;
    for (let node = this.first(list); !this.#isAfter(node, atNs, value); node = this.#after(node)) before = node;
    return before;
  }

  /** The node before one of a list; 0 where it is the first. */
  previous(list: TimedList, node: number): number {
    let before = 0;
    for (let one = this.first(list); one !== node; one = this.#after(one)) before = one;
    return before;
  }

  insertAfter(list: TimedList, before: number, atNs: number, value: number, mark: number): TimedList {
    const node = this.#take();
    this.change(node, atNs, value, mark);
    if (list === EMPTY) {
      this.#next[node] = node;
      return node;
    }
    const place = before === 0 ? list : before;
    this.#next[node] = this.#after(place);
    this.#next[place] = node;
    return before === list ? node : list;
  }

  change(node: number, atNs: number, value: number, mark: number): void {
    this.#atNs[node] = atNs;
    this.#values[node] = value;
    this.#marks[node] = mark;
  }

  /** Both as one; neither is a list of its own any more. */
  concat(list: TimedList, more: TimedList): TimedList {
    if (list === EMPTY || more === EMPTY) return list === EMPTY ? more : list;
    const first = this.#after(list);
    this.#next[list] = this.#after(more);
    this.#next[more] = first;
    return more;
  }

  /** The list is no more; its nodes serve others. */
  free(list: TimedList): void {
    if (list === EMPTY) return;
    const first = this.#after(list);
    this.#next[list] = this.#free;
    this.#free = first;
  }

  #after(node: number): number {
    return this.#next[node] ?? 0;
  }

  #isAfter(node: number, atNs: number, value: number): boolean {
    const thereNs = this.atNs(node);
    return thereNs > atNs || (thereNs === atNs && this.value(node) > value);
  }

  #take(): number {
    const free = this.#free;
    if (free !== 0) {
      this.#free = this.#after(free);
      return free;
    }
    if (this.#made === this.#next.length) this.#grow();
    this.#made += 1;
    return this.#made - 1;
  }

  #grow(): void {
    const nodes = 2 * this.#made;
    const [atNs, values, marks, next] = [new Float64Array(nodes), new Float64Array(nodes), new Int32Array(nodes), new Int32Array(nodes)];
    atNs.set(this.#atNs);
    values.set(this.#values);
    marks.set(this.#marks);
    next.set(this.#next);
    [this.#atNs, this.#values, this.#marks, this.#next] = [atNs, values, marks, next];
  }
}
