/** Looking registrations in doubt up in the legacy system, with the real journal. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { pino } from 'pino';
import type { LookUpRequest } from '../../activities/look-up.ts';
import { DEFAULTS } from '../../src/config-schema.ts';
import { LOOK_UP, nextEntry } from '../../src/domain/names.ts';
import { HEARTBEAT_MS } from '../../src/journal.ts';
import { TIMEOUT_MS, call, claimed, testBed } from '../helpers/activities.ts';
import { testDatabase } from '../helpers/servers.ts';
import { json, webServer } from '../helpers/web-server.ts';
import type { Respond } from '../helpers/web-server.ts';
import { file, simulatorFor } from '../simulator/harness.ts';

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

test('what is not found may still be on its way: only after the settle time it is submitted again, once', async (t) => {
  const bed = await withSimulator(t);
  const request = await inDoubt(bed, { errorStatus: 502, errorTimes: 1 });
  const lostAt = (await entryOf(request.entry))?.answeredAt?.getTime() ?? 0;
  assert.deepEqual(await call(bed.lookUp, [{ ...request, settleTime: 60_000 }]), [
    { index: 0, kind: 'absent', until: lostAt + 60_000 },
  ]);
  assert.equal((await entryOf(request.entry))?.state, 'unknown');

  assert.deepEqual(await call(bed.lookUp, [request]), [{ index: 0, kind: 'resubmit' }]);
  const entry = await entryOf(request.entry);
  assert.deepEqual([entry?.state, entry?.operator], ['superseded', LOOK_UP]);
  const next = { ...request, entry: nextEntry(request.entry) };
  assert.equal((await call(bed.submit, [next]))[0]?.kind, 'accepted');
  assert.equal(bed.simulator.stats().accepted, 1);
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
  const until = sentAt + HEARTBEAT_MS + TIMEOUT_MS + 60_000;
  assert.deepEqual(await call(bed.lookUp, [{ ...request, id, settleTime: 60_000 }]), [
    { index: 0, kind: 'absent', until },
  ]);
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
      .then(() => json(response, 200, []));
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

test('one that cannot be read holds nobody back, and 404 is an answer', async (t) => {
  const bed = await withServer(t, ({ path }, response) => {
    if (path.includes(odd.id)) json(response, 200, [{ id: 'AB583C-X', externalId: 'eva-2' }]);
    else json(response, 404, {});
  });
  const odd = await inDoubt(bed);
  const absent = { ...(await inDoubt(bed)), index: 1 };
  assert.deepEqual(await call(bed.lookUp, [odd, absent]), [
    {
      index: 0,
      kind: 'unreadable',
      reason: 'only other registrations were found',
      retryAfter: null,
    },
    { index: 1, kind: 'resubmit' },
  ]);
  assert.equal((await entryOf(odd.entry))?.state, 'unknown');
});

test('an id is data in the path of its look-up', async (t) => {
  const bed = await withServer(t, (_, response) => json(response, 200, []));
  const before = await inDoubt(bed);
  await call(bed.lookUp, [{ ...before, id: 'a/../b?c&d=é' }]);
  const [asked] = bed.server.seen.filter(({ method }) => method === 'GET');
  assert.equal(asked?.path, '/registrations?externalId=a%2F..%2Fb%3Fc%26d%3D%C3%A9');
});

test('a look-up that hangs holds back none of the others, and the next attempt is given its answer', async (t) => {
  const kept: (() => void)[] = [];
  const server = await webServer(t, ({ method, path }, response) => {
    if (method === 'POST') return void response.destroy();
    const externalId = new URL(path, 'http://legacy').searchParams.get('externalId') ?? '';
    const answer = () => json(response, 200, [{ externalId, id: `REQ-${externalId}` }]);
    if (externalId.endsWith('-slow')) kept.push(answer);
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
  for (const answer of kept) answer();
  assert.equal((await again)[0]?.kind, 'accepted');
});
