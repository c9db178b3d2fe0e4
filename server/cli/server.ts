// `sockscope server`: the increment server alone, printing its calls as strace would.
import type { StartFailure } from '../bridge/engine-child.ts';
import { errnoHint } from '../wire/errno-hint.ts';
import { eventLine, lostLine } from './console-text.ts';
import { runEngine } from './engine-run.ts';
import { EXIT } from './flags.ts';
import type { LineOutput } from './output.ts';

export interface ServerCommand {
  tcpHost: string;
  tcpPort: number;
  backlog: number;
  holdMs: number;
  drainTimeoutMs: number;
  json?: true;
}

/** Runs until it is stopped; resolves with the exit code. `stops` calls its argument for each signal to stop. */
export function server(command: ServerCommand, script: URL, out: LineOutput, err: LineOutput, stops: (onStop: () => void) => void): Promise<number> {
  return new Promise((resolve) => {
    let failure: StartFailure | null = null;
    let stopping = false;
    let lost = 0;
    const child = runEngine(
      'increment-server',
      script,
      { runStartNs: String(process.hrtime.bigint()), ...command },
      {
        onEvent: (event) => {
          out.line(command.json ? JSON.stringify(event) : eventLine(event));
        },
        onDropped: (count) => {
          out.line(command.json ? JSON.stringify({ kind: 'dropped', count }) : `--- ${count} events were dropped: the reader was too slow ---`);
        },
        onReady: (ready) => {
          err.line(`LISTEN ${command.tcpHost}:${ready.port} · pid ${child.pid ?? '?'} · fd ${ready.fd}   try: printf A | nc -N 127.0.0.1 ${ready.port}`);
        },
        onFailed: (failed) => {
          failure = failed;
          err.line(`${failed.call}: ${failed.errno} ${command.tcpHost}:${command.tcpPort}: ${errnoHint(failed.errno, failed.call)}`);
        },
        onBeat: (beat) => {
          lost = beat.server?.lost ?? lost;
        },
        onExit: (exit) => {
          if (failure === null && exit.code !== 0 && exit.code !== 4)
            err.line(`increment-server ended: ${exit.problem ?? exit.signal ?? `exit code ${String(exit.code)}`}`);
          if (exit.code === 4) err.line(lostLine(lost));
          const portFailed = failure?.call === 'bind' || failure?.call === 'listen';
          resolve(failure !== null ? (portFailed ? EXIT.port : EXIT.failed) : (exit.code ?? EXIT.failed));
        },
      },
    );
    stops(() => {
      if (stopping) child.order({ type: 'end' }).catch(() => undefined);
      else void child.stop(command.drainTimeoutMs);
      stopping = true;
    });
  });
}
