// Rows of numbers in one array: what thousands of objects would each keep in boxes of their own, and collecting garbage would have to visit.
import { Spares } from './spares.ts';

const FIRST_ROWS = 256;

export class NumberRows {
  readonly #width: number;
  #values: Float64Array;
  #made = 0;
  readonly #spares = new Spares<number>();

  constructor(width: number) {
    this.#width = width;
    this.#values = new Float64Array(FIRST_ROWS * width);
  }

  /** A row of nulls. */
  take(): number {
    const spare = this.#spares.take();
    if (spare !== undefined) {
      this.clear(spare);
      return spare;
    }
    const row = this.#made;
    this.#made += 1;
    const from = row * this.#width;
    if (from === this.#values.length) {
      const larger = new Float64Array(2 * from);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.clear(row);
    return row;
  }

  /** It says what it said until it is taken again. */
  free(row: number): void {
    this.#spares.add(row);
  }

  /** A row of nulls again. */
  clear(row: number): void {
    this.#values.fill(NaN, row * this.#width, (row + 1) * this.#width);
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
