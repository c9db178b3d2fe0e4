// Light, dark, or as the system says; remembered.

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'sockscope.theme';

export class ThemeState {
  theme = $state<Theme>('auto');

  constructor() {
    const kept = localStorage.getItem(KEY);
    if (kept === 'light' || kept === 'dark') this.set(kept);
  }

  set(theme: Theme): void {
    this.theme = theme;
    if (theme === 'auto') {
      localStorage.removeItem(KEY);
      delete document.documentElement.dataset['theme'];
    } else {
      localStorage.setItem(KEY, theme);
      document.documentElement.dataset['theme'] = theme;
    }
  }
}
