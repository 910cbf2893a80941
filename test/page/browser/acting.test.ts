/** What an operator does from the page, and what the server is then told. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Page } from 'playwright-core';
import { eventually } from '../../helpers/eventually.ts';
import { allViews, assertQuiet, openPage, withoutBrowser } from './browser.ts';
import { serveScene } from './fixture.ts';
import { ago, operationOf, timelineOf } from './scene-parts.ts';
import { night, sceneWith } from './scenes.ts';

const skip = withoutBrowser;
const focused = 'document.activeElement.innerText || document.activeElement.id';

async function atNight(t: TestContext, mayReveal = false) {
  const server = await serveScene(night(), 'operator', mayReveal);
  t.after(() => server.close());
  server.answers.count = () => [200, { selected: 4_188, byClass: { rejected: 4_188 } }];
  server.answers.redrive = () => [202, { id: 'redrive-1' }];
  const opened = await openPage(t, server.url);
  await allViews(opened.page);
  return { server, ...opened };
}

const dialogOf = (page: Page) => page.locator('dialog[open]');

test(
  'a group is redriven by ten first, counted by the server, with a reason; a double click is one redrive',
  { skip },
  async (t) => {
    const shown = await atNight(t);
    const { page, server } = shown;
    await page.click('.groups tbody tr:first-child .act button >> text=Redrive');
    await page.waitForSelector('dialog .count >> text=4,188 failures will be sent back');
    assert.equal(await page.evaluate(focused), 'Cancel');
    assert.equal(await page.inputValue('#canary'), '10');
    await page.fill('#rate', '50');
    await page.fill('#reason', 'the contract is mended');
    await page.dblclick('dialog button[type=submit]');
    await dialogOf(page).waitFor({ state: 'detached' });
    const sent = server.posted.filter(({ name }) => name === 'redrive');
    assert.equal(new Set(sent.map(({ key }) => key)).size, 1);
    assert.deepEqual(sent[0]?.body, {
      ...{ flow: 'registrations', class: 'rejected', group: 'nome ausente', ids: [] },
      ...{ expectedCount: 4_188, canary: 10, perSecond: 50, reason: 'the contract is mended' },
    });
    assertQuiet(shown);
  },
);

test(
  'all pages see how a redrive gets on, and one that its first ten have stopped can be continued',
  { skip },
  async (t) => {
    const { page, server } = await atNight(t);
    const other = await openPage(t, server.url);
    const part = { sent: 10, canaries: { of: 10, settled: 4, outcomes: { registered: 4 } } };
    server.tell(sceneWith([operationOf(part)]));
    for (const each of [page, other.page])
      await each.waitForSelector('#redrives >> text=4 of 10 tried first have ended');
    const outcomes = { registered: 7, rejected: 3 };
    const canaries = { of: 10, settled: 10, outcomes };
    const result = { at: ago(0), isDone: true, text: '10 sent, 4,178 left' };
    server.tell(
      sceneWith([
        operationOf({ ...part, canaries, state: 'ended', isStoppedByCanaries: true, result }),
      ]),
    );
    await page.waitForSelector('#redrives >> text=7 registered, 3 rejected');
    await page.click('#redrives button >> text=Continue');
    await page.waitForSelector('dialog .count >> text=4,188');
  },
);

test(
  'a refusal is told with its remedy, and is another intention when it is sent again',
  { skip },
  async (t) => {
    const { page, server } = await atNight(t);
    server.answers.redrive = () => [
      409,
      { detail: 'There are 5,000 by now: count again', status: 409 },
    ];
    await page.click('.groups .act button >> nth=0');
    await page.waitForSelector('dialog .count strong');
    await page.fill('#reason', 'mended');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog [role=alert] >> text=count again');
    await page.keyboard.press('Enter');
    await eventually('it is sent twice', () => {
      const keys = server.posted.filter(({ name }) => name === 'redrive').map(({ key }) => key);
      assert.equal(new Set(keys).size, 2);
    });
  },
);

test('whoever drops more than 100 types their number', { skip }, async (t) => {
  const { page, server } = await atNight(t);
  await page.click('.groups tbody tr:first-child .act button >> text=Drop');
  await page.waitForSelector('#typed');
  await page.fill('#reason', 'they were tests');
  assert.equal(await page.isDisabled('dialog button.danger'), true);
  await page.fill('#typed', '4188');
  await page.click('dialog button.danger');
  await eventually('it is sent', () => assert.equal(server.posted.at(-1)?.name, 'drop'));
});

test(
  'a doubt is confirmed under its request id, and the answer is read out',
  { skip },
  async (t) => {
    const { page, server } = await atNight(t);
    const text = 'order-1005 became accepted';
    server.answers.decide = () => [
      200,
      { decided: [{ id: 'order-1005', isDone: true, as: 'accepted', text }] },
    ];
    await page.click('#doubts tbody tr:first-child .act button');
    await page.check('dialog input[value=confirm]');
    await page.fill('#request-id', 'R-77');
    await page.fill('#reason', 'seen there');
    await page.click('dialog button[type=submit]');
    await page.waitForSelector(`.said-last[role=status] >> text=${text}`);
    assert.deepEqual(server.posted.at(-1)?.body, {
      doubts: [{ id: 'order-1005', generation: 0, submission: 1 }],
      ...{ decision: 'confirm', requestId: 'R-77', reason: 'seen there' },
    });
  },
);

test('a word that nobody took is told, and the dialog stays', { skip }, async (t) => {
  const { page, server } = await atNight(t);
  const text = 'order-1005: no worker took it in time';
  server.answers.decide = () => [
    200,
    { decided: [{ id: 'order-1005', isDone: false, as: 'silent', text }] },
  ];
  await page.click('#doubts tbody tr:first-child .act button');
  await page.check('dialog input[value=abandon]');
  await page.fill('#reason', 'not there');
  await page.click('dialog button[type=submit]');
  await page.waitForSelector(`dialog [role=alert] >> text=${text}`);
});

test('numbers are read as they are written in the language of the page', { skip }, async (t) => {
  const { page, server } = await atNight(t);
  await page.selectOption('.who select >> nth=0', 'pt-BR');
  await page.click('#limits button');
  await page.fill('#limit-maxConcurrent', '1.000');
  await page.fill('#limit-maxSubmitsPerSecond', '0,125');
  await page.fill('#reason', 'fim do mês');
  await page.click('dialog button[type=submit]');
  await eventually('it is sent', () => assert.equal(server.posted.at(-1)?.name, 'setLimits'));
  assert.deepEqual(server.posted.at(-1)?.body, {
    ...{ values: { maxConcurrent: 1_000, maxSubmitsPerSecond: 0.125 }, unset: [] },
    reason: 'fim do mês',
  });
  await page.click('.groups tbody tr:first-child .act button >> text=Descartar');
  await page.fill('#typed', '4.188');
  await page.fill('#reason', 'testes');
  await page.click('dialog button.danger');
  await eventually('it is sent', () => assert.equal(server.posted.at(-1)?.name, 'drop'));
});

test('limits are changed against the version that was seen', { skip }, async (t) => {
  const { page, server } = await atNight(t);
  await page.click('#limits button');
  await page.fill('#limit-maxSubmitsPerSecond', '80');
  await page.fill('#reason', 'their month end is over');
  await page.click('dialog button[type=submit]');
  await eventually('it is sent', () => assert.equal(server.posted.at(-1)?.name, 'setLimits'));
  assert.equal(server.posted.at(-1)?.ifMatch, '"7"');
  assert.deepEqual(server.posted.at(-1)?.body, {
    ...{ values: { maxSubmitsPerSecond: 80 }, unset: [], reason: 'their month end is over' },
  });
});

test(
  'an id leads to its timeline, by a link that can be sent, and its message is shown to who may, with a reason',
  { skip },
  async (t) => {
    const { page, server } = await atNight(t, true);
    server.answers.item = () => [200, { items: [timelineOf('order-1007')] }];
    const message = '<b>{"id": "order-1007"}</b>';
    server.answers.reveal = () => [
      200,
      {
        bytes: 27,
        contentType: 'application/json',
        headers: ['x-tenant'],
        text: message,
        isCut: false,
      },
    ];
    await page.keyboard.press('/');
    await page.keyboard.type('order-1007');
    await page.keyboard.press('Enter');
    await page.waitForSelector('.sheet .events >> text=nome ausente');
    assert.match(page.url(), /#item=order-1007$/);
    assert.equal(await page.locator('.sheet a >> text=Run in Temporal').count(), 1);
    await page.click('.sheet button >> text=Reveal');
    await page.fill('#reason', 'the tax office asks');
    await page.click('dialog.box button[type=submit]');
    await page.waitForSelector('dialog pre');
    assert.equal(await page.innerText('dialog pre'), message);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await eventually('the address is that of the screen', () => assert.match(page.url(), /#$/));
  },
);

test('a group is redriven by the keyboard alone', { skip }, async (t) => {
  const { page, server } = await atNight(t);
  await page.keyboard.press('g');
  await page.keyboard.press('f');
  assert.equal(await page.evaluate(focused), 'Failures');
  await page.keyboard.press('j');
  assert.match(String(await page.evaluate(focused)), /nome ausente/);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForSelector('dialog .count strong');
  await page.fill('#reason', ''); // it is counted: the fields are there
  await page.keyboard.type('mended');
  await page.keyboard.press('Enter');
  await eventually('it is sent', () => assert.equal(server.posted.at(-1)?.name, 'redrive'));
  await dialogOf(page).waitFor({ state: 'detached' });
  assert.equal(await page.evaluate(focused), 'Redrive…');
});
