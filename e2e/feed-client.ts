// A page without a browser: the feed as an outsider's program would use it, by the contract alone.
import { expect } from 'playwright/test';
import WebSocket from 'ws';

export interface FeedMessage {
  type: string;
  [field: string]: unknown;
}

/** One WebSocket to /ws, everything it said, and commands with their replies. */
export class FeedClient {
  readonly messages: FeedMessage[] = [];
  readonly socket: WebSocket;
  #lastId = 0;
  readonly #waiting = new Set<{ wanted: (message: FeedMessage) => boolean; resolve: (message: FeedMessage) => void }>();

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse((data as Buffer).toString()) as FeedMessage;
      this.messages.push(message);
      for (const waiting of [...this.#waiting]) {
        if (!waiting.wanted(message)) continue;
        this.#waiting.delete(waiting);
        waiting.resolve(message);
      }
    });
  }

  /** Resolves when the hello has come. `origin` as a browser would send it; none by default. */
  static async connect(url: string, options: WebSocket.ClientOptions = {}): Promise<FeedClient> {
    const client = new FeedClient(new WebSocket(`${url.replace('http', 'ws')}/ws`, options));
    const failed = new Promise<never>((_, reject) => {
      client.socket.once('error', reject);
    });
    await Promise.race([client.wait((message) => message.type === 'hello'), failed]);
    return client;
  }

  /** The first message, already here or still to come, that `wanted` accepts. */
  wait(wanted: (message: FeedMessage) => boolean): Promise<FeedMessage> {
    const here = this.messages.find(wanted);
    if (here !== undefined) return Promise.resolve(here);
    return new Promise((resolve) => {
      this.#waiting.add({ wanted, resolve });
    });
  }

  /** Sends a command and resolves with its reply. */
  command(command: Record<string, unknown>): Promise<FeedMessage> {
    const id = (this.#lastId += 1);
    this.socket.send(JSON.stringify({ id, ...command }));
    return this.wait((message) => message.type === 'reply' && message['id'] === id);
  }

  /** Every event so far: those of the snapshot, then the live ones. */
  get events(): TraceEvent[] {
    return this.messages.flatMap((message) => {
      if (message.type === 'events') return message['events'] as TraceEvent[];
      if (message.type === 'hello' || message.type === 'gap') return (message['snapshot'] as { events: TraceEvent[] }).events;
      return [];
    });
  }

  /** The first event, here or to come, that `wanted` accepts. */
  async event(wanted: (event: TraceEvent) => boolean): Promise<TraceEvent> {
    const message = await this.wait((candidate) => candidate.type === 'events' && (candidate['events'] as TraceEvent[]).some(wanted));
    const found = (message['events'] as TraceEvent[]).find(wanted);
    if (found === undefined) throw new Error('the message had no such event after all');
    return found;
  }

  close(): void {
    this.socket.close();
  }
}

/** An event of the trace, as far as the tests look into it. */
export interface TraceEvent {
  seq: number;
  kind: string;
  atNs: number;
  durationNs: number;
  process: string;
  pid: number;
  call?: string;
  fd?: number;
  returned?: number;
  errno?: string;
  socket?: number;
  clientId?: string;
  outcome?: string;
  change?: string;
  connection?: { local: string; remote: string };
  args?: Record<string, unknown>;
  [field: string]: unknown;
}

/** The trace that the journal still holds: whole, or what came after event `after`. */
export async function trace(url: string, after = 0): Promise<TraceEvent[]> {
  const events: TraceEvent[] = [];
  for (let since = after; ;) {
    const text = await (await fetch(`${url}/api/trace?since=${since}&limit=50000`, { headers: { connection: 'close' } })).text();
    const page = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as TraceEvent);
    events.push(...page);
    const last = page.at(-1);
    if (last === undefined || page.length < 50_000) return events;
    since = last.seq;
  }
}

/** The trace once `complete` accepts it: events come by pipes, so an outcome can be seen before the last call that made it is told. */
export async function traceOnce(url: string, complete: (events: TraceEvent[]) => boolean): Promise<TraceEvent[]> {
  let events: TraceEvent[] = [];
  await expect
    .poll(async () => {
      events = await trace(url);
      return complete(events);
    })
    .toBe(true);
  return events;
}
