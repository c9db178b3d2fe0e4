// What the page itself says, as a type: a language is one object of it, and a missing word is a type error.

export interface UiWords {
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
  serverSteps: { title: string; waiting: string; noProcess: string; doNext: string; took: string; paused(reason: string): string; notYet: string };
  stage: {
    title: string;
    subtitle: string;
    clientProcesses: string;
    sockets: string;
    network: string;
    serverSockets: string;
    serverProcess: string;
    empty: string;
    more(count: number): string;
    queueSlot(slot: number, filled: boolean): string;
    extraSlot: string;
    foreign: string;
    callsUnseen: string;
    holding(from: string, to: string): string;
    left(seconds: string): string;
    doing: Readonly<Record<string, string>>;
    serverDoing: Readonly<Record<string, string>>;
    retrying(count: number): string;
    moreAccepted(count: number): string;
    noPort: string;
    notListening: string;
  };
  connections: {
    title: string;
    filter: string;
    filters: Readonly<Record<'all' | 'live' | 'replied' | 'failed', string>>;
    newestFirst: string;
    empty: string;
    emptyFiltered: string;
    outcomes: Readonly<Record<string, string>>;
    phases: Readonly<Record<string, string>>;
    rowLabel(name: string, what: string): string;
    ours: string;
    foreign: string;
    count(shown: number, all: number): string;
  };
  conversation: {
    title: string;
    empty: string;
    first: string;
    back: string;
    next: string;
    last: string;
    position(step: number, of: number): string;
    showInferred: string;
    showRoutine: string;
    idle(duration: string): string;
    held(duration: string): string;
    clientSide: string;
    serverSide: string;
    unseenClient: string;
    unseenServer: string;
    itsSocket: string;
    textVersion: string;
    atTime(duration: string): string;
    lasted(duration: string): string;
    doNext: string;
    end: string;
  };
  trace: {
    title: string;
    filter: string;
    call: string;
    allCalls: string;
    copy: string;
    copied: string;
    freeze: string;
    resume(count: number): string;
    json: string;
    text: string;
    follow: string;
    empty: string;
    emptyFiltered: string;
    lines(shown: number, all: number): string;
    gap(dropped: number, where: string): string;
  };
  sockets: {
    title: string;
    columns: Readonly<Record<'state' | 'recvQ' | 'sendQ' | 'local' | 'peer' | 'process' | 'seen', string>>;
    empty: string;
    notSeen: string;
  };
}

export interface Preset {
  name: string;
  hint: string;
  expect: string;
  run: 'three' | 'burst' | 'overflow' | 'half-close' | 'reset' | 'silent' | 'refused';
}
