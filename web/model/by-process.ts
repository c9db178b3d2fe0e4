// What is known by a process and a number of its own.
import { ByNumber } from './by-number.ts';

export class ByProcess<T> {
  readonly #ofProcess = new Map<number, ByNumber<T>>();

  get(pid: number, number: number): T | null {
    return this.#ofProcess.get(pid)?.get(number) ?? null;
  }

  set(pid: number, number: number, one: T): void {
    let known = this.#ofProcess.get(pid);
    if (known === undefined) {
      known = new ByNumber();
      this.#ofProcess.set(pid, known);
    }
    known.set(number, one);
  }

  delete(pid: number, number: number): void {
    const known = this.#ofProcess.get(pid);
    if (known?.delete(number) === true && known.size === 0) this.#ofProcess.delete(pid);
  }

  /** All of one process; they are no longer known. */
  deleteAll(pid: number): T[] {
    const all = [...(this.#ofProcess.get(pid)?.values() ?? [])];
    this.#ofProcess.delete(pid);
    return all;
  }
}
