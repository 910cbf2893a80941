/** The pictures of docs/how-to/operations-page.md: taken always, and written where PICTURES names a folder, such as docs/images. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { allViews, assertQuiet, openPage, withoutBrowser } from './browser.ts';
import { serveScene } from './fixture.ts';
import { ago, operationOf, timelineOf } from './scene-parts.ts';
import { failuresOf, night, quiet, sceneWith } from './scenes.ts';

const skip = withoutBrowser;
const LARGEST = 300 * 1_024;

type Server = Awaited<ReturnType<typeof serveScene>>;
interface Picture {
  name: string;
  what: string;
  scene: typeof night;
  size: [number, number];
  colorScheme: 'light' | 'dark';
  locale: string;
  then?: (page: Page, server: Server) => Promise<void>;
}

const canaries = { of: 10, settled: 10, outcomes: { registered: 7, rejected: 3 } };
const result = {
  at: ago(0),
  isDone: false,
  text: '10 sent, 3 rejected again: stopped, 4,178 left',
};

const PICTURES: Picture[] = [
  {
    ...{ name: 'operations-page', what: 'a night', scene: night, size: [1440, 900] },
    ...{ colorScheme: 'light', locale: 'en-US' },
  },
  {
    ...{ name: 'operations-page-well', what: 'all well', scene: quiet, size: [1440, 900] },
    ...{ colorScheme: 'dark', locale: 'en-US' },
  },
  {
    ...{ name: 'operations-page.pt-BR', what: 'uma noite', scene: night, size: [1440, 900] },
    ...{ colorScheme: 'dark', locale: 'pt-BR' },
  },
  {
    ...{ name: 'operations-page-redrive', what: 'a redrive', scene: night, size: [1024, 768] },
    ...{ colorScheme: 'light', locale: 'en-US' },
    then: async (page) => {
      await page.click('.groups .act button >> nth=0');
      await page.waitForSelector('dialog .count strong');
    },
  },
  {
    ...{ name: 'operations-page-stopped', what: 'one that its canaries stopped', scene: night },
    ...{ size: [1440, 900], colorScheme: 'light', locale: 'en-US' },
    then: async (page, server) => {
      const ended = {
        state: 'ended',
        isStoppedByCanaries: true,
        sent: 10,
        canaries,
        result,
      } as const;
      server.tell(sceneWith([operationOf(ended)]));
      await page.click('.groups tbody tr:first-child button.row');
      await page.waitForSelector('.oldest li');
      await page.waitForSelector('#redrives');
      await page.mouse.move(5, 5);
    },
  },
  {
    ...{ name: 'operations-page-timeline', what: 'a timeline', scene: night, size: [1024, 768] },
    ...{ colorScheme: 'light', locale: 'en-US' },
    then: async (page) => {
      await page.fill('#search', 'order-1007');
      await page.press('#search', 'Enter');
      await page.waitForSelector('.sheet .events');
    },
  },
];

for (const { name, what, scene, size, colorScheme, locale, then } of PICTURES)
  test(`a picture of ${what}: ${name}`, { skip }, async (t) => {
    const server = await serveScene(scene(), 'operator', true);
    t.after(() => server.close());
    server.answers.count = () => [200, { selected: 4_188, byClass: { rejected: 4_188 } }];
    server.answers.failures = () => [200, { failures: failuresOf(6), next: null }];
    server.answers.item = (id) => [200, { items: [timelineOf(id)] }];
    const viewport = { width: size[0], height: size[1] };
    const opened = await openPage(t, server.url, { viewport, colorScheme, locale });
    await allViews(opened.page);
    await then?.(opened.page, server);
    const picture = await opened.page.screenshot();
    assert.ok(picture.length < LARGEST, `${picture.length} bytes`);
    assertQuiet(opened);
    const folder = process.env['PICTURES'];
    if (folder !== undefined) writeFileSync(join(folder, `${name}.png`), picture);
  });
