// Everything said in one language: what the page itself says, and how it explains events.
import type { ExplainWords } from '../../model/explain.ts';
import type { UiWords } from './ui-words.ts';

/** All words of one language. */
export interface Words {
  ui: UiWords;
  explain: ExplainWords;
}
