// Finding the terms of a glossary in a sentence, each once, so that they can be explained where they stand.

export interface TextPart<Name extends string> {
  text: string;
  /** Null: plain text. */
  term: Name | null;
}

/** Splits sentences at the terms that `written` names; a term's later mentions stay plain. Made once for each language. */
export class TermFinder<Name extends string> {
  readonly #names = new Map<string, Name>();
  readonly #pattern: RegExp;

  /** `wholeWords`: 'port' is not found in 'report'; false for a script without spaces. */
  constructor(written: Readonly<Record<Name, readonly string[]>>, wholeWords: boolean) {
    for (const name of Object.keys(written) as Name[]) for (const text of written[name]) this.#names.set(text, name);
    const longestFirst = [...this.#names.keys()].sort((a, b) => b.length - a.length);
    const any = longestFirst.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
    // A name of C that only begins like a term (SYN_SENT, epoll_wait, socket()) is not the term.
    this.#pattern = new RegExp(wholeWords ? `(?<![\\w-])(?:${any})(?![\\w(-])` : `(?:${any})(?![\\w(])`, 'g');
  }

  parts(sentence: string): TextPart<Name>[] {
    const found: TextPart<Name>[] = [];
    const seen = new Set<Name>();
    let from = 0;
    for (const match of sentence.matchAll(this.#pattern)) {
      const name = this.#names.get(match[0]);
      if (name === undefined || seen.has(name)) continue;
      seen.add(name);
      if (match.index > from) found.push({ text: sentence.slice(from, match.index), term: null });
      found.push({ text: match[0], term: name });
      from = match.index + match[0].length;
    }
    if (from < sentence.length) found.push({ text: sentence.slice(from), term: null });
    return found;
  }
}
