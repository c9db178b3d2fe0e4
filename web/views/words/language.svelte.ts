// The language of the page: one object of words for each, chosen here and read everywhere.
import { errnoWordsEn } from '../../model/words/errno-words.ts';
import { stepWordsEn } from '../../model/words/step-words.ts';
import type { ExplainWords } from '../../model/explain.ts';
import type { UiWords } from './ui-words.ts';
import { uiWordsEn } from './ui-words-en.ts';

class Language {
  ui = $state.raw<UiWords>(uiWordsEn);
  explain = $state.raw<ExplainWords>({ steps: stepWordsEn, errnos: errnoWordsEn });
}

export const language = new Language();
