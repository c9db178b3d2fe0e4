import { Compile } from 'typebox/compile';
import type { TSchema } from 'typebox';
import { expect, it } from 'vitest';
import { SCHEMA_NAMES, schemaText } from './schema.ts';

const printed = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const check = (name: (typeof SCHEMA_NAMES)[number], value: unknown): boolean => Compile(printed(schemaText(name)) as TSchema).Check(value);

it.each(SCHEMA_NAMES)('%s is JSON Schema that says its dialect', (name) => {
  const schema = printed(schemaText(name));
  expect(schema).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: expect.any(String) as string });
  expect(Array.isArray(schema['anyOf'])).toBe(true);
  // What only TypeScript knows would be lost in the print.
  expect(schemaText(name)).not.toContain('~');
});

it('all of them stand under their names', () => {
  expect(Object.keys(printed(schemaText())['$defs'] as object)).toEqual([...SCHEMA_NAMES]);
});

it('what was printed still accepts and refuses', () => {
  const event = {
    seq: 1,
    atNs: 5,
    process: 'increment-server',
    pid: 2,
    evidence: 'returned',
    kind: 'call',
    durationNs: 3,
    call: 'listen',
    fd: 3,
    args: { backlog: 5 },
    returned: 0,
  };
  expect(check('events', event)).toBe(true);
  expect(check('events', { ...event, args: {} })).toBe(false);
  expect(check('events', { ...event, evidence: 'hearsay' })).toBe(false);
  expect(check('commands', { id: 1, type: 'spawn-clients', byte: 65, count: 3 })).toBe(true);
  expect(check('commands', { id: 1, type: 'spawn-clients', byte: 256, count: 3 })).toBe(false);
  expect(check('commands', { id: 1, type: 'spawn-clients', byte: 65, count: 3, and: 'more' })).toBe(false);
  expect(check('commands', { type: 'ack', seq: 3 })).toBe(true);
  expect(check('messages', { type: 'events', from: 1, to: 1, events: [event] })).toBe(true);
  expect(check('messages', { type: 'reply', id: 1, ok: false, error: { code: 'bad-json', message: 'x' } })).toBe(true);
  expect(check('messages', { type: 'reply', id: 1, ok: false, error: { code: 'because', message: 'x' } })).toBe(false);
});
