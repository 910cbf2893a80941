/** Watching what has timed out, on a real MongoDB; what the legacy system says is the test's word. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Settlement } from '../../activities/registrations/settle.ts';
import { lookForLateOnce } from '../../src/operations/late.ts';
import { lookForLate } from '../../src/registrations/late.ts';
import type { StatusResult } from '../../src/registrations/legacy.ts';
import { silent } from '../../src/runtime/log.ts';
import { call, claimRequest, testBed } from '../helpers/activities.ts';
import { testConfig } from '../helpers/configuration.ts';
import { json, webServer } from '../helpers/web-server.ts';

const bed = await testBed({ after });
const { collection } = bed.store.claims;
const MINUTE = 60_000;

const claimOf = async (id: string, generation = 0) => {
  const claim = await collection.findOne({ _id: `${id}~${generation}` });
  assert.ok(claim);
  return claim;
};

/** Settled as timed-out `ago` ms before now, and due to be asked for. */
async function timedOut({ ago = 0, ...more }: Partial<Settlement> & { ago?: number } = {}) {
  const id = bed.id();
  await call(bed.claim, [claimRequest(id)]);
  const settlement: Settlement = {
    index: 0,
    id,
    claim: `${id}~0`,
    entry: `${id}~0#1`,
    requestId: `REQ-${id}`,
    acceptedAt: Date.now() - ago - MINUTE,
    polls: 3,
    doubt: false,
    outcome: { kind: 'timed-out', at: Date.now() - ago },
    ...more,
  };
  await call(bed.route, [settlement]);
  return id;
}

const isDue = (id: string) =>
  collection.updateOne({ _id: `${id}~0` }, { $set: { lateCheckAt: new Date(0) } });

/** One look, for which the legacy system says this of each. */
async function look(says: StatusResult, lateFor = 7 * 24 * 60 * MINUTE) {
  const asked: string[] = [];
  const found = await lookForLate({
    config: testConfig({ legacy: { lateFor } }),
    store: bed.store,
    status: (requestId) => {
      asked.push(requestId);
      return Promise.resolve(says);
    },
    log: silent,
  });
  return { asked, found };
}

test('what times out is watched from then on, unless it was never accepted or ended otherwise', async () => {
  const [watched, never, failed] = [
    await timedOut(),
    await timedOut({ requestId: null }),
    await timedOut({ outcome: { kind: 'failed', at: Date.now() } }),
  ];
  const { lateCheckAt, settledAt, outcome } = await claimOf(watched);
  assert.equal(lateCheckAt?.getTime(), (outcome?.at.getTime() ?? 0) + MINUTE);
  assert.ok(settledAt);
  assert.equal((await claimOf(never)).lateCheckAt, undefined);
  assert.equal((await claimOf(failed)).lateCheckAt, undefined);
});

for (const status of ['done', 'failed'] as const) {
  test(`what is ${status} later is noted in the claim, told once, and asked for no more`, async () => {
    const id = await timedOut();
    await isDue(id);
    const says: StatusResult =
      status === 'done' ? { kind: status } : { kind: status, reason: 'no' };
    const { asked, found } = await look(says);
    assert.deepEqual(asked, [`REQ-${id}`]);
    assert.deepEqual(
      found.map((each) => [each.id, each.requestId, each.status]),
      [[id, `REQ-${id}`, status]],
    );
    const claim = await claimOf(id);
    assert.equal(claim.lateResult?.status, status);
    assert.equal(claim.lateCheckAt, undefined);
    assert.equal(claim.outcome?.kind, 'timed-out');
    assert.deepEqual((await look(says)).asked, []);
  });
}

for (const says of [
  { kind: 'processing' },
  { kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
] as const) {
  test(`what is still "${says.kind}" is asked for again after half of its age, as long as it is watched`, async () => {
    const id = await timedOut({ ago: 60 * MINUTE });
    await isDue(id);
    const before = Date.now();
    assert.deepEqual((await look(says)).found, []);
    const next = (await claimOf(id)).lateCheckAt?.getTime() ?? 0;
    assert.ok(next >= before + 30 * MINUTE && next <= Date.now() + 31 * MINUTE);
    assert.deepEqual((await look(says)).asked, [], 'it is not due');
    await isDue(id);
    await look(says, 59 * MINUTE);
    assert.equal((await claimOf(id)).lateCheckAt, undefined);
  });
}

test('what was redriven meanwhile is left to its redrive', async () => {
  const id = await timedOut();
  const [answer] = await call(bed.claim, [claimRequest(id, { redrive: 0 })]);
  assert.equal(answer?.kind, 'resumed');
  await isDue(id);
  assert.deepEqual((await look({ kind: 'done' })).asked, []);
  const claim = await claimOf(id);
  assert.deepEqual([claim.lateCheckAt, claim.lateResult], [undefined, undefined]);
});

test('a look by "despachante sweep" goes through the gate, and asks for no more at once than is allowed', async (t) => {
  for (let nth = 0; nth < 6; nth++) await isDue(await timedOut());
  let [now, most, seen] = [0, 0, 0];
  const server = await webServer(t, (_, response) => {
    most = Math.max(most, (now += 1));
    seen += 1;
    setTimeout(() => {
      now -= 1;
      json(response, 200, { status: 'processing' });
    }, 30);
  });
  const config = testConfig({ legacyUrl: server.url, legacy: { maxConcurrent: 1 } });
  assert.deepEqual(await lookForLateOnce(config, bed.store), []);
  assert.deepEqual([seen, most], [6, 1]);
});
