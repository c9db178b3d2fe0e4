// Every panel is accessible, in both themes, on a wide page and on a narrow one.
import { expect, test } from 'playwright/test';
import { violations } from './accessibility.ts';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { openPage, preset, region } from './page-parts.ts';

let bridge: BridgeUnderTest;
test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', '1500']);
});
test.afterAll(async () => {
  await bridge.stop();
});

for (const scheme of ['light', 'dark'] as const) {
  for (const [width, height] of [
    [1440, 900],
    [390, 844],
  ] as const) {
    test(`every panel is accessible, ${scheme}, ${width} pixels wide`, async ({ page }) => {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
      await openPage(page, bridge.url);
      await expect(await preset(page, /Three clients/)).toContainText('All 3 got their reply.');
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
      for (const [tab, name] of [
        ['Trace', 'Trace'],
        ['Sockets', 'Sockets'],
        ['Charts', 'Charts'],
        ['Address bytes', 'Address bytes'],
        ['The same in code', 'The same in code'],
      ] as const) {
        await page.getByRole('tab', { name: tab }).click();
        await expect(region(page, name)).toBeVisible();
        expect(await violations(page, scheme), tab).toEqual([]);
      }
    });
  }
}
