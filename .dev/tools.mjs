// The programs that tests run beside our own: which are here, which can be fetched, which cannot be had.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';

/** Program → the Debian packages that bring it. */
const PROGRAMS = {
  nc: ['netcat-openbsd'],
  ncat: ['ncat'],
  socat: ['socat'],
  telnet: ['telnet'],
  strace: ['strace'],
  cc: ['gcc', 'libc6-dev'],
  nstat: ['iproute2'],
  python3: ['python3-minimal'],
};
const BROWSER_PACKAGES = ['chromium', 'fonts-dejavu-core'];
const BROWSERS = ['chromium', 'google-chrome'];

/** Where `program` is on the PATH; null where it is not. */
function found(program) {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const path = `${folder}/${program}`;
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

const missingPrograms = () => Object.keys(PROGRAMS).filter((program) => found(program) === null);

/** The browser: the one that was named, else one on the PATH, else Playwright's own; null where there is none yet. */
async function browser() {
  if (process.env.CHROMIUM_PATH) return process.env.CHROMIUM_PATH;
  const onPath = BROWSERS.map(found).find((path) => path !== null);
  if (onPath !== undefined) return onPath;
  const { chromium } = await import('playwright');
  const own = chromium.executablePath();
  return existsSync(own) ? own : null;
}

function run(command, args, env = {}) {
  console.error(`$ ${[command, ...args].join(' ')}`);
  return spawnSync(command, args, { stdio: ['ignore', 2, 2], env: { ...process.env, ...env } }).status === 0;
}

function aptGet(packages) {
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  const install = ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages];
  return run('apt-get', ['update', '-qq', '-o', 'DPkg::Lock::Timeout=300'], quiet) && run('apt-get', install, quiet);
}

/** Fetches what is missing where that can be done; tells the browser's path (null for none) and the programs that are not to be had. */
export async function findTools() {
  const missing = missingPrograms();
  const mayInstall = process.getuid?.() === 0 && found('apt-get') !== null;
  const wanted = [...missing.flatMap((program) => PROGRAMS[program]), ...((await browser()) === null ? BROWSER_PACKAGES : [])];
  if (wanted.length > 0 && mayInstall && !aptGet(wanted)) console.error('apt-get could not install all of them');
  if ((await browser()) === null) run('node_modules/.bin/playwright', ['install', 'chromium']);
  return { browser: await browser(), missing: missingPrograms() };
}
