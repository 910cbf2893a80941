/** Claims of runs that are dead, on a real MongoDB; what Temporal says of the runs is the test's word. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import type { ClaimAnswer } from '../../../src/domain/registrations/answers.ts';
import type { RunLife } from '../../../src/domain/run-life.ts';
import { bytes } from '../../../src/claims/claims.ts';
import type { Claim } from '../../../src/claims/claims.ts';
import { call, claimRequest, settlementOf, testBed } from '../../helpers/activities.ts';
import { DAY } from '../../helpers/items.ts';

const lives = new Map<string, RunLife>();
let asking: (ids: string[]) => Promise<void> = () => Promise.resolve();
afterEach(() => {
  lives.clear();
  asking = () => Promise.resolve();
});
const bed = await testBed(
  { after },
  {
    replace: {
      async runStates(ids) {
        await asking(ids);
        return new Map(ids.map((id) => [id, lives.get(id) ?? 'running']));
      },
    },
  },
);
const { claim, store } = bed;
const { journal } = store;
const kinds = (answers: ClaimAnswer[]) => answers.map(({ kind }) => kind);

/** Claimed by `run-dead`, of which Temporal says what the test wants. */
async function stranded(life: RunLife = 'closed', more: { body?: string } = {}): Promise<string> {
  const id = bed.id();
  await call(claim, [claimRequest(id, more)], { workflowId: 'run-dead' });
  lives.set('run-dead', life);
  return id;
}

/** What another run gets for the same message. */
const again = async (id: string, workflowId = 'run-new'): Promise<ClaimAnswer | undefined> =>
  (await call(claim, [claimRequest(id, { index: 7 })], { workflowId }))[0];

const dieAfter =
  <A extends unknown[]>(work: (...args: A) => Promise<unknown>) =>
  async (...args: A): Promise<never> => {
    await work(...args);
    throw new Error('killed');
  };

const holderOf = async (key: string) => (await store.claims.find([key])).get(key);

const journaled = async (
  entry: string,
  state: 'accepted' | 'refused' | 'not-accepted' | 'unknown',
  requestId: string | null = null,
): Promise<void> => {
  await journal.open([entry], new Map(), 'token');
  await journal.close([{ entry, state, requestId, reason: null }], 'token');
};

/** Its entry has given way to the next one. */
async function movedOn(id: string, n: number): Promise<void> {
  const claim = `${id}~0`;
  await journal.supersede([`${claim}#${n}`]);
  await store.claims.moveOn([{ claim, from: `${claim}#${n}`, to: `${claim}#${n + 1}` }]);
}

for (const life of ['closed', 'unknown'] as const) {
  test(`a duplicate that meets the claim of a run that is ${life} takes it over, and says so when run again`, async () => {
    const id = await stranded(life);
    const expected = { index: 7, kind: 'claimed', claim: `${id}~0`, entry: `${id}~0#1` };
    assert.deepEqual(await again(id), expected);
    assert.deepEqual(await again(id), expected);
    const held = await holderOf(`${id}~0`);
    assert.equal(held?.workflowId, 'run-new');
    assert.equal(held.index, 7);
    assert.equal(held.takenFrom, 'run-dead');
    assert.ok(held.message, 'the message is still there to be submitted');
  });
}

test('a run that is alive keeps its claim', async () => {
  const id = await stranded('running');
  assert.equal((await again(id))?.kind, 'duplicate');
  assert.equal((await holderOf(`${id}~0`))?.workflowId, 'run-dead');
});

test('what is settled is a duplicate, and Temporal is not asked', async () => {
  const id = await stranded();
  await store.claims.collection.updateOne({ _id: `${id}~0` }, { $set: { settledAt: new Date() } });
  asking = () => Promise.reject(new Error('asked'));
  assert.equal((await again(id))?.kind, 'duplicate');
});

test('when Temporal cannot be asked nothing is dropped: the activity fails, and its next attempt takes over', async () => {
  const id = await stranded();
  asking = () => Promise.reject(new Error('no answer'));
  await assert.rejects(again(id), /no answer/);
  assert.equal((await holderOf(`${id}~0`))?.workflowId, 'run-dead');
  asking = () => Promise.resolve();
  assert.equal((await again(id))?.kind, 'claimed');
});

test('a run that settles while it is asked for keeps its claim', async () => {
  const id = await stranded();
  asking = async () => {
    await store.claims.collection.updateOne(
      { _id: `${id}~0` },
      { $set: { settledAt: new Date() } },
    );
  };
  assert.equal((await again(id))?.kind, 'duplicate');
  assert.equal((await holderOf(`${id}~0`))?.workflowId, 'run-dead');
});

test('of two that meet the claim at once, one gets it', async () => {
  const id = await stranded();
  let waiting: () => void = () => {};
  const both = new Promise<void>((resolve) => (waiting = resolve));
  let asked = 0;
  asking = () => {
    asked += 1;
    if (asked === 2) waiting();
    return both;
  };
  const answers = await Promise.all([again(id, 'run-a'), again(id, 'run-b')]);
  assert.deepEqual(answers.map((answer) => answer?.kind).sort(), ['claimed', 'duplicate']);
});

test('of two copies in one run, the first gets it, also when run again', async () => {
  const id = await stranded();
  const copies = [0, 1].map((index) => claimRequest(id, { index }));
  for (const attempt of [1, 2]) {
    const answers = await call(claim, copies, { workflowId: 'run-new', attempt });
    assert.deepEqual(kinds(answers), ['claimed', 'duplicate']);
  }
});

test('what was accepted resumes polling under its request id', async () => {
  const id = await stranded();
  await journaled(`${id}~0#1`, 'accepted', 'AB583C-X');
  const answer = await again(id);
  assert.ok(answer?.kind === 'resumed');
  assert.equal(answer.requestId, 'AB583C-X');
  const entry = await journal.collection.findOne({ _id: `${id}~0#1` });
  assert.equal(answer.acceptedAt, entry?.answeredAt?.getTime());
});

test('what has an intent is in doubt, what is unknown too, under the entry that was opened last', async () => {
  const [intent, unknown] = [await stranded(), await stranded()];
  await journal.open([`${intent}~0#1`], new Map(), 'token');
  await journaled(`${unknown}~0#1`, 'unknown');
  await movedOn(unknown, 1);
  await journaled(`${unknown}~0#2`, 'unknown');
  assert.deepEqual(await again(intent), {
    index: 7,
    kind: 'in-doubt',
    claim: `${intent}~0`,
    entry: `${intent}~0#1`,
  });
  assert.deepEqual(await again(unknown), {
    index: 7,
    kind: 'in-doubt',
    claim: `${unknown}~0`,
    entry: `${unknown}~0#2`,
  });
});

test('a redrive in doubt whose run is dead is in doubt under the entry of the generation before', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)], { workflowId: 'run-first' });
  await journaled(`${id}~0#1`, 'unknown');
  await store.claims.settled(
    [
      {
        claim: `${id}~0`,
        outcome: {
          kind: 'in-doubt',
          reason: null,
          at: new Date(),
          requestId: null,
          acceptedAt: null,
          polls: 0,
          doubt: true,
          entry: `${id}~0#1`,
        },
      },
    ],
    'run-first',
  );
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-dead' });
  lives.set('run-dead', 'unknown');
  const expected = { index: 7, kind: 'in-doubt', claim: `${id}~1`, entry: `${id}~0#1` };
  assert.deepEqual(await again(id), expected);
  assert.equal((await holderOf(`${id}~1`))?.workflowId, 'run-new');

  // Also when the generation before is kept no longer.
  await store.claims.collection.deleteOne({ _id: `${id}~0` });
  lives.set('run-new', 'closed');
  const taking = claimRequest(id, { index: 2, takes: `${id}~1`, failedGeneration: 0 });
  assert.deepEqual(await call(claim, [taking], { workflowId: 'run-third' }), [
    { ...expected, index: 2 },
  ]);
});

test('a redrive that goes on polling is taken over with its request id, also when its run could not write that down', async () => {
  const id = bed.id();
  await call(claim, [claimRequest(id)], { workflowId: 'run-first' });
  await journal.open([`${id}~0#1`], new Map(), 'token');
  const ended = { ...settlementOf(id, 'timed-out'), acceptedAt: 1_000 };
  await call(bed.route, [ended], { workflowId: 'run-first' });
  await call(claim, [claimRequest(id, { failedGeneration: 0 })], { workflowId: 'run-dead' });
  lives.set('run-dead', 'closed');
  assert.deepEqual(await again(id), {
    index: 7,
    kind: 'resumed',
    claim: `${id}~1`,
    entry: `${id}~0#1`,
    requestId: `REQ-${id}`,
    acceptedAt: 1_000,
  });
});

test('the entry of a redrive is there before its claim: of an attempt that dies in between nothing is sent', async (t) => {
  const id = bed.id();
  await call(claim, [claimRequest(id)], { workflowId: 'run-first' });
  await call(bed.route, [settlementOf(id, 'timed-out')], { workflowId: 'run-first' });
  // The entry has expired, and the attempt dies when it has written its claim.
  const dying = { ...store.claims, insert: dieAfter((all: Claim[]) => store.claims.insert(all)) };
  const dead = await testBed(t, { store, replace: { claims: dying } });
  const redrive = claimRequest(id, { failedGeneration: 0 });
  await assert.rejects(call(dead.claim, [redrive], { workflowId: 'run-dead' }), /killed/);
  lives.set('run-dead', 'closed');
  const answer = await again(id);
  assert.deepEqual(
    [answer?.kind, answer?.kind === 'resumed' && answer.requestId],
    ['resumed', `REQ-${id}`],
  );
});

test('what a run had concluded and not settled keeps that outcome', async () => {
  const id = await stranded();
  await journaled(`${id}~0#1`, 'accepted', 'AB583C-X');
  const acceptedAt = new Date(1_000);
  await store.claims.conclude(
    [
      {
        claim: `${id}~0`,
        outcome: {
          kind: 'timed-out',
          reason: 'still processing at the deadline',
          at: new Date(2_000),
          requestId: 'AB583C-X',
          acceptedAt,
          polls: 3,
          doubt: false,
          entry: `${id}~0#1`,
        },
      },
    ],
    'run-dead',
  );
  assert.deepEqual(await again(id), {
    index: 7,
    kind: 'concluded',
    claim: `${id}~0`,
    entry: `${id}~0#1`,
    outcome: { kind: 'timed-out', at: 2_000, reason: 'still processing at the deadline' },
    requestId: 'AB583C-X',
    acceptedAt: 1_000,
    polls: 3,
    doubt: false,
  });
});

test('a claim without an entry is sent only while the journal would still have one', async () => {
  const [fresh, old] = [await stranded(), await stranded()];
  const receivedAt = new Date(Date.now() - 1_000 * DAY);
  await store.claims.collection.updateOne({ _id: `${old}~0` }, { $set: { receivedAt } });
  for (const id of [fresh, old]) await store.journal.collection.deleteMany({ _id: `${id}~0#1` });
  assert.equal((await again(fresh))?.kind, 'claimed');
  assert.equal((await again(old))?.kind, 'in-doubt');
});

test('what was set aside for a person is not taken over', async () => {
  const id = await stranded();
  const held = await holderOf(`${id}~0`);
  await store.setAside.put(held, `${id}~0`, 'a validator refuses it');
  assert.equal((await again(id))?.kind, 'duplicate');
});

test('the claim of another body is no business of a message: it is a conflict, as before', async () => {
  const id = await stranded();
  const other = claimRequest(id, { body: '{"other":true}' });
  assert.deepEqual(kinds(await call(claim, [other], { workflowId: 'run-new' })), ['conflict']);
  assert.equal((await holderOf(`${id}~0`))?.workflowId, 'run-dead');
});

test('a conflict whose run is dead is taken over as a conflict, with its own bytes', async () => {
  const id = bed.id();
  const other = claimRequest(id, { body: '{"other":true}' });
  await call(claim, [claimRequest(id)], { workflowId: 'run-first' });
  const [first] = await call(claim, [other], { workflowId: 'run-dead' });
  assert.ok(first?.kind === 'conflict');
  lives.set('run-dead', 'closed');
  assert.deepEqual(await call(claim, [other], { workflowId: 'run-new' }), [first]);
  const held = await holderOf(first.claim);
  assert.equal(held?.workflowId, 'run-new');
  assert.ok(held.message);
  assert.equal(bytes(held.message.body).toString(), '{"other":true}');
});

test('who sweeps names the claim: it is taken while it is open and its run dead, and never made', async () => {
  const [dead, settled] = [await stranded(), await stranded()];
  await store.claims.collection.updateOne(
    { _id: `${settled}~0` },
    { $set: { settledAt: new Date() } },
  );
  const nobody = bed.id();
  const requests = [dead, settled, nobody].map((id, index) =>
    claimRequest(id, { index, body: '', takes: `${id}~0` }),
  );
  for (const attempt of [1, 2]) {
    const answers = await call(claim, requests, { workflowId: 'run-sweep', attempt });
    assert.deepEqual(kinds(answers), ['claimed', 'duplicate', 'duplicate']);
  }
  assert.equal(await holderOf(`${nobody}~0`), undefined);
});

test('while Temporal does not say whether a run is alive, only who has met its claim waits for that', async () => {
  const id = await stranded();
  const others = Array.from({ length: 3 }, () => bed.id());
  let say = (): void => {};
  const said = new Promise<void>((resolve) => (say = resolve));
  asking = () => said;
  const requests = [id, ...others].map((each, index) => claimRequest(each, { index }));
  const answers = await call(claim, requests, { workflowId: 'run-new' });
  assert.deepEqual(kinds(answers), ['undecided', 'claimed', 'claimed', 'claimed']);
  const [met] = requests;
  assert.ok(met);
  const alone = call(claim, [met], { workflowId: 'run-new' });
  say();
  assert.deepEqual(kinds(await alone), ['claimed']);
});

test('when Temporal cannot be asked, whoever has met no claim is claimed all the same', async () => {
  const id = await stranded();
  asking = () => Promise.reject(new Error('no Temporal'));
  const requests = [id, bed.id()].map((each, index) => claimRequest(each, { index }));
  const answers = await call(claim, requests, { workflowId: 'run-new' });
  assert.deepEqual(kinds(answers), ['undecided', 'claimed']);
});
