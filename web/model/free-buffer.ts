// Memory that comes back at once.

/**
 * Frees what `buffer` holds; every view of it is empty from here on. Megabytes a second that wait for the garbage collector would call it, for all the
 * page's memory, every few seconds. Browsers that cannot do it (ArrayBuffer.prototype.transfer, ECMAScript 2024) collect it later.
 */
export function freeBuffer(buffer: ArrayBufferLike): void {
  (buffer as { transfer?: (length: number) => unknown }).transfer?.(0);
}
