/** The page as it was built, in a real browser, with what a server would tell it. */
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { test, type TestContext } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { allViews, assertQuiet, openPage, withoutBrowser } from './browser.ts';
import { readFiles } from '../../../src/page/files.ts';
import { serveScene } from './fixture.ts';
import { ago, meOf, operationOf, value } from './scene-parts.ts';
import { away, hostile, hostileFailures, many, night, quiet, sceneWith } from './scenes.ts';

const skip = withoutBrowser;

const known = <T>(tile: { state: string; value?: T }): T => {
  assert.ok(tile.value !== undefined);
  return tile.value;
};

async function showing(t: TestContext, ...given: Parameters<typeof serveScene>) {
  const server = await serveScene(...given);
  t.after(() => server.close());
  const opened = await openPage(t, server.url);
  await allViews(opened.page);
  return { server, ...opened, textOf: (selector: string) => opened.page.innerText(selector) };
}

test('the page is one script, one style sheet, one document and its icon, of 60 KB together as they travel', () => {
  const files = [...readFiles()];
  assert.deepEqual(files.map(([path]) => path.replace(/^.*(?=\.)/, '')).sort(), [
    '.css',
    '.js',
    '.svg',
    '/',
  ]);
  const bytes = files.reduce((sum, [, { body }]) => sum + gzipSync(body).length, 0);
  assert.ok(bytes <= 60 * 1024, `${bytes} bytes`);
});

test('while all is well one look says so, and nothing scrolls', { skip }, async (t) => {
  const shown = await showing(t, quiet());
  assert.equal(await shown.textOf('.verdict h1'), 'Working');
  assert.equal(await shown.textOf('#tile-waiting .value'), '214');
  assert.equal(await shown.textOf('#failures .empty'), 'No failure waits.');
  assert.equal(await shown.page.evaluate('document.documentElement.scrollHeight'), 900);
  assertQuiet(shown);
});

test('a night tells its cause, its groups and its doubts', { skip }, async (t) => {
  const shown = await showing(t, night());
  assert.equal(await shown.textOf('.verdict h1'), 'Held');
  assert.match(
    await shown.textOf('.verdict p'),
    /circuit breaker is open: HTTP 503.*next probe in \d+ s/,
  );
  assert.match(
    await shown.textOf('.groups tbody tr:first-child'),
    /rejected\s+nome ausente.*\s+4,188/,
  );
  assert.equal(await shown.page.locator('#doubts tbody tr').count(), 3);
  assert.match(await shown.textOf('#processes'), /Offline for 6 min/);
  assert.match(await shown.textOf('#tile-clear'), /not at this rate/);
  assertQuiet(shown);
});

test('what is unknown is never a zero, and says why', { skip }, async (t) => {
  const shown = await showing(t, away());
  assert.equal(await shown.textOf('.verdict h1'), 'Unknown');
  assert.match(await shown.textOf('#tile-failed'), /unknown\s+MongoDB does not answer since 02:58/);
  assert.match(await shown.textOf('#tile-rate'), /380\s+12 min old: MongoDB does not answer/);
  assert.match(await shown.textOf('#flows tbody tr'), /registrations.*unknown/s);
  for (const id of ['failures', 'doubts', 'processes', 'limits', 'audit', 'actions'])
    assert.match(await shown.textOf(`#${id} .empty`), /Unknown MongoDB does not answer/);
  assertQuiet(shown);
});

test(
  '10,000 groups are shown in portions, and one by a filter that stands in the address',
  { skip },
  async (t) => {
    const shown = await showing(t, many(10_000));
    const rows = shown.page.locator('.groups tbody tr');
    assert.equal(await rows.count(), 8);
    await shown.page.click('#failures .more');
    assert.equal(await rows.count(), 108);
    await shown.page.fill('#failures input[type=search]', 'REASON 9876');
    assert.match(await rows.innerText(), /reason 9876/);
    assert.match(shown.page.url(), /#reason=REASON\+9876$/);
    await shown.page.reload();
    await allViews(shown.page);
    assert.match(await rows.innerText(), /reason 9876/);
    assertQuiet(shown);
  },
);

test('texts of others stay texts, however long', { skip }, async (t) => {
  const shown = await showing(t, hostile());
  shown.server.answers.failures = () => [200, { failures: hostileFailures(), next: null }];
  await shown.page.click('.groups button.row');
  await shown.page.waitForSelector('.oldest li');
  assert.equal(await shown.page.title(), 'Despachante');
  assert.equal(await shown.page.locator('main img, main script, a[href^=javascript]').count(), 0);
  assert.equal(await shown.page.evaluate('document.documentElement.scrollWidth'), 1440);
  assertQuiet(shown);
});

test('a viewer sees everything, and no button that would change something', { skip }, async (t) => {
  const shown = await showing(t, night(), 'viewer');
  assert.equal(await shown.page.locator('.groups tbody tr').count(), 4);
  const buttons = await shown.page.locator('button:not(.row):not(.icon)').allInnerTexts();
  assert.deepEqual(buttons, []);
  assertQuiet(shown);
});

test(
  'nothing is asked for while nobody looks, and a connection that is lost is told and found again',
  { skip },
  async (t) => {
    const shown = await showing(t, night());
    await eventually('a page looks', () => assert.equal(shown.server.watchers(), 1));
    const see = (isHidden: boolean) =>
      shown.page.evaluate(
        `Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'));`,
      );
    await see(true);
    await eventually('nobody looks any more', () => assert.equal(shown.server.watchers(), 0));
    await see(false);
    await eventually('a page looks again', () => assert.equal(shown.server.watchers(), 1));
    // Until it is seen: it would be found again within a second.
    shown.server.answers.live = () => [503, { status: 503, detail: 'away' }];
    shown.server.drop();
    await shown.page.waitForSelector('.fresh-at[data-state=stale]');
    delete shown.server.answers.live;
    await shown.page.waitForSelector('.fresh-at[data-state=open]');
  },
);

test('a tab that dies leaves nothing open on the server', { skip }, async (t) => {
  const { page, server } = await showing(t, night());
  await eventually('a page looks', () => assert.equal(server.watchers(), 1));
  const devTools = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  // It never answers: its process is gone.
  devTools.send('Page.crash').catch(() => {});
  await crashed;
  await eventually('its stream has ended', () => assert.equal(server.watchers(), 0));
});

test(
  'printed it is the record of an incident: on white, whole, and without buttons',
  { skip },
  async (t) => {
    const { page } = await showing(t, night());
    await page.selectOption('.who select >> nth=1', 'dark');
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('button:not(.row):visible, select:visible').count(), 0);
    const color = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    assert.equal(color, 'rgb(255, 255, 255)');
    assert.match(await page.innerText('.verdict'), /HTTP 503/);
    assert.match(await page.innerText('.groups tbody tr:first-child'), /4,188/);
  },
);

test('a run over a list that was killed is told, with how to go on', { skip }, async (t) => {
  const scene = quiet();
  const runs = known(scene.flows.etlRuns).map((run) => {
    return { ...run, state: 'silent' as const, seenAt: ago(12) };
  });
  const { textOf } = await showing(t, {
    ...scene,
    flows: { ...scene.flows, etlRuns: value(runs) },
  });
  assert.match(await textOf('#flows'), /nothing heard since .*\d\d:\d\d.*not heard of/s);
});

test('a redrive that nobody can ask about is unknown, and has no button', { skip }, async (t) => {
  const unasked = 'Temporal does not answer';
  const operations = sceneWith([operationOf({ state: 'unknown', unasked })]);
  const { textOf } = await showing(t, { ...quiet(), ...operations });
  assert.match(await textOf('#redrives'), /unknown.*Temporal does not answer/s);
  assert.doesNotMatch(await textOf('#redrives'), /Stop/);
});

test('a paused worker stands in the verdict, and is resumed there', { skip }, async (t) => {
  const scene = quiet();
  const paused = { reason: 'month end', by: 'ana', since: ago(42) };
  const sources = ['emails', 'invoices'];
  const verdict = { state: 'paused' as const, sources, ...paused };
  const { page, textOf } = await showing(t, { ...scene, overview: { ...scene.overview, verdict } });
  assert.match(
    await textOf('.verdict p'),
    /by ana: .?month end.? · emails, invoices · for 42 min/i,
  );
  await page.click('.verdict button.primary');
  await page.waitForSelector('dialog >> text=Resume emails');
});

test('a token that several people have is asked for with a name', { skip }, async (t) => {
  const { page, server } = await showing(t, quiet());
  const me = meOf('operator', false);
  const detail = 'Say who you are';
  server.answers.openSession = () => [422, { status: 422, detail }];
  await page.evaluate(`location.hash = '#token=shared'`);
  await page.waitForSelector(`[role=alert] >> text=${detail}`);
  assert.equal(await page.inputValue('#token'), 'shared');
  server.answers.openSession = () => [200, { token: 'session', expiresAt: null, me }];
  await page.fill('#name', 'ana');
  await page.keyboard.press('Enter');
  await allViews(page);
  assert.deepEqual(server.posted.at(-1)?.body, { token: 'shared', name: 'ana' });
});

test(
  'a link that is opened in a tab with the page signs in anew, and leaves the address',
  { skip },
  async (t) => {
    const { page, server } = await showing(t, night());
    const me = meOf('operator', false);
    server.answers.openSession = () => [200, { token: 'session', expiresAt: null, me }];
    await page.evaluate(`location.hash = '#token=fresh'`);
    await eventually('it is sent', () =>
      assert.deepEqual(server.posted.at(-1)?.body, { token: 'fresh' }),
    );
    await eventually('it is out of sight', () => assert.doesNotMatch(page.url(), /token/));
    await eventually('one connection is left', () => assert.equal(server.watchers(), 1));
  },
);

test('rows stay where they are while somebody points at them', { skip }, async (t) => {
  const shown = await showing(t, night());
  const first = shown.page.locator('#doubts tbody tr').first();
  await first.hover();
  const { doubts } = many(3);
  shown.server.tell({ doubts });
  await shown.page.waitForSelector('#doubts .fresh');
  assert.match(await first.innerText(), /order-1005/);
  await shown.page.mouse.move(5, 5);
  await eventually('the new doubts are shown', async () =>
    assert.match(await first.innerText(), /order-0/),
  );
});

test('groups that are not told are counted all the same', { skip }, async (t) => {
  const scene = night();
  const groups = value({ ...known(scene.groups.groups), all: 12_004, waiting: 1_000_000 });
  const { textOf } = await showing(t, { ...scene, groups: { groups } });
  assert.equal(await textOf('#failures .aside'), '1,000,000');
  assert.match(await textOf('#failures'), /12,000 smaller groups are not listed/);
});

test(
  'folders and runs over lists stand there once, though task workers run them',
  { skip },
  async (t) => {
    const scene = quiet();
    const [first] = known(scene.flows.workers);
    assert.ok(first);
    const run = (worker: string) => ({ ...first, worker, waiting: null });
    const workers = value([first, run('notas'), run('etl.records')]);
    const { page } = await showing(t, { ...scene, flows: { ...scene.flows, workers } });
    const names = await page.locator('#flows tbody th bdi').allInnerTexts();
    assert.deepEqual(names, ['registrations', 'emails', 'notas', 'etl.records', 'etl-nightly']);
  },
);

test('a worker whose broker does not say how many wait is not idle', { skip }, async (t) => {
  const scene = quiet();
  const [, idle] = known(scene.flows.workers);
  assert.ok(idle);
  const away = { ...idle, waiting: { state: 'unknown' as const, reason: 'the broker is away' } };
  const workers = value([away]);
  const { textOf } = await showing(t, { ...scene, flows: { ...scene.flows, workers } });
  assert.match(await textOf('#flows tbody tr:nth-child(2)'), /the broker is away\s+unknown/);
});

test('an audit whose page has died keeps nobody from another one', { skip }, async (t) => {
  const scene = quiet();
  const [last] = known(scene.audits.audits);
  assert.ok(last);
  const audits = value([{ ...last, isRunning: true, result: null, report: null }]);
  const { page } = await showing(t, { ...scene, audits: { audits } });
  await page.click('#audit button');
  await page.waitForSelector('dialog >> text=Audit now');
});

test('flows that could not be asked again are told with their age', { skip }, async (t) => {
  const scene = quiet();
  const reason = 'MongoDB does not answer';
  const stale = <T>(tile: { state: string; value?: T }) => {
    return { state: 'stale' as const, value: known(tile), at: ago(12), reason };
  };
  const { workers, folders } = scene.flows;
  const flows = { ...scene.flows, workers: stale(workers), folders: stale(folders) };
  const { textOf } = await showing(t, { ...scene, flows });
  assert.match(await textOf('#flows'), /worker, folder: 12 min old: MongoDB does not answer/);
});

test('whoever is not signed in can read about the keys', { skip }, async (t) => {
  const server = await serveScene(quiet());
  t.after(() => server.close());
  server.answers.me = () => [401, { status: 401, detail: 'sign in' }];
  const { page } = await openPage(t, server.url);
  await page.waitForSelector('#token');
  await page.click('header.top button.icon');
  await page.waitForSelector('dialog >> text=Keys and help');
});
