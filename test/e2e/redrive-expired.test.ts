/** A redrive after mongodb.retention: nothing but the failure record tells that a registration may be filed. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { operation } from '../../src/page/action-views.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { startPage } from '../page/pages.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { claims, journal } = system.store;

/** Its answer was lost, an operator gave it up, and it is in the failure queue. */
async function givenUp(): Promise<string> {
  const id = uniqueName();
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually(`${id} is given up`, async () => {
    const { code, stderr } = await flow.cli('doubts', 'abandon', id, '--reason', 'nobody knows');
    assert.equal(code, 0, stderr);
  });
  await flow.failureOf(`${id}~0`, 'in-doubt');
  return id;
}

async function refused(): Promise<string> {
  const id = uniqueName();
  await flow.publish({ id, simulate: { refuse: 'CPF', refuseTimes: 1 } });
  await flow.failureOf(`${id}~0`, 'rejected');
  return id;
}

/** As MongoDB does it in time. */
async function expire(id: string): Promise<void> {
  await claims.collection.deleteMany({ item: id });
  await journal.collection.deleteMany({ _id: { $regex: `^${id}~` } });
}

test('one that may be filed is withheld once its claim has expired, and the cause and the remedy are told, until it is named', async () => {
  const [old, wrong] = [await givenUp(), await refused()];
  await Promise.all([expire(old), expire(wrong)]);
  const all = ['failures', 'redrive', '--all', '--limit', '1'];
  const expected = z.object({ selected: z.number(), expired: z.unknown() });
  assert.deepEqual(expected.parse(await flow.json(...all, '--dry-run')), {
    ...{ selected: 1, expired: { count: 1, some: [old] } },
  });
  const { code, stdout, stderr } = await flow.cli(...all, '--yes');
  assert.match(stdout, /Sent 1 to .*; 1 left/);
  assert.equal(code, 1);
  assert.ok(stderr.includes(`1 stay in the failure queue (${old}): `), stderr);
  assert.match(stderr, /\(mongodb\.retention\).*"despachante failures redrive <id>"/);
  assert.match((await flow.cli('redrive', 'status')).stdout, /1 withheld that may be filed/);
  assert.equal(await flow.outcomeOf(wrong), 'registered', 'the legacy system had refused it');
  assert.equal(flow.postsOf(old).length, 1);

  await flow.json('failures', 'redrive', old);
  assert.equal(await flow.outcomeOf(old), 'registered');
  assert.equal(flow.postsOf(old).length, 2, 'who names it has looked');
});

test('a group that is redriven on the page takes none along whose claim has expired', async (t) => {
  const [old, young] = [await givenUp(), await givenUp()];
  await expire(old);
  const page = await startPage(t, system.config);
  const token = await page.signIn('operator');
  const body = {
    ...{ flow: 'registrations', class: 'in-doubt', group: null, ids: [], expectedCount: 1 },
    ...{ canary: null, perSecond: null, reason: 'they are asked for' },
  };
  const begun = await page.ask('/api/v1/redrives', { method: 'POST', token, body });
  assert.equal(begun.status, 202, begun.text);
  const { id } = z.object({ id: z.string() }).parse(begun.json);
  await eventually('it has ended, and says how many it has withheld', async () => {
    const { json } = await page.ask(`/api/v1/operations/${id}`, { token });
    const { sent, result } = operation.parse(json);
    assert.equal(sent, 1);
    assert.match(result?.text ?? '', /1 withheld that may be filed and whose claims have expired/);
  });
  await flow.claimed(young, 1);
  await system.hasDepth(system.config.rabbit.failureQueue, 1);
  assert.equal(flow.postsOf(old).length, 1);
});
