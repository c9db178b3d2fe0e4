// The words of the evidence: connections, the drawer and what is in it, as a type.

export type DrawerTab = 'trace' | 'sockets' | 'charts' | 'bytes' | 'code';

export interface EvidenceWords {
  drawer: { title: string; tabs: Readonly<Record<DrawerTab, string>>; height: string; larger: string; smaller: string; loading: string; notLoaded: string };
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
  addressBytes: {
    title: string;
    intro: string;
    empty: string;
    direction: Readonly<Record<'given' | 'filled', string>>;
    at(offset: number, length: number): string;
    family: string;
    port(port: number, hex: string, swapped: number): string;
    address(ip: string): string;
    zero: string;
  };
}
