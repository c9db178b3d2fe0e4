// What the page itself says, as a type: a language is one object of it, and a missing word is a type error.
import type { ControlWords } from './control-words.ts';
import type { EvidenceWords } from './evidence-words.ts';

export interface UiWords extends ControlWords, EvidenceWords {
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
  sockets: {
    title: string;
    columns: Readonly<Record<'state' | 'recvQ' | 'sendQ' | 'local' | 'peer' | 'process' | 'seen', string>>;
    empty: string;
    notSeen: string;
  };
}
