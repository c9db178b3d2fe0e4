// A built engine in a process of its own, for tests: what it says, what it is told, how it ends.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Compile } from 'typebox/compile';
import type { ClientOptions, ClientOrder, EngineReport, ServerOptions, ServerOrder } from '../wire/engine-message.ts';
import { TraceEvent, type CallEvent } from '../wire/event.ts';
import { FrameReader, jsonFrame } from '../wire/frame.ts';
import { RECORD_BYTES } from '../wire/limits.ts';
import { RecordBatch } from '../wire/record.ts';
import type { CallName } from '../wire/vocabulary.ts';

const traceEvent = Compile(TraceEvent);

type EngineName = 'increment-server' | 'tcp-client';
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
type Order = WithoutId<ServerOrder | ClientOrder>;
type EventOf<Kind extends TraceEvent['kind']> = Extract<TraceEvent, { kind: Kind }>;

const entry = (name: EngineName): string => fileURLToPath(new URL(`../../dist/server/${name}-process.js`, import.meta.url));

export interface EngineEnd {
  code: number | null;
  signal: string | null;
}

export class EngineRun {
  readonly child: ChildProcess;
  readonly events: TraceEvent[] = [];
  readonly reports: EngineReport[] = [];
  /** Events that did not fit, by its own count. */
  dropped = 0;
  readonly ended: Promise<EngineEnd>;
  readonly #frames = new FrameReader();
  #lastOrder = 0;
  #seq = 0;
  readonly #waiting = new Set<() => void>();

  /** `wrapper` runs it, as in ['prlimit', '--nofile=60']; it must exec, so that the pid stays. */
  constructor(name: EngineName, options: ServerOptions | ClientOptions, wrapper: readonly string[] = []) {
    const words = [process.execPath, entry(name), JSON.stringify(options)];
    const [command, ...args] = [...wrapper, ...words];
    this.child = spawn(command ?? '', args, { stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'] });
    this.#orders.on('error', () => undefined);
    this.pipe.on('data', (chunk: Buffer) => this.#hear(chunk));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Where its reports come out; pausing it makes a slow reader. */
  get pipe(): Readable {
    return this.child.stdio[4] as Readable;
  }

  get #orders(): Writable {
    return this.child.stdio[3] as Writable;
  }

  /** Events that the schema of the trace would refuse, with the reason. */
  get unknownEvents(): unknown[] {
    return this.events.filter((event) => !traceEvent.Check(event)).map((event) => ({ event, errors: traceEvent.Errors(event) }));
  }

  #hear(chunk: Uint8Array): void {
    for (const frame of this.#frames.push(chunk)) {
      if (frame.type === 'json') this.reports.push(frame.value as EngineReport);
      else {
        this.dropped += frame.droppedBefore;
        const batch = new RecordBatch(frame.records.length / RECORD_BYTES);
        batch.bytes.set(frame.records);
        for (let slot = 0; slot < batch.capacity; slot += 1) this.events.push(batch.event(slot, (this.#seq += 1)));
      }
    }
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves with what `seek` finds, in what was said or will be; the test's own timeout bounds it. */
  until<T>(seek: () => T | undefined | null | false): Promise<T> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = seek();
        if (found === undefined || found === null || found === false) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  of<Kind extends TraceEvent['kind']>(kind: Kind): EventOf<Kind>[] {
    return this.events.filter((event): event is EventOf<Kind> => event.kind === kind);
  }

  calls<Name extends CallName>(name?: Name): Extract<CallEvent, { call: Name }>[] {
    return this.of('call').filter((event): event is Extract<CallEvent, { call: Name }> => name === undefined || event.call === name);
  }

  /** The port it listens on, once it does. */
  async port(): Promise<number> {
    const ready = await this.until(() => this.reports.find((report) => report.type === 'ready'));
    return ready.port;
  }

  async order(order: Order): Promise<Extract<EngineReport, { type: 'answer' }>> {
    const id = (this.#lastOrder += 1);
    this.#orders.write(jsonFrame({ id, ...order }));
    return this.until(() => this.reports.find((report): report is Extract<EngineReport, { type: 'answer' }> => report.type === 'answer' && report.id === id));
  }

  /** Ends the pipe of orders, as the kernel does when a parent dies. */
  hangUp(): void {
    this.#orders.destroy();
  }

  /** Lowers RLIMIT_NOFILE until the process has room for exactly `more` descriptors; `restoreDescriptors` lifts it again. */
  limitDescriptors(more: number): void {
    const open = new Set(readdirSync(`/proc/${this.pid}/fd`).map(Number));
    // The kernel gives the lowest free number, and none from the limit up.
    let limit = 0;
    for (let free = 0; free < more || open.has(limit); limit += 1) if (!open.has(limit)) free += 1;
    execFileSync('prlimit', ['--pid', String(this.pid), `--nofile=${limit}:`]);
  }

  restoreDescriptors(): void {
    execFileSync('prlimit', ['--pid', String(this.pid), '--nofile=1024:']);
  }

  /** Milliseconds of CPU it has used: utime and stime of /proc/PID/stat, in ticks of 10 ms. */
  get cpuMs(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }
}

/** Options of an increment server on a free port of loopback. */
export function serverOptions(changes: Partial<ServerOptions> = {}): ServerOptions {
  return {
    runStartNs: String(process.hrtime.bigint()),
    tcpHost: '127.0.0.1',
    tcpPort: 0,
    backlog: 512,
    holdMs: 50,
    drainTimeoutMs: 5_000,
    ...changes,
  };
}
