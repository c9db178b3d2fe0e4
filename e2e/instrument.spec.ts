// The page as an instrument: stepping through a conversation, its address, its verdict, its states, and the kernel's table.
import { expect, test, type Locator, type Page } from 'playwright/test';
import { violations } from './accessibility.ts';
import { startBridge, type BridgeUnderTest } from './bridge-under-test.ts';
import { trace } from './feed-client.ts';
import { openPage, region, rows } from './page-parts.ts';

const slider = (page: Page): Locator => region(page, 'Conversation').getByRole('slider', { name: 'Step' });
/** The story as a list: what a screen reader reads. */
const story = (page: Page): Locator => region(page, 'Conversation').getByRole('list', { name: 'The same story as a list' }).getByRole('listitem');

let bridge: BridgeUnderTest;
test.beforeAll(async () => {
  bridge = await startBridge(['--hold-ms', '300']);
});
test.afterAll(async () => {
  await bridge.stop();
});

async function open(page: Page, hash = ''): Promise<void> {
  await openPage(page, `${bridge.url}/${hash}`);
}

/** One client of ours from socket() to close(), chosen. */
async function oneExchange(page: Page): Promise<void> {
  await open(page);
  // Not their number: of many connections only those in sight have rows.
  const newest = rows(page).first();
  const before = (await rows(page).count()) === 0 ? '' : ((await newest.getAttribute('id')) ?? '');
  await page.getByRole('spinbutton', { name: 'Count' }).fill('1');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(newest).not.toHaveAttribute('id', before);
  await newest.click();
  await expect(region(page, 'Conversation')).toContainText(/replied after ([3-9]\d\d(\.\d)? ms|\d+(\.\d+)? s)/);
  await expect(region(page, 'Conversation')).toContainText('TIME-WAIT');
  // What the tap and the sampler saw comes behind the calls: the story is whole when it has stopped growing.
  let steps = -1;
  await expect
    .poll(
      async () => {
        const before = steps;
        [, steps] = await stepAt(page);
        return steps === before;
      },
      { intervals: [500] },
    )
    .toBe(true);
}

async function stepAt(page: Page): Promise<[at: number, of: number]> {
  return [Number(await slider(page).inputValue()), Number(await slider(page).getAttribute('max'))];
}

test('a story is walked through by buttons, by keys and by the slider, each step with its exact call and who saw it', async ({ page }) => {
  await oneExchange(page);
  const conversation = region(page, 'Conversation');
  const button = (name: string): Locator => conversation.getByRole('button', { name, exact: true });
  await button('Last step').click();
  await button('First step').click();
  await expect(button('First step')).toBeDisabled();
  await expect(conversation).toContainText('socket(AF_INET, SOCK_STREAM');
  await expect(conversation).toContainText(/returned to pid \d+/);
  await button('Next step').click();
  expect((await stepAt(page))[0]).toBe(1);
  await expect(conversation).toContainText('EINPROGRESS');
  await button('Step back').click();
  expect((await stepAt(page))[0]).toBe(0);
  await button('Last step').click();
  const [at, of] = await stepAt(page);
  expect(at).toBe(of);
  await expect(button('Next step')).toBeDisabled();

  const drawing = conversation.getByRole('group', { name: 'Conversation' });
  await drawing.focus();
  await page.keyboard.press('ArrowLeft');
  expect((await stepAt(page))[0]).toBe(of - 1);
  await page.keyboard.press('Home');
  expect((await stepAt(page))[0]).toBe(0);
  await slider(page).focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  expect((await stepAt(page))[0]).toBe(2);
  await expect(slider(page)).toHaveAttribute('aria-valuetext', /^step 3 of \d+: /);
});

test('it plays by itself to the last step, and stops there', async ({ page }) => {
  await oneExchange(page);
  const conversation = region(page, 'Conversation');
  await conversation.getByRole('combobox', { name: 'Pace' }).selectOption('real');
  await conversation.getByRole('button', { name: 'Play' }).click();
  await expect.poll(async () => (await stepAt(page)).join('/')).toMatch(/^(\d+)\/\1$/);
  await expect(conversation.getByRole('button', { name: 'Play' })).toBeVisible();
});

test('the calls of the story are the calls of the trace, in order of time', async ({ page }) => {
  await oneExchange(page);
  const key = new URL(page.url()).hash;
  const clientId = /c=(c\d+)/.exec(key)?.[1];
  const calls = (await trace(bridge.url)).filter((event) => event.kind === 'call' && event['clientId'] === clientId).map((event) => event.call);
  expect(calls.length).toBeGreaterThan(7);
  await region(page, 'Conversation').getByRole('checkbox', { name: 'all calls' }).check();
  for (const name of new Set(calls.filter((call) => call !== 'epoll_wait'))) {
    const inStory = async (): Promise<number> => (await story(page).allTextContents()).filter((line) => line.includes(`, client: ${String(name)}(`)).length;
    await expect.poll(inStory, { message: String(name) }).toBe(calls.filter((call) => call === name).length);
  }
});

test('hide inferred leaves only what somebody saw', async ({ page }) => {
  await oneExchange(page);
  const hide = region(page, 'Conversation').getByRole('checkbox', { name: /inferred/ });
  // Evidence may still come in: only what nobody saw is counted.
  const inferred = story(page).filter({ hasText: 'inferred: nobody saw it' });
  await expect(inferred).not.toHaveCount(0);
  const all = await inferred.count();
  await hide.check();
  await expect(inferred).toHaveCount(0);
  await expect(story(page)).not.toHaveCount(0);
  await hide.uncheck();
  await expect(inferred).toHaveCount(all);
});

test('the address names connection and step, and a reload comes back to them', async ({ page }) => {
  await oneExchange(page);
  const conversation = region(page, 'Conversation');
  await expect(slider(page)).toHaveValue('0');
  for (let i = 0; i < 4; i += 1) await conversation.getByRole('button', { name: 'Next step', exact: true }).click();
  // How many steps there are may still grow: the kernel's TIME-WAIT is seen later.
  const called = ((await slider(page).getAttribute('aria-valuetext')) ?? '').replace(/^.*?: /, ': ');
  const { hash } = new URL(page.url());
  expect(hash).toMatch(/c=c\d+&s=4/);
  await page.goto('about:blank');
  await open(page, hash);
  await expect(slider(page)).toHaveValue('4');
  await expect(slider(page)).toHaveAttribute('aria-valuetext', new RegExp(called.replace(/[^\w ]/g, '.') + '$'));
  await expect(rows(page).and(page.locator('[aria-selected="true"]'))).toHaveCount(1);
});

test('an address of another run is told, not guessed', async ({ page }) => {
  await open(page, '#c=c999999&s=3');
  await expect(region(page, 'Conversation')).toContainText('not among those that are kept');
});

test('the verdict opens into clauses, and a clause leads to the step it follows from', async ({ page }) => {
  await oneExchange(page);
  const conversation = region(page, 'Conversation');
  await conversation.getByText(/replied after .* m?s;.* closed in order by the server/).click();
  const clause = conversation.getByRole('listitem').filter({ hasText: 'closed in order by the server' }).filter({ hasText: 'follows from' });
  await clause
    .getByRole('button', { name: /^shutdown\(/ })
    .first()
    .click();
  await expect(slider(page)).toHaveAttribute('aria-valuetext', /: shutdown\(\d+, SHUT_WR\)/);
});

test('the state diagram opens from the keyboard, says where both ends were seen, and closes with Escape', async ({ page }) => {
  await oneExchange(page);
  const opener = region(page, 'Conversation').getByRole('button', { name: 'State diagram' }).first();
  await opener.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'States of a TCP connection' });
  await expect(dialog).toBeVisible();
  for (const state of [
    'LISTEN',
    'SYN-SENT',
    'SYN-RECEIVED',
    'ESTABLISHED',
    'FIN-WAIT-1',
    'FIN-WAIT-2',
    'CLOSE-WAIT',
    'CLOSING',
    'LAST-ACK',
    'TIME-WAIT',
    'CLOSED',
  ]) {
    await expect(dialog.getByRole('term').filter({ hasText: new RegExp(`^\\s*${state}`) })).toHaveCount(1);
  }
  await expect(dialog.getByRole('term').filter({ hasText: "the server's end" })).toHaveCount(1);
  expect(await violations(page, 'light', 'dialog')).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
});

test('a living client is ended from its conversation: a reset is an outcome, at the server too', async ({ page }) => {
  await open(page);
  const hold = region(page, 'Server')
    .getByRole('textbox', { name: /Hold/ })
    .or(region(page, 'Server').getByRole('spinbutton', { name: /Hold/ }));
  await hold.first().fill('20000');
  await hold.first().press('Enter');
  await page.getByRole('spinbutton', { name: 'Count' }).fill('1');
  const before = await rows(page).count();
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(rows(page)).toHaveCount(before + 1);
  await rows(page).first().click();
  await expect(region(page, 'Conversation')).toContainText('its byte is held');
  await region(page, 'Conversation').getByRole('group', { name: 'End this client' }).getByRole('button', { name: 'reset', exact: true }).click();
  await expect(region(page, 'Conversation')).toContainText('reset by the client');
  await expect(region(page, 'Conversation').getByRole('group', { name: 'End this client' })).toHaveCount(0);
  await hold.first().fill('300');
  await hold.first().press('Enter');
});

test('the overflow is explained from its own evidence: queue full, late connects, none refused, all replied', async ({ page }) => {
  test.setTimeout(90_000);
  await open(page);
  await page.getByRole('button', { name: /Overflow the backlog/ }).click();
  const stage = region(page, 'Stage');
  await expect(stage.getByRole('img', { name: /accept queue 6\/5/ })).toBeVisible();
  await expect(stage.getByRole('status')).toContainText('6/5');
  await expect(stage.getByRole('status')).toContainText(/All \d+ got their reply/, { timeout: 40_000 });
  await stage.getByRole('button', { name: 'What happened' }).click();
  const told = page.getByRole('dialog', { name: 'What happened' });
  await expect(told).toContainText('6 waited, its limit is 5');
  await expect(told).toContainText('connected late');
  await expect(told).toContainText('None was refused');
  const events = await trace(bridge.url);
  const fullest = Math.max(...events.filter((event) => event.kind === 'accept-queue').map((event) => Number(event['length'])));
  expect(fullest).toBe(6);
});

test("the kernel's socket table stands behind its tab: the listener with its limit, the client's end with its owner, sorted as asked", async ({ page }) => {
  await open(page);
  await page.getByRole('tab', { name: 'Sockets' }).click();
  const table = region(page, 'Sockets').getByRole('table');
  const listener = table.getByRole('row').filter({ hasText: 'LISTEN' });
  await expect(listener).toHaveCount(1);
  await expect(listener).toContainText(`0.0.0.0:${bridge.tcpPort}`);
  await expect(listener.getByRole('cell').nth(2)).toHaveText('5');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(table.getByRole('row').filter({ hasText: /TIME-WAIT|ESTABLISHED/ })).not.toHaveCount(0);
  await table.getByRole('button', { name: 'Local' }).click();
  await expect(table.getByRole('columnheader', { name: 'Local' })).toHaveAttribute('aria-sort', 'ascending');
});

test('which evidence can be had is told, rung by rung', async ({ page }) => {
  await open(page);
  const status = (await (await fetch(`${bridge.url}/api/status`)).json()) as { evidence: { evidence: string; available: boolean; missing: string }[] };
  await region(page, 'Stage').getByRole('button', { name: 'Who can see what' }).click();
  const ladder = page.getByRole('dialog', { name: 'Who can see what' });
  await expect(ladder.getByRole('listitem')).toHaveCount(status.evidence.length);
  for (const rung of status.evidence) {
    await expect(ladder.getByRole('listitem').filter({ hasText: rung.evidence }).first()).toContainText(rung.available ? 'available' : rung.missing);
  }
});

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1440, 390]) {
    test(`no axe violations at ${width} px, with the verdict open and a state chosen (${colorScheme})`, async ({ page }) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await oneExchange(page);
      const conversation = region(page, 'Conversation');
      await conversation.getByText(/replied after .* closed in order/).click();
      expect(await violations(page, colorScheme)).toEqual([]);
      // Nothing is wider than the window.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });
  }
}
