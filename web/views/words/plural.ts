// Numbers and plurals as each language writes them.

const NUMBERS = { en: new Intl.NumberFormat('en'), zh: new Intl.NumberFormat('zh-Hans') } as const;
const english = new Intl.PluralRules('en');

/** '12,345' */
export function englishNumber(value: number): string {
  return NUMBERS.en.format(value);
}

/** '1 line', '12,345 lines' */
export function englishCount(value: number, one: string, other: string): string {
  return `${englishNumber(value)} ${english.select(value) === 'one' ? one : other}`;
}

/** Chinese has one form for all numbers; only the number itself is written. */
export function chineseNumber(value: number): string {
  return NUMBERS.zh.format(value);
}
