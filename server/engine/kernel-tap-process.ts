// The entry of the kernel-tap process.
import { yieldProcessor } from '../kernel/own-process.ts';
import type { TapOptions, TapOrder } from '../wire/engine-message.ts';
import { TAP_NICE } from '../wire/tap-limits.ts';
import { engineProcess } from './engine-process.ts';
import { KernelTap } from './kernel-tap.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as TapOptions;
yieldProcessor(TAP_NICE);
const engine = engineProcess('kernel-tap', options.runStartNs);
const tap = new KernelTap(engine, BigInt(options.runStartNs));

function stop(): void {
  tap.close();
  engine.exit(0);
}

function obey(order: TapOrder): void {
  const answer = { type: 'answer', id: order.id } as const;
  switch (order.type) {
    case 'watch':
      tap.watch(order);
      engine.reporter.report(answer);
      break;
    case 'sockets': {
      const sockets = tap.sockets(order.offset, order.limit);
      engine.reporter.report(sockets === null ? answer : { ...answer, sockets });
      break;
    }
    case 'stop':
      engine.reporter.report(answer);
      stop();
      break;
  }
}

engine.run(
  () => ({ tap: tap.totals }),
  (order) => {
    obey(order as TapOrder);
  },
  stop,
  stop,
);
// Whatever ends the process in order, its parent's end included, takes the instances away.
process.once('exit', () => {
  tap.close();
});
engine.reporter.report({ type: 'ready', fd: 0, port: 0 });
