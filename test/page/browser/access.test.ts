/** Whoever cannot use a mouse, or see well, or reads another language: WCAG 2.2 AA by axe-core, and what axe cannot see. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { z } from 'zod';
import { allViews, assertQuiet, openPage, withoutBrowser } from './browser.ts';
import { serveScene } from './fixture.ts';
import { timelineOf } from './scene-parts.ts';
import { away, night, quiet } from './scenes.ts';

const skip = withoutBrowser;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const found = z.array(
  z.object({
    id: z.string(),
    nodes: z.array(z.object({ html: z.string(), failureSummary: z.string().optional() })),
  }),
);

/** By evaluate, since the page's CSP forbids a script of another origin, and stays on. */
async function assertAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axe);
  const violations = found.parse(
    await page.evaluate(
      `axe.run({ runOnly: { type: 'tag', values: ${JSON.stringify(RULES)} } }).then(({ violations }) => violations.map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => ({ html: html.slice(0, 200), failureSummary })) })))`,
    ),
  );
  assert.deepEqual(violations, [], what);
}

async function atNight(t: TestContext, options: Parameters<typeof openPage>[2], scene = night()) {
  const server = await serveScene(scene, 'operator', true);
  t.after(() => server.close());
  server.answers.count = () => [200, { selected: 4_188, byClass: { rejected: 4_188 } }];
  server.answers.item = (id) => [200, { items: [timelineOf(id)] }];
  server.answers.failures = () => [200, { failures: [], next: null }];
  const opened = await openPage(t, server.url, options);
  await allViews(opened.page);
  return opened;
}

for (const colorScheme of ['light', 'dark'] as const)
  for (const locale of ['en-US', 'pt-BR'])
    test(`axe finds nothing in five views, ${colorScheme}, ${locale}`, { skip }, async (t) => {
      const shown = await atNight(t, { colorScheme, locale });
      const { page } = shown;
      assert.equal(await page.getAttribute('html', 'lang'), locale === 'pt-BR' ? 'pt-BR' : 'en');
      await assertAccessible(page, 'a night');
      await page.click('.groups tbody tr:first-child .act button >> nth=0');
      await page.waitForSelector('dialog .count strong');
      await assertAccessible(page, 'a dialog');
      await page.keyboard.press('Escape');
      await page.click('#doubts tbody button.row');
      await page.waitForSelector('.sheet .events');
      await assertAccessible(page, 'a timeline');
      await page.keyboard.press('Escape');
      assertQuiet(shown);
      for (const scene of [quiet(), away()]) {
        const other = await atNight(t, { colorScheme, locale }, scene);
        await assertAccessible(other.page, 'all well, or unknown');
      }
    });

test(
  'at 320 pixels, which is 1280 at 400 %, nothing is cut off at the side',
  { skip },
  async (t) => {
    for (const width of [720, 390, 320]) {
      const { page } = await atNight(t, { viewport: { width, height: 800 } });
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width);
    }
  },
);

test('whoever wants no motion gets none', { skip }, async (t) => {
  const { page } = await atNight(t, { reducedMotion: 'reduce' });
  const moving = await page.evaluate(
    `[...document.querySelectorAll('*')].filter((one) => getComputedStyle(one).transitionDuration !== '0s').length`,
  );
  assert.equal(moving, 0);
});

test('language and theme are kept, and single keys can be switched off', { skip }, async (t) => {
  const { page } = await atNight(t, {});
  await page.selectOption('.who select >> nth=0', 'pt-BR');
  await page.selectOption('.who select >> nth=1', 'dark');
  await page.keyboard.press('?');
  await page.uncheck('dialog input[type=checkbox]');
  await page.keyboard.press('Escape');
  await page.reload();
  await allViews(page);
  assert.equal(await page.innerText('.verdict h1'), 'Retido');
  assert.equal(await page.getAttribute('html', 'data-theme'), 'dark');
  await page.keyboard.press('?');
  assert.equal(await page.locator('dialog').count(), 0);
});
