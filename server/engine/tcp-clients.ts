// All clients of the tcp-client process: starts them a slice at a time, knows them by number, counts what they come to.
import { SocketRef, type ObservedCalls } from '../kernel/observed.ts';
import { CLIENT_STARTS_PER_TURN } from '../wire/limits.ts';
import type { ClientTotals } from '../wire/message.ts';
import type { ClientOutcome, EndWay } from '../wire/vocabulary.ts';
import type { EventLoop } from './event-loop.ts';
import { StateWatch } from './state-watch.ts';
import { TcpClient, type ClientOwner, type ClientTask } from './tcp-client.ts';

export class TcpClients implements ClientOwner {
  readonly calls: ObservedCalls;
  readonly loop: EventLoop;
  readonly states: StateWatch;
  readonly #clients = new Map<number, TcpClient>();
  /** Spawns under way: `next` is the number of the client to start, `end` the one past the last. */
  readonly #spawns: { next: number; end: number; task: ClientTask }[] = [];
  #started = 0;
  #replied = 0;
  #failed = 0;
  #ended = 0;
  onTotals: () => void = () => undefined;

  constructor(calls: ObservedCalls, loop: EventLoop) {
    this.calls = calls;
    this.loop = loop;
    this.states = new StateWatch(calls);
  }

  get totals(): ClientTotals {
    return { started: this.#started, replied: this.#replied, failed: this.#failed, ended: this.#ended, live: this.#clients.size };
  }

  /** Starts `count` clients, numbered from `first`, in the turns to come. */
  spawn(first: number, count: number, task: ClientTask): void {
    this.#spawns.push({ next: first, end: first + count, task });
    this.#startSoon();
  }

  /** False when there is no living client of that number. */
  endClient(number: number, how: EndWay): boolean {
    const client = this.#clients.get(number);
    client?.endBy(how);
    return client !== undefined;
  }

  /** Starts no more, and ends those that live. */
  endAll(): void {
    this.#spawns.length = 0;
    for (const client of [...this.#clients.values()]) client.endBy('close');
  }

  #startSoon(): void {
    this.loop.afterEvents(() => {
      this.#startSlice();
    });
  }

  #startSlice(): void {
    for (let budget = CLIENT_STARTS_PER_TURN; budget > 0; budget -= 1) {
      const spawn = this.#spawns[0];
      if (spawn === undefined) return;
      const client = new TcpClient(new SocketRef(spawn.next), spawn.task, this);
      this.#started += 1;
      this.onTotals();
      this.#clients.set(spawn.next, client);
      spawn.next += 1;
      if (spawn.next === spawn.end) this.#spawns.shift();
      client.start();
    }
    if (this.#spawns.length > 0) this.#startSoon();
  }

  ended(client: TcpClient, outcome: ClientOutcome): void {
    this.#clients.delete(client.socket.number);
    if (outcome === 'replied') this.#replied += 1;
    else if (outcome === 'ended') this.#ended += 1;
    else this.#failed += 1;
    this.onTotals();
  }
}
