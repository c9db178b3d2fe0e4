// The rows of a measurement: what was measured, what it came to, the goal it is held against; as a table to read and as JSON to keep.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';

export interface Row {
  /** The group it stands in. */
  what: string;
  name: string;
  value: number;
  unit: string;
  /** More figures of the same row, in words. */
  beside?: string;
  goal?: { atLeast: number } | { atMost: number };
}

/** True where the goal is met, null where there is none. */
export function met(row: Row): boolean | null {
  if (row.goal === undefined) return null;
  return 'atLeast' in row.goal ? row.value >= row.goal.atLeast : row.value <= row.goal.atMost;
}

/** Collects rows and prints each group when it is complete. */
export class Table {
  readonly rows: Row[] = [];
  readonly notes: string[] = [];
  #printed = '';

  add(rows: readonly Row[]): void {
    this.rows.push(...rows);
    for (const row of rows) {
      if (row.what !== this.#printed) console.log(`\n${row.what}`);
      this.#printed = row.what;
      console.log(`  ${row.name.padEnd(46)}${figure(row).padStart(20)}  ${goalWords(row).padEnd(18)}${row.beside ?? ''}`.trimEnd());
    }
  }

  /** Something a reader of the figures should know. */
  note(text: string): void {
    this.notes.push(text);
    console.log(`  (${text})`);
  }

  /** Rows whose goal is not met. */
  get missed(): number {
    return this.rows.filter((row) => met(row) === false).length;
  }

  write(path: string): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify({ machine: machine(), at: new Date().toISOString(), rows: this.rows, notes: this.notes }, null, 2)}\n`);
    console.log(`\n${this.rows.length} rows, ${this.missed === 0 ? 'every goal met' : `${this.missed} short of the goal`}; written to ${path}`);
  }
}

/** What the figures were measured on. */
export function machine(): string {
  return `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`;
}

/** The middle one of several; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** The value below which `share` of them lie; NaN where there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

function figure({ value, unit }: Row): string {
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`;
}

function goalWords(row: Row): string {
  if (row.goal === undefined) return '';
  const words = 'atLeast' in row.goal ? `≥ ${row.goal.atLeast}` : `≤ ${row.goal.atMost}`;
  return `${met(row) === true ? '✓' : '✗'} ${words}`;
}
