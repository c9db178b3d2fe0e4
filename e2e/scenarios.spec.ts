// The classic scenarios of the page: each says what to expect, then what happened to those very clients.
import { expect, test } from 'playwright/test';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { openPage, preset, rows } from './page-parts.ts';

let bridge: BridgeUnderTest;

test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', '1500']);
});

test.afterAll(async () => {
  await bridge.stop();
});

test('three clients', async ({ page }) => {
  await openPage(page, bridge.url);
  const said = await preset(page, /Three clients/);
  await expect(said).toContainText('each gets B');
  await expect(said).toContainText('All 3 got their reply.');
});

test('a burst of 100: none refused', async ({ page }) => {
  await openPage(page, bridge.url);
  const said = await preset(page, /Burst of 100/);
  // How long the last ones take is the kernel's business: their SYNs go out again after one second, two, four …
  await expect(said).toContainText(/(All|[2-9]\d of) 100 got their reply\./, { timeout: 40_000 });
  await expect(said).toContainText('it admits 6');
  await expect(said).not.toContainText('refused: ECONNREFUSED');
});

test('an overflowing backlog: the queue held as many as it admits, the rest came later', async ({ page }) => {
  await openPage(page, bridge.url);
  const said = await preset(page, /Overflow the backlog/);
  await expect(said).toContainText('All 10 got their reply.', { timeout: 40_000 });
  await expect(said).toContainText('held up to 6; it admits 6');
  await expect(said).toContainText(/\d+ connected only after a second or more/);
});

test('a half-close keeps its reply, a reset gets none', async ({ page }) => {
  await openPage(page, bridge.url);
  await expect(await preset(page, /Half-close/)).toContainText('It got its reply.');
  // The hold is longer than the second after which this client resets.
  await expect(await preset(page, /Reset during the hold/)).toContainText('1 was reset.');
  await expect(rows(page).first()).toContainText('✕ ECONNRESET');
});

test('a silent client waits until it is ended by its button', async ({ page }) => {
  await openPage(page, bridge.url);
  const said = await preset(page, /Silent client/);
  await expect(said).toContainText('1 still under way.');
  await said.getByRole('button', { name: 'End it now' }).click();
  await expect(said).toContainText('1 ended early');
});

test('nobody listens: refused, and the server can be started again where it is said', async ({ page }) => {
  await openPage(page, bridge.url);
  const said = await preset(page, /Nobody listens/);
  await expect(said).toContainText('1 was refused: ECONNREFUSED.');
  await said.getByRole('button', { name: 'Start server' }).click();
  await expect(page.getByRole('status').first()).toContainText('LISTEN');
});
