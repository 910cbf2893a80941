/** Looking registrations in doubt up in the legacy system, with the real journal. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { pino } from 'pino';
import type { LookUpRequest } from '../../../activities/registrations/look-up.ts';
import { DEFAULTS } from '../../../src/config/schema.ts';
import type { LookUpAnswer } from '../../../src/domain/registrations/answers.ts';
import { LOOK_UP, nextEntry } from '../../../src/domain/names.ts';
import { HEARTBEAT_TIMEOUT_MS } from '../../../src/domain/timing.ts';
import { TIMEOUT_MS, call, claimRequest, claimed, testBed } from '../../helpers/activities.ts';
import { testDatabase } from '../../helpers/servers.ts';
import { json, webServer } from '../../helpers/web-server.ts';
import type { Respond } from '../../helpers/web-server.ts';
import { file, simulatorFor } from '../../simulator/harness.ts';

const store = await testDatabase({ after });
const lookup = { ...DEFAULTS.legacy.lookup, path: '/registrations?externalId={id}' };

async function withSimulator(t: TestContext) {
  const simulator = await simulatorFor(t);
  const bed = await testBed(t, { store, legacyUrl: simulator.url, legacy: { lookup } });
  return { ...bed, simulator };
}

const entryOf = async (entry: string) => (await store.journal.read([entry])).get(entry);

/** Submits one and expects that nobody knows what became of it. */
async function inDoubt(
  bed: Awaited<ReturnType<typeof testBed>>,
  simulate: object = { loseAnswer: true },
): Promise<LookUpRequest & { claim: string }> {
  const id = bed.id();
  const [request] = await claimed(bed, [{ id, simulate }]);
  assert.ok(request);
  assert.equal((await call(bed.submit, [request]))[0]?.kind, 'unknown');
  return { ...request, id, settleTime: 0 };
}

test('what is found is accepted under the request id it was found with, and the journal says who knew', async (t) => {
  const bed = await withSimulator(t);
  const request = await inDoubt(bed);
  const [answer] = await call(bed.lookUp, [request]);
  assert.ok(answer?.kind === 'accepted');
  const [filing] = bed.simulator.ledger();
  assert.ok(filing?.event === 'accepted');
  assert.equal(answer.requestId, filing.requestId);
  const entry = await entryOf(request.entry);
  assert.deepEqual(
    [entry?.state, entry?.requestId, entry?.operator],
    ['accepted', filing.requestId, LOOK_UP],
  );
});

/** What the legacy system has, and is found by look-up: without it nobody knows whether it would find anything. */
async function known(bed: Awaited<ReturnType<typeof testBed>>, count = 3): Promise<string[]> {
  const bodies = Array.from({ length: count }, () => ({ id: bed.id() }));
  const answers = await call(bed.submit, await claimed(bed, bodies));
  assert.ok(answers.every(({ kind }) => kind === 'accepted'));
  return bodies.map(({ id }) => id);
}

/** It rests until then, by the clock that has just been read. */
function assertAbsentUntil([answer]: LookUpAnswer[], until: number): void {
  assert.ok(answer?.kind === 'absent');
  const off = until - (Date.now() + answer.rest);
  assert.ok(off <= 100 && off > -5_000, `${off} ms`);
}

test('what is not found may still be on its way: only after the settle time it is submitted again, once', async (t) => {
  const bed = await withSimulator(t);
  await known(bed);
  const request = await inDoubt(bed, { errorStatus: 502, errorTimes: 1 });
  const lostAt = (await entryOf(request.entry))?.answeredAt?.getTime() ?? 0;
  const early = await call(bed.lookUp, [{ ...request, settleTime: 60_000 }]);
  assertAbsentUntil(early, lostAt + 60_000);
  assert.equal((await entryOf(request.entry))?.state, 'unknown');

  assert.deepEqual(await call(bed.lookUp, [request]), [{ index: 0, kind: 'resubmit' }]);
  const entry = await entryOf(request.entry);
  assert.deepEqual([entry?.state, entry?.operator], ['superseded', LOOK_UP]);
  const next = { ...request, entry: nextEntry(request.entry) };
  assert.equal((await call(bed.submit, [next]))[0]?.kind, 'accepted');
  assert.equal(bed.simulator.stats().accepted, 4);
});

test('the settle time of a POST that was tried again counts from the last try, not from the answer to an earlier one', async (t) => {
  const bed = await withSimulator(t);
  const id = bed.id();
  const [request] = await claimed(bed, [{ id, simulate: { errorStatus: 503, errorTimes: 1 } }]);
  assert.ok(request);
  await assert.rejects(call(bed.submit, [request]));
  const { entry } = request;
  await store.journal.open([entry], await store.journal.read([entry]), 'a worker that dies now');
  await store.journal.decide(entry, ['intent'], { state: 'unknown' });
  const sentAt = (await entryOf(entry))?.at.getTime() ?? 0;
  const until = sentAt + HEARTBEAT_TIMEOUT_MS + TIMEOUT_MS + 60_000;
  assertAbsentUntil(await call(bed.lookUp, [{ ...request, id, settleTime: 60_000 }]), until);
});

test('what is logged of a look-up names the run, and neither the registration nor what is named after it', async (t) => {
  const told: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void told.push(line) });
  const simulator = await simulatorFor(t);
  const bed = await testBed(t, {
    store,
    legacyUrl: simulator.url,
    legacy: { lookup },
    replace: { log },
  });
  const request = await inDoubt(bed);
  await call(bed.lookUp, [request], { workflowId: 'run-a' });
  assert.match(told.join(''), /"workflowId":"run-a".*A doubt was looked up/);
  assert.ok(!told.join('').includes(request.id), told.join(''));
});

test('found twice: a person is asked, and the list of doubts says why', async (t) => {
  const bed = await withSimulator(t);
  const request = await inDoubt(bed);
  await file(bed.simulator, { id: request.id });
  const reason = 'the look-up found it 2 times';
  assert.deepEqual(await call(bed.lookUp, [request]), [{ index: 0, kind: 'ambiguous', reason }]);
  const entry = await entryOf(request.entry);
  assert.deepEqual([entry?.state, entry?.reason], ['unknown', reason]);
});

test('what the journal has come to know is answered without asking', async (t) => {
  const bed = await withSimulator(t);
  const request = await inDoubt(bed);
  await store.journal.decide(request.entry, ['unknown'], { state: 'refused', reason: 'no' });
  const gets = bed.simulator.stats().gets;
  assert.deepEqual(await call(bed.lookUp, [request]), [
    { index: 0, kind: 'refused', reason: 'no' },
  ]);
  assert.equal(bed.simulator.stats().gets, gets);
});

/** A legacy system whose POSTs are never answered. */
async function withServer(t: TestContext, look: Respond) {
  const server = await webServer(t, (request, response, wire) => {
    if (request.method === 'GET') look(request, response, wire);
    else wire.destroy();
  });
  const bed = await testBed(t, { store, legacyUrl: server.url, legacy: { lookup } });
  return { ...bed, server };
}

test('an operator’s word that comes while it is looked up holds', async (t) => {
  const bed = await withServer(t, (_, response) => {
    void store.journal
      .decide(request.entry, ['unknown'], { state: 'abandoned', reason: 'withdrawn' })
      .then(() => json(response, 200, [{ id: 'AB583C-X', externalId: request.id }]));
  });
  const request = await inDoubt(bed);
  assert.deepEqual(await call(bed.lookUp, [request]), [
    { index: 0, kind: 'abandoned', reason: 'withdrawn' },
  ]);
});

test('nothing readable: thrown, and Temporal waits as long as Retry-After asks; the doubt stays', async (t) => {
  const bed = await withServer(t, (_, response) => {
    response.setHeader('retry-after', '7');
    json(response, 503, {});
  });
  const request = await inDoubt(bed);
  await assert.rejects(call(bed.lookUp, [request]), (error) => {
    assert.ok(error instanceof ApplicationFailure, String(error));
    assert.equal(error.type, 'LookUpUnreadable');
    assert.equal(error.nextRetryDelay, 7_000);
    assert.notEqual(error.nonRetryable, true);
    return true;
  });
  assert.equal((await entryOf(request.entry))?.state, 'unknown');
});

/** A legacy system that takes those whose ids begin with "known", answers no other POST, and is looked up as the test says. */
async function withRegister(
  t: TestContext,
  found: (id: string, nth: number) => [status: number, body: unknown],
  more: Partial<typeof lookup> = {},
) {
  const asked = new Map<string, number>();
  const server = await webServer(t, (request, response, wire) => {
    if (request.method === 'GET') {
      const id = decodeURIComponent(request.path.split('=')[1] ?? '');
      const nth = asked.get(id) ?? 0;
      asked.set(id, nth + 1);
      return json(response, ...found(id, nth));
    }
    const { id } = JSON.parse(request.body) as { id: string };
    if (id.startsWith('known')) json(response, 201, { id: `REQ-${id}` });
    else wire.destroy();
  });
  const own = { ...lookup, ...more };
  const bed = await testBed(t, { store, legacyUrl: server.url, legacy: { lookup: own } });
  const names = Array.from({ length: 3 }, () => `known-${bed.id()}`);
  await call(
    bed.submit,
    await claimed(
      bed,
      names.map((id) => ({ id })),
    ),
  );
  return { ...bed, server };
}

const matchOf = (id: string) => ({ id: `REQ-${id}`, externalId: id });
const isKnown = (id: string) => id.startsWith('known');
const unreadable = (reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof ApplicationFailure, String(error));
  assert.match(error.message, reason);
  return true;
};

test('one that cannot be read holds nobody back', async (t) => {
  let odd = '';
  const bed = await withRegister(t, (id) => {
    if (id === odd) return [200, [{ id: 'AB583C-X', externalId: 'eva-2' }]];
    return [200, isKnown(id) ? [matchOf(id)] : []];
  });
  const first = await inDoubt(bed);
  odd = first.id;
  const absent = { ...(await inDoubt(bed)), index: 1 };
  assert.deepEqual(await call(bed.lookUp, [first, absent]), [
    {
      index: 0,
      kind: 'unreadable',
      reason: 'only other registrations were found',
      retryAfter: null,
    },
    // Whether it is absent is tried in an attempt of its own, and the rest of the other is not waited for.
    { index: 1, kind: 'waiting' },
  ]);
  assert.equal((await entryOf(first.entry))?.state, 'unknown');
  assert.deepEqual(await call(bed.lookUp, [absent]), [{ index: 1, kind: 'resubmit' }]);
});

test('a 404 is believed from a system that answers a registration as an object, and finds what is known to be there', async (t) => {
  const bed = await withRegister(t, (id) => (isKnown(id) ? [200, matchOf(id)] : [404, {}]));
  assert.deepEqual(await call(bed.lookUp, [await inDoubt(bed)]), [{ index: 0, kind: 'resubmit' }]);
});

for (const [what, answer] of [
  ['404', [404, {}]],
  ['an empty list', [200, []]],
] as const) {
  test(`${what} is not believed from a system that answers so to everything: the doubt stays, and nothing is sent`, async (t) => {
    const bed = await withRegister(t, () => [...answer]);
    const request = await inDoubt(bed);
    const posts = bed.server.seen.filter(({ method }) => method === 'POST').length;
    const refusal = unreadable(/does not find what is known to be there/);
    await assert.rejects(call(bed.lookUp, [request]), refusal);
    assert.equal((await entryOf(request.entry))?.state, 'unknown');
    assert.equal(bed.server.seen.filter(({ method }) => method === 'POST').length, posts);
  });
}

test('a system that comes back, or goes away, between the look-up and its control is not believed', async (t) => {
  let away = (_: string, nth: number) => nth < 1;
  const bed = await withRegister(t, (id, nth) => {
    // What is in doubt is there: only somebody who is away says that it is not.
    if (away(id, nth)) return [404, {}];
    return [200, matchOf(id)];
  });
  const request = await inDoubt(bed);
  away = (id, nth) => !isKnown(id) && nth < 1;
  await assert.rejects(call(bed.lookUp, [request]), unreadable(/a moment later it was not/));
  away = (id, nth) => !isKnown(id) || nth % 2 === 1;
  await assert.rejects(call(bed.lookUp, [request]), unreadable(/known to be there/));
  assert.equal((await entryOf(request.entry))?.state, 'unknown');
});

test('of two instances one that is away is not believed: a 404 is no empty list', async (t) => {
  const found = (id: string): [number, unknown] => (isKnown(id) ? [200, [matchOf(id)]] : [404, {}]);
  const bed = await withRegister(t, found);
  const refusal = unreadable(/HTTP 404, where what is there is answered as a list/);
  await assert.rejects(call(bed.lookUp, [await inDoubt(bed)]), refusal);
});

test('where nothing is known to be there nobody can tell, and what was accepted a moment ago is not asked for yet', async (t) => {
  const bed = await withRegister(t, (id) => [200, isKnown(id) ? [matchOf(id)] : []]);
  const request = await inDoubt(bed);
  await store.journal.collection.updateOne(
    { _id: request.entry },
    { $set: { answeredAt: new Date(0) } },
  );
  const early = { ...request, settleTime: 10 * 365 * 86_400_000 };
  const refusal = unreadable(/nothing is known to be there/);
  await assert.rejects(call(bed.lookUp, [early]), refusal);
});

test('an id is data in the path of its look-up', async (t) => {
  const bed = await withServer(t, (_, response) => json(response, 200, []));
  const before = await inDoubt(bed);
  await assert.rejects(call(bed.lookUp, [{ ...before, id: 'a/../b?c&d=é' }]));
  const [asked] = bed.server.seen.filter(({ method }) => method === 'GET');
  assert.equal(asked?.path, '/registrations?externalId=a%2F..%2Fb%3Fc%26d%3D%C3%A9');
});

test('a look-up that hangs holds back none of the others, and the next attempt is given its answer', async (t) => {
  const kept: (() => void)[] = [];
  let isKept = true;
  const server = await webServer(t, ({ method, path }, response) => {
    if (method === 'POST') return void response.destroy();
    const externalId = new URL(path, 'http://legacy').searchParams.get('externalId') ?? '';
    const answer = () => json(response, 200, [{ externalId, id: `REQ-${externalId}` }]);
    if (externalId.endsWith('-slow') && isKept) kept.push(answer);
    else answer();
  });
  const legacy = { lookup, timeout: 60_000 };
  const bed = await testBed(t, { store, legacyUrl: server.url, legacy, slots: 1 });
  const ids = [bed.id(), `${bed.id()}-slow`, bed.id()];
  const requests = (
    await claimed(
      bed,
      ids.map((id) => ({ id })),
    )
  ).map((request) => ({
    ...request,
    id: ids[request.index] ?? '',
    settleTime: 0,
  }));
  for (const request of requests) await call(bed.submit, [request]);
  const answers = await call(bed.lookUp, requests);
  assert.deepEqual(
    answers.sort((a, b) => a.index - b.index).map(({ kind }) => kind),
    ['accepted', 'on the wire', 'waiting'],
  );
  const [, slow] = requests;
  assert.ok(slow);
  const again = call(bed.lookUp, [slow]);
  // What is answered before anybody asks again is asked for anew.
  isKept = false;
  for (const answer of kept) answer();
  assert.equal((await again)[0]?.kind, 'accepted');
});

test('a system that tells letters apart is asked for the id as the message has it, also for what is known to be there', async (t) => {
  const filed: string[] = [];
  let isLost = false;
  const server = await webServer(t, ({ method, path, body }, response, wire) => {
    if (method === 'POST') {
      if (isLost) return void wire.destroy();
      filed.push(/"id":"([^"]+)"/.exec(body)?.[1] ?? '');
      return json(response, 201, { id: String(filed.length) });
    }
    const asked = new URLSearchParams(path.split('?')[1]).get('externalId') ?? '';
    const at = filed.indexOf(asked);
    json(response, 200, at < 0 ? [] : [{ id: String(at + 1), externalId: asked }]);
  });
  const bed = await testBed(t, {
    legacyUrl: server.url,
    legacy: { lookup },
    mongodb: { matchType: 'uuid' },
  });
  const submitted = async () => {
    const writtenId = randomUUID().toUpperCase();
    const id = writtenId.toLowerCase();
    const request = claimRequest(id, { writtenId, body: JSON.stringify({ id: writtenId }) });
    const [begun] = await call(bed.claim, [request]);
    assert.ok(begun?.kind === 'claimed');
    const { claim, entry } = begun;
    const [answer] = await call(bed.submit, [{ index: 0, claim, entry }]);
    return { answer, request: { index: 0, id, claim, entry, settleTime: 0 } };
  };
  assert.equal((await submitted()).answer?.kind, 'accepted');
  isLost = true;
  const { request } = await submitted();
  assert.deepEqual(await call(bed.lookUp, [request]), [{ index: 0, kind: 'resubmit' }]);
  const next = await submitted();
  filed.push(next.request.id.toUpperCase());
  const [found] = await call(bed.lookUp, [next.request]);
  assert.ok(found?.kind === 'accepted');
  assert.equal(found.requestId, '2');
});
