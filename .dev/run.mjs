// Runs a TypeScript program of the workshop: node .dev/run.mjs FILE [ARGUMENTS …]. Node 20 cannot by itself; Vite can, and it is here anyway.
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

const [file, ...args] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: node .dev/run.mjs FILE [ARGUMENTS …]');
const { module } = await runnerImport(resolve(file), { configFile: false, logLevel: 'error' });
process.exitCode = (await module.main(args)) ?? 0;
