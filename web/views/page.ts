// What every view of the page shares: the session, the selection, the theme; made once, handed down by context.
import { getContext, setContext } from 'svelte';
import { ColoursState } from '../state/colours.svelte.ts';
import { Experiments } from '../state/experiments.svelte.ts';
import { Selection } from '../state/selection.svelte.ts';
import { Story } from '../state/story.svelte.ts';
import { Session } from '../state/session.svelte.ts';
import { TraceFilter } from '../state/trace-filter.svelte.ts';
import { ThemeState } from '../state/theme.svelte.ts';

export interface Page {
  session: Session;
  selection: Selection;
  story: Story;
  theme: ThemeState;
  colours: ColoursState;
  traceFilter: TraceFilter;
  experiments: Experiments;
}

const KEY = Symbol('page');

export function makePage(): Page {
  const session = new Session();
  const selection = new Selection(session);
  const theme = new ThemeState();
  const page = {
    session,
    selection,
    story: new Story(session, selection),
    theme,
    colours: new ColoursState(theme),
    traceFilter: new TraceFilter(session),
    experiments: new Experiments(session, selection),
  };
  setContext(KEY, page);
  return page;
}

export function usePage(): Page {
  return getContext<Page>(KEY);
}
