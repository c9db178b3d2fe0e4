// `npm run check`: types, lint, import directions and format, all at once; each says what it has to say in one piece.
import { spawn } from 'node:child_process';
import { root } from './modules.mjs';

const CHECKS = ['types', 'lint', 'cycles', 'format'];

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

await Promise.all(CHECKS.map(check));
