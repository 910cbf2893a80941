/** What a page offers for messages that were no tasks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allViews, openPage, withoutBrowser } from './browser.ts';
import { serveScene } from './fixture.ts';
import { groupsOf } from './scene-parts.ts';
import { night } from './scenes.ts';

const skip = withoutBrowser;

test(
  'messages that were no tasks can be dropped, and are not offered for a redrive',
  { skip },
  async (t) => {
    const scene = night();
    const groups = scene.groups.groups;
    assert.ok(groups.state === 'value');
    const [group] = groups.value.largest;
    assert.ok(group !== undefined);
    const letters = { ...group, flow: 'EmailWorker', class: 'malformed', letters: group.waiting };
    const server = await serveScene({ ...scene, groups: { groups: groupsOf([letters]) } });
    t.after(() => server.close());
    const { page } = await openPage(t, server.url);
    await allViews(page);
    const row = page.locator('.groups tbody tr');
    await row.waitFor();
    assert.match(await row.innerText(), /Drop/);
    assert.doesNotMatch(await row.innerText(), /Redrive…/);
    assert.match((await row.locator('button.row').getAttribute('title')) ?? '', /were no tasks/);
  },
);
