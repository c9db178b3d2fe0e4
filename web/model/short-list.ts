// The lists that each connection of a crowd has a few of: most stay empty or short, and take no more memory than what is in them.

/** The list that all empty lists are: most ends of a crowd have nothing to put into most of theirs. Frozen: what is added makes a list of its own. */
export const NONE = Object.freeze([]) as unknown as never[];

/** So long a list is made anew for each that is added: push() would reserve room for sixteen more, and most lists of a crowd stay shorter than that. */
const EXACT_LENGTH_MAX = 32;

/** The list with more at its end: a new one while it is short. */
export function added<T>(list: T[], more: readonly T[]): T[] {
  if (list.length < EXACT_LENGTH_MAX) return list.concat(more);
  list.push(...more);
  return list;
}
