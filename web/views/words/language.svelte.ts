// The language of the page: one object of words for each, from the browser or as chosen, remembered; Chinese is loaded when it is wanted.
import { errnoWordsEn } from '../../model/words/errno-words.ts';
import { stepWordsEn } from '../../model/words/step-words.ts';
import type { Words } from './words.ts';
import { uiWordsEn } from './ui-words-en.ts';

export type LanguageCode = 'en' | 'zh';
const KEY = 'sockscope.language';
/** As the `lang` of the document names them. */
const TAGS: Readonly<Record<LanguageCode, string>> = { en: 'en', zh: 'zh-Hans' };
const english: Words = { ui: uiWordsEn, explain: { steps: stepWordsEn, errnos: errnoWordsEn } };

class Language {
  ui = $state.raw<Words['ui']>(english.ui);
  explain = $state.raw<Words['explain']>(english.explain);
  code = $state<LanguageCode>('en');

  constructor() {
    const kept = localStorage.getItem(KEY);
    const wanted = kept === 'en' || kept === 'zh' ? kept : firstOf(navigator.languages);
    if (wanted !== 'en') void this.#show(wanted);
  }

  /** Changes the language and remembers it. */
  async choose(code: LanguageCode): Promise<void> {
    localStorage.setItem(KEY, code);
    await this.#show(code);
  }

  async #show(code: LanguageCode): Promise<void> {
    const words = code === 'en' ? english : (await import('./words-zh.ts')).wordsZh;
    this.ui = words.ui;
    this.explain = words.explain;
    this.code = code;
    document.documentElement.lang = TAGS[code];
  }
}

/** The first language of the browser that the page speaks. */
function firstOf(languages: readonly string[]): LanguageCode {
  for (const language of languages) {
    if (language.startsWith('zh')) return 'zh';
    if (language.startsWith('en')) return 'en';
  }
  return 'en';
}

export const language = new Language();
