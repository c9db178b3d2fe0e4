// The HTTP routes: health, metrics, status, trace and the feed. Who may ask has been judged before (access.ts).
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import {
  BACKLOG_MAX,
  FEED_FRAME_MAX_BYTES,
  FEED_PING_MS,
  HOLD_MAX_MS,
  LIVE_CLIENTS_MAX,
  SPAWN_MAX_COUNT,
  TRACE_ANSWERS_MAX,
  WATCHERS_MAX,
} from '../wire/limits.ts';
import { PROTOCOL_VERSION, type Limits } from '../wire/message.ts';
import { SOCKETS_DEFAULT, SOCKETS_MAX } from '../wire/tap-limits.ts';
import type { Access } from './access.ts';
import type { Bridge } from './bridge.ts';
import { Commands } from './commands.ts';
import { EngineUnavailable } from './engine-child.ts';
import { Feed, type Role } from './feed.ts';
import { Hearing } from './hearing.ts';
import { metricsOf } from './metrics.ts';
import { readTraceQuery, traceAnswer } from './trace-answer.ts';

const LIMITS: Limits = {
  holdMaxMs: HOLD_MAX_MS,
  backlogMax: BACKLOG_MAX,
  spawnMaxCount: SPAWN_MAX_COUNT,
  liveClientsMax: LIVE_CLIENTS_MAX,
  frameMaxBytes: FEED_FRAME_MAX_BYTES,
};

/** The body of every refusal: the same form as a refused command's. */
export function errorBody(code: string, message: string, field?: string): { error: { code: string; message: string; field?: string } } {
  return { error: field === undefined ? { code, message } : { code, message, field } };
}

export function addRoutes(app: FastifyInstance, bridge: Bridge, access: Access): void {
  const needsRole = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (access.role(request.raw) !== null) return;
    await reply.code(401).header('www-authenticate', 'Bearer').send(errorBody('unauthorized', 'a token is needed: Authorization: Bearer TOKEN'));
  };
  const metrics = metricsOf(
    () => bridge.status(),
    () => bridge.broadcast.watchers,
    bridge.tap,
  );

  app.get('/healthz', async (_request, reply) => {
    const healthy = bridge.server.healthy && !bridge.closing;
    return reply
      .code(healthy ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ status: bridge.server.status.state, heartbeatAgeMs: bridge.server.supervisor.heartbeatAgeMs });
  });

  app.get('/metrics', { onRequest: needsRole }, async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));

  app.get('/api/status', { onRequest: needsRole }, async (_request, reply) => reply.header('cache-control', 'no-store').send(bridge.status()));

  app.get('/api/sockets', { onRequest: needsRole }, async (request, reply) => {
    const limit = readSocketsLimit(request.query);
    if (limit === null)
      return reply.code(400).send(errorBody('bad-query', `limit must be a whole number from 1 to ${SOCKETS_MAX}; no other parameter is known`, 'limit'));
    try {
      const answer = await bridge.tap.sockets(limit);
      if (answer !== null) return await reply.header('cache-control', 'no-store').send(answer);
      return await reply
        .code(503)
        .send(
          errorBody('no-table', 'the kernel gives no socket table of our ports: nothing has listened yet, or neither netlink nor /proc/net/tcp can be read'),
        );
    } catch (error) {
      if (!(error instanceof EngineUnavailable)) throw error;
      return reply.code(503).header('retry-after', '1').send(errorBody('engine-unavailable', error.message));
    }
  });

  let answering = 0;
  app.get('/api/trace', { onRequest: needsRole }, async (request, reply) => {
    const read = readTraceQuery(request.query);
    if (!read.ok) return reply.code(400).send(errorBody('bad-query', read.problem.message, read.problem.field));
    if (answering >= TRACE_ANSWERS_MAX)
      return reply
        .code(503)
        .header('retry-after', '1')
        .send(errorBody('busy', `${answering} traces are being read already`));
    const { headers, body } = traceAnswer(bridge.journal, read.query);
    answering += 1;
    reply.raw.once('close', () => {
      answering -= 1;
    });
    return reply.headers(headers).send(Readable.from(body, { objectMode: false }));
  });

  const needsRoom = async (_request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (bridge.broadcast.watchers < WATCHERS_MAX) return;
    await reply.code(503).send(errorBody('too-many', `${WATCHERS_MAX} pages watch already`));
  };
  app.get('/ws', { websocket: true, onRequest: [needsRole, needsRoom] }, (socket, request) => {
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the plugin makes the socket with ws, and types it by ws's own types
    watch(bridge, socket, access.role(request.raw) ?? 'watch', (request.query as { records?: unknown }).records === '1', (error) => {
      request.log.error(error);
    });
  });
}

/** The `limit` of /api/sockets?limit=N; null for a query that is not understood. */
export function readSocketsLimit(query: unknown): number | null {
  const entries = Object.entries(query as Record<string, unknown>);
  if (entries.length === 0) return SOCKETS_DEFAULT;
  const [name, value] = entries[0] ?? ['', ''];
  if (entries.length > 1 || name !== 'limit' || typeof value !== 'string' || !/^\d{1,5}$/.test(value)) return null;
  const limit = Number(value);
  return limit >= 1 && limit <= SOCKETS_MAX ? limit : null;
}

/** One page from its first message to its last. */
function watch(bridge: Bridge, socket: WebSocket, role: Role, records: boolean, log: (error: unknown) => void): void {
  const feed = new Feed(socket, role, records);
  const commands = new Commands(bridge, role, (seq) => {
    feed.ack(seq);
  });
  let answered = true;
  const ping = setInterval(() => {
    if (!answered) socket.terminate();
    answered = false;
    socket.ping();
  }, FEED_PING_MS);
  socket.on('pong', () => {
    answered = true;
  });
  const hearing = new Hearing(socket);
  socket.on('ping', () => {
    hearing.heard();
  });
  socket.on('close', () => {
    clearInterval(ping);
    hearing.end();
    bridge.broadcast.leave(feed);
  });
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    hearing.heard();
    commands.answer(isBinary ? null : data.toString()).then(
      (reply) => {
        if (reply !== null) feed.reply(reply);
      },
      (error: unknown) => {
        // A mistake of ours ends this feed, not the bridge.
        log(error);
        feed.close(1011, 'an error of ours');
      },
    );
  });
  // hello is the first message of a feed: no command is heard, and so none answered, before it is on its way.
  socket.pause();
  const greeting = { type: 'hello', protocol: PROTOCOL_VERSION, role, limits: LIMITS, server: bridge.server.status } as const;
  void bridge.broadcast.join(feed, greeting).then(() => {
    socket.resume();
  });
}
