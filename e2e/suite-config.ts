// How a suite beside `npm test` runs: one test at a time, because each wants the machine for itself, and a last line of counts.
import { defineConfig, type PlaywrightTestConfig } from 'playwright/test';

/** `name` is the suite's folder and the word before its counts; its files end in `.fault.ts`, `.attack.ts` …: never `.spec.ts`, which `npm test` takes. */
export function suiteConfig(name: string, testMatch: string): PlaywrightTestConfig {
  return defineConfig({
    testDir: name,
    testMatch,
    outputDir: `../test-results/${name}`,
    fullyParallel: false,
    workers: 1,
    timeout: 120_000,
    forbidOnly: process.env['CI'] === 'true',
    reporter: [['./counts-reporter.ts', { name }]],
  });
}
