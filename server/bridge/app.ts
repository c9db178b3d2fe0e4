// The bridge's HTTP side: a Fastify app that is built without listening; what every request must pass stands here.
import helmet from '@fastify/helmet';
import fastifyStatic from '@fastify/static';
import websocket from '@fastify/websocket';
import { fastify, LogController, type FastifyInstance } from 'fastify';
import type { IncomingMessage } from 'node:http';
import {
  FEED_BUFFERED_CHUNKS_MAX,
  FEED_CLOSE_TIMEOUT_MS,
  FEED_FRAGMENTS_MAX,
  FEED_FRAME_MAX_BYTES,
  HTTP_CHECK_INTERVAL_MS,
  HTTP_CONNECTIONS_MAX,
  HTTP_REQUEST_TIMEOUT_MS,
} from '../wire/limits.ts';
import { Access, FEED_PROTOCOL } from './access.ts';
import { Bridge } from './bridge.ts';
import { LogOutput } from './log-output.ts';
import type { BridgeOptions } from './options.ts';
import { addRoutes, errorBody } from './routes.ts';

declare module 'fastify' {
  interface FastifyInstance {
    bridge: Bridge;
  }
}

const STDERR_FD = 2;

/** Of ws 8.23; a constant of its own because its types do not know closeTimeout yet. */
const SOCKET_OPTIONS = {
  maxPayload: FEED_FRAME_MAX_BYTES,
  maxFragments: FEED_FRAGMENTS_MAX,
  maxBufferedChunks: FEED_BUFFERED_CHUNKS_MAX,
  closeTimeout: FEED_CLOSE_TIMEOUT_MS,
  perMessageDeflate: false,
  // Never echoes the subprotocol that carries the token, where the page offered the plain one too.
  handleProtocols: (offered: Set<string>) => (offered.has(FEED_PROTOCOL) ? FEED_PROTOCOL : ([...offered][0] ?? false)),
};

/**
 * Everything of the bridge, not listening and with no engine started: see options.ts for how to use it.
 * Throws a TypeError for options it refuses: no token beyond loopback, an --allow-target that cannot be read.
 */
export async function buildApp(options: BridgeOptions): Promise<FastifyInstance> {
  const app = fastify({
    // On stderr: stdout is for what a person or a script reads.
    logger: options.logLevel === 'silent' ? false : { level: options.logLevel, stream: new LogOutput(STDERR_FD) },
    // A line for every request would bury what matters, and a URL may hold what does not belong in a log.
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: HTTP_REQUEST_TIMEOUT_MS,
    http: { connectionsCheckingInterval: HTTP_CHECK_INTERVAL_MS },
    forceCloseConnections: true,
    // Nothing here takes a body.
    bodyLimit: 1,
  });
  app.server.maxConnections = HTTP_CONNECTIONS_MAX;
  const bridge = new Bridge(options, (level, message) => {
    app.log[level](message);
  });
  const access = new Access(options, () => listeningPort(app) ?? options.httpPort);
  app.decorate('bridge', bridge);

  // Before our own hook: it marks upgrades, and so ends the socket of one that is refused.
  await app.register(websocket, {
    options: SOCKET_OPTIONS,
    errorHandler: (_error, socket) => {
      socket.terminate();
    },
    preClose: (done) => {
      bridge.broadcast.closeAll('sockscope is ending');
      app.websocketServer.close();
      done();
    },
  });

  // Everything behind this, the page of errors too, is for those we know.
  app.addHook('onRequest', async (request, reply) => {
    const refusal = access.judge(request.raw);
    if (refusal !== null) await reply.code(refusal.status).type('text/plain; charset=utf-8').send(`${refusal.message}\n`);
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(errorBody('not-found', 'there is nothing here; see /, /healthz, /metrics, /api/status, /api/sockets, /api/trace, /ws')),
  );
  app.setErrorHandler((error: Error & { statusCode?: number; code?: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status >= 500) request.log.error(error);
    return reply.code(status).send(errorBody(error.code ?? 'error', status >= 500 ? 'an error of ours; the log says more' : error.message));
  });

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'script-src': ["'self'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'"],
        // Not every browser takes 'self' for the WebSocket of the same host; the Host has been judged when this is written.
        'connect-src': ["'self'", (request: IncomingMessage) => `ws://${request.headers.host ?? ''}`],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    // Plain HTTP, on loopback: nothing to upgrade.
    strictTransportSecurity: false,
  });
  await app.register(fastifyStatic, {
    root: options.pageDir,
    cacheControl: false,
    setHeaders: (reply, path) => {
      // Built assets carry a hash of their contents in their name.
      reply.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache');
    },
  });
  addRoutes(app, bridge, access);
  app.addHook('onClose', () => bridge.kill());
  return app;
}

function listeningPort(app: FastifyInstance): number | null {
  const address = app.server.address();
  return typeof address === 'object' ? (address?.port ?? null) : null;
}
