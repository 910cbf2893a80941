import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Settlement } from '../../../activities/registrations/settle.ts';
import type { ClaimAnswer } from '../../../src/domain/registrations/answers.ts';
import { OUR_REASON } from '../../../src/domain/registrations/outcome.ts';
import type { FailureClass } from '../../../src/domain/registrations/outcome.ts';
import { bytes } from '../../../src/claims/claims.ts';
import { call, claimRequest, hashOf, testBed } from '../../helpers/activities.ts';

const bed = await testBed({ after });
const { claim, route, persist, store } = bed;

const kinds = (answers: ClaimAnswer[]) => answers.map(({ kind }) => kind);
const claimOf = async (key: string) => {
  const found = (await store.claims.find([key])).get(key);
  assert.ok(found, `no claim ${key}`);
  return found;
};

/** Brings a claimed registration to its end, as the run would. */
async function end(
  id: string,
  kind: FailureClass | 'registered',
  more: Partial<Settlement> & { generation?: number; reason?: string; ours?: true } = {},
): Promise<void> {
  const { generation = 0, reason, ours, ...rest } = more;
  const key = `${id}~${generation}`;
  const settlement: Settlement = {
    index: 0,
    id,
    claim: key,
    entry: `${key}#1`,
    requestId: null,
    acceptedAt: null,
    polls: 0,
    doubt: false,
    outcome: {
      kind,
      at: Date.now(),
      ...(reason === undefined ? {} : { reason }),
      ...(ours === undefined ? {} : { ours }),
    },
    ...rest,
  };
  const { workflowId } = await claimOf(settlement.claim);
  const settle = kind === 'registered' ? persist : route;
  const answers = await call(settle, [settlement], { workflowId });
  assert.deepEqual(answers, [{ index: 0, kind: 'settled' }]);
}

test('a new id is claimed under generation 0, with its message until it is settled', async () => {
  const id = bed.id();
  const body = `{"id":"${id}","bytes":"é"}`;
  const answers = await call(claim, [claimRequest(id, { index: 3, body })], {
    workflowId: 'run-a',
  });
  assert.deepEqual(answers, [{ index: 3, kind: 'claimed', claim: `${id}~0`, entry: `${id}~0#1` }]);
  const held = await claimOf(`${id}~0`);
  assert.equal(held.workflowId, 'run-a');
  assert.equal(held.index, 3);
  assert.equal(held.bodyHash, hashOf(body));
  assert.equal(held.outcome, null);
  assert.ok(held.message);
  assert.deepEqual(bytes(held.message.body), Buffer.from(body));
});

test('the same activity run again answers the same, for every kind of answer', async () => {
  const [one, two] = [bed.id(), bed.id()];
  const requests = [
    claimRequest(one, { index: 0 }),
    claimRequest(one, { index: 1 }),
    claimRequest(one, { index: 2, body: '{"other":1}' }),
    claimRequest(two, { index: 3 }),
    claimRequest(one, { index: 4, body: '{"other":1}' }),
  ];
  const first = await call(claim, requests);
  assert.deepEqual(kinds(first), ['claimed', 'duplicate', 'conflict', 'claimed', 'duplicate']);
  assert.deepEqual(await call(claim, requests, { attempt: 2 }), first);
  assert.equal((await store.claims.ofItem(one)).length, 2, 'one claim and one conflict');
});

test('an attempt that died half-way is completed by the next', async () => {
  const [one, two] = [bed.id(), bed.id()];
  await call(claim, [claimRequest(one, { index: 0 })]);
  const both = [claimRequest(one, { index: 0 }), claimRequest(two, { index: 1 })];
  assert.deepEqual(kinds(await call(claim, both, { attempt: 2 })), ['claimed', 'claimed']);
});

test('another run with the same id and body is a duplicate, before and after the first has ended', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
  assert.deepEqual(kinds(await call(claim, [claimRequest(id)], { workflowId: 'run-b' })), [
    'duplicate',
  ]);
  await end(id, 'registered');
  assert.deepEqual(kinds(await call(claim, [claimRequest(id)], { workflowId: 'run-c' })), [
    'duplicate',
  ]);
  assert.equal((await claimOf(`${id}~0`)).workflowId, 'run-a', 'the first keeps it');
});

test('the same run with another index is a duplicate: mine is the run and the index', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id, { index: 0 })]);
  assert.deepEqual(kinds(await call(claim, [claimRequest(id, { index: 1 })])), ['duplicate']);
});

test('another body is a conflict, and its bytes are kept under a key of their own', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
  const other = claimRequest(id, { body: '{"other":true}' });
  const [answer] = await call(claim, [other], { workflowId: 'run-b' });
  assert.ok(answer?.kind === 'conflict');
  assert.equal(answer.claim, `${id}~0!${hashOf('{"other":true}').slice(0, 16)}`);
  const kept = await claimOf(answer.claim);
  assert.ok(kept.conflict && kept.message);
  assert.equal(bytes(kept.message.body).toString(), '{"other":true}');
  assert.equal((await claimOf(`${id}~0`)).bodyHash, claimRequest(id).bodyHash);
});

test('a conflict that is delivered again makes no second record', async () => {
  const id = bed.id();
  const other = claimRequest(id, { body: '{"other":true}' });
  await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
  await call(claim, [other], { workflowId: 'run-b' });
  assert.deepEqual(kinds(await call(claim, [other], { workflowId: 'run-c' })), ['duplicate']);
});

test('a conflict that is redriven and still is one comes to the failure queue again', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
  await end(id, 'registered');
  const other = claimRequest(id, { body: '{"other":true}' });
  const [first] = await call(claim, [other], { workflowId: 'run-b' });
  assert.ok(first?.kind === 'conflict');
  await end(id, 'conflict', { claim: first.claim, entry: '' });
  assert.equal((await claimOf(first.claim)).message, null, 'settled: the bytes are let go');

  const redriven = { ...other, failedGeneration: 0, receivedAt: other.receivedAt + 1 };
  const [again] = await call(claim, [redriven], { workflowId: 'run-c' });
  assert.deepEqual(again, first);
  assert.ok((await claimOf(first.claim)).message, 'the bytes are back for the record');
  await end(id, 'conflict', { claim: first.claim, entry: '' });
  assert.equal(bed.failures.records.filter((record) => record.claim === first.claim).length, 2);
});

test('ids that begin alike do not meet', async () => {
  const id = bed.id();
  const all = [
    id,
    `${id}~0`,
    `${id}~`,
    `${id}~0!0123456789abcdef`,
    `${id}~0#1`,
    `${id}$`,
    `$${id}`,
  ];
  const requests = all.map((each, index) => claimRequest(each, { index }));
  assert.deepEqual(new Set(kinds(await call(claim, requests))), new Set(['claimed']));
  assert.equal((await store.claims.ofItem(id)).length, 1);
});

test('the redrive of a failure is claimed as the next generation, with an entry of its own', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'failed', {
    requestId: 'REQ-1',
    acceptedAt: Date.now(),
    reason: 'documento ilegível',
  });
  const redriven = claimRequest(id, { failedGeneration: 0 });
  const expected = [{ index: 0, kind: 'claimed', claim: `${id}~1`, entry: `${id}~1#1` }];
  assert.deepEqual(await call(claim, [redriven], { workflowId: 'run-2' }), expected);
  assert.deepEqual(await call(claim, [redriven], { workflowId: 'run-2', attempt: 2 }), expected);
});

test('a rejection that is redriven is submitted anew', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'rejected');
  assert.deepEqual(kinds(await call(claim, [claimRequest(id, { failedGeneration: 0 })])), [
    'claimed',
  ]);
});

test('two wire copies of one redriven record claim once, in one run or in two', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'failed');
  const copies = [0, 1].map((index) => claimRequest(id, { index, failedGeneration: 0 }));
  assert.deepEqual(kinds(await call(claim, copies, { workflowId: 'run-2' })), [
    'claimed',
    'duplicate',
  ]);
  assert.deepEqual(
    kinds(await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-3' })),
    ['duplicate'],
  );
});

test('a second failure can be redriven again: generation 2', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'failed');
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  await end(id, 'failed', { generation: 1 });
  assert.deepEqual(
    await call(claim, [claimRequest(id, { failedGeneration: 1 })], { workflowId: 'run-3' }),
    [{ index: 0, kind: 'claimed', claim: `${id}~2`, entry: `${id}~2#1` }],
  );
});

test('a record of an older failure that turns up late is a duplicate of the redrive', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'failed');
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  await end(id, 'registered', { generation: 1 });
  assert.deepEqual(
    kinds(await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-3' })),
    ['duplicate'],
  );
});

test('headers that claim a redrive of what nobody knows make a new registration', async () => {
  const id = bed.id();
  assert.deepEqual(await call(claim, [claimRequest(id, { failedGeneration: 7 })]), [
    { index: 0, kind: 'claimed', claim: `${id}~0`, entry: `${id}~0#1` },
  ]);
});

test('headers that claim a redrive of what is registered or still open are a duplicate', async () => {
  const [open, registered] = [bed.id(), bed.id()];
  await call(claim, [claimRequest(open), claimRequest(registered, { index: 1 })]);
  await end(registered, 'registered');
  const forged = [
    claimRequest(open, { failedGeneration: 0 }),
    claimRequest(registered, { index: 1, failedGeneration: 0 }),
  ];
  assert.deepEqual(kinds(await call(claim, forged, { workflowId: 'run-2' })), [
    'duplicate',
    'duplicate',
  ]);
});

for (const [kind, reason] of [
  ['timed-out', 'still processing at the deadline'],
  ['cancelled', 'the run was cancelled'],
  ['failed', 'internal error'],
] as const) {
  test(`the redrive of "${kind}" (${reason}) goes on polling with its request id`, async () => {
    const id = bed.id();
    const acceptedAt = Date.now() - 5_000;
    await call(claim, [claimRequest(id)]);
    const ours = kind === 'failed' ? { ours: true as const } : {};
    await end(id, kind, { requestId: 'AB583C-X', acceptedAt, reason, ...ours });
    const redriven = claimRequest(id, { failedGeneration: 0 });
    assert.deepEqual(await call(claim, [redriven], { workflowId: 'run-2' }), [
      {
        index: 0,
        kind: 'resumed',
        claim: `${id}~1`,
        entry: `${id}~0#1`,
        requestId: 'AB583C-X',
        acceptedAt,
      },
    ]);
    // It counts for legacy.maxInFlight.
    assert.equal((await claimOf(`${id}~1`)).atLegacy, 'accepted');
  });
}

for (const reason of Object.values(OUR_REASON)) {
  test(`what the legacy system failed with words of ours ("${reason}") is submitted anew when it is redriven`, async () => {
    const id = bed.id();
    await call(claim, [claimRequest(id)]);
    const accepted = { requestId: 'AB583C-X', acceptedAt: Date.now() - 5_000 };
    await end(id, 'failed', { ...accepted, reason });
    const answers = await call(claim, [claimRequest(id, { failedGeneration: 0 })], {
      workflowId: 'run-2',
    });
    assert.deepEqual(answers, [
      { index: 0, kind: 'claimed', claim: `${id}~1`, entry: `${id}~1#1` },
    ]);
  });
}

test('the redrive of a cancelled registration that was never accepted is submitted', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'cancelled');
  assert.deepEqual(kinds(await call(claim, [claimRequest(id, { failedGeneration: 0 })])), [
    'claimed',
  ]);
});

for (const kind of ['in-doubt', 'cancelled', 'failed'] as const) {
  test(`the redrive of "${kind}" in doubt is in doubt under the entry that may have been sent`, async () => {
    const id = bed.id();
    await call(claim, [claimRequest(id)]);
    await end(id, kind, { doubt: true, entry: `${id}~0#2` });
    const redriven = claimRequest(id, { failedGeneration: 0 });
    assert.deepEqual(await call(claim, [redriven], { workflowId: 'run-2' }), [
      { index: 0, kind: 'in-doubt', claim: `${id}~1`, entry: `${id}~0#2` },
    ]);
  });
}

test('when a conflict has taken the next generation, the redrive of the first body is a conflict, not lost', async () => {
  const id = bed.id();
  const other = claimRequest(id, { body: '{"other":true}' });
  await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
  await end(id, 'failed');
  const [conflict] = await call(claim, [other], { workflowId: 'run-b' });
  assert.ok(conflict?.kind === 'conflict');
  await end(id, 'conflict', { claim: conflict.claim, entry: '' });

  assert.deepEqual(
    kinds(await call(claim, [{ ...other, failedGeneration: 0 }], { workflowId: 'run-c' })),
    ['claimed'],
    'the first has failed, so the other body has its turn',
  );
  assert.deepEqual(
    kinds(await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-d' })),
    ['conflict'],
  );
});

for (const kind of ['timed-out', 'in-doubt'] as const) {
  test(`a conflict with what is "${kind}" stays one when it is redriven: the filing belongs to the other bytes`, async () => {
    const id = bed.id();
    const other = claimRequest(id, { body: '{"other":true}' });
    const filed = { requestId: 'AB583C-X', acceptedAt: Date.now() };
    await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
    await end(id, kind, kind === 'timed-out' ? filed : { doubt: true });
    const [conflict] = await call(claim, [other], { workflowId: 'run-b' });
    assert.ok(conflict?.kind === 'conflict');
    await end(id, 'conflict', { claim: conflict.claim, entry: '' });

    const redriven = { ...other, failedGeneration: 0, receivedAt: other.receivedAt + 1 };
    const again = await call(claim, [redriven], { workflowId: 'run-c' });
    assert.deepEqual(again, [conflict]);
    const [first] = await call(claim, [claimRequest(id, { failedGeneration: 0 })], {
      workflowId: 'run-d',
    });
    assert.equal(first?.kind, kind === 'timed-out' ? 'resumed' : 'in-doubt');
  });
}

test('when other bytes have taken the next generation and may be filed, the first ones stay a conflict, and are not lost', async () => {
  const id = bed.id();
  const other = claimRequest(id, { body: '{"other":true}' });
  await call(claim, [claimRequest(id)], { workflowId: 'run-a' });
  await end(id, 'rejected');
  await call(claim, [{ ...other, failedGeneration: 0 }], { workflowId: 'run-b' });
  await end(id, 'timed-out', { generation: 1, requestId: 'AB583C-X', acceptedAt: Date.now() });
  const first = { ...claimRequest(id), failedGeneration: 0 };
  const [conflict] = await call(claim, [first], { workflowId: 'run-c' });
  assert.ok(conflict?.kind === 'conflict');
  await end(id, 'conflict', { claim: conflict.claim, entry: '' });
  const again = { ...first, failedGeneration: 1, receivedAt: first.receivedAt + 1 };
  assert.deepEqual(await call(claim, [again], { workflowId: 'run-d' }), [conflict]);
  assert.deepEqual(await call(claim, [again], { workflowId: 'run-d', attempt: 2 }), [conflict]);
});

test('a doubt that is redriven after its journal entry has expired is a doubt still, and never sent', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'in-doubt', { doubt: true });
  assert.equal((await store.journal.read([`${id}~0#1`])).size, 0, 'there is none');
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  const [answer] = await call(bed.recheck, [{ index: 0, entry: `${id}~0#1` }]);
  assert.deepEqual(answer, { index: 0, kind: 'unknown', reason: 'its journal entry is gone' });
});

test('a first submission in doubt that was never opened may be sent when it is redriven', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'failed', { doubt: true, reason: 'internal error' });
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  assert.equal((await store.journal.read([`${id}~0#1`])).size, 0);
});

test('a later submission of a doubt that was never opened may be sent when it is redriven', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)]);
  await end(id, 'failed', { doubt: true, entry: `${id}~0#2` });
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  assert.equal((await store.journal.read([`${id}~0#2`])).size, 0);
});

test('the journal entry that a redrive goes on with is kept as long as a new one', async () => {
  const id = bed.id();
  const entry = `${id}~0#1`;
  const filed = { requestId: 'AB583C-X', acceptedAt: Date.now() };
  const old = new Date('2020-01-01');
  await call(claim, [claimRequest(id)]);
  await store.journal.open([entry], new Map(), 'token');
  const accepted = { state: 'accepted', requestId: 'AB583C-X', reason: null } as const;
  await store.journal.close([{ entry, ...accepted }], 'token');
  await store.journal.collection.updateOne({ _id: entry }, { $set: { keptFrom: old } });
  await end(id, 'timed-out', filed);
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-2' });
  const kept = (await store.journal.read([entry])).get(entry);
  assert.ok(kept?.keptFrom && kept.keptFrom > old);
  // Where it is gone all the same, it is written again: whoever takes the claim over must not take it for never sent.
  await store.journal.collection.deleteOne({ _id: entry });
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], {
    workflowId: 'run-2',
    attempt: 2,
  });
  const again = (await store.journal.read([entry])).get(entry);
  assert.deepEqual([again?.state, again?.requestId], ['accepted', 'AB583C-X']);
});

test('duplicates are counted', async () => {
  const id = bed.id();
  const before = (await bed.dependencies.metrics.duplicates.get()).values[0]?.value ?? 0;
  await call(
    claim,
    [0, 1, 2].map((index) => claimRequest(id, { index })),
  );
  const now = (await bed.dependencies.metrics.duplicates.get()).values[0]?.value ?? 0;
  assert.equal(now - before, 2);
});

test('a run of duplicates and conflicts asks for its claims in as many statements as one of them does', async (t) => {
  const ids = Array.from({ length: 50 }, () => bed.id());
  const requests = (body: string) => ids.map((id, index) => claimRequest(id, { index, body }));
  await call(claim, requests('{"n":1}'), { workflowId: 'run-a' });
  const { collection } = store.claims;
  const find = t.mock.method(collection, 'find');
  const insert = t.mock.method(collection, 'insertMany');
  const answers = await call(
    claim,
    [...requests('{"n":1}').slice(25), ...requests('{"n":2}').slice(0, 25)],
    {
      workflowId: 'run-b',
    },
  );
  assert.deepEqual(new Set(kinds(answers)), new Set(['duplicate', 'conflict']));
  assert.equal(answers.filter(({ kind }) => kind === 'conflict').length, 25);
  assert.ok(find.mock.callCount() + insert.mock.callCount() < 6, 'statements');
});

test('a redrive of one generation says nothing of an ordinary delivery of the same registration beside it', async () => {
  const id = bed.id();
  const first = claimRequest(id, { body: '{"n":1}' });
  await call(claim, [first], { workflowId: 'run-a' });
  await end(id, 'rejected');
  const { token } = await claimOf(`${id}~0`);
  const redriven = claimRequest(id, {
    body: '{"n":2}',
    failedGeneration: 0,
    ...(token === undefined ? {} : { token }),
  });
  await call(claim, [redriven], { workflowId: 'run-b' });
  const answers = await call(
    claim,
    [
      { ...first, index: 0 },
      { ...redriven, index: 1 },
    ],
    {
      workflowId: 'run-c',
    },
  );
  assert.deepEqual(kinds(answers), ['duplicate', 'duplicate']);
});
