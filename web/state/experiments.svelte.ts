// Starting clients, alone or as one of the classic scenarios, and what became of the last that was started.
import type { CommandBody } from '../feed/feed.ts';
import { Experiment, type ExperimentResult } from '../model/experiment.ts';
import type { Selection } from './selection.svelte.ts';
import type { Session } from './session.svelte.ts';

export const PRESETS = ['three', 'burst', 'overflow', 'half-close', 'reset', 'silent', 'refused'] as const;
export type PresetName = (typeof PRESETS)[number];

const OVERFLOW_PAUSE_MS = 4_000;
/** So many more than the backlog: some find the queue full. */
const OVERFLOW_EXTRA = 5;
const RESET_AFTER_MS = 1_000;

export class Experiments {
  busy = $state(false);
  problem = $state('');
  /** Null: clients of one's own choosing. */
  preset = $state<PresetName | null>(null);
  readonly #session: Session;
  readonly #selection: Selection;
  #experiment = $state.raw<Experiment | null>(null);
  #clientIds: readonly string[] = [];

  constructor(session: Session, selection: Selection) {
    this.#session = session;
    this.#selection = selection;
  }

  readonly result = $derived.by((): ExperimentResult | null => {
    void this.#session.drawn.sums;
    return this.#experiment?.look(this.#session.model) ?? null;
  });

  async connect(byte: number, count: number): Promise<void> {
    await this.#start(null, { type: 'spawn-clients', byte, count });
  }

  async run(preset: PresetName, byte: number): Promise<void> {
    const server = this.#session.liveStatus?.server ?? null;
    await this.#start(preset, ...commandsOf(preset, byte, server?.backlog ?? 0, server?.state === 'listening'));
  }

  /** Ends those of the last experiment that still live. */
  async end(): Promise<void> {
    const { model } = this.#session;
    for (const clientId of this.#clientIds) if (model.byKey(clientId)?.phase !== 'ended') await this.#ask({ type: 'end-client', clientId, how: 'close' });
  }

  async startServer(): Promise<void> {
    await this.#ask({ type: 'start-server' });
  }

  async #start(preset: PresetName | null, ...commands: readonly CommandBody[]): Promise<void> {
    this.busy = true;
    this.problem = '';
    this.preset = preset;
    this.#experiment = null;
    const fromSeq = this.#session.model.lastSeq;
    for (const command of commands) {
      const clientIds = await this.#ask(command);
      if (clientIds === null) break;
      const first = clientIds[0];
      if (first === undefined) continue;
      this.#clientIds = clientIds;
      this.#experiment = new Experiment(clientIds, fromSeq);
      this.#selection.choose(first);
    }
    this.busy = false;
  }

  /** The clients a command started; null where it was refused. */
  async #ask(command: CommandBody): Promise<readonly string[] | null> {
    const reply = await this.#session.send(command);
    if (reply.ok) return reply.clientIds ?? [];
    this.problem = reply.error.message;
    return null;
  }
}

function commandsOf(preset: PresetName, byte: number, backlog: number, listening: boolean): CommandBody[] {
  const one = { type: 'spawn-clients', byte, count: 1 } as const;
  switch (preset) {
    case 'three':
      return [{ ...one, count: 3 }];
    case 'burst':
      return [{ ...one, count: 100 }];
    case 'overflow':
      return [
        { type: 'pause-accept', pauseMs: OVERFLOW_PAUSE_MS },
        { ...one, count: backlog + OVERFLOW_EXTRA },
      ];
    case 'half-close':
      return [{ ...one, plan: 'half-close' }];
    case 'reset':
      return [{ ...one, plan: 'reset', afterMs: RESET_AFTER_MS }];
    case 'silent':
      return [{ ...one, plan: 'silent' }];
    case 'refused':
      return listening ? [{ type: 'stop-server' }, one] : [one];
  }
}
