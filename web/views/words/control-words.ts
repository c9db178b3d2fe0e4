// The words of header, clients and server controls, as a type.

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
    presets: readonly Preset[];
    expect: string;
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
  };
}

export interface Preset {
  name: string;
  hint: string;
  expect: string;
  run: 'three' | 'burst' | 'overflow' | 'half-close' | 'reset' | 'silent' | 'refused';
}
