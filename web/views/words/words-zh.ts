// All words of the page in Simplified Chinese, loaded when they are wanted.
import { errnoWordsZh } from '../../model/words/errno-words-zh.ts';
import { stepWordsZh } from '../../model/words/step-words-zh.ts';
import { uiWordsZh } from './ui-words-zh.ts';
import type { Words } from './words.ts';

export const wordsZh: Words = { ui: uiWordsZh, explain: { steps: stepWordsZh, errnos: errnoWordsZh } };
