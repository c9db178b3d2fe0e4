// One build makes the page, the bridge and the engines; the same file tells vitest what to test.
import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { bridgeBeside } from './.dev/bridge-beside.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('web'),
  // Without this, Vite would put a cache folder beside the page.
  cacheDir: here('node_modules/.vite'),
  plugins: [svelte({ configFile: false }), bridgeBeside()],
  builder: {},
  environments: {
    client: {
      build: { outDir: here('dist/web'), emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false } },
    },
    // Vite wants this one to be called `ssr`; here it is everything that runs in Node.
    ssr: {
      resolve: { noExternal: true, external: ['koffi'] },
      build: {
        outDir: here('dist/server'),
        emptyOutDir: true,
        target: 'node20',
        ssr: true,
        copyPublicDir: false,
        rolldownOptions: {
          input: {
            main: here('server/main.ts'),
            'increment-server-process': here('server/engine/increment-server-process.ts'),
            'tcp-client-process': here('server/engine/tcp-client-process.ts'),
            'kernel-tap-process': here('server/engine/kernel-tap-process.ts'),
          },
          output: { banner: (chunk: { name: string; isEntry: boolean }) => (chunk.isEntry && chunk.name === 'main' ? '#!/usr/bin/env node' : '') },
        },
      },
    },
  },
  test: {
    // Vitest would leave one core to whoever watches; on two cores that is half the speed.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'server',
          root: here('server'),
          include: ['**/*.test.ts'],
          environment: 'node',
          testTimeout: 30_000,
          setupFiles: [here('.dev/patience.ts')],
        },
      },
      {
        extends: true,
        resolve: { conditions: ['browser'] },
        test: { name: 'web', root: here('web'), include: ['**/*.test.ts'], environment: 'node' },
      },
    ],
  },
});
