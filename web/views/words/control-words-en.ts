// Header, clients and server controls in English.
import type { ControlWords } from './control-words.ts';
import { englishCount, englishNumber } from './plural.ts';

export const controlWordsEn: ControlWords = {
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
    language: 'Language',
  },
  clients: {
    title: 'Clients',
    byte: 'Byte',
    byteHelp: 'a character, or 0x41',
    byteWrong: 'One character, or hexadecimal from 0x00 to 0xff.',
    count: 'Count',
    countWrong: (max) => `A whole number from 1 to ${englishNumber(max)}.`,
    connect: 'Connect',
    connecting: 'Connecting…',
    try: 'Try',
    terminal: 'From a terminal',
    copy: 'copy',
    copied: 'copied',
    expect: 'To expect:',
    happened: 'What happened:',
    results: {
      living: (count) => `${englishNumber(count)} still under way.`,
      replied: (count, of) =>
        count === of
          ? of === 1
            ? 'It got its reply.'
            : `All ${englishNumber(of)} got their reply.`
          : `${englishNumber(count)} of ${englishNumber(of)} got their reply.`,
      refused: (count) => `${englishCount(count, 'was', 'were')} refused: ECONNREFUSED.`,
      reset: (count) => `${englishCount(count, 'was', 'were')} reset.`,
      ended: (count) => `${englishCount(count, 'ended early, as it was', 'ended early, as they were')} told.`,
      failed: (count) => `${englishNumber(count)} failed otherwise: look at ${count === 1 ? 'its row' : 'their rows'}.`,
      retried: (count) => `${englishNumber(count)} connected only after a second or more: their SYN was sent again.`,
      queue: (most, admits) => `The accept queue held up to ${englishNumber(most)}; it admits ${englishNumber(admits)}.`,
      drops: (count) => `The listener threw ${englishCount(count, 'segment', 'segments')} away.`,
      lastReply: (duration) => `Last reply after ${duration}.`,
    },
    startAgain: 'Start server',
    endThem: 'End it now',
    presets: {
      three: { name: 'Three clients', hint: 'A → B', expect: 'The classic run: three connections are held side by side, and each gets B.' },
      burst: {
        name: 'Burst of 100',
        hint: '× 100',
        expect: 'A hundred at once. The accept queue is short: some SYNs may be thrown away and sent again a second later. None is refused.',
      },
      overflow: {
        name: 'Overflow the backlog',
        hint: 'listen',
        expect:
          'The server accepts nobody for four seconds while more clients come than the queue admits. The rest wait outside and try again; then it goes on by itself, and all are answered.',
      },
      'half-close': {
        name: 'Half-close, then wait',
        hint: 'FIN',
        expect: 'The client says it is done writing, and still gets its reply: one direction is closed, the other is not.',
      },
      reset: { name: 'Reset during the hold', hint: 'RST', expect: 'The client ends with RST after a second: the server reads ECONNRESET and writes nothing.' },
      silent: {
        name: 'Silent client',
        hint: '…',
        expect: 'It connects and never sends. The server waits for its byte, up to five minutes; connect() does not promise that anybody speaks.',
      },
      refused: {
        name: 'Nobody listens',
        hint: 'refused',
        expect: 'The server is stopped first, in good order. Then connect() fails with ECONNREFUSED: RST answers the SYN. Start the server again afterwards.',
      },
    },
  },
  server: {
    title: 'Server',
    hold: 'Hold',
    backlog: 'Backlog',
    stop: 'Stop server',
    stopping: 'Stopping…',
    start: 'Start server',
    starting: 'Starting…',
    holdWrong: (max) => `Milliseconds, a whole number from 0 to ${englishNumber(max)}.`,
    backlogWrong: (max) => `A whole number from 0 to ${englishNumber(max)}.`,
    admitted: (backlog) => `the queue admits ${englishNumber(backlog + 1)}`,
    undo: (was) => `Undo: back to ${was}`,
  },
};
