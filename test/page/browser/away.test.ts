/** MongoDB goes away while somebody looks, and comes back: on real servers, in a real browser. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { startSystem } from '../../helpers/system.ts';
import { startPage, type Page as Served } from '../pages.ts';
import { assertQuiet, openPage, withoutBrowser } from './browser.ts';

const skip = withoutBrowser;
const LONG = { timeout: 120_000 };
const linkOf = ({ url, token }: Served): string => `${url}/#token=${token ?? ''}`;

if (skip === false) {
  const system = await startSystem({ after, afterEach }, { proxied: ['MONGODB_URI'], roles: [] });

  test('without MongoDB values grow old, who comes new knows nothing, and an action tells the remedy', async (t) => {
    const mongodb = system.proxy('MONGODB_URI');
    const config = { ...system.config, mongodbUri: mongodb.url };
    const first = await openPage(t, linkOf(await startPage(t, config)));
    const { page } = first;
    await page.waitForSelector('#tile-failed[data-state=value]', LONG);
    mongodb.close();
    await page.waitForSelector('#tile-failed[data-state=stale]', LONG);
    assert.match(await page.innerText('#tile-failed'), /0\s+\d+ (s|min) old: /);
    await page.waitForSelector('.verdict[data-state=unknown]', LONG);

    const second = await openPage(t, linkOf(await startPage(t, config)));
    await second.page.waitForSelector('#tile-failed[data-state=unknown]', LONG);
    assert.match(await second.page.innerText('#tile-failed'), /^Failed\s+unknown\s+\S/i);

    await page.click('.verdict button >> text=Pause everything');
    await page.fill('#reason', 'is it down?');
    await page.click('dialog button[type=submit]');
    await page.waitForSelector('dialog [role=alert] >> text=despachante doctor', LONG);
    await page.keyboard.press('Escape');

    mongodb.open();
    for (const each of [page, second.page]) {
      await each.waitForSelector('#tile-failed[data-state=value]', LONG);
      await each.waitForSelector('.verdict:not([data-state=unknown])', LONG);
    }
    assertQuiet(first);
    assertQuiet(second);
  });
} else test('without MongoDB', { skip }, () => {});
