/** Three in the morning, on real servers: somebody who has only the page finds the cause, decides, redrives, and sees that nothing is lost. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { startChild } from '../../../src/runtime/child.ts';
import { eventually } from '../../helpers/eventually.ts';
import { flowOf } from '../../helpers/flow.ts';
import { uniqueName } from '../../helpers/servers.ts';
import { startSystem } from '../../helpers/system.ts';
import { assertQuiet, openPage, withoutBrowser } from './browser.ts';

const skip = withoutBrowser;
const VIEW_TOKEN = 'v'.repeat(40);
const REFUSED = 60;
const LONG = { timeout: 120_000 };
const env = {
  PAGE_VIEW_TOKEN: VIEW_TOKEN,
  DESPACHANTE_TEST_CONSTANTS: 'breaker.minRequests=5 breaker.rest=2000 breaker.rampUp=2000',
};

if (skip === false) {
  const system = await startSystem({ after, afterEach }, { env });
  const flow = flowOf(system);
  const { simulator } = system;
  const startPage = async () => {
    const args = ['page', '--port', '0', '--environment', 'production'];
    const child = await startChild({
      ...{ args, env: system.env, logFile: join(system.folder, 'page.log') },
    });
    after(() => child.stop());
    return { child, url: child.facts.url ?? '' };
  };
  const prefix = uniqueName();
  /** There are several reasons; of the first group most wait. */
  const group = '.groups tbody tr:first-child';

  test('the night of A.8: cause, doubt, canary, the rest, audit', async (t) => {
    const first = await startPage();
    const ana = await openPage(t, first.url);
    const rui = await openPage(t, first.url);
    const { page } = ana;
    await page.waitForSelector('.verdict:is([data-state=idle], [data-state=working])', LONG);
    assert.doesNotMatch(page.url(), /token/);

    // The contract has changed: all are refused. One answer is lost. Then the legacy system goes down.
    simulator.script({ refuseShare: 1 });
    await flow.publishMany(prefix, REFUSED);
    for (const each of [page, rui.page])
      await each.waitForSelector(`#failures .aside:text-is("${REFUSED}")`, LONG);
    const reason = (await page.innerText(`${group} bdi`)).trim();
    const inGroup = Number(await page.innerText(`${group} .strong`));
    assert.ok(inGroup > 5, reason);
    simulator.script({ refuseShare: 0 });
    const [lost, storm] = [uniqueName(), uniqueName()];
    await flow.publish({ id: lost, simulate: { loseAnswer: true } });
    await page.waitForSelector(`#doubts >> text=${lost}`, LONG);
    simulator.script({ bursts: [{ fromMs: 0, toMs: 86_400_000, status: 503 }] });
    await flow.publishMany(storm, 40);
    await page.waitForSelector('.verdict[data-state=held] >> text=HTTP 503', LONG);

    // It is up again, but the contract is not mended: the doubt is decided, and the canaries stop their redrive.
    simulator.script({ bursts: [] });
    await page.waitForSelector('.verdict:not([data-state=held])', LONG);
    await flow.allRegistered(storm, 40);
    simulator.script({ refuseShare: 1 });
    await page.click(`#doubts tr:has-text("${lost}") .act button`);
    await page.check('dialog input[value=confirm]');
    await page.fill('#request-id', flow.requestIdsOf(lost)[0] ?? '');
    await page.fill('#reason', 'seen on screen 12');
    await page.click('dialog button[type=submit]');
    // Nothing moves under the pointer: it is gone, or struck out until the pointer is gone.
    await page.waitForSelector(`#doubts tr:not([data-gone=true]):has-text("${lost}")`, {
      state: 'detached',
      ...LONG,
    });
    await page.mouse.move(5, 5);
    const redrive = async (button: string, reason: string, rate: string) => {
      await page.click(button);
      await page.waitForSelector('dialog .count strong', LONG);
      await page.fill('#canary', '5');
      await page.fill('#rate', rate);
      await page.fill('#reason', reason);
      await page.click('dialog button[type=submit]');
      await page.waitForSelector('dialog', { state: 'detached', ...LONG });
    };
    await redrive(`${group} .act button >> nth=0`, 'is it mended?', '');
    for (const each of [page, rui.page])
      await each.waitForSelector('#redrives >> text=Stopped', LONG);

    // Really mended. The page's process dies on the way, and the redrive does not.
    simulator.script({ refuseShare: 0 });
    await redrive('#redrives button >> text=Continue', 'now it is', '3');
    await rui.page.waitForSelector('#redrives li[data-state=running]', LONG);
    await first.child.kill();
    const second = await startPage();
    const again = await openPage(t, second.url);
    await again.page.waitForSelector(`#failures .aside:text-is("${REFUSED - inGroup}")`, LONG);
    await eventually('all of the group are registered', async () => {
      assert.equal((await flow.tally(prefix)).registered, inGroup);
    });

    // Nothing is lost, and the page says so.
    await again.page.click('#audit button');
    await again.page.fill('#reason', 'after the night');
    await again.page.click('dialog button[type=submit]');
    await again.page.waitForSelector('#audit >> text=Holds: nothing is lost', LONG);
    assertQuiet(again);
    assert.equal(simulator.stats().filedTwice, 0);

    // Whoever only looks, signs in by another token, and has no button that changes anything.
    const viewer = await openPage(t, second.url.replace(/#.*/, ''));
    await viewer.page.fill('#token', VIEW_TOKEN);
    await viewer.page.keyboard.press('Enter');
    await viewer.page.waitForSelector('#tile-waiting .value', LONG);
    assert.deepEqual(
      await viewer.page.locator('button:not(.row):not(.icon):not(.more)').allInnerTexts(),
      [],
    );
    assertQuiet(viewer);
  });
} else test('the night', { skip }, () => {});
