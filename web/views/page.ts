// What every view of the page shares: the session, the selection, the theme; made once, handed down by context.
import { getContext, setContext } from 'svelte';
import { Selection } from '../state/selection.svelte.ts';
import { Session } from '../state/session.svelte.ts';
import { ThemeState } from '../state/theme.svelte.ts';

export interface Page {
  session: Session;
  selection: Selection;
  theme: ThemeState;
}

const KEY = Symbol('page');

export function makePage(): Page {
  const session = new Session();
  const page = { session, selection: new Selection(session), theme: new ThemeState() };
  setContext(KEY, page);
  return page;
}

export function usePage(): Page {
  return getContext<Page>(KEY);
}
