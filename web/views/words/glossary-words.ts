// The glossary as a type: the terms a beginner stumbles over, each with the words that stand for it in a sentence.

export const TERMS = [
  'socket',
  'descriptor',
  'backlog',
  'acceptQueue',
  'handshake',
  'segment',
  'syn',
  'fin',
  'rst',
  'halfClose',
  'timeWait',
  'nonBlocking',
  'eagain',
  'epoll',
  'endOfFile',
  'hold',
  'sendQueue',
  'receiveQueue',
  'port',
] as const;
export type TermName = (typeof TERMS)[number];

export interface Term {
  title: string;
  means: string;
  /** As it stands in sentences; longer ones first where one begins another. */
  written: readonly string[];
}

export interface GlossaryWords {
  glossary: {
    /** What the button of a term is called. */
    explain(term: string): string;
    terms: Readonly<Record<TermName, Term>>;
  };
}
