// The last line of a suite: how many claims held, how many did not, and what could not be tried here, by its reason.
import type { FullResult, Reporter, Suite, TestCase, TestResult } from 'playwright/types/testReporter';

export default class CountsReporter implements Reporter {
  readonly #name: string;
  #suite: Suite | null = null;
  readonly #startMs = performance.now();

  constructor(options: { name: string }) {
    this.#name = options.name;
  }

  printsToStdio(): boolean {
    return true;
  }

  onBegin(_config: unknown, suite: Suite): void {
    this.#suite = suite;
  }

  onStdOut(chunk: string | Buffer): void {
    process.stdout.write(chunk);
  }

  onTestEnd(test: TestCase, result: TestResult): void {
    const seconds = (result.duration / 1_000).toFixed(1);
    const figures = result.annotations.filter(({ type }) => type === 'figure').map(({ description = '' }) => description);
    const word = result.status === 'skipped' ? 'skipped' : test.ok() ? 'ok' : 'FAILED';
    console.log(`${word.padEnd(7)} ${seconds.padStart(6)} s  ${test.title}${figures.map((figure) => `\n                  ${figure}`).join('')}`);
    for (const error of result.errors) console.log(error.stack ?? error.message ?? '');
  }

  onEnd(result: FullResult): void {
    const tests = this.#suite?.allTests() ?? [];
    const count = (outcome: ReturnType<TestCase['outcome']>): number => tests.filter((test) => test.outcome() === outcome).length;
    const reasons = new Map<string, number>();
    for (const test of tests.filter((one) => one.outcome() === 'skipped')) {
      const reason = test.results[0]?.annotations.find(({ type }) => type === 'skip')?.description ?? 'not reached';
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    for (const [reason, times] of reasons) console.log(`skipped ${times}: ${reason}`);
    const seconds = Math.round((performance.now() - this.#startMs) / 1_000);
    const failed = count('unexpected') + count('flaky');
    console.log(`\n${this.#name}: ${count('expected')} passed, ${failed} failed, ${count('skipped')} skipped, ${seconds} s (${result.status})`);
  }
}
