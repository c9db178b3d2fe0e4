// The command line: the only reader of argv, environment and signals.
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Argument, Command, CommanderError, type OptionValues } from 'commander';
import { client, type ClientCommand } from './cli/client.ts';
import { EXIT, flags, parseBytes } from './cli/flags.ts';
import { LineOutput } from './cli/output.ts';
import { SCHEMA_NAMES, schemaText, type SchemaName } from './cli/schema.ts';
import { server, type ServerCommand } from './cli/server.ts';

// This file runs as dist/server/main.js: the engines stand beside it, the page beside its folder.
const beside = (name: string): URL => new URL(name, import.meta.url);
const packageJson = JSON.parse(readFileSync(beside('../../package.json'), 'utf8')) as { version: string };

const out = new LineOutput(process.stdout);
const err = new LineOutput(process.stderr);

/** Each signal that asks for an end, as often as it comes. */
function stops(onStop: () => void): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, onStop);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

async function runServe(options: OptionValues, command: Command): Promise<void> {
  const { httpHost, token } = options as { httpHost: string; token?: string };
  if (!isLoopback(httpHost) && token === undefined) {
    command.error(`error: --http-host ${httpHost} is beyond loopback: whoever reaches it could command this machine's clients. Give --token SECRET too.`);
  }
  const { serve } = await import('./cli/serve.ts');
  const given = options as Parameters<typeof serve>[0];
  process.exitCode = await serve(
    {
      ...given,
      version: packageJson.version,
      allowHosts: (options['allowHost'] as string[] | undefined) ?? [],
      allowTargets: (options['allowTarget'] as string[] | undefined) ?? [],
      pageDir: fileURLToPath(beside('../web')),
      serverEntry: fileURLToPath(beside('./increment-server-process.js')),
      clientEntry: fileURLToPath(beside('./tcp-client-process.js')),
      tapEntry: fileURLToPath(beside('./kernel-tap-process.js')),
    },
    out,
    err,
    stops,
  );
}

const program = new Command('sockscope')
  .description('Shows a TCP conversation from socket() to close(), on real sockets, in a browser.')
  .version(packageJson.version)
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    '\nEvery flag has an environment twin: --tcp-port is SOCKSCOPE_TCP_PORT.\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 port taken or forbidden, 4 drained with losses.',
  )
  .exitOverride()
  .showHelpAfterError('(--help tells what is allowed)');

program
  .command('serve')
  .description('the page, the increment server and clients')
  .addOption(flags.httpHost)
  .addOption(flags.httpPort)
  .addOption(flags.listenHost)
  .addOption(flags.listenPort)
  .addOption(flags.backlog)
  .addOption(flags.holdMs)
  .addOption(flags.allowHost)
  .addOption(flags.allowTarget)
  .addOption(flags.token)
  .addOption(flags.watchToken)
  .addOption(flags.drainTimeoutMs)
  .addOption(flags.logLevel)
  .action((options: OptionValues, command: Command) => runServe(options, command));

program
  .command('server')
  .description('the increment server alone, printing its calls as strace would')
  .addOption(flags.listenHost)
  .addOption(flags.listenPort)
  .addOption(flags.backlog)
  .addOption(flags.holdMs)
  .addOption(flags.drainTimeoutMs)
  .addOption(flags.json)
  .action(async (options: ServerCommand) => {
    process.exitCode = await server(options, beside('./increment-server-process.js'), out, err, stops);
  });

program
  .command('client')
  .description('TCP clients: each sends one byte and prints the reply')
  .addArgument(new Argument('[bytes]', 'a client for each character; or hexadecimal, 0x41,0xff').default([65], 'A').argParser(parseBytes))
  .addOption(flags.connectHost)
  .addOption(flags.connectPort)
  .addOption(flags.count)
  .addOption(flags.timeoutMs)
  .addOption(flags.trace)
  .addOption(flags.json)
  .action(async (bytes: number[], options: ClientCommand) => {
    process.exitCode = await client(bytes, options, beside('./tcp-client-process.js'), out, err, stops);
  });

program
  .command('schema')
  .description('JSON Schema (draft 2020-12) of what crosses the feed: events of the trace, commands of a page, messages to a page')
  .addArgument(new Argument('[what]', 'one of them; all by default').choices([...SCHEMA_NAMES]))
  .action((what?: SchemaName) => {
    out.line(schemaText(what));
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
}
