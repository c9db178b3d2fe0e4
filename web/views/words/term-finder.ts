// The finder of a language's terms, made once.
import { TermFinder } from '../../model/term-parts.ts';
import { TERMS, type GlossaryWords, type TermName } from './glossary-words.ts';
import type { LanguageCode } from './language.svelte.ts';

const finders = new Map<LanguageCode, TermFinder<TermName>>();

export function termFinder(words: GlossaryWords['glossary'], code: LanguageCode): TermFinder<TermName> {
  const known = finders.get(code);
  if (known !== undefined) return known;
  const written = Object.fromEntries(TERMS.map((name) => [name, words.terms[name].written])) as Record<TermName, readonly string[]>;
  const made = new TermFinder(written, code === 'en');
  finders.set(code, made);
  return made;
}
