// `sockscope serve`: the whole thing: page, feed, increment server and clients.
import { buildApp } from '../bridge/app.ts';
import type { BridgeOptions } from '../bridge/options.ts';
import { allowTargetProblem } from '../bridge/targets.ts';
import { lostLine } from './console-text.ts';
import { EXIT } from './flags.ts';
import type { LineOutput } from './output.ts';

/** Runs until it is stopped; resolves with the exit code. `stops` calls its argument for each signal to stop. */
export async function serve(options: BridgeOptions, out: LineOutput, err: LineOutput, stops: (onStop: () => void) => void): Promise<number> {
  for (const target of options.allowTargets) {
    const problem = allowTargetProblem(target);
    if (problem === null) continue;
    err.line(`error: ${problem}`);
    return EXIT.usage;
  }
  const app = await buildApp(options);
  try {
    await app.listen({ host: options.httpHost, port: options.httpPort });
  } catch (error) {
    err.line(listenProblem(error, options));
    await app.close();
    return isPortError(error) ? EXIT.port : EXIT.failed;
  }
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.httpPort;
  const started = app.bridge.start();
  return new Promise((resolve, reject) => {
    let stopping = false;
    stops(() => {
      if (stopping) void app.bridge.kill();
      else {
        stopping = true;
        app.bridge
          .close()
          .then(async (lost) => {
            await app.close();
            if (lost > 0) err.line(lostLine(lost));
            resolve(lost > 0 ? EXIT.drainedWithLosses : EXIT.done);
          })
          .catch(reject);
      }
    });
    const host = options.httpHost.includes(':') ? `[${options.httpHost}]` : options.httpHost;
    out.line(`page  http://${host}:${port}/${options.token === undefined ? '' : '#token=…'}`);
    void started.then((status) => {
      if (status.failure === null)
        out.line(
          `tcp   LISTEN ${status.tcpHost}:${status.tcpPort} · pid ${status.pid ?? '?'} · fd ${status.fd ?? '?'}   try: printf A | nc -N 127.0.0.1 ${status.tcpPort}`,
        );
      else
        err.line(
          `tcp   ${status.failure.call}: ${status.failure.errno} ${status.tcpHost}:${status.tcpPort}: ${status.failure.message} (the page is up, with a start button)`,
        );
    });
  });
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isPortError(error: unknown): boolean {
  return ['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL'].includes(errorCode(error));
}

function listenProblem(error: unknown, options: BridgeOptions): string {
  const at = `${options.httpHost}:${options.httpPort}`;
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `page: EADDRINUSE ${at}: another program has this port; end it, or choose another with --http-port (0 for any free one)`;
    case 'EACCES':
      return `page: EACCES ${at}: ports below 1024 are for root; choose another with --http-port`;
    case 'EADDRNOTAVAIL':
      return `page: EADDRNOTAVAIL ${at}: this machine has no such address; choose another with --http-host`;
    default:
      return `page: ${error instanceof Error ? error.message : String(error)}`;
  }
}
