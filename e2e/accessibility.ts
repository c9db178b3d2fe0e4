// What axe finds wrong with a page, in words that say where.
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright/test';

/** The rules whose result hangs on colours, as far as AA goes. */
const COLOUR_RULES = ['color-contrast', 'link-in-text-block'];

/**
 * The violations of the page, or of what `within` (a selector) has. Roles, names and structure are the same in either theme, so that in the
 * dark one only what depends on colours is looked at.
 */
export async function violations(page: Page, scheme: 'light' | 'dark', within = 'html'): Promise<string[]> {
  const axe = new AxeBuilder({ page }).include(within);
  if (scheme === 'dark') axe.withRules(COLOUR_RULES);
  const found = await axe.analyze();
  // Rules that found nothing to look at would find nothing wrong either.
  if (found.passes.length === 0) throw new Error(`axe has passed nothing within ${within}`);
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
}
