// A long list in short pieces: it grows at its end and loses what is oldest, and neither copies the tens of thousands that stay.

/** Elements of one piece. */
const PIECE = 512;

export class LongList<T> {
  /** What is left of pieces of which some went. */
  readonly #oldest: T[];
  /** Each full but the last. */
  readonly #pieces: T[][];
  #length: number;

  constructor(oldest: T[] = [], pieces: T[][] = []) {
    this.#oldest = oldest;
    this.#pieces = pieces;
    this.#length = oldest.length + pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  get length(): number {
    return this.#length;
  }

  /** Counted from the end where it is negative, as an array's. */
  at(place: number): T | undefined {
    const from = place < 0 ? place + this.#length : place;
    if (from >= this.#length) return undefined;
    const behind = from - this.#oldest.length;
    return behind < 0 ? this.#oldest[from] : this.#pieces[Math.floor(behind / PIECE)]?.[behind % PIECE];
  }

  push(one: T): void {
    const last = this.#pieces.at(-1);
    if (last === undefined || last.length === PIECE) this.#pieces.push([one]);
    else last.push(one);
    this.#length += 1;
  }

  /** Looked for from the end. */
  delete(one: T): void {
    let place = this.#length - 1;
    while (place >= 0 && this.at(place) !== one) place -= 1;
    if (place < 0) return;
    this.#length -= 1;
    const behind = place - this.#oldest.length;
    if (behind < 0) {
      this.#oldest.splice(place, 1);
      return;
    }
    const number = Math.floor(behind / PIECE);
    this.#pieces[number]?.splice(behind % PIECE, 1);
    for (let next = number + 1; next < this.#pieces.length; next += 1) this.#pieces[next - 1]?.push(...(this.#pieces[next]?.splice(0, 1) ?? []));
    if (this.#pieces.at(-1)?.length === 0) this.#pieces.pop();
  }

  /** Another list, without the first `count` that `goes` names; whoever counts the rows of this one may be at it. They share pieces: only the new one grows. */
  withoutFirst(count: number, goes: (one: T) => boolean): LongList<T> {
    const oldest: T[] = [];
    let place = 0;
    for (let left = count; left > 0 && place < this.#length; place += 1) {
      const one = this.at(place) as T;
      if (goes(one)) left -= 1;
      else oldest.push(one);
    }
    const behind = place - this.#oldest.length;
    if (behind < 0) return new LongList(oldest.concat(this.#oldest.slice(place)), this.#pieces);
    const number = Math.floor(behind / PIECE);
    return new LongList(oldest.concat(this.#pieces[number]?.slice(behind % PIECE) ?? []), this.#pieces.slice(number + 1));
  }

  /** Not an iterator: each step of one is an object. */
  forEach(visit: (one: T) => void): void {
    this.#oldest.forEach(visit);
    let left = this.#length - this.#oldest.length;
    // Another list that goes on from this one may have added to its last piece.
    for (const piece of this.#pieces) for (let place = 0; place < piece.length && left > 0; place += 1, left -= 1) visit(piece[place] as T);
  }
}
