// The C compiler as a witness for tests: a program made, compiled and run on the spot.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** True where there is a C compiler, or where its lack must show as a failure. */
export const askC = process.env.CI === 'true' || spawnSync('cc', ['--version']).error === undefined;

/** What a C program with `headers` prints, whose main() is `body`. */
export function outputOfC(headers: readonly string[], body: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'sockscope-'));
  try {
    const source = join(directory, 'program.c');
    const program = join(directory, 'program');
    const includes = ['stddef.h', 'stdio.h', ...headers].map((header) => `#include <${header}>`);
    writeFileSync(source, `#define _GNU_SOURCE\n${includes.join('\n')}\nint main(void) {\n${body}\n}\n`);
    execFileSync('cc', ['-o', program, source]);
    return execFileSync(program).toString();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** The value of each C expression: a constant, sizeof, offsetof. */
export function numbersOfC(headers: readonly string[], expressions: readonly string[]): Record<string, number> {
  const prints = expressions.map((expression) => `printf("%ld\\n", (long)(${expression}));`);
  const printed = outputOfC(headers, prints.join('\n')).trim().split('\n').map(Number);
  return Object.fromEntries(expressions.map((expression, index) => [expression, printed[index] ?? NaN]));
}
