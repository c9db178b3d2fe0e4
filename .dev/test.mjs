// `npm test`: fetches what is missing, checks, builds, runs the unit and end-to-end tests, and ends with one line of counts.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { installModules, root } from './modules.mjs';

installModules();
const { findTools } = await import('./tools.mjs');
const { browser, missing } = await findTools();
if (browser === null) missing.push('chromium');

const env = { ...process.env, SOCKSCOPE_TEST_MISSING: missing.join(','), ...(browser === null ? {} : { CHROMIUM_PATH: browser }) };
const counts = { passed: 0, failed: 0, skipped: 0 };
const problems = [];

function run(title, command, args) {
  console.log(`\n# ${title}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env });
  if (status !== 0) problems.push(title);
  return status === 0;
}

/** Adds what a runner's report counts; a runner that left none has failed. */
function count(file, read) {
  try {
    const { passed, failed, skipped } = read(JSON.parse(readFileSync(`${root}test-results/${file}`, 'utf8')));
    counts.passed += passed;
    counts.failed += failed;
    counts.skipped += skipped;
  } catch (error) {
    problems.push(`${file}: ${error.message}`);
  }
}

rmSync(`${root}test-results`, { recursive: true, force: true });
run('check', 'npm', ['run', '--silent', 'check']);
if (run('build', 'npm', ['run', '--silent', 'build'])) {
  run('unit tests', 'node_modules/.bin/vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${root}test-results/unit.json`]);
  count('unit.json', (report) => ({ passed: report.numPassedTests, failed: report.numFailedTests, skipped: report.numPendingTests + report.numTodoTests }));
  run('end-to-end tests', 'node_modules/.bin/playwright', ['test', '--config', 'e2e/playwright.config.ts']);
  count('e2e.json', ({ stats }) => ({ passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped }));
}

if (missing.length > 0) {
  console.log(`\nnot to be had here, so their tests were skipped: ${missing.join(', ')}`);
  if (process.env.CI === 'true') problems.push('with CI=true nothing may be missing');
}
for (const problem of problems) console.log(`failed: ${problem}`);
const failed = Math.max(counts.failed, problems.length > 0 ? 1 : 0);
console.log(`\n${counts.passed} passed, ${failed} failed, ${counts.skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
