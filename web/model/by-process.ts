// What is known by a process and a number of its own. A map for each: one for all would need keys too large to be other than objects.

export class ByProcess<T> {
  readonly #maps = new Map<number, Map<number, T>>();

  get(pid: number, number: number): T | null {
    return this.#maps.get(pid)?.get(number) ?? null;
  }

  set(pid: number, number: number, one: T): void {
    const map = this.#maps.get(pid);
    if (map === undefined) this.#maps.set(pid, new Map([[number, one]]));
    else map.set(number, one);
  }

  delete(pid: number, number: number): void {
    const map = this.#maps.get(pid);
    if (map?.delete(number) === true && map.size === 0) this.#maps.delete(pid);
  }

  /** All of one process; they are no longer known. */
  deleteAll(pid: number): T[] {
    const all = [...(this.#maps.get(pid)?.values() ?? [])];
    this.#maps.delete(pid);
    return all;
  }
}
