// The entry of the tcp-client process.
import { ipNumber } from '../wire/address.ts';
import type { ClientOptions, ClientOrder } from '../wire/engine-message.ts';
import { engineProcess } from './engine-process.ts';
import { TcpClients } from './tcp-clients.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as ClientOptions;
const engine = engineProcess('tcp-client', options.runStartNs);
const clients = new TcpClients(engine.calls, engine.loop);

clients.onTotals = () => {
  engine.totalsChanged();
};
function stop(): void {
  clients.endAll();
  engine.exit(0);
}

function obey(order: ClientOrder): void {
  const answer = { type: 'answer', id: order.id } as const;
  switch (order.type) {
    case 'spawn': {
      const { byte, port, plan, afterMs, timeoutMs } = order;
      clients.spawn(order.firstClient, order.count, { byte, ip: ipNumber(order.ip) ?? 0, port, plan, afterMs, timeoutMs });
      engine.reporter.report(answer);
      break;
    }
    case 'end-client':
      engine.reporter.report(clients.endClient(order.client, order.how) ? answer : { ...answer, unknownClient: true });
      break;
    case 'stop':
      engine.reporter.report(answer);
      stop();
      break;
  }
}

engine.run(
  () => {
    clients.states.tellSkipped();
    return { clients: clients.totals };
  },
  (order) => {
    obey(order as ClientOrder);
  },
  stop,
  stop,
);
engine.reporter.report({ type: 'ready', fd: 0, port: 0 });
