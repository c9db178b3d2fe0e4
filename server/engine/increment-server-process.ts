// The entry of the increment-server process.
import type { ServerOptions, ServerOrder } from '../wire/engine-message.ts';
import { ipNumber } from '../wire/address.ts';
import { engineProcess } from './engine-process.ts';
import { IncrementServer } from './increment-server.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as ServerOptions;
const ip = ipNumber(options.tcpHost);
if (ip === null) throw new Error(`tcpHost must be an IPv4 address, not '${options.tcpHost}'`);

const engine = engineProcess('increment-server', options.runStartNs, options.record);
const server = new IncrementServer(engine.calls, engine.loop, { ip, port: options.tcpPort, backlog: options.backlog, holdMs: options.holdMs });

server.onTotals = () => {
  engine.totalsChanged();
};
let listenerLost = false;
server.onStopped = (lost) => {
  engine.exit(listenerLost ? 1 : lost > 0 ? 4 : 0);
};

function stop(): void {
  server.stop(options.drainTimeoutMs);
}

// Those held are answered; then the parent sees an end that nobody asked for, and starts another process.
server.onListenerLost = () => {
  if (listenerLost) return;
  listenerLost = true;
  stop();
};

function obey(order: ServerOrder): void {
  const answer = { type: 'answer', id: order.id } as const;
  switch (order.type) {
    case 'set-hold':
      server.setHold(order.holdMs);
      engine.reporter.report(answer);
      break;
    case 'set-backlog': {
      const failure = server.setBacklog(order.backlog);
      engine.reporter.report(failure === null ? answer : { ...answer, failure });
      break;
    }
    case 'pause-accept':
      server.pauseAccept(order.pauseMs);
      engine.reporter.report(answer);
      break;
    case 'stop':
      // The answer says that the listener is closed.
      stop();
      engine.reporter.report(answer);
      break;
    case 'end':
      engine.reporter.report(answer);
      server.end();
      break;
  }
}

const failure = server.start();
if (failure === null) {
  engine.run(
    () => {
      server.states.tellSkipped();
      return { server: server.totals };
    },
    (order) => {
      obey(order as ServerOrder);
    },
    stop,
    () => {
      server.end();
    },
  );
  engine.reporter.report({ type: 'ready', ...server.listening });
} else {
  engine.reporter.report({ type: 'failed', failure });
  engine.exit(3);
}
