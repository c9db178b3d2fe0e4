// The rules of the house: types checked while linting, and the table of which folder may import which.
import js from '@eslint/js';
import svelte from 'eslint-plugin-svelte';
import { defineConfig } from 'eslint/config';
import globals from 'globals';
import ts from 'typescript-eslint';

/** Steps of the flow sentence: each folder, and the folders it may import from. What is not listed is refused. */
const SERVER = {
  wire: [],
  kernel: ['wire'],
  engine: ['kernel', 'wire'],
  bridge: ['wire'],
  cli: ['bridge', 'wire'],
};
const WEB = {
  feed: [],
  model: [],
  state: ['feed', 'model'],
  layout: ['model'],
  views: ['feed', 'model', 'state', 'layout'],
};
/** Modules of server/wire that only hold values and pure functions; the others bring the schema library and may give the page types only. */
const PAGE_MAY_RUN = ['address', 'constants', 'errno', 'errno-hint', 'flags', 'limits', 'record', 'record-frame', 'strace', 'tcp-state', 'vocabulary'];

const KOFFI = { name: 'koffi', message: 'Only server/kernel/libc.ts calls foreign functions.' };
const PAGE_WIRE = {
  regex: `^#wire/(?!(?:${PAGE_MAY_RUN.join('|')})\\.ts$)`,
  allowTypeImports: true,
  message: 'The page takes only types from this module: the schema library stays on the server.',
};

function importRule(root, table, folder, extra = {}) {
  const barred = Object.keys(table).filter((other) => other !== folder && !table[folder].includes(other));
  const patterns = [...(extra.patterns ?? [])];
  if (barred.length > 0)
    patterns.push({ regex: `^(?:\\.\\./)+(?:${barred.join('|')})/`, message: `${root}/${folder} may import: ${table[folder].join(', ') || 'nothing'}.` });
  if (root === 'web') patterns.push(PAGE_WIRE, { regex: 'server/', message: 'The page knows the server by #wire only.' });
  return { '@typescript-eslint/no-restricted-imports': ['error', { paths: root === 'server' ? [KOFFI] : [], patterns }] };
}

const directions = [
  ...Object.keys(SERVER).map((folder) => ({ files: [`server/${folder}/**/*.ts`], rules: importRule('server', SERVER, folder) })),
  ...Object.keys(WEB).map((folder) => ({ files: [`web/${folder}/**/*.{ts,svelte}`], rules: importRule('web', WEB, folder) })),
  {
    files: ['e2e/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ regex: '/(server|web)/', message: 'e2e knows the page and the port, not the code.' }] },
      ],
    },
  },
  // The one door to foreign functions.
  { files: ['server/kernel/libc.ts'], rules: { '@typescript-eslint/no-restricted-imports': 'off' } },
];

const OUTSIDE_WORLD = [
  { object: 'process', property: 'argv', message: 'Only server/main.ts and the process entries read arguments.' },
  { object: 'process', property: 'env', message: 'Only server/main.ts reads the environment.' },
];

export default defineConfig(
  { ignores: ['dist/', 'test-results/', 'node_modules/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.svelte'],
    extends: [ts.configs.strictTypeChecked, ts.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        tsconfigRootDir: new URL('..', import.meta.url).pathname,
        project: ['server/tsconfig.json', 'web/tsconfig.json', 'e2e/tsconfig.json', '.dev/tsconfig.json'],
        extraFileExtensions: ['.svelte'],
      },
    },
    rules: {
      // A number in a sentence is what this project is about.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true, allowNever: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Empty functions are the callbacks nobody has set yet.
      '@typescript-eslint/no-empty-function': 'off',
      // `() => engine.stop()` reads better than a block.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // tsc says it, with the index signatures of process.env left as they are.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      // `void` says that a promise, or a result, is left alone on purpose.
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      'no-restricted-properties': ['error', ...OUTSIDE_WORLD],
      'max-lines': ['error', { max: 320, skipBlankLines: true }],
    },
  },
  ...svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: { globals: globals.browser, parserOptions: { parser: ts.parser } },
    rules: {
      'svelte/no-at-html-tags': 'error',
      'svelte/require-each-key': 'error',
      // What the page keeps is reactive as a whole, by its revision; a Map made and read within one computation need not be.
      'svelte/prefer-svelte-reactivity': 'off',
      'svelte/no-target-blank': 'error',
      'max-lines': ['error', { max: 420, skipBlankLines: true }],
    },
  },
  {
    files: ['server/main.ts', 'server/engine/*-process.ts', 'server/**/sample-*.ts', 'server/**/*.test.ts', 'e2e/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['**/*.test.ts', '**/*.spec.ts', '**/*.fault.ts', '**/*.attack.ts', '**/*.install.ts', '**/sample-*.ts'],
    rules: {
      // A test that reaches for what is not there should fail, loudly and at that line.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', name: ['test', 'it', 'describe'], package: 'vitest' }] },
      ],
      'max-lines': ['error', { max: 560, skipBlankLines: true }],
    },
  },
  { files: ['**/*.mjs'], languageOptions: { globals: globals.node } },
  ...directions,
);
