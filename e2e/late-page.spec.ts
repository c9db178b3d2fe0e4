// A page that joins late: what it still tells is what the page tells that was there all the time.
import { expect, test, type Page } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { connectButton, openPage, region, rows } from './page-parts.ts';

let bridge: BridgeUnderTest;
test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', '200', '--backlog', '500']);
});
test.afterAll(async () => {
  await bridge.stop();
});

async function connect(page: Page, count: number, total: number): Promise<void> {
  await page.getByRole('spinbutton', { name: 'Count' }).fill(String(count));
  await connectButton(page).click();
  await expect(page.getByRole('banner')).toContainText(`${total} replied`);
}

test('after more exchanges than a page that joins is told of: only whole ones, the same as on the first, and nobody left over', async ({ page, context }) => {
  await openPage(page, bridge.url);
  await connect(page, 150, 150);
  await connect(page, 150, 300);
  const late = await context.newPage();
  await openPage(late, bridge.url);
  await expect.poll(() => rows(late).allInnerTexts()).toEqual(await rows(page).allInnerTexts());
  await expect(region(late, 'Stage')).toContainText('Nobody is connected.');
  const told = Number(/connections\s+(\d+)/i.exec(await region(late, 'Connections').innerText())?.[1]);
  // All that fits: a burst of a hundred at least, and not all, or this would not be a test of what is left out.
  expect(told).toBeGreaterThan(100);
  expect(told).toBeLessThan(300);
  await region(late, 'Connections').getByRole('combobox', { name: 'Order' }).selectOption('oldest first');
  const oldest = await rows(late).allInnerTexts();
  expect(oldest.length).toBeGreaterThan(5);
  for (const row of oldest) expect(row).toMatch(/^client :\d+\s+A → B$/);
});
