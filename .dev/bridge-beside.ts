// `npm run dev`: Vite serves the page and replaces what changes; this builds the bridge and engines beside it, and starts them anew after each change.
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createBuilder, type Plugin } from 'vite';

const MAIN = fileURLToPath(new URL('../dist/server/main.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../vite.config.ts', import.meta.url));
/** Where the bridge listens while Vite serves the page: the product's own port, so that TCP clients find all as ever. */
const BRIDGE = 'http://127.0.0.1:9737';

/** What a build in watch mode gives, of which Vite's own type is wider. */
interface Watcher {
  on(event: 'event', hear: (event: { code: string; error?: Error; result?: { close(): Promise<void> } }) => void): void;
  close(): Promise<void>;
}

export function bridgeBeside(): Plugin {
  return {
    name: 'sockscope:bridge-beside',
    // Vitest serves too, and wants no bridge.
    apply: (_config, { command, mode }) => command === 'serve' && mode === 'development',
    config: () => ({
      server: {
        proxy: Object.fromEntries(['/ws', '/api', '/healthz', '/metrics'].map((path) => [path, { target: BRIDGE, ws: path === '/ws' }])),
      },
    }),
    async configureServer(server) {
      const log = server.config.logger;
      let bridge: ChildProcess | null = null;
      let restarts = Promise.resolve();

      async function restart(): Promise<void> {
        const old = bridge;
        if (old !== null && old.exitCode === null && old.signalCode === null) {
          const ended = new Promise((resolve) => old.once('exit', resolve));
          old.kill('SIGTERM');
          // A second signal means "now": nobody who edits wants to wait for those held.
          old.kill('SIGINT');
          await ended;
        }
        const address = server.httpServer?.address();
        const port = typeof address === 'object' && address !== null ? address.port : server.config.server.port;
        const names = [`localhost:${port}`, `127.0.0.1:${port}`].flatMap((name) => ['--allow-host', name]);
        bridge = spawn(process.execPath, [MAIN, 'serve', '--log-level', 'warn', ...names], { stdio: 'inherit' });
      }

      const builder = await createBuilder({ configFile: CONFIG, logLevel: 'warn', environments: { ssr: { build: { watch: {} } } } });
      const ssr = builder.environments['ssr'];
      if (ssr === undefined) throw new Error('vite.config.ts has no environment ssr');
      const watcher = (await builder.build(ssr)) as unknown as Watcher;
      watcher.on('event', (event) => {
        if (event.code === 'ERROR') log.error(event.error?.message ?? 'the bridge does not build');
        if (event.code === 'BUNDLE_END') void event.result?.close();
        if (event.code === 'END') restarts = restarts.then(restart);
      });
      server.httpServer?.once('close', () => {
        bridge?.kill('SIGTERM');
        void watcher.close();
      });
    },
  };
}
