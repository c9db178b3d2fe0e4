// Which element of a virtual list shows which row: elements are filled anew instead of made anew, and keep their order in the document.

/**
 * Each row has a slot of its own; while the list moves by a few rows, those that stay in sight keep theirs, and the slots of those that left follow for those that
 * come. After a move farther than all that is in sight the first row takes the slot that was first: moving elements about would gain nothing.
 */
export class RowSlots {
  #count = 0;
  #first = 0;
  #shift = 0;

  /** From here on `count` slots show the rows from `first` on: counted so that a row keeps its number while it is in the list. */
  moveTo(first: number, count: number): void {
    if (count !== this.#count) this.#shift = 0;
    else if (Math.abs(first - this.#first) >= count) this.#shift += this.#first - first;
    this.#first = first;
    this.#count = count;
  }

  /** 0 to `count` - 1. */
  slotOf(row: number): number {
    const slot = (row + this.#shift) % this.#count;
    return slot < 0 ? slot + this.#count : slot;
  }
}
