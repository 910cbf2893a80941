/** Asking for what has timed out, on a real MongoDB; what the legacy system says is the test's word. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Settlement } from '../../activities/registrations/settle.ts';
import type { Claim } from '../../src/claims/claims.ts';
import { lookForLate } from '../../src/registrations/late.ts';
import type { PollReading } from '../../src/domain/registrations/contract.ts';
import { silent } from '../../src/runtime/log.ts';
import { call, claimRequest, testBed } from '../helpers/activities.ts';
import { testConfig } from '../helpers/configuration.ts';

const bed = await testBed({ after });
const { collection } = bed.store.claims;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const claimOf = async (id: string) => {
  const claim = await collection.findOne({ _id: `${id}~0` });
  assert.ok(claim);
  return claim;
};

/** Settled as timed-out. */
async function timedOut(more: Partial<Settlement> = {}) {
  const id = bed.id();
  await call(bed.claim, [claimRequest(id)]);
  const settlement: Settlement = {
    index: 0,
    id,
    claim: `${id}~0`,
    entry: `${id}~0#1`,
    requestId: `REQ-${id}`,
    acceptedAt: Date.now() - MINUTE,
    polls: 3,
    doubt: false,
    outcome: { kind: 'timed-out', at: Date.now() },
    ...more,
  };
  await call(bed.route, [settlement]);
  return id;
}

/** One look, for which the legacy system says this of each. Returns what it asked for, of those that are meant. */
async function look(id: string, says: PollReading | null) {
  const asked: string[] = [];
  const found = await lookForLate({
    config: testConfig({ legacy: { maxOpen: 7 * DAY } }),
    store: bed.store,
    status: (requestId) => {
      if (requestId === `REQ-${id}`) asked.push(requestId);
      return Promise.resolve(requestId === `REQ-${id}` ? says : { kind: 'processing' });
    },
    log: silent,
  });
  return { isAsked: asked.length === 1, found: found.filter((late) => late.id === id) };
}

const set = (id: string, changes: Partial<Claim>) =>
  collection.updateOne({ _id: `${id}~0` }, { $set: changes });
const ago = (ms: number) => new Date(Date.now() - ms);

for (const status of ['done', 'failed'] as const) {
  test(`what is ${status} later is noted in the claim, told once, and asked for no more`, async () => {
    const id = await timedOut();
    const says: PollReading = status === 'done' ? { kind: status } : { kind: status, reason: 'no' };
    const { isAsked, found } = await look(id, says);
    assert.ok(isAsked);
    assert.deepEqual(
      found.map((each) => [each.requestId, each.status]),
      [[`REQ-${id}`, status]],
    );
    const claim = await claimOf(id);
    assert.equal(claim.lateResult?.status, status);
    assert.equal(claim.outcome?.kind, 'timed-out');
    await set(id, { lateLookAt: ago(2 * DAY) });
    assert.equal((await look(id, says)).isAsked, false);
  });
}

for (const says of [
  { kind: 'processing' },
  { kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
] as const) {
  test(`what is still "${says.kind}" is asked for again a day later, for as long as legacy.maxOpen`, async () => {
    const id = await timedOut();
    assert.deepEqual(await look(id, says), { isAsked: true, found: [] });
    assert.equal((await look(id, says)).isAsked, false, 'not twice a day');
    await set(id, { lateLookAt: ago(DAY + MINUTE) });
    assert.equal((await look(id, says)).isAsked, true);
    await set(id, { lateLookAt: ago(DAY + MINUTE), settledAt: ago(7 * DAY + MINUTE) });
    assert.equal((await look(id, says)).isAsked, false, 'too long ago');
  });
}

test('a look that was held up by a limit or an open breaker is made again by the next sweep', async () => {
  const id = await timedOut();
  assert.equal((await look(id, null)).isAsked, true);
  assert.deepEqual((await look(id, { kind: 'done' })).found.length, 1);
});

test('what was never accepted, ended otherwise or was redriven is not asked for', async () => {
  const [never, failed, redriven] = [
    await timedOut({ requestId: null }),
    await timedOut({ outcome: { kind: 'failed', at: Date.now() } }),
    await timedOut(),
  ];
  await bed.store.records.left([{ claim: `${redriven}~0`, at: null }], 'redriven');
  for (const id of [never, failed, redriven])
    assert.equal((await look(id, { kind: 'done' })).isAsked, false);
});
