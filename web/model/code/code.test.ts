// The programs shown: every call of the classic pair has its line, and nothing of the marks is left in the text.
import { describe, expect, it } from 'vitest';
import { SampleRun } from '../sample-events.ts';
import { cCode } from './c-code.ts';
import { goCode } from './go-code.ts';
import { pythonCode } from './python-code.ts';
import { byteLiteral, codeText, markOf, type CodePair, type Mark } from './snippet.ts';
import { typescriptCode } from './typescript-code.ts';

const SETTINGS = { port: 9736, backlog: 5, holdMs: 5000, byte: 65 };
const ALL: Readonly<Record<string, CodePair>> = { C: cCode, Python: pythonCode, Go: goCode, TypeScript: typescriptCode };
const SERVER: readonly Mark[] = ['socket', 'setsockopt', 'bind', 'listen', 'accept4', 'read', 'hold', 'write', 'shutdown', 'drain', 'close'];
const CLIENT: readonly Mark[] = ['socket', 'connect', 'write', 'read', 'drain', 'close'];

describe.each(Object.entries(ALL))('the pair in %s', (_, pair) => {
  it.each([
    ['server', pair.server(SETTINGS), SERVER],
    ['client', pair.client(SETTINGS), CLIENT],
  ] as const)('has a line of the %s for each call', (_side, lines, wanted) => {
    expect(new Set(lines.flatMap((line) => line.marks))).toEqual(new Set(wanted));
    expect(codeText(lines)).not.toContain('@@');
  });

  it('goes to the port at hand', () => {
    expect(codeText(pair.client({ ...SETTINGS, port: 41_234 }))).toContain('41234');
    expect(codeText(pair.server({ ...SETTINGS, port: 41_234 }))).toContain('41234');
  });
});

describe('the mark of a step', () => {
  const run = new SampleRun();
  const first = run.serverCall(1, 1, 'read', { data: '41', count: 1, pointer: '' }, 1);
  const rest = run.serverCall(2, 1, 'read', { data: '', count: 4096, pointer: '' }, 0);

  it('tells the first byte from reading on to the end', () => {
    expect(markOf(first, first.seq)).toBe('read');
    expect(markOf(rest, first.seq)).toBe('drain');
  });

  it('is none for calls that only watch', () => {
    expect(markOf(run.serverCall(3, 1, 'epoll_ctl', { op: 'EPOLL_CTL_ADD', fd: 7, events: 'EPOLLIN' }, 0), null)).toBeNull();
    expect(markOf(run.queue(4, 1), null)).toBeNull();
  });

  it('of SO_ERROR is the connect it tells of', () => {
    expect(markOf(run.clientCall(5, 1, 'getsockopt', { level: 'SOL_SOCKET', option: 'SO_ERROR', value: 0, length: 4 }, 0), null)).toBe('connect');
  });
});

it('writes a byte so that a compiler takes it', () => {
  expect(byteLiteral(65)).toBe("'A'");
  expect(byteLiteral(39)).toBe('0x27');
  expect(byteLiteral(0)).toBe('0x00');
});
