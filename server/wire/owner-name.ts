// Whose socket a record is about, by name; each name is put together once, letter by letter: thousands of events a second repeat a few.
import { dataText, type RecordBytes } from './record-bytes.ts';
import { DATA_BYTE, OWNER_NAME_BYTES } from './record-layout.ts';

const NAME_FIELD = DATA_BYTE / 4;
const NAME_WORDS = OWNER_NAME_BYTES / 4;
/** Places for names, a power of two. Where two meet in one place, the newer takes it. */
const PLACES = 64;
const placedWords = new Int32Array(PLACES * NAME_WORDS);
/** To begin with, the name of no letters stands in each. */
const placed: string[] = new Array<string>(PLACES).fill('');

/** The name of the owner that record `slot` has. */
export function ownerName(batch: RecordBytes, slot: number): string {
  let hash = 0;
  for (let word = 0; word < NAME_WORDS; word += 1) hash = Math.imul(hash ^ batch.word(slot, NAME_FIELD + word), 0x9e3779b1);
  const place = (hash >>> 16) % PLACES;
  let isPlaced = true;
  for (let word = 0; word < NAME_WORDS; word += 1) {
    const letters = batch.word(slot, NAME_FIELD + word);
    isPlaced &&= placedWords[place * NAME_WORDS + word] === letters;
    placedWords[place * NAME_WORDS + word] = letters;
  }
  if (!isPlaced) placed[place] = dataText(batch, slot, 0, OWNER_NAME_BYTES);
  return placed[place] ?? '';
}
