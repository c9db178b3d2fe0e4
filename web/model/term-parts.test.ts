// Terms are found as whole words, once, and nothing of the sentence is lost.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TermFinder } from './term-parts.ts';

const finder = new TermFinder({ port: ['local port', 'port'], queue: ['accept queue'], syn: ['SYN ACK', 'SYN'], epoll: ['epoll'] }, true);
const terms = (sentence: string): string[] => finder.parts(sentence).flatMap((part) => (part.term === null ? [] : [`${part.term}=${part.text}`]));

it('finds the longest form of a term, and each term once', () => {
  expect(terms('A local port, not just any port; then SYN, SYN ACK.')).toEqual(['port=local port', 'syn=SYN']);
});

it('does not find a term within another word, or the name of a call', () => {
  expect(terms('A report on epoll_wait and SYN-SENT, epoll().')).toEqual([]);
});

it('finds terms in a script without spaces', () => {
  expect(new TermFinder({ port: ['端口'] }, false).parts('本地端口。')).toEqual([
    { text: '本地', term: null },
    { text: '端口', term: 'port' },
    { text: '。', term: null },
  ]);
});

it('loses nothing', () => {
  const words = fc.constantFrom('port', 'local', 'SYN', 'ACK', 'accept queue', 'epoll', ' ', '.', '(');
  fc.assert(
    fc.property(
      fc.array(words).map((all) => all.join('')),
      (sentence) =>
        finder
          .parts(sentence)
          .map((part) => part.text)
          .join('') === sentence,
    ),
  );
});
