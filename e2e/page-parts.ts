// The parts of the page that tests go by: by role and name, as a reader of the screen finds them.
import { expect, type Locator, type Page } from 'playwright/test';
import { needs } from './programs.ts';

export function region(page: Page, name: string): Locator {
  return page.getByRole('region', { name, exact: true });
}

/** Those of Connections; of many only those in sight are there. */
export function rows(page: Page): Locator {
  return region(page, 'Connections').getByRole('listbox').getByRole('option');
}

export function connectButton(page: Page): Locator {
  return page.getByRole('button', { name: 'Connect', exact: true });
}

/** Opens the page at `url`; it has heard of its bridge when this resolves. */
export async function openPage(page: Page, url: string): Promise<void> {
  needs('chromium');
  await page.goto(url);
  await expect(connectButton(page)).toBeEnabled();
}

/** Starts a scenario; resolves to what the page says of it. */
export async function preset(page: Page, name: string | RegExp): Promise<Locator> {
  await page.getByRole('button', { name }).click();
  return region(page, 'Clients').getByRole('status');
}
