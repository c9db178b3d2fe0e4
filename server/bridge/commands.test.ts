import { afterEach, describe, expect, it, vi } from 'vitest';
import { ACCEPT_PAUSE_MAX_MS, BACKLOG_MAX, COMMAND_BURST, HOLD_MAX_MS, LIVE_CLIENTS_MAX, SPAWN_MAX_COUNT } from '../wire/limits.ts';
import type { Reply } from '../wire/message.ts';
import { ClientKeeper } from './client-keeper.ts';
import { Commands } from './commands.ts';
import type { Role } from './feed.ts';
import { Journal } from './journal.ts';
import { RunClock } from './run-clock.ts';
import { GOOD_CLIENT, GOOD_SERVER, sampleEngine } from './sample-engine.ts';
import { ServerKeeper } from './server-keeper.ts';
import { Targets } from './targets.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map((cleanup) => cleanup()));
});

interface Page {
  ask(frame: object | string | null): Promise<Reply | null>;
  server: ServerKeeper;
  clients: ClientKeeper;
  acks: number[];
}

function page({
  role = 'control',
  server = GOOD_SERVER,
  client = GOOD_CLIENT,
  allow = [],
  closing = false,
}: { role?: Role; server?: string; client?: string; allow?: string[]; closing?: boolean } = {}): Page {
  const journal = new Journal(1_000);
  const clock = new RunClock();
  const settings = { entry: sampleEngine(server), tcpHost: '0.0.0.0', tcpPort: 0, backlog: 5, holdMs: 1_000, drainTimeoutMs: 100 };
  const keeper = new ServerKeeper(settings, journal, clock, () => undefined);
  const clients = new ClientKeeper(sampleEngine(client), journal, clock, () => undefined);
  cleanups.push(async () => {
    await Promise.all([keeper.supervisor.kill(), clients.supervisor.kill()]);
  });
  const acks: number[] = [];
  const commands = new Commands({ server: keeper, clients, targets: new Targets(allow), closing }, role, (seq) => acks.push(seq));
  return { ask: (frame) => commands.answer(typeof frame === 'string' || frame === null ? frame : JSON.stringify(frame)), server: keeper, clients, acks };
}

/** An engine of clients whose answer tells, in `failure`, what it was ordered. */
const TELLING_CLIENT = `ready(0); onOrder((order) => { answer(order); if (order.type === 'spawn') say({ type: 'failed', failure: { call: JSON.stringify(order), errno: '' } }); });`;

const refusal = (code: string, message: RegExp | string, field?: string): object => ({
  ok: false,
  error: { code, message: typeof message === 'string' ? message : (expect.stringMatching(message) as string), ...(field === undefined ? {} : { field }) },
});

describe('a bad frame gets a reply that says what was wrong with it', () => {
  const spawn = { id: 1, type: 'spawn-clients', byte: 65, count: 1 };
  it.each<[string, object | string | null, string | number | null, object]>([
    ['binary', null, null, refusal('bad-json', /binary/)],
    ['no JSON', '{"id":1,', null, refusal('bad-json', /not JSON/)],
    ['nothing', '', null, refusal('bad-json', /not JSON/)],
    ['a number', '5', null, refusal('bad-command', /a JSON object/)],
    ['null', 'null', null, refusal('bad-command', /a JSON object/)],
    ['an array', '[{"id":1,"type":"start-server"}]', null, refusal('bad-command', /a JSON object/)],
    ['no type', { id: 7 }, 7, refusal('bad-command', /type must be one of spawn-clients, /, '/type')],
    ['a type that is no text', { id: 'x', type: 5 }, 'x', refusal('bad-command', /type must be one of/, '/type')],
    ['an unknown type', { id: 7, type: 'rm -rf' }, 7, refusal('unknown-command', /no command "rm -rf"; there are spawn-clients/, '/type')],
    ['the type of a prototype', { id: 7, type: 'constructor' }, 7, refusal('unknown-command', /no command "constructor"/, '/type')],
    ['a type of __proto__', { id: 7, type: '__proto__' }, 7, refusal('unknown-command', /no command/, '/type')],
    ['no id', { type: 'start-server' }, null, refusal('bad-command', /^id is missing; it must be an integer .* or a string of 1 to 64 characters$/, '/id')],
    ['an id that is no id', { id: {}, type: 'start-server' }, null, refusal('bad-command', /^id must be .*, not an object$/, '/id')],
    ['a missing field', { id: 1, type: 'set-hold' }, 1, refusal('bad-command', `holdMs is missing; it must be an integer from 0 to ${HOLD_MAX_MS}`, '/holdMs')],
    ['an unknown field', { id: 1, type: 'stop-server', now: true }, 1, refusal('bad-command', 'unknown field "now"; allowed are id, type', '/now')],
    ['a field called __proto__', '{"id":1,"type":"stop-server","__proto__":{"x":1}}', 1, refusal('bad-command', /unknown field "__proto__"/, '/__proto__')],
    [
      'a hold too long',
      { id: 1, type: 'set-hold', holdMs: HOLD_MAX_MS + 1 },
      1,
      refusal('bad-command', `holdMs must be an integer from 0 to ${HOLD_MAX_MS}, not ${HOLD_MAX_MS + 1}`, '/holdMs'),
    ],
    ['a negative hold', { id: 1, type: 'set-hold', holdMs: -1 }, 1, refusal('bad-command', /holdMs must be .* not -1/, '/holdMs')],
    ['half a millisecond', { id: 1, type: 'set-hold', holdMs: 0.5 }, 1, refusal('bad-command', /holdMs must be an integer .* not 0.5/, '/holdMs')],
    ['a hold in words', { id: 1, type: 'set-hold', holdMs: '5' }, 1, refusal('bad-command', /holdMs must be an integer .* not "5"/, '/holdMs')],
    ['a huge number', '{"id":1,"type":"set-hold","holdMs":1e999}', 1, refusal('bad-command', /holdMs must be/, '/holdMs')],
    [
      'a backlog too large',
      { id: 1, type: 'set-backlog', backlog: BACKLOG_MAX + 1 },
      1,
      refusal('bad-command', /backlog must be an integer from 0 to 65535/, '/backlog'),
    ],
    ['a pause too long', { id: 1, type: 'pause-accept', pauseMs: ACCEPT_PAUSE_MAX_MS + 1 }, 1, refusal('bad-command', /pauseMs must be/, '/pauseMs')],
    ['no client', { ...spawn, count: 0 }, 1, refusal('bad-command', `count must be an integer from 1 to ${SPAWN_MAX_COUNT}, not 0`, '/count')],
    ['a byte of nine bits', { ...spawn, byte: 256 }, 1, refusal('bad-command', 'byte must be an integer from 0 to 255, not 256', '/byte')],
    ['an unknown plan', { ...spawn, plan: 'explode' }, 1, refusal('bad-command', /plan must be one of "reply", .*, not "explode"/, '/plan')],
    [
      'an unknown way to end',
      { id: 1, type: 'end-client', clientId: 'c1', how: 'softly' },
      1,
      refusal('bad-command', /how must be one of "close", "reset", "half-close", not "softly"/, '/how'),
    ],
    [
      'half a target',
      { ...spawn, target: { host: '127.0.0.1' } },
      1,
      refusal('bad-command', 'port is missing; it must be an integer from 1 to 65535', '/target/port'),
    ],
    [
      'a target with more',
      { ...spawn, target: { host: '127.0.0.1', port: 1, path: '/' } },
      1,
      refusal('bad-command', 'unknown field "path"; allowed are host, port', '/target/path'),
    ],
    [
      'a port out of range',
      { ...spawn, target: { host: '127.0.0.1', port: 0 } },
      1,
      refusal('bad-command', /port must be an integer from 1 to 65535, not 0/, '/target/port'),
    ],
    ['lone surrogates', '{"id":"\\ud800","type":"nope"}', '\ud800', refusal('unknown-command', /nope/, '/type')],
    ['deep nesting', `${'['.repeat(30_000)}${']'.repeat(30_000)}`, null, refusal('bad-command', /a JSON object/)],
    [
      'a deep field',
      `{"id":1,"type":"set-hold","holdMs":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      1,
      refusal('bad-command', /holdMs must be .*, not a list$/, '/holdMs'),
    ],
  ])('%s', async (_what, frame, id, expected) => {
    const { ask } = page();
    expect(await ask(frame)).toEqual({ type: 'reply', id, ...expected });
    // The connection goes on: the next good command is carried out.
    expect(await ask({ id: 99, type: 'set-hold', holdMs: 5 })).toEqual({ type: 'reply', id: 99, ok: true, holdMs: 5 });
  });
});

describe('the server', () => {
  it('is started and stopped, and each wrong moment has its own word', async () => {
    const { ask, server } = page();
    expect(await ask({ id: 1, type: 'stop-server' })).toMatchObject(refusal('not-listening', /not running/));
    expect(await ask({ id: 2, type: 'pause-accept', pauseMs: 10 })).toMatchObject(refusal('not-listening', /nothing to pause/));
    expect(await ask({ id: 3, type: 'start-server' })).toMatchObject({ id: 3, ok: true, server: { state: 'listening', tcpPort: 4_000 } });
    expect(await ask({ id: 4, type: 'start-server' })).toMatchObject(refusal('already-listening', /running already/));
    expect(await ask({ id: 5, type: 'pause-accept', pauseMs: 10 })).toEqual({ type: 'reply', id: 5, ok: true });
    expect(await ask({ id: 6, type: 'stop-server' })).toMatchObject({ id: 6, ok: true, server: { state: 'stopping' } });
    expect(await ask({ id: 7, type: 'stop-server' })).toMatchObject(refusal('still-stopping', /stopping/));
    expect(await ask({ id: 8, type: 'start-server' })).toMatchObject(refusal('still-stopping', /still answers/));
    await vi.waitFor(() => {
      expect(server.status.state).toBe('stopped');
    });
    expect(await ask({ id: 9, type: 'start-server' })).toMatchObject({ ok: true });
  });

  it('that cannot start says which call failed, why, and what to do', async () => {
    const { ask } = page({ server: `say({ type: 'failed', failure: { call: 'bind', errno: 'EADDRINUSE' } }); process.exit(3);` });
    expect(await ask({ id: 1, type: 'start-server' })).toMatchObject(refusal('call-failed', /^bind\(\) failed: EADDRINUSE\. .*port/));
  });

  it('takes a hold and a backlog while it runs, and for its next start while it does not', async () => {
    const { ask, server } = page();
    expect(await ask({ id: 1, type: 'set-backlog', backlog: 7 })).toEqual({ type: 'reply', id: 1, ok: true, backlog: 7 });
    await server.start();
    expect(await ask({ id: 2, type: 'set-hold', holdMs: 0 })).toEqual({ type: 'reply', id: 2, ok: true, holdMs: 0 });
    expect(server.status).toMatchObject({ holdMs: 0, backlog: 7 });
  });

  it('keeps its backlog where listen() fails', async () => {
    const { ask, server } = page({ server: `ready(); onOrder((order) => answer(order, { failure: { call: 'listen', errno: 'EINVAL' } }));` });
    await server.start();
    expect(await ask({ id: 1, type: 'set-backlog', backlog: 9 })).toMatchObject(refusal('call-failed', 'listen() failed: EINVAL'));
    expect(server.status.backlog).toBe(5);
  });

  it('that dies under an order is an answer, not a silence', async () => {
    const { ask, server } = page({ server: 'ready(); onOrder(() => process.exit(1));' });
    await server.start();
    expect(await ask({ id: 1, type: 'set-hold', holdMs: 1 })).toMatchObject(refusal('engine-unavailable', /ended before it answered/));
  });
});

describe('clients', () => {
  const spawn = { id: 1, type: 'spawn-clients', byte: 65, count: 2 };

  it('are spawned and named', async () => {
    const { ask } = page();
    expect(await ask(spawn)).toEqual({ type: 'reply', id: 1, ok: true, clientIds: ['c1', 'c2'] });
    expect(await ask({ id: 2, type: 'end-client', clientId: 'c2', how: 'reset' })).toEqual({ type: 'reply', id: 2, ok: true });
    expect(await ask({ id: 3, type: 'end-client', clientId: 'c3', how: 'reset' })).toMatchObject(refusal('unknown-client', /"c3"/, '/clientId'));
  });

  it('go to our own server, listening or not, with patience beyond the hold', async () => {
    const { ask, clients } = page({ client: TELLING_CLIENT });
    await ask({ ...spawn, plan: 'reset' });
    await vi.waitFor(() => {
      expect(clients.supervisor.failure).not.toBeNull();
    });
    expect(JSON.parse(clients.supervisor.failure?.call ?? '')).toMatchObject({
      firstClient: 1,
      count: 2,
      byte: 65,
      ip: '127.0.0.1',
      port: 0,
      plan: 'reset',
      afterMs: 500,
      timeoutMs: 61_000,
    });
  });

  it('go elsewhere only where the operator allowed it, and exactly there', async () => {
    const { ask, clients } = page({ client: TELLING_CLIENT, allow: ['192.0.2.0/24:80'] });
    for (const [host, port] of [
      ['192.0.2.9', 81],
      ['198.51.100.1', 80],
      ['127.0.0.1', 80],
      ['127.1', 80],
      ['localhost', 80],
      ['::ffff:192.0.2.9', 80],
    ] as const) {
      expect(await ask({ ...spawn, target: { host, port } })).toMatchObject(refusal('target-refused', /./, '/target'));
    }
    expect(clients.supervisor.pid).toBeNull();
    expect(await ask({ ...spawn, target: { host: '192.0.2.9', port: 80 } })).toMatchObject({ ok: true });
    await vi.waitFor(() => {
      expect(clients.supervisor.failure).not.toBeNull();
    });
    expect(JSON.parse(clients.supervisor.failure?.call ?? '')).toMatchObject({ ip: '192.0.2.9', port: 80 });
  });

  it('are never more alive than the bound, even when asked for at once', async () => {
    const { ask, clients } = page();
    const [first, second] = await Promise.all([ask({ ...spawn, count: LIVE_CLIENTS_MAX }), ask({ ...spawn, id: 2, count: 1 })]);
    expect(first).toMatchObject({ ok: true });
    expect(second).toMatchObject(refusal('too-many', /there is room for 0/, '/count'));
    expect(clients.room).toBe(0);
  });

  it('give their places back where their engine could not take the order', async () => {
    const { ask, clients } = page({ client: 'process.exit(1);' });
    expect(await ask(spawn)).toMatchObject(refusal('engine-unavailable', /could not be started/));
    expect(clients.room).toBe(LIVE_CLIENTS_MAX);
  });
});

it('a page that may only watch may not command, but may say what it has drawn', async () => {
  const { ask, acks } = page({ role: 'watch' });
  expect(await ask({ id: 1, type: 'start-server' })).toMatchObject(refusal('forbidden', /watch/));
  expect(await ask({ type: 'ack', seq: 5 })).toBeNull();
  expect(acks).toEqual([5]);
});

it('nothing is begun while the program ends', async () => {
  expect(await page({ closing: true }).ask({ id: 1, type: 'start-server' })).toMatchObject(refusal('engine-unavailable', /ending/));
});

it('a flood is refused, each command with its id, and the refused do nothing; acks are free', async () => {
  const { ask, acks } = page();
  const replies = await Promise.all(Array.from({ length: COMMAND_BURST + 30 }, (_, index) => ask({ id: index, type: 'set-hold', holdMs: index })));
  expect(replies.filter((reply) => reply?.ok)).toHaveLength(COMMAND_BURST);
  expect(replies.at(-1)).toMatchObject({ id: COMMAND_BURST + 29, ...refusal('rate-limited', /too many commands/) });
  for (let seq = 0; seq < 200; seq += 1) await ask({ type: 'ack', seq });
  expect(acks).toHaveLength(200);
});
