// What is known by a whole number, in pieces of neighbours: a map of tens of thousands is made anew, half a megabyte each time, whenever it is full of what was deleted.

/** Numbers of one piece, a power of two. */
const PIECE_NUMBERS = 256;
/** Emptied pieces that wait to be used again. */
const SPARE_PIECES_MAX = 16;

interface Piece<T> {
  readonly slots: (T | undefined)[];
  used: number;
}

/** `undefined` is no value: it stands for nothing known. */
export class ByNumber<T> {
  /** By its first number, divided by PIECE_NUMBERS. */
  readonly #pieces = new Map<number, Piece<T>>();
  readonly #spare: Piece<T>[] = [];
  size = 0;

  get(number: number): T | undefined {
    return this.#pieces.get(Math.floor(number / PIECE_NUMBERS))?.slots[number & (PIECE_NUMBERS - 1)];
  }

  set(number: number, one: T): void {
    const at = Math.floor(number / PIECE_NUMBERS);
    let piece = this.#pieces.get(at);
    if (piece === undefined) {
      piece = this.#spare.pop() ?? { slots: new Array<T | undefined>(PIECE_NUMBERS).fill(undefined), used: 0 };
      this.#pieces.set(at, piece);
    }
    const slot = number & (PIECE_NUMBERS - 1);
    if (piece.slots[slot] === undefined) {
      piece.used += 1;
      this.size += 1;
    }
    piece.slots[slot] = one;
  }

  delete(number: number): boolean {
    const at = Math.floor(number / PIECE_NUMBERS);
    const piece = this.#pieces.get(at);
    const slot = number & (PIECE_NUMBERS - 1);
    if (piece?.slots[slot] === undefined) return false;
    piece.slots[slot] = undefined;
    piece.used -= 1;
    this.size -= 1;
    if (piece.used === 0) {
      this.#pieces.delete(at);
      if (this.#spare.length < SPARE_PIECES_MAX) this.#spare.push(piece);
    }
    return true;
  }

  *values(): Generator<T> {
    for (const { slots } of this.#pieces.values()) for (const one of slots) if (one !== undefined) yield one;
  }
}
