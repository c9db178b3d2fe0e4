// Rows of numbers in one array: what thousands of objects would each keep in boxes of their own, and collecting garbage would have to visit.

/** Freed rows rest until so many wait: whoever still looks at what was just forgotten sees what it was. */
const RESTING_ROWS = 4_096;
const FIRST_ROWS = 256;

export class NumberRows {
  readonly #width: number;
  #values: Float64Array;
  #made = 0;
  /** Freed rows, the longest free first, from `#rested` on. */
  readonly #free: number[] = [];
  #rested = 0;

  constructor(width: number) {
    this.#width = width;
    this.#values = new Float64Array(FIRST_ROWS * width);
  }

  /** A row of nulls. */
  take(): number {
    let row = this.#made;
    if (this.#free.length - this.#rested > RESTING_ROWS) {
      row = this.#free[this.#rested] ?? row;
      this.#rested += 1;
      if (this.#rested > RESTING_ROWS) {
        this.#free.splice(0, this.#rested);
        this.#rested = 0;
      }
    } else this.#made += 1;
    const from = row * this.#width;
    if (from === this.#values.length) {
      const larger = new Float64Array(2 * from);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values.fill(NaN, from, from + this.#width);
    return row;
  }

  free(row: number): void {
    this.#free.push(row);
  }

  get(row: number, column: number): number | null {
    const value = this.#values[row * this.#width + column] ?? NaN;
    return Number.isNaN(value) ? null : value;
  }

  /** True where it is not null: to ask for the number itself would put it into a box. */
  has(row: number, column: number): boolean {
    return !Number.isNaN(this.#values[row * this.#width + column] ?? NaN);
  }

  set(row: number, column: number, value: number | null): void {
    this.#values[row * this.#width + column] = value ?? NaN;
  }
}
