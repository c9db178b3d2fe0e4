// The first minutes of a person who has just started it, on the page: three clients, a netcat, a taken port, a stopped server, a crash.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'playwright/test';
import { violations } from './accessibility.ts';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { trace } from './feed-client.ts';
import { openPage, region, rows } from './page-parts.ts';
import { needs, run } from './programs.ts';

test.describe('with a hold of two seconds', () => {
  let bridge: BridgeUnderTest;
  test.beforeAll(async () => {
    bridge = await startBridge(['--hold-ms', '2000']);
  });
  test.afterAll(async () => {
    await bridge.stop();
  });

  test('Connect with A and 3: three count down together, each ends in B, and the steps show the true descriptors', async ({ page }) => {
    await openPage(page, bridge.url);
    await expect(page.getByRole('textbox', { name: 'Byte' })).toHaveValue('A');
    await page.getByRole('spinbutton', { name: 'Count' }).fill('3');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await expect(rows(page)).toHaveCount(3);
    // Counting down together: all three show seconds left at the same time.
    await expect(rows(page).filter({ hasText: /\d\.\d\s*s/ })).toHaveCount(3);
    await expect(rows(page).filter({ hasText: 'A → B' })).toHaveCount(3);
    const steps = region(page, 'Server steps');
    const events = await trace(bridge.url);
    const accepted = events.filter((event) => event.call === 'accept4' && event.returned !== -1);
    const listener = events.find((event) => event.call === 'socket' && event.process === 'increment-server');
    expect(accepted).toHaveLength(3);
    await expect(steps).toContainText(`= ${String(listener?.returned)}`);
    await expect(steps).toContainText(`(${String(listener?.returned)}, 5) = 0`);
    await expect(steps).toContainText(`= ${String(accepted.at(-1)?.returned)}`);
    await expect(page.getByRole('status').first()).toContainText(`LISTEN 0.0.0.0:${bridge.tcpPort}`);
  });

  test('a netcat from a terminal gets a row of its own, its own reply, and its unseen half is marked', async ({ page }) => {
    needs('nc');
    await openPage(page, bridge.url);
    const before = await rows(page).count();
    const netcat = run('nc', ['-N', '127.0.0.1', String(bridge.tcpPort)], { input: 'Q' });
    await expect(rows(page)).toHaveCount(before + 1);
    const end = await netcat;
    expect(end.stdout.toString()).toBe('R');
    const row = rows(page).filter({ hasText: 'Q → R' });
    await expect(row).toHaveCount(1);
    await row.click();
    await expect(region(page, 'Conversation')).toContainText(/unseen|not seen/);
  });

  test('what a peer sends is text, never markup', async ({ page }) => {
    needs('nc');
    await openPage(page, bridge.url);
    await run('nc', ['-N', '127.0.0.1', String(bridge.tcpPort)], { input: '<img src=x onerror=alert(1)>\u001b[31m\u202e' });
    await expect(rows(page).filter({ hasText: '< → =' })).toHaveCount(1);
    expect(await page.locator('img').count()).toBe(0);
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`no axe violations: roles, names, contrast (${colorScheme})`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await openPage(page, bridge.url);
      await page.getByRole('button', { name: 'Connect', exact: true }).click();
      await expect(rows(page).first()).toContainText('→');
      await rows(page).first().click();
      expect(await violations(page, colorScheme)).toEqual([]);
    });
  }

  test('kill -9 of the increment server is told on the page, its connections are lost, and the next exchange is right', async ({ page }) => {
    await openPage(page, bridge.url);
    const answer = (await (await fetch(`${bridge.url}/api/status`)).json()) as { server: { pid: number } };
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await expect(
      rows(page)
        .filter({ hasText: /\d\.\d\s*s/ })
        .first(),
    ).toBeVisible();
    process.kill(answer.server.pid, 'SIGKILL');
    await expect(
      rows(page)
        .filter({ hasText: /lost|ECONNRESET|without a reply/ })
        .first(),
    ).toBeVisible({ timeout: 5_000 });
    // The new one: the header may still tell of the old, for the moment until the next status.
    await expect(page.getByRole('status').first()).toContainText(new RegExp(`LISTEN .*pid (?!${answer.server.pid}\\b)\\d+`));
    await page.getByRole('textbox', { name: 'Byte' }).fill('0xff');
    await page.getByRole('spinbutton', { name: 'Count' }).fill('1');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await expect(rows(page).first()).toContainText('0xff → 0x00');
  });

  test('with the server stopped a client is refused at its connect; started again, it serves', async ({ page }) => {
    await openPage(page, bridge.url);
    await page.getByRole('button', { name: 'Stop server' }).click();
    await expect(region(page, 'Server').getByRole('button', { name: 'Start server' })).toBeEnabled();
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await expect(rows(page).first()).toContainText('ECONNREFUSED');
    await rows(page).first().click();
    await expect(region(page, 'Conversation')).toContainText('ECONNREFUSED');
    await region(page, 'Server').getByRole('button', { name: 'Start server' }).click();
    await expect(page.getByRole('button', { name: 'Stop server' })).toBeEnabled();
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await expect(rows(page).first()).toContainText('A → B');
  });
});

test('with its port taken: bind = -1 EADDRINUSE, red and explained, and Start server works once the port is free', async ({ page }) => {
  const squatter = createServer();
  squatter.listen(0, '0.0.0.0');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { port: number };
  const bridge = await startBridge(['--tcp-port', String(port)]);
  await openPage(page, bridge.url);
  const steps = region(page, 'Server steps');
  await expect(steps).toContainText('EADDRINUSE');
  await expect(steps).toContainText(`0.0.0.0:${port}`);
  const colour = await steps
    .getByText('EADDRINUSE')
    .first()
    .evaluate((element) => getComputedStyle(element).color);
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number);
  expect(red).toBeGreaterThan(green + 60);
  expect(red).toBeGreaterThan(blue + 60);
  squatter.close();
  await once(squatter, 'close');
  await region(page, 'Server').getByRole('button', { name: 'Start server' }).click();
  await expect(page.getByRole('status').first()).toContainText(`LISTEN 0.0.0.0:${port}`);
  await expect(steps).not.toContainText('EADDRINUSE');
  expect(await bridge.stop()).toBe(0);
});
