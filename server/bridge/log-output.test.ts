import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { LogOutput } from './log-output.ts';

it('writes lines, and outlives an output that takes none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sockscope-log-'));
  const path = join(folder, 'log');
  const fd = openSync(path, 'w');
  const log = new LogOutput(fd);
  log.write('one\n');
  closeSync(fd);
  // The descriptor is gone: each line is lost, and nothing thrown.
  log.write('two\n');
  log.write('three\n');
  expect(openSync(path, 'a')).toBe(fd);
  log.write('four\n');
  closeSync(fd);
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines).toHaveLength(4);
  expect([lines[0], lines[2], lines[3]]).toEqual(['one', 'four', '']);
  expect(JSON.parse(lines[1]!)).toMatchObject({ level: 40, msg: '2 lines of this log could not be written' });
  rmSync(folder, { recursive: true });
});

it('outlives a full disk', () => {
  const fd = openSync('/dev/full', 'w');
  const log = new LogOutput(fd);
  for (let i = 0; i < 3; i += 1) log.write('a line\n');
  closeSync(fd);
});
