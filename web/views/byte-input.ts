// What a person types for a byte: one character of one byte, or hexadecimal.

/** The byte, or null for anything else. */
export function parseByte(text: string): number | null {
  if (/^0x[0-9a-f]{1,2}$/i.test(text)) return Number(text);
  const characters = Array.from(text);
  const code = characters[0]?.codePointAt(0) ?? 256;
  return characters.length === 1 && code < 256 ? code : null;
}
