// The words of the evidence: connections, the drawer and what is in it, as a type.
import type { Sort } from '../../model/connection-list.ts';
import type { QueryKey } from '../../model/trace-query.ts';

export type DrawerTab = 'trace' | 'sockets' | 'charts' | 'bytes' | 'code';

export interface EvidenceWords {
  drawer: { title: string; tabs: Readonly<Record<DrawerTab, string>>; height: string; larger: string; smaller: string; loading: string; notLoaded: string };
  connections: {
    title: string;
    filter: string;
    filters: Readonly<Record<'all' | 'live' | 'failed', string>>;
    byState: string;
    byOutcome: string;
    process: string;
    allProcesses: string;
    sort: string;
    sorts: Readonly<Record<Sort, string>>;
    zoom: string;
    zoomIn: string;
    zoomOut: string;
    zoomHelp: string;
    fit: string;
    axisFrom(clock: string): string;
    axisHelp: string;
    toNewest: string;
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
    list: string;
    filter: string;
    searchHint: string;
    searching(percent: number): string;
    onlyFailed: string;
    noRoutine: string;
    noRoutineHelp: string;
    onlyChosen: string;
    problem: Readonly<Record<'unknown-key' | 'no-value' | 'unknown-value', (word: string) => string>>;
    help: string;
    helpIntro: string;
    helpKeys: Readonly<Record<QueryKey, { example: string; means: string }>>;
    helpNot: string;
    helpText: string;
    copy: string;
    copied: string;
    freeze: string;
    resume(count: number): string;
    formats: Readonly<Record<'ndjson' | 'strace', string>>;
    downloadAll: string;
    downloadFound(count: number): string;
    downloading(percent: number): string;
    downloadFailed(why: string): string;
    empty: string;
    emptyFiltered: string;
    lines(shown: number, all: number): string;
    gap(dropped: number, where: string): string;
    gaps(dropped: number, count: number): string;
    hole(missing: number): string;
  };
  addressBytes: {
    title: string;
    intro: string;
    empty: string;
    direction: Readonly<Record<'given' | 'filled', string>>;
    at(offset: number, length: number): string;
    family: string;
    port(port: number, hex: string, swapped: number): string;
    anyPort: string;
    address(ip: string): string;
    zero: string;
  };
  charts: {
    title: string;
    span: string;
    spans(minutes: number): string;
    asTable: string;
    note: string;
    number(value: number): string;
    second: string;
    exchanges: string;
    live: string;
    queue: string;
    late: string;
    mean: string;
    worst: string;
  };
  code: {
    title: string;
    languages: string;
    sides: Readonly<Record<'server' | 'client', string>>;
    listing(side: string, language: string): string;
    marked(call: string): string;
    noLine: string;
    notes: Readonly<Record<'C' | 'Python' | 'Go' | 'TypeScript', string>>;
  };
}
