// The layout of one tracepoint's record, as its `format` file in tracefs describes it (Documentation/trace/events.rst): never hard-coded.

/** A field of a record. `count` is 1, or the number of elements of an array; `size` is all of it, in bytes. */
export interface TraceField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly signed: boolean;
  readonly count: number;
}

/** Reads one number at a record's beginning `at`. 64-bit values keep their lowest 53 bits (signed ones: exact within ±2^53). */
export type FieldReader = (view: DataView, at: number) => number;

/** Bits of the field common_flags (include/linux/trace_events.h): in which context the tracepoint fired. */
export const TRACE_FLAG_HARDIRQ = 0x08;
export const TRACE_FLAG_SOFTIRQ = 0x10;
export const TRACE_FLAG_NMI = 0x40;

const FIELD = /^\tfield:(.+?);\s*offset:(\d+);\s*size:(\d+);\s*signed:([01]);$/;
const DECLARATION = /(\w+)(?:\[(\d*)\])?$/;
const SYMBOL = /\{\s*(\d+),\s*"([^"]*)"\s*\}/g;
/** No record is longer than a page of the ring buffer, and those are 64 KiB at most. */
const RECORD_MAX_BYTES = 65_536;

/** The format of one event. */
export class TraceFormat {
  readonly name: string;
  readonly id: number;
  /** In order of their offsets, the common ones included. */
  readonly fields: readonly TraceField[];
  /** Where the last field ends: a record shorter than this is none of this format. */
  readonly bytes: number;
  readonly #printFormat: string;

  private constructor(name: string, id: number, fields: readonly TraceField[], printFormat: string) {
    this.name = name;
    this.id = id;
    this.fields = fields;
    this.bytes = Math.max(...fields.map((field) => field.offset + field.size));
    this.#printFormat = printFormat;
  }

  /** Understands a `format` file; null for any other text. */
  static parse(text: string): TraceFormat | null {
    const name = /^name: (\S+)$/m.exec(text)?.[1];
    const id = /^ID: (\d{1,9})$/m.exec(text)?.[1];
    const fields = text.split('\n').flatMap((line) => parseField(line) ?? []);
    if (name === undefined || id === undefined || fields.length === 0) return null;
    return new TraceFormat(name, Number(id), fields, /^print fmt: (.*)$/m.exec(text)?.[1] ?? '');
  }

  field(name: string): TraceField | null {
    return this.fields.find((field) => field.name === name) ?? null;
  }

  /** How to read field `name` as a number; null where this kernel's event has no such field, or one of no number's size. */
  reader(name: string): FieldReader | null {
    const field = this.field(name);
    return field === null ? null : fieldReader(field);
  }

  /** The names that the event's print format gives to the values of field `name` (`__print_symbolic`); empty where it gives none. */
  symbols(name: string): ReadonlyMap<number, string> {
    const start = this.#printFormat.indexOf(`__print_symbolic(REC->${name},`);
    if (start < 0) return new Map();
    const end = this.#printFormat.indexOf(')', start);
    const list = this.#printFormat.slice(start, end < 0 ? undefined : end);
    return new Map([...list.matchAll(SYMBOL)].map(([, value, symbol]) => [Number(value), symbol ?? '']));
  }
}

function parseField(line: string): TraceField | null {
  const match = FIELD.exec(line);
  if (match === null) return null;
  const declaration = DECLARATION.exec(match[1] ?? '');
  const name = declaration?.[1];
  const offset = Number(match[2]);
  const size = Number(match[3]);
  if (name === undefined || offset + size > RECORD_MAX_BYTES) return null;
  const count = declaration?.[2] === undefined ? 1 : Number(declaration[2]);
  return { name, offset, size, signed: match[4] === '1', count };
}

function fieldReader({ offset, size, signed, count }: TraceField): FieldReader | null {
  if (count !== 1) return null;
  switch (size) {
    case 1:
      return signed ? (view, at) => view.getInt8(at + offset) : (view, at) => view.getUint8(at + offset);
    case 2:
      return signed ? (view, at) => view.getInt16(at + offset, true) : (view, at) => view.getUint16(at + offset, true);
    case 4:
      return signed ? (view, at) => view.getInt32(at + offset, true) : (view, at) => view.getUint32(at + offset, true);
    case 8:
      return signed
        ? (view, at) => view.getInt32(at + offset + 4, true) * 0x1_0000_0000 + view.getUint32(at + offset, true)
        : (view, at) => (view.getUint32(at + offset + 4, true) & 0x1fffff) * 0x1_0000_0000 + view.getUint32(at + offset, true);
    default:
      return null;
  }
}
