// Every word of the page itself: English. A second language is a second object of this type.

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
    notAccepted: string;
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

export const uiWordsEn: UiWords = {
  header: {
    states: {
      starting: 'starting',
      listening: 'LISTEN',
      unresponsive: 'not answering',
      failed: 'could not start',
      stopping: 'stopping, answering those held',
      stopped: 'stopped',
      crashed: 'crashed, starting again',
      'gave-up': 'crashed too often, stays down',
    },
    queue: 'accept queue',
    live: 'live',
    replied: 'replied',
    failed: 'failed',
    feed: { connecting: 'connecting', live: 'live', lost: 'feed lost', frozen: 'view frozen' },
    feedLostHelp: 'The bridge does not answer; what you see is what was last heard. Trying again by itself.',
    theme: { auto: 'auto', light: 'light', dark: 'dark' },
    themeLabel: 'Theme',
    watching: 'watching only',
  },
  clients: {
    title: 'Clients',
    byte: 'Byte',
    byteHelp: 'a character, or 0x41',
    byteWrong: 'One character, or hexadecimal from 0x00 to 0xff.',
    count: 'Count',
    countWrong: (max) => `A whole number from 1 to ${max}.`,
    connect: 'Connect',
    connecting: 'Connecting…',
    try: 'Try',
    terminal: 'From a terminal',
    copy: 'copy',
    copied: 'copied',
    expect: 'What to expect:',
    presets: [
      { run: 'three', name: 'Three clients', hint: 'A → B', expect: 'The classic run: three connections are held side by side, and each gets B.' },
      {
        run: 'burst',
        name: 'Burst of 100',
        hint: '× 100',
        expect: 'A hundred at once. The accept queue is short: some SYNs may be dropped and sent again a second later. None is refused.',
      },
      {
        run: 'overflow',
        name: 'Overflow the backlog',
        hint: 'pause',
        expect:
          'The server stops accepting for four seconds while more clients come than the queue admits. The rest wait outside and try again; all are answered in the end.',
      },
      {
        run: 'half-close',
        name: 'Half-close, then wait',
        hint: 'SHUT_WR',
        expect: 'The client says it is done writing, and still gets its reply: one direction is closed, the other is not.',
      },
      {
        run: 'reset',
        name: 'Reset during the hold',
        hint: 'RST',
        expect: 'The client ends with RST after a second: the server reads ECONNRESET and writes nothing.',
      },
      {
        run: 'silent',
        name: 'Silent client',
        hint: 'no byte',
        expect: 'It connects and never sends: the server waits for a byte, up to five minutes. End it by its row.',
      },
      {
        run: 'refused',
        name: 'Nobody listens',
        hint: 'refused',
        expect: 'The server is stopped first. Then connect() fails with ECONNREFUSED: RST answers the SYN.',
      },
    ],
  },
  server: {
    title: 'Server',
    hold: 'Hold',
    backlog: 'Backlog',
    stop: 'Stop server',
    stopping: 'Stopping…',
    start: 'Start server',
    starting: 'Starting…',
    holdWrong: (max) => `Milliseconds, a whole number from 0 to ${max}.`,
    backlogWrong: (max) => `A whole number from 0 to ${max}.`,
    admitted: (backlog) => `the queue admits ${backlog + 1}`,
  },
  serverSteps: {
    title: 'Server steps',
    waiting: 'waits for connections',
    noProcess: 'No server process is running.',
    doNext: 'What to do:',
    took: 'took',
    paused: (reason) => `accepting pauses (${reason})`,
    notYet: 'not yet called',
  },
  stage: {
    title: 'Stage',
    subtitle: 'what the kernel holds now',
    clientProcesses: 'Client processes',
    sockets: 'Their sockets',
    network: 'Network',
    serverSockets: 'Listening socket · accepted sockets',
    serverProcess: 'Server process',
    empty: 'Nobody is connected. Press Connect, or run netcat from a terminal.',
    more: (count) => `and ${count} more`,
    queueSlot: (slot, filled) => `slot ${slot} of the accept queue: ${filled ? 'a connection waits' : 'free'}`,
    extraSlot: 'the one more that the kernel admits',
    foreign: 'foreign',
    callsUnseen: 'its calls are not seen',
    holding: (from, to) => `holding ${from} → ${to}`,
    left: (seconds) => `${seconds} left`,
    doing: {
      connecting: 'connecting',
      queued: 'connected, not accepted',
      reading: 'waiting for its byte',
      held: 'waiting for the reply',
      replying: 'replied',
      closing: 'closing',
    },
    notAccepted: 'in the accept queue',
    notListening: 'no listening socket',
  },
  connections: {
    title: 'Connections',
    filter: 'Show',
    filters: { all: 'all', live: 'live', replied: 'replied', failed: 'failed' },
    newestFirst: 'newest first',
    empty: 'No connection yet. Each one gets a row here, and keeps it when it has ended.',
    emptyFiltered: 'No connection matches this filter.',
    outcomes: {
      replied: 'replied',
      refused: 'refused',
      reset: 'reset',
      'timed-out': 'timed out',
      'closed-without-byte': 'closed without a byte',
      'closed-without-reply': 'closed without a reply',
      'no-local-port': 'no local port left',
      'no-descriptor': 'no descriptor left',
      ended: 'ended early',
      lost: 'lost',
      failed: 'failed',
    },
    phases: { connecting: 'connecting', queued: 'queued', reading: 'no byte yet', held: 'held', replying: 'replying', closing: 'closing', ended: 'ended' },
    rowLabel: (name, what) => `${name}: ${what}`,
    ours: 'client',
    foreign: 'foreign',
    count: (shown, all) => (shown === all ? `${all}` : `${shown} of ${all}`),
  },
  conversation: {
    title: 'Conversation',
    empty: 'Choose a connection to read its story, call by call.',
    first: 'First step',
    back: 'Step back',
    next: 'Next step',
    last: 'Last step',
    position: (step, of) => `${step} / ${of}`,
    showInferred: 'inferred',
    showRoutine: 'all calls',
    idle: (duration) => `${duration} idle`,
    held: (duration) => `${duration} held`,
    clientSide: 'client',
    serverSide: 'increment server',
    unseenClient: 'a foreign process: its calls are not seen',
    unseenServer: 'no server end',
    itsSocket: 'its socket',
    textVersion: 'The same story as a list',
    atTime: (duration) => `at ${duration}`,
    lasted: (duration) => `took ${duration}`,
    doNext: 'What to do:',
    end: 'End this client',
  },
  trace: {
    title: 'Trace',
    filter: 'Filter',
    call: 'Call',
    allCalls: 'all calls',
    copy: 'Copy',
    copied: 'Copied',
    freeze: 'Freeze view',
    resume: (count) => `Resume (${count} came meanwhile)`,
    json: 'NDJSON',
    text: 'strace text',
    follow: 'follow',
    empty: 'Nothing has happened yet.',
    emptyFiltered: 'No line matches.',
    lines: (shown, all) => (shown === all ? `${all} lines` : `${shown} of ${all} lines`),
    gap: (dropped, where) => (where === 'feed' ? `${dropped} events were skipped: this page was too slow` : `${dropped} events of ${where} were not recorded`),
  },
  sockets: {
    title: 'Sockets',
    columns: { state: 'State', recvQ: 'Recv-Q', sendQ: 'Send-Q', local: 'Local', peer: 'Peer', process: 'Process', seen: 'Seen by' },
    empty: 'The kernel has no socket on our ports.',
    notSeen: 'The socket table is not being read.',
  },
};
