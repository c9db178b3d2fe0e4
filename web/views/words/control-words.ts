// The words of header, clients and server controls, as a type.
import type { PresetName } from '../../state/experiments.svelte.ts';

export interface ControlWords {
  header: {
    states: Readonly<Record<string, string>>;
    queue: string;
    live: string;
    replied: string;
    failed: string;
    feed: Readonly<Record<'connecting' | 'live' | 'lost' | 'frozen', string>>;
    feedLostHelp: string;
    theme: Readonly<Record<'auto' | 'light' | 'dark', string>>;
    themeLabel: string;
    watching: string;
    language: string;
  };
  clients: {
    title: string;
    byte: string;
    byteHelp: string;
    byteWrong: string;
    count: string;
    countWrong(max: number): string;
    connect: string;
    connecting: string;
    try: string;
    terminal: string;
    copy: string;
    copied: string;
    presets: Readonly<Record<PresetName, Preset>>;
    expect: string;
    happened: string;
    /** What became of the clients, a sentence each; the page leaves out those that say nothing. */
    results: {
      living(count: number): string;
      replied(count: number, of: number): string;
      refused(count: number): string;
      reset(count: number): string;
      ended(count: number): string;
      failed(count: number): string;
      retried(count: number): string;
      queue(most: number, admits: number): string;
      drops(count: number): string;
      lastReply(duration: string): string;
    };
    startAgain: string;
    endThem: string;
  };
  server: {
    title: string;
    hold: string;
    backlog: string;
    stop: string;
    stopping: string;
    start: string;
    starting: string;
    holdWrong(max: number): string;
    backlogWrong(max: number): string;
    admitted(backlog: number): string;
    undo(was: string): string;
  };
}

/** A classic scenario. */
export interface Preset {
  name: string;
  hint: string;
  expect: string;
}
