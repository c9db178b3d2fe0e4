// What the bridge is built with: main.ts reads it from argv and the environment, tests write it by hand.

/**
 * How main.ts uses the bridge:
 *
 *     const app = await buildApp(options);               // a FastifyInstance, not listening; nothing has started yet
 *     const started = app.bridge.start();                // spawns both engines; resolves with the ServerStatus that came of it
 *     await app.listen({ host: options.httpHost, port: options.httpPort });
 *     …
 *     const lost = await app.bridge.close();             // orderly: answers those held; how many connections were lost (exit code 4 when > 0)
 *     await app.close();                                 // then the pages and the HTTP server
 *
 * `app.bridge.kill()` ends the engines at once (a second signal).
 */
export interface BridgeOptions {
  version: string;
  /** Where the page is served. Beyond loopback only with a token: buildApp throws otherwise. */
  httpHost: string;
  httpPort: number;
  /** Where the increment server listens: a dotted IPv4 address and a port, 0 for any free one. */
  tcpHost: string;
  tcpPort: number;
  backlog: number;
  holdMs: number;
  /** Further Host names under which the page may be asked for, `NAME` or `NAME:PORT`. */
  allowHosts: readonly string[];
  /** Where clients may connect to beside our own server, `CIDR` or `CIDR:PORT`. */
  allowTargets: readonly string[];
  /** Whoever gives it may look and command. */
  token?: string;
  /** Whoever gives it may look only. */
  watchToken?: string;
  drainTimeoutMs: number;
  /** A level of pino, or 'silent'. */
  logLevel: string;
  /** The built page: dist/web. */
  pageDir: string;
  /** The built process entries of the engines. */
  serverEntry: string;
  clientEntry: string;
  /** Absent: nobody looks at the kernel's side. */
  tapEntry?: string;
}
