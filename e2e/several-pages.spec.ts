// Several pages of one run: one that joins late, is reloaded or was cut off tells what the page tells that was there all the time.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, type Page } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { layLine } from './cuttable-line.ts';
import { connectButton, openPage, region, rows } from './page-parts.ts';
import { exchange, type PeerEnd } from './peers.ts';

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

/** For so long nothing comes through the line. */
const CUT_MS = 20_000;
/** Few enough that a page told anew is told of all of them. */
const EXCHANGE_EVERY_MS = 400;

test('a page reloaded in the middle, and one cut off for 20 s, end with the picture of the one that was there: nothing lost, nothing doubled', async ({
  context,
}) => {
  test.setTimeout(120_000);
  const line = await layLine();
  const own = await startBridge(['--hold-ms', '200', '--allow-host', line.host]);
  line.leadTo(own.httpPort);
  const [there, reloaded, cutOff] = [await context.newPage(), await context.newPage(), await context.newPage()];
  await openPage(there, own.url);
  await openPage(reloaded, own.url);
  await openPage(cutOff, line.url);
  const exchanges: Promise<PeerEnd>[] = [];
  const load = setInterval(() => exchanges.push(exchange(own.tcpPort, 'A')), EXCHANGE_EVERY_MS);
  const banner = (page: Page) => page.getByRole('banner');
  await expect(banner(cutOff)).toContainText(/[3-9] replied/);

  line.cut();
  const atCut = await banner(cutOff).innerText();
  const silence = sleep(CUT_MS);
  await expect(banner(there)).toContainText(/1\d replied/);
  await reloaded.reload();
  await expect(connectButton(reloaded)).toBeEnabled();
  await expect(banner(cutOff)).toContainText('The bridge does not answer');
  await expect(connectButton(cutOff)).toBeDisabled();
  expect(/\d+ replied/.exec(await banner(cutOff).innerText())?.[0]).toBe(/\d+ replied/.exec(atCut)?.[0]);
  await silence;
  line.mend();
  await expect(connectButton(cutOff)).toBeEnabled();
  await expect(banner(cutOff)).not.toContainText('The bridge does not answer');

  clearInterval(load);
  const ends = await Promise.all(exchanges);
  for (const { received, errno } of ends) expect([received.toString(), errno]).toEqual(['B', null]);
  const order = async (page: Page, by: string): Promise<void> => {
    await region(page, 'Connections').getByRole('combobox', { name: 'Order' }).selectOption(by);
  };
  for (const [name, page] of Object.entries({ there, reloaded, cutOff })) {
    await expect(banner(page), name).toContainText(`${ends.length} replied`);
    await expect(region(page, 'Connections'), name).toContainText(new RegExp(`connections\\s+${ends.length}\\b`, 'i'));
    await expect(region(page, 'Stage')).toContainText('Nobody is connected.');
    for (const by of ['newest first', 'oldest first']) {
      await order(page, by);
      await order(there, by);
      await expect.poll(() => rows(page).allInnerTexts()).toEqual(await rows(there).allInnerTexts());
    }
  }
  await line.close();
  expect(await own.stop()).toBe(0);
});
