// `sockscope schema`: the protocol as JSON Schema, printed from the very schemas that check it at run time.
import { Ack, Command } from '../wire/command.ts';
import { TraceEvent } from '../wire/event.ts';
import { FeedMessage } from '../wire/message.ts';

export const SCHEMA_NAMES = ['events', 'commands', 'messages'] as const;
export type SchemaName = (typeof SCHEMA_NAMES)[number];

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

/** `events`: a line of /api/trace. `commands`: a frame from a page. `messages`: a frame to a page. */
const SCHEMAS: Record<SchemaName, object> = {
  events: { title: 'One event of the trace', ...TraceEvent },
  commands: { title: 'One frame from a page', anyOf: [...Command.anyOf, Ack] },
  messages: { title: 'One frame to a page', ...FeedMessage },
};

/** JSON Schema as JSON: of one of them, or of all, each under its name in `$defs`. */
export function schemaText(name?: SchemaName): string {
  const body = name === undefined ? { title: 'sockscope', $defs: SCHEMAS } : SCHEMAS[name];
  return JSON.stringify({ $schema: DIALECT, ...body }, null, 2);
}
