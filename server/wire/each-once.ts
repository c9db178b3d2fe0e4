// What a number stands for, made once and shared: hundreds of thousands of events say the same few things.

/** `make`, remembering up to `most` answers; then it begins anew. */
export function eachOnce<T extends string | object>(most: number, make: (number: number) => T): (number: number) => T {
  const made = new Map<number, T>();
  return (number) => {
    let one = made.get(number);
    if (one === undefined) {
      one = make(number);
      if (made.size >= most) made.clear();
      made.set(number, one);
    }
    return one;
  };
}
