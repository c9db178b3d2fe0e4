import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMAND_SCHEMAS } from '../wire/command.ts';
import { BACKLOG_MAX, HOLD_MAX_MS } from '../wire/limits.ts';
import { ERROR_CODES, type Reply } from '../wire/message.ts';
import { ClientKeeper } from './client-keeper.ts';
import { Commands } from './commands.ts';
import type { Role } from './feed.ts';
import { Journal } from './journal.ts';
import { RunClock } from './run-clock.ts';
import { ServerKeeper } from './server-keeper.ts';
import { Targets } from './targets.ts';

/** Commands of one page over keepers whose processes are never started. */
function commands(role: Role): Commands {
  const journal = new Journal(16);
  const clock = new RunClock();
  const server = new ServerKeeper({ entry: '/nowhere', tcpHost: '0.0.0.0', tcpPort: 0, backlog: 5, holdMs: 1_000 }, journal, clock, () => undefined);
  return new Commands(
    { server, clients: new ClientKeeper('/nowhere', journal, clock, () => undefined), targets: new Targets([]), closing: false },
    role,
    () => undefined,
  );
}

/** A refusal that a page can show: a known code, one line of moderate length, a pointer where a field is named. */
function expectShowable(reply: Reply | null): void {
  if (reply === null) return;
  expect(reply.ok).toBe(false);
  if (reply.ok) return;
  expect(ERROR_CODES).toContain(reply.error.code);
  expect(reply.error.message).toMatch(/^[^\n\r]{1,400}$/u);
  if (reply.error.field !== undefined) expect(reply.error.field).toMatch(/^\//);
  expect(() => JSON.stringify(reply)).not.toThrow();
}

const types = fc.constantFrom(...Object.keys(COMMAND_SCHEMAS), 'ack', '__proto__', 'hasOwnProperty');
/** Something like a command: known names, any values. */
const nearly = fc.record(
  {
    id: fc.oneof(fc.nat(), fc.jsonValue()),
    type: fc.oneof(types, fc.jsonValue()),
    seq: fc.jsonValue(),
    byte: fc.oneof(fc.integer(), fc.jsonValue()),
    count: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
    holdMs: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
    backlog: fc.oneof(fc.integer(), fc.jsonValue()),
    pauseMs: fc.jsonValue(),
    clientId: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
    how: fc.jsonValue(),
    plan: fc.jsonValue(),
    target: fc.jsonValue(),
    ['__proto__']: fc.jsonValue(),
  },
  { requiredKeys: ['type'] },
);

describe('whatever a page sends', () => {
  it('as text, it is told what was wrong, and nothing throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), async (text) => {
        expectShowable(await commands('watch').answer(text));
      }),
    );
  });

  it('as something like a command, likewise', async () => {
    await fc.assert(
      fc.asyncProperty(nearly, async (value) => {
        expectShowable(await commands('watch').answer(JSON.stringify(value)));
      }),
      { numRuns: 500 },
    );
  });

  it('an id that can be read comes back as it was', async () => {
    const ids = fc.oneof(fc.nat(Number.MAX_SAFE_INTEGER), fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }));
    await fc.assert(
      fc.asyncProperty(ids, async (id) => {
        expect(await commands('watch').answer(JSON.stringify({ id, type: 'stop-server' }))).toMatchObject({ id, ok: false, error: { code: 'forbidden' } });
      }),
    );
  });
});

it.each([
  ['set-hold', 'holdMs', HOLD_MAX_MS],
  ['set-backlog', 'backlog', BACKLOG_MAX],
] as const)('%s takes the whole numbers from 0 to its bound, and no other number', async (type, field, max) => {
  const numbers = fc.oneof(fc.integer({ min: -10, max: max + 10 }), fc.integer(), fc.double(), fc.constantFrom(0, -0, max, max + 1, 0.1 + 0.2, 1e21));
  await fc.assert(
    fc.asyncProperty(numbers, async (value) => {
      // JSON has no other numbers than the finite ones: the rest becomes null.
      const reply = await commands('control').answer(JSON.stringify({ id: 1, type, [field]: value }));
      const allowed = Number.isInteger(value) && value >= 0 && value <= max;
      expect(reply).toMatchObject(allowed ? { ok: true, [field]: Math.abs(value) } : { ok: false, error: { code: 'bad-command', field: `/${field}` } });
    }),
    { numRuns: 300 },
  );
});
