// The flags of the command line: each with its environment twin, its bounds, and an error that says what is allowed.
import { InvalidArgumentError, Option } from 'commander';
import { ipNumber } from '../wire/address.ts';
import { BACKLOG_DEFAULT, BACKLOG_MAX, DRAIN_TIMEOUT_DEFAULT_MS, HOLD_DEFAULT_MS, HOLD_MAX_MS, HTTP_PORT_DEFAULT, TCP_PORT_DEFAULT } from '../wire/limits.ts';

/** Exit codes: part of the contract. */
export const EXIT = { done: 0, failed: 1, usage: 2, port: 3, drainedWithLosses: 4 } as const;

function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,10}$/.test(text) || Number(text) < min || Number(text) > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return Number(text);
  };
}

function ipv4(text: string): string {
  if (text === 'localhost') return '127.0.0.1';
  if (ipNumber(text) === null) throw new InvalidArgumentError('It must be an IPv4 address such as 127.0.0.1 or 0.0.0.0 (sockscope speaks AF_INET only).');
  return text;
}

/** Flags that may be given several times; their twin holds them with commas between. */
function list(text: string, before: string[] | undefined): string[] {
  return [
    ...(before ?? []),
    ...text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ];
}

const option = (flags: string, words: string, twin: string): Option => new Option(flags, words).env(`SOCKSCOPE_${twin}`);

export const flags = {
  httpHost: option('--http-host <address>', 'where the page is served; beyond loopback only with --token', 'HTTP_HOST').default('127.0.0.1'),
  httpPort: option('--http-port <port>', 'port of the page; 0 for any free one', 'HTTP_PORT').default(HTTP_PORT_DEFAULT).argParser(integer(0, 65_535)),
  listenHost: option('--tcp-host <address>', 'where the increment server listens', 'TCP_HOST').default('0.0.0.0').argParser(ipv4),
  listenPort: option('--tcp-port <port>', 'port of the increment server; 0 for any free one', 'TCP_PORT')
    .default(TCP_PORT_DEFAULT)
    .argParser(integer(0, 65_535)),
  connectHost: option('--tcp-host <address>', 'the server to connect to', 'TCP_HOST').default('127.0.0.1').argParser(ipv4),
  connectPort: option('--tcp-port <port>', 'its port', 'TCP_PORT').default(TCP_PORT_DEFAULT).argParser(integer(1, 65_535)),
  backlog: option('--backlog <n>', 'second argument of listen(2); the queue admits one more', 'BACKLOG')
    .default(BACKLOG_DEFAULT)
    .argParser(integer(0, BACKLOG_MAX)),
  holdMs: option('--hold-ms <ms>', 'how long each byte is held before the reply', 'HOLD_MS').default(HOLD_DEFAULT_MS).argParser(integer(0, HOLD_MAX_MS)),
  allowHost: option('--allow-host <name...>', 'further Host names under which the page may be asked for', 'ALLOW_HOST').argParser(list),
  allowTarget: option('--allow-target <cidr[:port]...>', 'where clients may connect to beside our own server', 'ALLOW_TARGET').argParser(list),
  token: option('--token <secret>', 'whoever gives it may look and command; needed beyond loopback', 'TOKEN'),
  watchToken: option('--watch-token <secret>', 'whoever gives it may look only', 'WATCH_TOKEN'),
  drainTimeoutMs: option('--drain-timeout-ms <ms>', 'how long a stop may wait for those held', 'DRAIN_TIMEOUT_MS')
    .default(DRAIN_TIMEOUT_DEFAULT_MS)
    .argParser(integer(0, HOLD_MAX_MS)),
  logLevel: option('--log-level <level>', 'what is logged on stderr', 'LOG_LEVEL')
    .default('info')
    .choices(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']),
  json: option('--json', 'one JSON object a line instead of text', 'JSON'),
  trace: option('--trace', "print the client's system calls on stderr, as strace would", 'TRACE'),
  count: option('--count <n>', 'how many clients for each byte', 'COUNT').default(1).argParser(integer(1, 10_000)),
  timeoutMs: option('--timeout-ms <ms>', 'how long a client waits for its reply', 'TIMEOUT_MS').default(60_000).argParser(integer(1, 3_600_000)),
} as const;

/** The bytes of the client's argument: each character is a byte, or `0x41` in hexadecimal (several with commas between). */
export function parseBytes(text: string): number[] {
  if (/^0x[0-9a-f]{1,2}(,0x[0-9a-f]{1,2})*$/i.test(text)) return text.split(',').map(Number);
  const bytes = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  if (bytes.length === 0 || bytes.some((byte) => byte > 255)) {
    throw new InvalidArgumentError('It must be one or more characters of one byte each, such as A or ABC, or hexadecimal such as 0x41 or 0x00,0xff.');
  }
  return bytes;
}
