// The theme's colours as a canvas needs them: the tokens of base.css, read anew when the theme or what the system wants changes.
import type { ThemeState } from './theme.svelte.ts';

const TOKENS = { open: '--open', data: '--data', close: '--close', error: '--error', dataSoft: '--data-soft', closeSoft: '--close-soft' } as const;
export type Colours = Readonly<Record<keyof typeof TOKENS, string>>;

export class ColoursState {
  readonly #theme: ThemeState;
  #system = $state(0);

  constructor(theme: ThemeState) {
    this.#theme = theme;
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      this.#system += 1;
    });
  }

  readonly current = $derived.by((): Colours => {
    void this.#theme.theme;
    void this.#system;
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(Object.entries(TOKENS).map(([name, token]) => [name, style.getPropertyValue(token).trim()])) as Colours;
  });
}
