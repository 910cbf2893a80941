/** The timeline of one item, in a real browser. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allViews, assertQuiet, openPage, withoutBrowser } from './browser.ts';
import { serveScene } from './fixture.ts';
import { ago, timelineOf } from './scene-parts.ts';
import { night } from './scenes.ts';

const skip = withoutBrowser;
type Shown = ReturnType<typeof timelineOf>;

async function timeline(
  t: { after: (tidy: () => Promise<void>) => void },
  item: Shown,
  options: Parameters<typeof openPage>[2] = {},
) {
  const server = await serveScene(night());
  t.after(() => server.close());
  server.answers.item = () => [200, { items: [item] }];
  const opened = await openPage(t, `${server.url}#item=${item.id}`, options);
  await opened.page.waitForSelector('.sheet .events');
  return { server, ...opened };
}

test('what is open is looked at again, until it has ended', { skip }, async (t) => {
  const ended = timelineOf('order-1');
  const open: Shown = { ...ended, state: 'open', record: null, events: ended.events.slice(0, 2) };
  const shown = await timeline(t, open);
  await shown.page.waitForSelector('.sheet .line >> text=Open');
  let asked = 0;
  // Once more it is asked for as soon as the actions are there.
  shown.server.answers.item = () => [200, { items: [(asked += 1) < 3 ? open : ended] }];
  await shown.page.waitForSelector('.sheet .events >> text=nome ausente');
  assertQuiet(shown);
});

test('days are those of the browser, as the clock beside them is', { skip }, async (t) => {
  const item = timelineOf('order-1');
  const at = (time: string) => `2026-01-01T${time}:00.000Z`;
  const [received, claimed] = item.events;
  assert.ok(received && claimed);
  const events = [
    { ...received, at: at('01:30') },
    { ...claimed, at: at('03:30') },
  ];
  const zone = { timezoneId: 'America/Sao_Paulo' };
  const { page } = await timeline(t, { ...item, events }, zone);
  const times = await page.locator('.sheet .events time').allInnerTexts();
  assert.match(times[0] ?? '', /31.* 22:30:00/);
  assert.match(times[1] ?? '', /Jan.* 00:30:00/);
});

test('what has come again is not called redriven', { skip }, async (t) => {
  const item = timelineOf('scan-1.pdf');
  const [received] = item.events;
  assert.ok(received);
  const again = { ...received, generation: 1, kind: 'came-again' as const, at: ago(5) };
  const { page } = await timeline(t, { ...item, flow: 'notas', events: [received, again] });
  assert.deepEqual(await page.locator('.sheet .chapter').allInnerTexts(), [
    'First delivery',
    'It came again: it had been done without an effect',
  ]);
});

test(
  'a doubt is decided at its registration, and not at a task of the same id',
  { skip },
  async (t) => {
    const item = timelineOf('order-1005');
    const { page, server } = await timeline(t, { ...item, flow: 'emails' });
    await allViews(page);
    const decide = page.locator('.sheet .buttons button >> text=Decide');
    assert.equal(await decide.count(), 0);
    server.answers.item = () => [200, { items: [item] }];
    await page.reload();
    await decide.waitFor();
  },
);
