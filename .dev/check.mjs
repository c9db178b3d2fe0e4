// `npm run check`: types, lint, import directions and format, all at once; each says what it has to say in one piece.
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { root } from './modules.mjs';

/** The longest first. */
const CHECKS = ['lint', 'types', 'format', 'cycles'];

function check(name) {
  return new Promise((resolve) => {
    const child = spawn('npm', ['run', '--silent', `check:${name}`], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
    child.on('close', (code) => {
      process.stdout.write(said);
      if (code !== 0) {
        console.error(`check:${name} failed`);
        process.exitCode = 1;
      }
      resolve();
    });
  });
}

const waiting = [...CHECKS];
async function worker() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await check(name);
}
await Promise.all(Array.from({ length: availableParallelism() }, worker));
