// Both languages say everything: the types hold the fixed keys, this holds those of the lists, and that nothing was left in English.
import { describe, expect, it } from 'vitest';
import { CLIENT_OUTCOMES, CUT_REASONS, EVIDENCES, PROCESS_CHANGES } from '#wire/vocabulary.ts';
import { TCP_STATES } from '#wire/tcp-state.ts';
import { errnoWordsEn } from '../../model/words/errno-words.ts';
import { errnoWordsZh } from '../../model/words/errno-words-zh.ts';
import { stepWordsEn } from '../../model/words/step-words.ts';
import { stepWordsZh } from '../../model/words/step-words-zh.ts';
import { termFinder } from './term-finder.ts';
import { TERMS } from './glossary-words.ts';
import { uiWordsEn } from './ui-words-en.ts';
import { uiWordsZh } from './ui-words-zh.ts';

/** Each word with the path that leads to it; what a function says is not asked for. */
function leaves(words: unknown, path = ''): [string, string | null][] {
  if (typeof words === 'string') return [[path, words]];
  if (typeof words !== 'object' || words === null) return [[path, null]];
  return Object.entries(words).flatMap(([key, value]) => leaves(value, `${path}/${key}`));
}

const paths = (words: unknown): string[] =>
  leaves(words)
    .map(([path]) => path)
    // Terms are written in as many ways as a language needs.
    .filter((path) => !path.includes('/written/'))
    .sort();

describe.each([
  ['the page', uiWordsEn, uiWordsZh],
  ['the steps', stepWordsEn, stepWordsZh],
  ['the errnos', errnoWordsEn, errnoWordsZh],
])('the words of %s', (_, english, chinese) => {
  it('are the same in both languages, key by key', () => {
    expect(paths(chinese)).toEqual(paths(english));
  });

  it('are nowhere empty, and no sentence is left in English', () => {
    for (const [path, text] of leaves(chinese)) {
      if (text === null) continue;
      expect(text, path).not.toBe('');
      expect(text, path).not.toMatch(/\b(the|and|is|are|this|with)\b/);
    }
  });
});

it('has words for everything the protocol can say', () => {
  expect(Object.keys(stepWordsEn.cut)).toEqual(expect.arrayContaining([...CUT_REASONS]));
  expect(Object.keys(stepWordsEn.clientEnded)).toEqual(expect.arrayContaining([...CLIENT_OUTCOMES]));
  expect(Object.keys(stepWordsEn.tcpStates)).toEqual(expect.arrayContaining([...new Set(TCP_STATES)]));
  expect(Object.keys(stepWordsEn.process)).toEqual(expect.arrayContaining([...PROCESS_CHANGES]));
  expect(Object.keys(stepWordsEn.seenBy)).toEqual(expect.arrayContaining([...EVIDENCES]));
});

it.each([
  ['English', uiWordsEn.glossary, 'en'],
  ['Chinese', uiWordsZh.glossary, 'zh'],
] as const)('finds each term of the glossary as it is written, in %s', (_, words, code) => {
  const finder = termFinder(words, code);
  for (const name of TERMS) {
    for (const written of words.terms[name].written) {
      const sentence = code === 'en' ? `see ${written} here` : `看${written}吧`;
      expect(
        finder.parts(sentence).map((part) => part.term),
        written,
      ).toContain(name);
    }
  }
});

it('counts in English and in Chinese', () => {
  expect(uiWordsEn.trace.lines(1, 1)).toBe('1 line');
  expect(uiWordsEn.trace.lines(2, 12_345)).toBe('2 of 12,345 lines');
  expect(uiWordsZh.trace.lines(12_345, 12_345)).toBe('12,345 行');
});
