// Says what is wrong with a value in words a person can act on: which field, what it is, what is allowed.
import type { TLocalizedValidationError } from 'typebox/error';

/** The parts of JSON Schema that our schemas use. */
interface Schema {
  type?: string;
  const?: unknown;
  enum?: readonly unknown[];
  anyOf?: readonly Schema[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
}

export interface FieldProblem {
  /** The field at fault, a JSON pointer (RFC 6901). */
  field: string;
  message: string;
}

/** The first problem of `value`, which `errors` found to break `schema`. */
export function fieldProblem(schema: object, value: unknown, errors: readonly TLocalizedValidationError[]): FieldProblem {
  // The deepest place says most: an unknown field inside `target` rather than `target` itself.
  const unknown = errors.find((error) => error.keyword === 'additionalProperties');
  if (unknown?.keyword === 'additionalProperties') {
    const name = unknown.params.additionalProperties[0] ?? '';
    const allowed = Object.keys(at(schema, unknown.instancePath)?.properties ?? {});
    return { field: `${unknown.instancePath}/${pointerPart(name)}`, message: `unknown field ${JSON.stringify(name)}; allowed are ${allowed.join(', ')}` };
  }
  const missing = errors.find((error) => error.keyword === 'required');
  if (missing?.keyword === 'required') {
    const name = missing.params.requiredProperties[0] ?? '';
    return {
      field: `${missing.instancePath}/${pointerPart(name)}`,
      message: `${name} is missing; it must be ${allowedWords(at(schema, `${missing.instancePath}/${name}`))}`,
    };
  }
  const field = errors[0]?.instancePath ?? '';
  return { field, message: `${field === '' ? 'it' : field.slice(1)} must be ${allowedWords(at(schema, field))}, not ${shown(valueAt(value, field))}` };
}

/** The schema of the value at JSON pointer `path`. */
function at(schema: Schema, path: string): Schema | undefined {
  let found: Schema | undefined = schema;
  for (const part of path.split('/').slice(1)) found = found?.properties?.[part];
  return found;
}

function valueAt(value: unknown, path: string): unknown {
  let found = value;
  for (const part of path.split('/').slice(1)) found = typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[part] : undefined;
  return found;
}

function allowedWords(schema: Schema | undefined): string {
  if (schema === undefined) return 'something else';
  if (schema.anyOf !== undefined) return schema.anyOf.map(allowedWords).join(' or ');
  if (schema.enum !== undefined) return `one of ${schema.enum.map((one) => JSON.stringify(one)).join(', ')}`;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  switch (schema.type) {
    case 'integer':
      return schema.minimum === undefined
        ? 'an integer'
        : schema.maximum === undefined
          ? `an integer from ${schema.minimum} on`
          : `an integer from ${schema.minimum} to ${schema.maximum}`;
    case 'string':
      return schema.maxLength === undefined
        ? 'a string'
        : `a string of ${schema.minLength === undefined ? 'at most' : `${schema.minLength} to`} ${schema.maxLength} characters`;
    case 'object':
      return `an object with ${Object.keys(schema.properties ?? {}).join(', ')}`;
    default:
      return schema.type ?? 'something else';
  }
}

/** A value as JSON, cut short: it came from outside and may be long, or nested deeper than JSON.stringify can follow. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function pointerPart(name: string): string {
  return name.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');
}
