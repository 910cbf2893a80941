import assert from 'node:assert/strict';
import { after, test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { idempotencyKey, type Entry, type Journal } from '../../../src/registrations/journal.ts';
import type { ClaimOutcome } from '../../../src/claims/claims.ts';
import { claimOfEntry, nextEntry, readClaimKey } from '../../../src/domain/names.ts';
import type { JournalState } from '../../../src/domain/registrations/entry.ts';
import { alwaysOpen } from '../../helpers/gate.ts';
import { createSlots } from '../../../src/runtime/slots.ts';
import type { Simulator } from '../../../src/simulator/simulator.ts';
import {
  attemptOf,
  call,
  callWithin,
  claimed,
  claimRequest,
  settlementOf,
  testBed,
  type BedOptions,
  type TestBed,
} from '../../helpers/activities.ts';
import { eventually } from '../../helpers/eventually.ts';
import { testDatabase, uniqueName } from '../../helpers/servers.ts';
import { json, webServer, type Respond } from '../../helpers/web-server.ts';
import { simulatorFor } from '../../simulator/harness.ts';

type InFlightNotes = NonNullable<NonNullable<BedOptions['replace']>['inFlight']>;

const store = await testDatabase({ after });

const bedFor = (t: TestContext, options: BedOptions = {}) => testBed(t, { store, ...options });

/** The simulator answers, on a busy machine perhaps late. */
const ANSWERS_MS = 10_000;

/** Activities in front of a simulator. */
async function withSimulator(t: TestContext, options: BedOptions = {}) {
  const simulator = await simulatorFor(t);
  const legacy = { timeout: ANSWERS_MS, ...options.legacy };
  const bed = await bedFor(t, { legacyUrl: simulator.url, ...options, legacy });
  return { ...bed, simulator };
}

/** Activities in front of a server that the test writes itself. */
async function withServer(t: TestContext, respond: Respond, options: BedOptions = {}) {
  const server = await webServer(t, respond);
  const bed = await bedFor(t, { legacyUrl: server.url, ...options });
  return { ...bed, server };
}

/** Activities in front of a server that gives every registration the same request id. */
async function withOneRequestId(t: TestContext) {
  const requestId = uniqueName();
  const same: Respond = (_, response) => json(response, 201, { id: requestId });
  return { ...(await withServer(t, same, { legacy: { uniqueRequestIds: true } })), requestId };
}

const entryOf = async (entry: string): Promise<Entry> => {
  const found = (await store.journal.read([entry])).get(entry);
  assert.ok(found, `no entry ${entry}`);
  return found;
};

/** How often the simulator has accepted an id. */
const filings = (simulator: Simulator, id: string): number =>
  simulator.ledger().filter((event) => event.event === 'accepted' && event.id === id).length;

const unavailable = (reason: RegExp, nextRetryDelay?: number) => (error: unknown) => {
  assert.ok(error instanceof ApplicationFailure, String(error));
  assert.equal(error.type, 'LegacyUnavailable');
  assert.match(error.message, reason);
  assert.equal(error.nextRetryDelay, nextRetryDelay);
  assert.notEqual(error.nonRetryable, true);
  return true;
};

/** Writes an entry of the journal by hand, as another attempt has left it. */
async function wrote(entry: string, state: JournalState, more: Partial<Entry> = {}): Promise<void> {
  await store.journal.collection.insertOne({
    _id: entry,
    state,
    token: 'of another attempt',
    at: new Date(),
    tries: 1,
    requestId: null,
    reason: null,
    answeredAt: null,
    operator: null,
    ...more,
  });
}

test('accepted: the original bytes are filed once, under the key of the entry, and the journal knows the request id', async (t) => {
  const { submit, claim, id, server } = await withServer(t, (_, response) =>
    json(response, 201, { id: 'AB583C-X' }),
  );
  const name = id();
  const body = `{ "id":"${name}",  "é": 1.0, "x": 12345678901234567890 }`;
  await call(claim, [claimRequest(name, { body })]);
  const request = { index: 4, claim: `${name}~0`, entry: `${name}~0#1` };
  const before = Date.now();
  const [answer] = await call(submit, [request]);
  assert.ok(answer?.kind === 'accepted');
  assert.equal(answer.index, 4);
  assert.equal(answer.requestId, 'AB583C-X');
  assert.ok(answer.at >= before && answer.at <= Date.now());

  assert.equal(server.seen.length, 1);
  const [seen] = server.seen;
  assert.equal(seen?.body, body);
  assert.equal(seen.headers['idempotency-key'], idempotencyKey(request.entry));
  assert.equal(seen.headers['content-type'], 'application/json');
  const entry = await entryOf(request.entry);
  assert.equal(entry.state, 'accepted');
  assert.equal(entry.requestId, 'AB583C-X');
  assert.equal(entry.tries, 1);
});

test('of a chunk each is noted with the intent and with what became of it, once the journal says so', async (t) => {
  const noted: string[] = [];
  const note = async (claim: string, as: string): Promise<void> => {
    noted.push(`${claim} ${as}: ${(await entryOf(`${claim}#1`)).state}`);
  };
  const inFlight: InFlightNotes = {
    async noteSent(claims) {
      for (const claim of claims) await note(claim, 'sent');
    },
    async noteAnswered(all) {
      for (const { claim, isAccepted } of all)
        await note(claim, isAccepted ? 'there' : 'not there');
    },
  };
  const bed = await withSimulator(t, { replace: { inFlight } });
  const [one, two, three] = [bed.id(), bed.id(), bed.id()];
  const refuse = { simulate: { refuse: 'no' } };
  const requests = await claimed(bed, [{ id: one }, { id: two, ...refuse }, { id: three }]);
  await call(bed.submit, requests);
  const told = (id: string, as: string, state: string) => [
    `${id}~0 sent: intent`,
    `${id}~0 ${as}: ${state}`,
  ];
  const all = [
    told(one, 'there', 'accepted'),
    told(two, 'not there', 'refused'),
    told(three, 'there', 'accepted'),
  ];
  assert.deepEqual(noted.sort(), all.flat().sort());
});

test('refused: with the reason of the legacy system, in the answer and the journal', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(bed, [{ id: bed.id(), simulate: { refuse: 'CPF inválido' } }]);
  assert.deepEqual(await call(bed.submit, requests), [
    { index: 0, kind: 'refused', reason: 'CPF inválido' },
  ]);
  const { state, reason } = await entryOf(requests[0]?.entry ?? '');
  assert.deepEqual([state, reason], ['refused', 'CPF inválido']);
});

test('429 with nothing else answered: thrown, and Temporal waits as long as Retry-After asks', async (t) => {
  const bed = await withSimulator(t);
  const simulate = { throttleTimes: 1, retryAfterSeconds: 7 };
  const requests = await claimed(bed, [{ id: bed.id(), simulate }]);
  await assert.rejects(call(bed.submit, requests), unavailable(/HTTP 429/, 7_000));
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'not-accepted');
});

test('429 among answers: left over with its Retry-After, beside what was accepted', async (t) => {
  const bed = await withSimulator(t);
  const simulate = { throttleTimes: 1, retryAfterSeconds: 7 };
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id(), simulate }]);
  const [one, other] = await call(bed.submit, requests);
  assert.equal(one?.kind, 'accepted');
  assert.deepEqual(other, {
    index: 1,
    kind: 'not-accepted',
    reason: 'HTTP 429',
    retryAfter: 7_000,
  });
});

test('503: thrown, and tried again under the same key until it is accepted, filed once', async (t) => {
  const bed = await withServer(t, ({ headers }, response) => {
    const tries = bed.server.seen.filter(
      (seen) => seen.headers['idempotency-key'] === headers['idempotency-key'],
    ).length;
    if (tries < 3) json(response, 503, { error: 'later' });
    else json(response, 201, { id: 'AB583C-X' });
  });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  for (const attempt of [1, 2])
    await assert.rejects(call(bed.submit, requests, { attempt }), unavailable(/HTTP 503/));
  const [answer] = await call(bed.submit, requests, { attempt: 3 });
  assert.equal(answer?.kind, 'accepted');
  assert.equal(new Set(bed.server.seen.map(({ headers }) => headers['idempotency-key'])).size, 1);
  const entry = await entryOf(requests[0]?.entry ?? '');
  assert.deepEqual([entry.state, entry.tries], ['accepted', 3]);
});

test('nobody listens: thrown, known not to be sent, and the same entry is tried again', async (t) => {
  const simulator = await simulatorFor(t);
  const nobody = await bedFor(t);
  const requests = await claimed(nobody, [{ id: nobody.id() }, { id: nobody.id() }]);
  await assert.rejects(call(nobody.submit, requests), unavailable(/ECONNREFUSED/));
  for (const { entry } of requests) assert.equal((await entryOf(entry)).state, 'not-accepted');

  const back = await bedFor(t, { legacyUrl: simulator.url });
  const answers = await call(back.submit, requests, { attempt: 2 });
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['accepted', 'accepted'],
  );
  const keys = simulator
    .ledger()
    .flatMap((event) => (event.event === 'accepted' ? [event.idempotencyKey] : []));
  assert.deepEqual(keys.sort(), requests.map(({ entry }) => idempotencyKey(entry)).sort());
});

test('an answer that is lost after acceptance is in doubt, and no later run of the activity files it again', async (t) => {
  const bed = await withSimulator(t);
  const id = bed.id();
  const requests = await claimed(bed, [{ id, simulate: { loseAnswer: true } }]);
  const [answer] = await call(bed.submit, requests);
  assert.equal(answer?.kind, 'unknown');
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'unknown');
  for (const attempt of [2, 3]) {
    assert.equal((await call(bed.submit, requests, { attempt }))[0]?.kind, 'unknown');
  }
  assert.equal(filings(bed.simulator, id), 1);
  assert.equal(bed.simulator.stats().posts, 1);
});

for (const [name, respond] of [
  ['a 500', (_, response) => json(response, 500, { error: 'oops' })],
  ['a 201 without an id', (_, response) => json(response, 201, {})],
  ['a 201 with an id that could be a path', (_, response) => json(response, 201, { id: '../x' })],
  ['a 201 with a fraction as its id', (_, response) => json(response, 201, { id: 7.5 })],
  ['half a JSON object', (_, response) => response.writeHead(201).end('{"id":"AB5')],
  ['HTML', (_, response) => response.writeHead(200).end('<html>ok</html>')],
  ['no answer in time', () => {}],
  ['a cut connection', (_, response) => response.destroy()],
  ['a body that never ends', (_, response) => response.writeHead(201).write('{"id":')],
] satisfies [string, Respond][]) {
  test(`${name} is unknown: in doubt, and not sent again`, async (t) => {
    const bed = await withServer(t, respond);
    const requests = await claimed(bed, [{ id: bed.id() }]);
    assert.equal((await call(bed.submit, requests))[0]?.kind, 'unknown');
    assert.equal((await call(bed.submit, requests, { attempt: 2 }))[0]?.kind, 'unknown');
    assert.equal(bed.server.seen.length, 1);
  });
}

test('a redirect is not followed: in doubt, since it may have been handled, and not sent again', async (t) => {
  const other = await webServer(t, (_, response) => json(response, 201, { id: 'AB583C-X' }));
  const bed = await withServer(t, (_, response) => {
    response.writeHead(303, { location: `${other.url}/registrations` }).end();
  });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  for (const attempt of [1, 2]) {
    const answers = await call(bed.submit, requests, { attempt });
    assert.deepEqual(answers, [{ index: 0, kind: 'unknown', reason: 'HTTP 303' }]);
  }
  assert.equal(bed.server.seen.length, 1);
  assert.equal(other.seen.length, 0);
});

for (const [status, remedy] of [
  [401, /HTTP 401: check LEGACY_AUTHORIZATION/],
  [404, /HTTP 404: check LEGACY_URL/],
  [405, /HTTP 405: check LEGACY_URL/],
] as const) {
  test(`a ${status} refuses nothing: thrown with what to look at, and sent again under the same entry`, async (t) => {
    let isMended = false;
    const bed = await withServer(t, (_, response) =>
      isMended ? json(response, 201, { id: 'AB583C-X' }) : json(response, status, {}),
    );
    const requests = await claimed(bed, [{ id: bed.id() }]);
    await assert.rejects(call(bed.submit, requests), unavailable(remedy));
    isMended = true;
    assert.equal((await call(bed.submit, requests, { attempt: 2 }))[0]?.kind, 'accepted');
    const keys = bed.server.seen.map(({ headers }) => headers['idempotency-key']);
    assert.deepEqual([keys.length, new Set(keys).size], [2, 1]);
  });
}

test('one that is turned away for itself does not keep the others of its run from being asked', async (t) => {
  const bed = await withServer(
    t,
    ({ body }, response) =>
      body.includes('"alone":true')
        ? json(response, 404, { reason: 'unknown municipality' })
        : json(response, 201, { id: 'AB583C-X' }),
    { slots: 1, legacy: { timeout: 10_000 } },
  );
  const alone = () => ({ id: bed.id(), alone: true });
  // In so many words as a gateway has, which answers everybody so.
  const before = await claimed(bed, Array.from({ length: 20 }, alone));
  let tries = 0;
  await eventually('all are sent: an attempt does not wait for all of them', async () => {
    await call(bed.submit, before, { attempt: ++tries });
    assert.equal(bed.server.seen.length, 20);
  });
  const requests = await claimed(bed, [alone(), { id: bed.id() }, { id: bed.id() }]);
  for (const attempt of [1, 2, 3]) {
    const tried = call(bed.submit, requests, { attempt });
    await assert.rejects(tried, unavailable(/unknown municipality/));
  }
  const answers = await call(bed.submit, requests, { attempt: 4 });
  assert.deepEqual(answers.map(({ index, kind }) => `${index} ${kind}`).sort(), [
    '0 refused',
    '1 accepted',
    '2 accepted',
  ]);
});

test('an intent that another attempt may still be sending is pending, and read again before that attempt must be dead', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(bed, [{ id: bed.id() }]);
  const at = new Date(Date.now() - 1_000);
  await wrote(requests[0]?.entry ?? '', 'intent', { at });
  const [answer] = await call(bed.submit, requests);
  assert.ok(answer?.kind === 'pending');
  assert.ok(answer.rest > 0 && answer.rest < 7_000 + ANSWERS_MS);
  assert.equal(bed.simulator.stats().posts, 0);
});

test('an intent of an attempt that must be dead is in doubt, and not sent', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(bed, [{ id: bed.id() }]);
  const entry = requests[0]?.entry ?? '';
  await wrote(entry, 'intent', { at: new Date(Date.now() - 8_000 - ANSWERS_MS - 1_000) });
  const [answer] = await call(bed.submit, requests);
  assert.deepEqual(answer, {
    index: 0,
    kind: 'unknown',
    reason: 'the worker stopped while it was being submitted',
  });
  assert.equal((await entryOf(entry)).state, 'unknown');
  assert.equal(bed.simulator.stats().posts, 0);
});

test('what the journal knows is answered from it and never sent', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(
    bed,
    Array.from({ length: 5 }, () => ({ id: bed.id() })),
  );
  const answeredAt = new Date(1_700_000_000_000);
  const states = [
    ['accepted', { requestId: 'AB583C-X', answeredAt }],
    ['refused', { reason: 'CPF inválido' }],
    ['unknown', { reason: 'lost' }],
    ['superseded', {}],
    ['abandoned', { reason: 'nobody knows' }],
  ] as const;
  for (const [at, [state, more]] of states.entries())
    await wrote(requests[at]?.entry ?? '', state, more);
  assert.deepEqual(await call(bed.submit, requests), [
    { index: 0, kind: 'accepted', requestId: 'AB583C-X', at: 1_700_000_000_000 },
    { index: 1, kind: 'refused', reason: 'CPF inválido' },
    { index: 2, kind: 'unknown', reason: 'lost' },
    { index: 3, kind: 'resubmit' },
    { index: 4, kind: 'abandoned', reason: 'nobody knows' },
  ]);
  assert.equal(bed.simulator.stats().posts, 0);
});

test('two attempts at the same time file each registration once', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(
    bed,
    Array.from({ length: 20 }, () => ({ id: bed.id() })),
  );
  const both = await Promise.all([call(bed.submit, requests), call(bed.submit, requests)]);
  assert.equal(bed.simulator.stats().posts, 20);
  assert.equal(bed.simulator.stats().filedTwice, 0);
  for (const { index } of requests) {
    const kinds = both.map((answers) => answers.find((answer) => answer.index === index)?.kind);
    assert.ok(kinds.includes('accepted'), kinds.join());
    assert.ok(
      kinds.every((kind) => kind === 'accepted' || kind === 'pending' || kind === 'waiting'),
      kinds.join(),
    );
  }
});

test('what was cancelled before it began sends nothing and writes no intent', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(bed, [{ id: bed.id() }]);
  await assert.rejects(call(bed.submit, requests, { cancelled: true }), CancelledFailure);
  assert.equal(bed.simulator.stats().posts, 0);
  assert.equal((await store.journal.read([requests[0]?.entry ?? ''])).size, 0);
});

/** Activities whose only slot is taken, so that the test says when the first request may go. */
async function heldBack(t: TestContext) {
  const slots = createSlots(1);
  await slots.take(1);
  const bed = await withSimulator(t, { replace: { gate: alwaysOpen(slots) } });
  const waits = t.mock.method(slots, 'take');
  return {
    ...bed,
    letGo: () => slots.release(1),
    /** Resolves when the activity waits for the slot. */
    isWaiting: () =>
      eventually('the activity waits for a slot', () => assert.ok(waits.mock.callCount() > 0)),
  };
}

test('what is cancelled while it waits for a slot sends nothing and writes no intent', async (t) => {
  const bed = await heldBack(t);
  const requests = await claimed(bed, [{ id: bed.id() }]);
  const attempt = attemptOf({});
  const outcome = assert.rejects(callWithin(attempt, bed.submit, requests), CancelledFailure);
  await bed.isWaiting();
  attempt.cancel();
  bed.letGo();
  await outcome;
  assert.equal(bed.simulator.stats().posts, 0);
  assert.equal((await store.journal.read([requests[0]?.entry ?? ''])).size, 0);
});

/** Activities to which something happens when their intents are written. */
const interrupted = (t: TestContext, interrupt: () => void) =>
  withSimulator(t, {
    replace: {
      journal: {
        ...store.journal,
        async open(entries, known, token) {
          const mine = await store.journal.open(entries, known, token);
          interrupt();
          return mine;
        },
      },
    },
  });

test('what is cancelled between its intent and its POST sends nothing, and the journal says so', async (t) => {
  const attempt = attemptOf({});
  const bed = await interrupted(t, () => attempt.cancel());
  const requests = await claimed(bed, [{ id: bed.id() }]);
  await assert.rejects(callWithin(attempt, bed.submit, requests), CancelledFailure);
  assert.equal(bed.simulator.stats().posts, 0);
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'not-accepted');
});

test('an attempt whose process stood still for longer than its heartbeat allows sends nothing', async (t) => {
  const real = performance.now.bind(performance);
  const bed = await interrupted(t, () => {
    t.mock.method(performance, 'now', () => real() + 5_500); // 8 s of heartbeat timeout, less 3 s of margin
  });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  await assert.rejects(call(bed.submit, requests), unavailable(/the worker was stopping/));
  assert.equal(bed.simulator.stats().posts, 0);
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'not-accepted');
});

/** How a run ends what it takes for never sent. */
const concludedOf = (entry: string): { claim: string; outcome: ClaimOutcome } => ({
  claim: claimOfEntry(entry),
  outcome: {
    kind: 'failed',
    reason: 'never accepted',
    at: new Date(),
    requestId: null,
    acceptedAt: null,
    polls: 0,
    doubt: false,
    entry,
  },
});

test('what its run has ended meanwhile, without this attempt, is not sent', async (t) => {
  const bed = await withSimulator(t);
  const [ended, open] = [bed.id(), bed.id()];
  const requests = await claimed(bed, [{ id: ended }, { id: open }]);
  // Before the message is let go, its record waits for the failure queue.
  await store.claims.conclude([concludedOf(`${ended}~0#1`)], 'run-1');
  const answers = await call(bed.submit, requests);
  const kinds = new Map(answers.map(({ index, kind }) => [index, kind]));
  assert.deepEqual([kinds.get(0), kinds.get(1)], ['taken', 'accepted']);
  assert.equal(filings(bed.simulator, ended), 0);
  assert.equal((await store.journal.read([`${ended}~0#1`])).size, 0);
});

test('an attempt returns only when the journal tells of all that it may have on the wire', async (t) => {
  // The handful of the second finds a slow store, while the answer of the first is there.
  let slow = '';
  const bed = await withSimulator(t, {
    slots: 4,
    replace: {
      journal: {
        ...store.journal,
        async open(entries, known, token) {
          if (entries.includes(slow)) await delay(1_500);
          return store.journal.open(entries, known, token);
        },
      },
    },
  });
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id() }]);
  const [first, second] = requests;
  assert.ok(first && second);
  slow = second.entry;
  const attempt = attemptOf({});
  const answers = await callWithin(attempt, bed.submit, requests);
  // A run that is cancelled now asks the journal what may be on the wire, and ends what is not.
  const [known] = await call(bed.recheck, [{ index: 1, entry: second.entry }]);
  assert.equal(answers.find(({ index }) => index === 0)?.kind, 'accepted');
  assert.notEqual(known?.kind, 'not-accepted');
});

test('what its run ends while its intent is being written is not sent, and the journal says so', async (t) => {
  const real = performance.now.bind(performance);
  const bed = await withSimulator(t, {
    replace: {
      journal: {
        ...store.journal,
        async open(entries, known, token) {
          const { outcome, claim } = concludedOf(entries[0] ?? '');
          await store.claims.conclude([{ claim, outcome }], 'run-1');
          const mine = await store.journal.open(entries, known, token);
          t.mock.method(performance, 'now', () => real() + 1_000);
          return mine;
        },
      },
    },
  });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  const [answer] = await call(bed.submit, requests);
  assert.equal(answer?.kind, 'taken');
  assert.equal(bed.simulator.stats().posts, 0);
  await eventually('the intent is taken back', async () =>
    assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'not-accepted'),
  );
});

test('an attempt that stands still for some seconds after its intents sends nothing: it would be on the wire for longer than is believed', async (t) => {
  const real = performance.now.bind(performance);
  const pause = (ms: number): void => void t.mock.method(performance, 'now', () => real() + ms);
  let isOpened = false;
  const bed = await withSimulator(t, {
    replace: {
      claims: {
        ...store.claims,
        async standing(keys) {
          const held = await store.claims.standing(keys);
          if (isOpened) pause(7_500);
          return held;
        },
      },
      journal: {
        ...store.journal,
        async open(entries, known, token) {
          const mine = await store.journal.open(entries, known, token);
          isOpened = true;
          pause(4_000);
          return mine;
        },
      },
    },
  });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  // Their heartbeat notices none of it.
  const attempt = { heartbeatTimeoutMs: 60_000 };
  await assert.rejects(call(bed.submit, requests, attempt), unavailable(/stood still/));
  assert.equal(bed.simulator.stats().posts, 0);
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'not-accepted');
});

test('what is slow when the attempt is cancelled goes on without it, and is written down', async (t) => {
  let answer: () => void = () => {};
  const bed = await withServer(
    t,
    (_, response) => {
      answer = () => json(response, 201, { id: 'AB583C-X' });
    },
    { legacy: { timeout: 60_000 } },
  );
  const requests = await claimed(bed, [{ id: bed.id() }]);
  const attempt = attemptOf({});
  const running = callWithin(attempt, bed.submit, requests);
  await eventually('the POST has arrived', () => assert.equal(bed.server.seen.length, 1));
  attempt.cancel();
  const kept = setTimeout(() => answer(), 15_000);
  const [returned] = await running;
  clearTimeout(kept);
  assert.equal(returned?.kind, 'pending');
  answer();
  await bed.dependencies.underWay.idle();
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'accepted');
});

test('what is answered just after the attempt is cancelled is waited for, and its answer kept', async (t) => {
  let answer: () => void = () => {};
  const bed = await withServer(t, (_, response) => {
    answer = () => json(response, 201, { id: 'AB583C-X' });
  });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  const attempt = attemptOf({});
  const running = callWithin(attempt, bed.submit, requests);
  await eventually('the POST has arrived', () => assert.equal(bed.server.seen.length, 1));
  attempt.cancel();
  answer();
  assert.equal((await running)[0]?.kind, 'accepted');
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'accepted');
});

/** A server that keeps the POSTs that say so, until the test lets them go. */
async function withSlowOnes(t: TestContext, options: BedOptions = {}) {
  const kept: (() => void)[] = [];
  const bed = await withServer(
    t,
    ({ body }, response) => {
      const answer = () => json(response, 201, { id: uniqueName() });
      if (body.includes('"slow"')) kept.push(answer);
      else answer();
    },
    { legacy: { timeout: 60_000 }, ...options },
  );
  return { ...bed, letGo: () => kept.splice(0).forEach((answer) => answer()) };
}

test('one slow POST: the others are written down and answered without it, and the next attempt is given its answer', async (t) => {
  const bed = await withSlowOnes(t);
  const bodies = [{ id: bed.id() }, { id: bed.id(), pace: 'slow' }, { id: bed.id() }];
  const requests = await claimed(bed, bodies);
  const answers = await call(bed.submit, requests);
  const kinds = new Map(answers.map(({ index, kind }) => [index, kind]));
  assert.deepEqual([kinds.get(0), kinds.get(1), kinds.get(2)], ['accepted', 'pending', 'accepted']);
  const [, slow] = requests;
  assert.ok(slow);
  for (const { entry } of requests) {
    assert.equal((await entryOf(entry)).state, entry === slow.entry ? 'intent' : 'accepted');
  }

  const again = call(bed.submit, [slow], { attempt: 2 });
  bed.letGo();
  assert.equal((await again)[0]?.kind, 'accepted');
  assert.equal((await entryOf(slow.entry)).state, 'accepted');
  assert.equal(bed.server.seen.length, 3);
});

test('a POST that is answered while nobody waits for it is written down, for whoever reads the journal', async (t) => {
  const bed = await withSlowOnes(t);
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id(), pace: 'slow' }]);
  await call(bed.submit, requests);
  const [, slow] = requests;
  assert.ok(slow);
  const elsewhere = await bedFor(t, { legacyUrl: bed.server.url });
  assert.equal((await call(elsewhere.submit, [slow]))[0]?.kind, 'pending');
  bed.letGo();
  await bed.dependencies.underWay.idle();
  assert.equal((await call(elsewhere.submit, [slow]))[0]?.kind, 'accepted');
  assert.equal(bed.server.seen.length, 2);
});

test('what waits for a slot is left when others are answered, unsent and with no intent', async (t) => {
  const bed = await withSlowOnes(t, { slots: 1 });
  const bodies = [{ id: bed.id() }, { id: bed.id(), pace: 'slow' }, { id: bed.id() }];
  const requests = await claimed(bed, bodies);
  const answers = await call(bed.submit, requests);
  const kinds = new Map(answers.map(({ index, kind }) => [index, kind]));
  assert.deepEqual([kinds.get(0), kinds.get(1), kinds.get(2)], ['accepted', 'pending', 'waiting']);
  assert.equal((await store.journal.read([requests[2]?.entry ?? ''])).size, 0);
  bed.letGo();
});

test('no more are on the wire at once than there are slots', async (t) => {
  let now = 0;
  let most = 0;
  const bed = await withServer(
    t,
    (_, response) => {
      most = Math.max(most, ++now);
      setImmediate(() => {
        now -= 1;
        json(response, 201, { id: 'AB583C-X' });
      });
    },
    { slots: 3 },
  );
  const requests = await claimed(
    bed,
    Array.from({ length: 12 }, () => ({ id: bed.id() })),
  );
  let attempt = 0;
  await eventually('all are accepted: an attempt does not wait for all of them', async () => {
    const answers = await call(bed.submit, requests, { attempt: ++attempt });
    assert.equal(answers.filter(({ kind }) => kind === 'accepted').length, 12);
  });
  assert.ok(most <= 3, String(most));
});

test('who turns a whole handful away is not asked to take the rest: that is left over', async (t) => {
  const bed = await withServer(
    t,
    ({ body }, response) =>
      body.includes('"first"') ? json(response, 201, { id: 'A-1' }) : json(response, 503, {}),
    { slots: 1 },
  );
  const requests = await claimed(bed, [
    { id: bed.id(), place: 'first' },
    { id: bed.id() },
    { id: bed.id() },
    { id: bed.id() },
  ]);
  const answers = await call(bed.submit, requests);
  assert.deepEqual(
    answers.map((answer) => ('reason' in answer ? answer.reason : answer.kind)),
    ['accepted', 'HTTP 503', 'not sent yet', 'not sent yet'],
  );
  assert.equal(bed.server.seen.length, 2);
  assert.equal((await store.journal.read(requests.map(({ entry }) => entry))).size, 2);
});

test('after an attempt that nobody answered, one request asks whether anybody is there', async (t) => {
  const bed = await withServer(t, (_, response) => json(response, 503, {}));
  const requests = await claimed(
    bed,
    Array.from({ length: 10 }, () => ({ id: bed.id() })),
  );
  await assert.rejects(call(bed.submit, requests, { attempt: 2 }), unavailable(/HTTP 503/));
  assert.equal(bed.server.seen.length, 1);
});

test('and when somebody is, all are sent by that same attempt', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(
    bed,
    Array.from({ length: 10 }, () => ({ id: bed.id() })),
  );
  const answers = await call(bed.submit, requests, { attempt: 2 });
  assert.equal(answers.filter(({ kind }) => kind === 'accepted').length, 10);
  assert.equal(bed.simulator.stats().posts, 10);
});

test('one whose message is no longer in its claim is refused and never sent', async (t) => {
  const bed = await withSimulator(t);
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id() }]);
  await store.claims.collection.deleteOne({ _id: requests[1]?.claim ?? '' });
  const answers = await call(bed.submit, requests);
  assert.deepEqual(answers[1], {
    index: 1,
    kind: 'refused',
    reason: 'the message is no longer in the claim',
  });
  assert.equal(bed.simulator.stats().posts, 1);
});

test('when the journal cannot be closed the answers are given all the same, also to the next attempt, and nothing is sent again', async (t) => {
  const simulator = await simulatorFor(t);
  let isBroken = true;
  t.after(() => (isBroken = false));
  const close = (...all: Parameters<Journal['close']>) =>
    isBroken ? Promise.reject(new Error('no primary')) : store.journal.close(...all);
  const broken = { ...store.journal, close };
  const bed = await bedFor(t, { legacyUrl: simulator.url, replace: { journal: broken } });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  assert.equal((await call(bed.submit, requests))[0]?.kind, 'accepted');
  assert.equal((await entryOf(requests[0]?.entry ?? '')).state, 'intent');
  assert.equal((await call(bed.submit, requests, { attempt: 2 }))[0]?.kind, 'accepted');
  const elsewhere = await bedFor(t, { legacyUrl: simulator.url });
  assert.equal((await call(elsewhere.submit, requests, { attempt: 2 }))[0]?.kind, 'pending');
  assert.equal(simulator.stats().posts, 1);
});

test('when no intent can be written nothing is sent', async (t) => {
  const simulator = await simulatorFor(t);
  const broken = { ...store.journal, open: () => Promise.reject(new Error('no primary')) };
  const bed = await bedFor(t, { legacyUrl: simulator.url, replace: { journal: broken } });
  const requests = await claimed(bed, [{ id: bed.id() }]);
  await assert.rejects(call(bed.submit, requests), /no primary/);
  assert.equal(simulator.stats().posts, 0);
});

test('a store that took a part of the intents and failed: they are withdrawn once it works again, and then sent', async (t) => {
  const simulator = await simulatorFor(t);
  let failures = 0;
  const journal: Journal = {
    ...store.journal,
    async open(entries, known, token) {
      await store.journal.open(entries.slice(1), known, token);
      throw new Error('no space left on device');
    },
    async withdraw(entries, token) {
      failures += 1;
      if (failures < 3) throw new Error('no space left on device');
      await store.journal.withdraw(entries, token);
    },
  };
  const full = await bedFor(t, { legacyUrl: simulator.url, replace: { journal } });
  const requests = await claimed(full, [{ id: full.id() }, { id: full.id() }, { id: full.id() }]);
  await assert.rejects(call(full.submit, requests), /no space left on device/);
  assert.equal(failures, 3);
  const { state, tries } = await entryOf(requests[1]?.entry ?? '');
  assert.deepEqual([state, tries], ['not-accepted', 0]);

  const empty = await bedFor(t, { legacyUrl: simulator.url });
  const answers = await call(empty.submit, requests, { attempt: 2 });
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['accepted', 'accepted', 'accepted'],
  );
  assert.equal((await entryOf(requests[1]?.entry ?? '')).tries, 1);
  assert.equal(simulator.stats().posts, 3);
});

/** In doubt, and its run is about to submit the next entry, as legacy.onUnknown: resubmit has it. */
async function toBeSentAgain(bed: TestBed) {
  const [request] = await claimed(bed, [{ id: bed.id() }], 'run-dead');
  assert.ok(request);
  await wrote(request.entry, 'unknown', { answeredAt: new Date() });
  return { ...request, first: request.entry, entry: nextEntry(request.entry) };
}

const pointerOf = async (claim: string) => (await store.claims.find([claim])).get(claim)?.entry;

test('an entry gives way before its claim moves on, and that before the next one is opened', async (t) => {
  const order: string[] = [];
  const { claims } = store;
  const journal: Journal = {
    ...store.journal,
    supersede(entries) {
      order.push('gave way');
      return store.journal.supersede(entries);
    },
    open(entries, known, token) {
      order.push('opened');
      return store.journal.open(entries, known, token);
    },
  };
  const moveOn: typeof claims.moveOn = (moves) => {
    order.push('moved');
    return claims.moveOn(moves);
  };
  const bed = await withSimulator(t, { replace: { journal, claims: { ...claims, moveOn } } });
  const { first, ...request } = await toBeSentAgain(bed);
  const [answer] = await call(bed.submit, [request], { workflowId: 'run-dead' });
  assert.equal(answer?.kind, 'accepted');
  assert.deepEqual(order, ['gave way', 'moved', 'opened']);
  assert.equal((await entryOf(first)).state, 'superseded');
  assert.equal(await pointerOf(request.claim), request.entry);
  // An attempt of before does not take it back.
  await claims.moveOn([
    { claim: request.claim, from: request.entry, to: nextEntry(request.entry) },
  ]);
  await claims.moveOn([{ claim: request.claim, from: first, to: request.entry }]);
  assert.equal(await pointerOf(request.claim), nextEntry(request.entry));
});

for (const [when, dies] of [
  ['its entry gave way, before its claim moved on', 'moveOn'],
  ['its claim moved on, before the next entry was opened', 'open'],
] as const) {
  test(`a worker that dies when ${when} leaves it to whoever reads that: the next entry is sent, once`, async (t) => {
    const killed = (): Promise<never> => Promise.reject(new Error('killed'));
    const dying = await bedFor(t, {
      replace: {
        claims: dies === 'moveOn' ? { ...store.claims, moveOn: killed } : store.claims,
        journal: dies === 'open' ? { ...store.journal, open: killed } : store.journal,
      },
    });
    const { first, ...request } = await toBeSentAgain(dying);
    await assert.rejects(call(dying.submit, [request], { workflowId: 'run-dead' }), /killed/);
    assert.equal((await entryOf(first)).state, 'superseded');
    assert.equal(await pointerOf(request.claim), dies === 'moveOn' ? first : request.entry);

    const runStates = (ids: string[]) =>
      Promise.resolve(new Map(ids.map((id) => [id, 'closed' as const])));
    const bed = await withSimulator(t, { replace: { runStates } });
    const id = readClaimKey(request.claim)?.id ?? '';
    const [taken] = await call(bed.claim, [claimRequest(id, { takes: request.claim })], {
      workflowId: 'run-new',
    });
    const { index, claim, entry } = request;
    assert.deepEqual(taken, { index, kind: 'claimed', claim, entry });
    for (const attempt of [1, 2]) {
      const [answer] = await call(bed.submit, [request], { workflowId: 'run-new', attempt });
      assert.equal(answer?.kind, 'accepted');
    }
    assert.equal(filings(bed.simulator, id), 1);
    assert.equal(await pointerOf(claim), entry);
    // What gave way is never sent.
    const [late] = await call(bed.submit, [{ ...request, entry: first }], {
      workflowId: 'run-new',
    });
    assert.equal(late?.kind, 'resubmit');
    assert.equal(bed.simulator.stats().posts, 1);
  });
}

test('when the journal fails while the next slot is waited for, nothing more is sent and the failure is told', async (t) => {
  const simulator = await simulatorFor(t);
  let opened = 0;
  const open = (): Promise<never> => {
    opened += 1;
    return Promise.reject(new Error('no primary'));
  };
  const journal = { ...store.journal, open };
  const slots = 1;
  const bed = await bedFor(t, { legacyUrl: simulator.url, slots, replace: { journal } });
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id() }, { id: bed.id() }]);
  // Nothing of it may escape as an unhandled rejection either: that would end the worker.
  await assert.rejects(call(bed.submit, requests), /no primary/);
  assert.deepEqual([opened, simulator.stats().posts], [1, 0]);
});

test('the request id of another registration under way: in doubt, and only a person may say what comes next', async (t) => {
  const { requestId, ...bed } = await withOneRequestId(t);
  const [first, ...others] = await claimed(bed, [
    { id: bed.id() },
    { id: bed.id() },
    { id: bed.id() },
  ]);
  assert.ok(first);
  assert.equal((await call(bed.submit, [first]))[0]?.kind, 'accepted');

  for (const attempt of [1, 2]) {
    const answers = await call(bed.submit, others, { attempt });
    assert.equal(answers.length, 2);
    for (const answer of answers) {
      assert.ok(answer.kind === 'unknown');
      assert.ok(answer.needsPerson);
      assert.match(answer.reason, new RegExp(`request id ${requestId}, which another`));
    }
  }
  assert.equal(bed.server.seen.length, 3);
  assert.equal((await entryOf(others[0]?.entry ?? '')).state, 'unknown');
  assert.equal((await entryOf(first.entry)).state, 'accepted');
});

test('two accepted at the same time under one request id are both in doubt', async (t) => {
  const bed = await withOneRequestId(t);
  const answers = await call(bed.submit, await claimed(bed, [{ id: bed.id() }, { id: bed.id() }]));
  assert.deepEqual(
    answers.map(({ kind }) => kind),
    ['unknown', 'unknown'],
  );
});

test('a request id may come again: for the same registration, after the other was settled, or where ids may be shared', async (t) => {
  const bed = await withOneRequestId(t);
  const submitted = async (bodies: { id: string }[]) => {
    const requests = await claimed(bed, bodies);
    return { requests, kinds: (await call(bed.submit, requests)).map(({ kind }) => kind) };
  };
  const first = await submitted([{ id: bed.id() }]);
  assert.deepEqual(first.kinds, ['accepted']);
  const [{ claim, entry, index } = { claim: '', entry: '', index: 0 }] = first.requests;
  await store.journal.decide(entry, ['accepted'], { state: 'superseded' });
  const next = await call(bed.submit, [{ claim, index, entry: nextEntry(entry) }]);
  assert.equal(next[0]?.kind, 'accepted');

  const { outcome } = settlementOf('', 'registered');
  const id = claim.slice(0, claim.indexOf('~'));
  await call(bed.persist, [settlementOf(id, 'registered', { claim, entry, outcome })]);
  const second = await submitted([{ id: bed.id() }]);
  assert.deepEqual(second.kinds, ['accepted']);

  const sharing = await bedFor(t, { legacyUrl: bed.server.url });
  const third = await call(sharing.submit, await claimed(sharing, [{ id: sharing.id() }]));
  assert.equal(third[0]?.kind, 'accepted');
});

test('where request ids cannot be compared, what is accepted stays accepted', async (t) => {
  const journal = {
    ...store.journal,
    acceptedUnder: () => Promise.reject(new Error('no primary')),
  };
  const simulator = await simulatorFor(t);
  const bed = await bedFor(t, {
    legacyUrl: simulator.url,
    legacy: { uniqueRequestIds: true },
    replace: { journal },
  });
  const [answer] = await call(bed.submit, await claimed(bed, [{ id: bed.id() }]));
  assert.equal(answer?.kind, 'accepted');
});

test('what has timed out may still be redriven under its request id: another one that is given it is in doubt', async (t) => {
  const { requestId, ...bed } = await withOneRequestId(t);
  const id = bed.id();
  const [first] = await claimed(bed, [{ id }]);
  assert.ok(first);
  assert.equal((await call(bed.submit, [first]))[0]?.kind, 'accepted');
  const { claim, entry } = first;
  const reason = 'still processing at the deadline';
  await call(bed.route, [settlementOf(id, 'timed-out', { claim, entry, requestId, reason })]);
  const [answer] = await call(bed.submit, await claimed(bed, [{ id: bed.id() }]));
  assert.ok(answer?.kind === 'unknown');
  assert.ok(answer.needsPerson);
});

test('when the journal fails for some, the answers of the others are not lost with it', async (t) => {
  const simulator = await simulatorFor(t);
  let opened = 0;
  const journal: Journal = {
    ...store.journal,
    async open(entries, known, token) {
      opened += 1;
      if (opened > 1) throw new Error('no primary');
      return store.journal.open(entries, known, token);
    },
  };
  const bed = await bedFor(t, { legacyUrl: simulator.url, slots: 1, replace: { journal } });
  const requests = await claimed(bed, [{ id: bed.id() }, { id: bed.id() }, { id: bed.id() }]);
  const answers = await call(bed.submit, requests);
  assert.deepEqual(
    answers.map(({ index, kind }) => `${index} ${kind}`),
    ['0 accepted', '1 pending', '2 not-accepted'],
  );
  assert.equal(simulator.stats().posts, 1);
});

test('a hundred of every fate, tried until all are told: each is filed at most once', async (t) => {
  const bed = await withSimulator(t, { slots: 16 });
  const fates = [
    {},
    { refuse: 'no' },
    { throttleTimes: 2, retryAfterSeconds: 1 },
    { loseAnswer: true },
    { errorStatus: 503, errorTimes: 3 },
  ];
  const bodies = Array.from({ length: 100 }, (_, n) => ({
    id: uniqueName(),
    simulate: fates[n % fates.length] ?? {},
  }));
  let waiting = await claimed(bed, bodies);
  const told = new Map<string, number>();
  for (let attempt = 1; waiting.length > 0; attempt++) {
    assert.ok(attempt < 60, 'it comes to an end');
    const answers = await call(bed.submit, waiting, { attempt }).catch((error: unknown) => {
      assert.ok(error instanceof ApplicationFailure, String(error));
      return [];
    });
    const final = answers.filter(
      ({ kind }) => kind !== 'not-accepted' && kind !== 'waiting' && kind !== 'pending',
    );
    for (const { kind } of final) told.set(kind, (told.get(kind) ?? 0) + 1);
    waiting = waiting.filter(({ index }) => final.every((answer) => answer.index !== index));
  }
  assert.deepEqual(Object.fromEntries(told), { accepted: 60, refused: 20, unknown: 20 });
  assert.equal(bed.simulator.stats().accepted, 80, 'those with a lost answer are filed, too');
  assert.equal(bed.simulator.stats().filedTwice, 0);
});
