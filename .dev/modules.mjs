// Sees to it that node_modules is what package-lock.json says; installs only when it is not, so that a second start needs no network.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const NODE_LEAST = [20, 19];

/** The repository's folder. */
export const root = new URL('..', import.meta.url).pathname;

function lockedPackages(path) {
  try {
    return JSON.parse(readFileSync(`${root}${path}`, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}

/** True where every package that this platform needs is installed in the version that is locked. */
function modulesAreInstalled() {
  const locked = lockedPackages('package-lock.json');
  const installed = lockedPackages('node_modules/.package-lock.json');
  if (locked === null || installed === null) return false;
  return Object.entries(locked).every(([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version);
}

/** Runs a program with its output on ours; ends this process with its exit code where it fails. */
export function must(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

export function installModules() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_LEAST[0] || (major === NODE_LEAST[0] && minor < NODE_LEAST[1])) {
    console.error(`sockscope needs Node ${NODE_LEAST.join('.')} or newer; this is ${process.version}`);
    process.exit(1);
  }
  if (modulesAreInstalled()) return;
  console.error('installing node_modules as package-lock.json says …');
  must('npm', ['ci', '--loglevel=error']);
}
