// What is not needed any more and serves again: made anew all the time, it would call for the garbage collector all the time.

/** Each rests until so many wait behind it: whoever still looks at what was just forgotten sees what it was. */
const RESTING = 4_096;

export class Spares<One> {
  /** The longest here first, from `#taken` on. */
  readonly #waiting: One[] = [];
  #taken = 0;

  /** One that rested long enough; undefined where none has. */
  take(): One | undefined {
    if (this.#waiting.length - this.#taken <= RESTING) return undefined;
    const one = this.#waiting[this.#taken];
    this.#taken += 1;
    if (this.#taken > RESTING) {
      this.#waiting.splice(0, this.#taken);
      this.#taken = 0;
    }
    return one;
  }

  add(one: One): void {
    this.#waiting.push(one);
  }
}
