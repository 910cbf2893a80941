import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../../src/config/schema.ts';
import type { TestContext } from 'node:test';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { createPlannedPoll, createPoll } from '../../../activities/registrations/poll.ts';
import type { PollRequest } from '../../../activities/registrations/poll.ts';
import { createUnderWay } from '../../../activities/under-way.ts';
import type { Config } from '../../../src/config/schema.ts';
import type { Interval } from '../../../src/domain/registrations/latency.ts';
import type { Plans } from '../../../src/registrations/plans.ts';
import type { PollPlan } from '../../../src/domain/registrations/poll-plan.ts';
import { alwaysOpen } from '../../helpers/gate.ts';
import { createLegacy } from '../../../src/registrations/legacy.ts';
import { createMetrics } from '../../../src/runtime/metrics.ts';
import { createSlots } from '../../../src/runtime/slots.ts';
import { NOBODY, TIMEOUT_MS, attemptOf, call, callWithin } from '../../helpers/activities.ts';
import { eventually } from '../../helpers/eventually.ts';
import { testConfig } from '../../helpers/configuration.ts';
import { json, webServer } from '../../helpers/web-server.ts';
import type { Respond } from '../../helpers/web-server.ts';
import { file, simulatorFor } from '../../simulator/harness.ts';
import { atEnd } from '../../helpers/servers.ts';

function pollOf(
  t: TestContext,
  legacyUrl: string,
  { slots = 64, ...legacy }: Partial<Config['legacy']> & { slots?: number } = {},
  observed: Interval[] = [],
  gate = alwaysOpen(createSlots(slots)),
) {
  const config = testConfig({ legacyUrl, legacy: { timeout: 10_000, ...legacy } });
  const client = createLegacy(config);
  atEnd(t, () => client.close());
  return createPoll({
    clock: Date,
    legacy: client,
    gate,
    underWay: createUnderWay(),
    learner: { observe: (interval) => void observed.push(interval), hasten() {} },
    metrics: createMetrics(),
  });
}

const requestsOf = (...ids: string[]): PollRequest[] =>
  ids.map((requestId, index) => ({ index, requestId, acceptedAt: Date.now(), polledAt: null }));
const NO_JSON = 'no JSON to read: its body is not JSON (its Content-Type says application/json)';

/** The request id at the end of a path, without a query. */
const idIn = (path: string): string => /([^/?]*)(\?.*)?$/.exec(path)?.[1] ?? '';

const nothingReadable = (reason: RegExp, nextRetryDelay?: number) => (error: unknown) => {
  assert.ok(error instanceof ApplicationFailure, String(error));
  assert.equal(error.type, 'LegacyUnreadable');
  assert.match(error.message, reason);
  assert.equal(error.nextRetryDelay, nextRetryDelay);
  return true;
};

test('each is answered as the legacy system says: processing, done, failed with its reason', async (t) => {
  const simulator = await simulatorFor(t);
  const ids = [
    await file(simulator, { id: 'p', simulate: { neverFinish: true } }),
    await file(simulator, { id: 'd' }),
    await file(simulator, { id: 'f', simulate: { fail: 'documento ilegível' } }),
  ];
  assert.deepEqual(await call(pollOf(t, simulator.url), requestsOf(...ids)), [
    { index: 0, kind: 'processing' },
    { index: 1, kind: 'done' },
    { index: 2, kind: 'failed', reason: 'documento ilegível' },
  ]);
});

test('one that cannot be read is an answer among those that can', async (t) => {
  const simulator = await simulatorFor(t);
  const ids = [
    await file(simulator, { id: 'a', simulate: { pollErrorStatus: 500 } }),
    await file(simulator, { id: 'b' }),
    await file(simulator, { id: 'c', simulate: { pollGarbage: true } }),
    'ZZ000Z-Z',
  ];
  assert.deepEqual(await call(pollOf(t, simulator.url), requestsOf(...ids)), [
    { index: 0, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null },
    { index: 1, kind: 'done' },
    { index: 2, kind: 'unreadable', reason: NO_JSON, retryAfter: null },
    { index: 3, kind: 'unreadable', reason: 'HTTP 404', retryAfter: null },
  ]);
});

test('when nothing can be read it throws, and Temporal waits as long as Retry-After asks', async (t) => {
  const server = await webServer(t, ({ path }, response) => {
    json(response, 503, {}, { 'retry-after': idIn(path) === 'A' ? '3' : '9' });
  });
  await assert.rejects(
    call(pollOf(t, server.url), requestsOf('A', 'B')),
    nothingReadable(/HTTP 503/, 9_000),
  );
  assert.equal(server.seen.length, 2);
});

test('when nobody listens it throws with the reason', async (t) => {
  await assert.rejects(call(pollOf(t, NOBODY), requestsOf('A')), nothingReadable(/ECONNREFUSED/));
});

test('a later attempt asks with one first, the next ones with twice as many and others first, while these are unreadable', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 500, {}));
  const poll = pollOf(t, server.url);
  for (const attempt of [2, 3, 4, 5]) {
    await assert.rejects(
      call(poll, requestsOf('A', 'B', 'C'), { attempt }),
      nothingReadable(/HTTP 500/),
    );
  }
  assert.deepEqual(
    server.seen.map(({ path }) => idIn(path)),
    // Attempt 2 begins with the third, 3 with the first, 4 with the second …
    ['C', 'A', 'B', 'B', 'C', 'A', 'C', 'A', 'B'],
  );
});

test('a later attempt whose first question is answered asks the rest, each once', async (t) => {
  const server = await webServer(t, ({ path }, response) =>
    json(response, 200, { id: idIn(path), status: 'done' }),
  );
  const answers = await call(pollOf(t, server.url), requestsOf('A', 'B', 'C'), { attempt: 2 });
  assert.deepEqual(
    answers.sort((a, b) => a.index - b.index),
    [0, 1, 2].map((index) => ({ index, kind: 'done' })),
  );
  assert.deepEqual(server.seen.map(({ path }) => idIn(path)).sort(), ['A', 'B', 'C']);
});

test('an attempt inside a workflow task keeps the answers it has when another one is not given in time', async (t) => {
  const server = await webServer(t, ({ path }, response) => {
    if (idIn(path) === 'A') json(response, 200, { id: 'A', status: 'done' });
  });
  const poll = pollOf(t, server.url, { timeout: 30_000 });
  const answers = await call(poll, requestsOf('A', 'B'), { isLocal: true });
  assert.deepEqual(
    answers.map(({ index, kind }) => [index, kind]),
    [
      [0, 'done'],
      [1, 'on the wire'],
    ],
  );
});

test('one GET that is not answered holds back none of the others, and whoever asks next joins it', async (t) => {
  let answer = (): void => {};
  const server = await webServer(t, ({ path }, response) => {
    const done = () => json(response, 200, { id: idIn(path), status: 'done' });
    if (idIn(path) === 'B') answer = done;
    else done();
  });
  const poll = pollOf(t, server.url, { timeout: 60_000 });
  const answers = await call(poll, requestsOf('A', 'B', 'C'));
  assert.deepEqual(answers.map(({ index, kind }) => `${index} ${kind}`).sort(), [
    '0 done',
    '1 on the wire',
    '2 done',
  ]);
  const again = call(poll, requestsOf('A', 'B').slice(1));
  answer();
  assert.deepEqual(await again, [{ index: 1, kind: 'done' }]);
  assert.equal(server.seen.length, 3);
});

test('what is cancelled while it waits for a slot asks nothing, though it is let through', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 200, {}));
  const slots = createSlots(1);
  await slots.take(1);
  const poll = pollOf(t, server.url, {}, [], alwaysOpen(slots));
  const waits = t.mock.method(slots, 'take');
  const attempt = attemptOf({});
  const outcome = assert.rejects(callWithin(attempt, poll, requestsOf('A')), CancelledFailure);
  await eventually('it waits for a slot', () => assert.ok(waits.mock.callCount() > 0));
  attempt.cancel();
  slots.release(1);
  await outcome;
  assert.equal(server.seen.length, 0);
  assert.equal(slots.onTheWire(), 0);
});

test('"processing" from the first question of a later attempt is a readable answer', async (t) => {
  const server = await webServer(t, ({ path }, response) =>
    idIn(path) === 'A'
      ? json(response, 200, { id: 'A', status: 'processing' })
      : json(response, 500, {}),
  );
  const answers = await call(pollOf(t, server.url), requestsOf('A', 'B'), { attempt: 2 });
  assert.deepEqual(
    answers.map(({ index, kind }) => [index, kind]),
    [
      [0, 'processing'],
      [1, 'unreadable'],
    ],
  );
});

const unreadable: [name: string, respond: Respond, reason: RegExp][] = [
  [
    'about another request',
    (_, response) => json(response, 200, { id: 'OTHER', status: 'done' }),
    /about another request/,
  ],
  [
    'HTML with status 200',
    (_, response) => response.writeHead(200).end('<html>done</html>'),
    /no JSON/,
  ],
  ['an array', (_, response) => json(response, 200, ['done']), /nothing at "\/status"/],
  [
    'without a status',
    (_, response) => json(response, 200, { id: 'SICK' }),
    /nothing at "\/status"/,
  ],
  [
    'a status that is no text',
    (_, response) => json(response, 200, { id: 'SICK', status: true }),
    /not in legacy\.poll\.words/,
  ],
  [
    'a status that nobody has configured',
    (_, response) => json(response, 200, { id: 'SICK', status: 'archived' }),
    /not in legacy\.poll\.words/,
  ],
  [
    'a status word that every object has',
    (_, response) => json(response, 200, { id: 'SICK', status: 'constructor' }),
    /not in legacy\.poll\.words/,
  ],
  ['404', (_, response) => json(response, 404, {}), /HTTP 404/],
  [
    'a redirect',
    (_, response) => response.writeHead(302, { location: '/registrations/OK' }).end(),
    /HTTP 302/,
  ],
  ['no answer', () => {}, new RegExp(`within ${TIMEOUT_MS} ms`)],
  ['a cut connection', (_, response) => response.destroy(), /./],
];
for (const [name, respond, reason] of unreadable) {
  test(`an answer that is ${name} is unreadable and ends nothing`, async (t) => {
    const server = await webServer(t, (request, response, wire) => {
      if (idIn(request.path) === 'SICK') respond(request, response, wire);
      else json(response, 200, { id: idIn(request.path), status: 'processing' });
    });
    const poll = pollOf(t, server.url, { timeout: TIMEOUT_MS });
    const [well, sick] = await call(poll, requestsOf('WELL', 'SICK'));
    assert.equal(well?.kind, 'processing');
    assert.ok(sick?.kind === 'unreadable');
    assert.match(sick.reason, reason);
    assert.equal(server.seen.filter(({ path }) => path.includes('OK')).length, 0);
  });
}

test('a body of 500 MB is cut at maxResponseBytes, without reading the rest', async (t) => {
  let written = 0;
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  const server = await webServer(t, ({ path }, response) => {
    if (idIn(path) !== 'SICK') return json(response, 200, { id: idIn(path), status: 'done' });
    response.writeHead(200, { 'content-type': 'application/json' });
    const more = (): void => {
      while (written < 500 * 1024 * 1024 && !response.destroyed) {
        written += chunk.length;
        if (!response.write(chunk)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const poll = pollOf(t, server.url, { maxResponseBytes: 64 * 1024, timeout: 30_000 });
  const [, sick] = await call(poll, requestsOf('WELL', 'SICK'));
  assert.ok(sick?.kind === 'unreadable');
  assert.match(sick.reason, /over 65536 bytes/);
  assert.ok(written < 50 * 1024 * 1024, `${written} bytes were taken`);
});

test('what was cancelled before it began asks nothing', async (t) => {
  const server = await webServer(t, (_, response) => json(response, 200, {}));
  await assert.rejects(
    call(pollOf(t, server.url), requestsOf('A'), { cancelled: true }),
    CancelledFailure,
  );
  assert.equal(server.seen.length, 0);
});

test('no more are asked at once than there are slots, and every one is asked once', async (t) => {
  let now = 0;
  let most = 0;
  const server = await webServer(t, ({ path }, response) => {
    most = Math.max(most, ++now);
    setImmediate(() => {
      now -= 1;
      json(response, 200, { id: idIn(path), status: 'processing' });
    });
  });
  const ids = Array.from({ length: 20 }, (_, n) => `REQ-${n}`);
  const answers = await call(pollOf(t, server.url, { slots: 4 }), requestsOf(...ids));
  assert.deepEqual(
    answers,
    ids.map((_, index) => ({ index, kind: 'processing' })),
  );
  assert.ok(most <= 4, String(most));
  assert.deepEqual(server.seen.map(({ path }) => idIn(path)).sort(), ids.sort());
});

test('words and fields of another legacy system are configuration', async (t) => {
  const server = await webServer(t, ({ path }, response) =>
    json(response, 200, {
      protocolo: idIn(path),
      situacao: idIn(path) === 'A' ? 'EM FILA' : 'NEGADO',
      motivo: 'falta o CPF',
    }),
  );
  const poll = pollOf(t, server.url, {
    poll: {
      ...DEFAULTS.legacy.poll,
      path: '/consulta/{id}?completa=1',
      requestId: '/protocolo',
      state: '/situacao',
      reason: '/motivo',
      words: { processing: ['EM FILA', 'EM ANÁLISE'], done: ['PRONTO'], failed: ['NEGADO'] },
    },
  });
  const answers = await call(poll, requestsOf('A', 'B/C'));
  assert.deepEqual(answers[0], { index: 0, kind: 'processing' });
  assert.equal(server.seen[0]?.path, '/consulta/A?completa=1');
  assert.ok(server.seen.some(({ path }) => path === '/consulta/B%2FC?completa=1'));
});

test('when the end was seen, and when last it was not, is told to the learner; what is not over tells nothing', async (t) => {
  const simulator = await simulatorFor(t);
  const ids = [
    await file(simulator, { id: 'p', simulate: { neverFinish: true } }),
    await file(simulator, { id: 'd' }),
    await file(simulator, { id: 'f', simulate: { fail: 'documento ilegível' } }),
  ];
  const observed: Interval[] = [];
  const acceptedAt = Date.now() - 15_000;
  const polled = { acceptedAt, polledAt: acceptedAt + 14_000 };
  const more = [polled, polled, { acceptedAt, polledAt: null }];
  await call(
    pollOf(t, simulator.url, {}, observed),
    requestsOf(...ids).map((request, index) => ({ ...request, ...more[index] })),
  );
  assert.deepEqual(observed.map(({ after }) => after).sort(), [0, 14_000]);
  assert.ok(observed.every(({ upTo }) => upTo >= 15_000 && upTo <= Date.now() - acceptedAt));
});

/** A poll of runs, as it asks with so many under way, whose `replan` and `hasten` a test watches. */
function plannedPoll(
  t: TestContext,
  url: string,
  replan: Plans['replan'],
  hasten: (by: number) => void = () => {},
) {
  const legacy = createLegacy(testConfig({ legacyUrl: url }));
  atEnd(t, () => legacy.close());
  return createPlannedPoll({
    clock: Date,
    legacy,
    gate: alwaysOpen(createSlots(1)),
    underWay: createUnderWay(),
    learner: { observe() {}, hasten },
    metrics: createMetrics(),
    plans: { replan },
  });
}

test('a run is given the plan that there is for it with the answers, by whether it has outlived its own', async (t) => {
  const simulator = await simulatorFor(t);
  const [request] = requestsOf(await file(simulator, { id: 'p', simulate: { neverFinish: true } }));
  assert.ok(request);
  const planTo = (at: number): PollPlan => ({ offsets: [at], tail: 1_000, longest: 60_000 });
  const newest = planTo(25_000);
  const poll = plannedPoll(t, simulator.url, (_, isUsedUp) => (isUsedUp ? newest : null));
  const answers = [{ index: 0, kind: 'processing' }];
  const requests = [{ ...request, acceptedAt: Date.now() - 20_000 }];
  const polled = (plan: PollPlan) => call((mine: typeof requests) => poll(mine, plan), requests);
  assert.deepEqual(await polled(planTo(10_000)), [...answers, { kind: 'plan', plan: newest }]);
  assert.deepEqual(await polled(planTo(3_600_000)), answers);
});

test('when half of those that are asked early are done it is learned before a plan is looked for', async (t) => {
  const simulator = await simulatorFor(t);
  const done = await Promise.all(
    ['a', 'b'].map((id) => file(simulator, { id, simulate: { latencyMs: 0 } })),
  );
  const open = await Promise.all(
    ['c', 'd'].map((id) => file(simulator, { id, simulate: { neverFinish: true } })),
  );
  const refused = await Promise.all(
    ['e', 'f'].map((id) => file(simulator, { id, simulate: { latencyMs: 0, fail: 'no' } })),
  );
  const told: (number | 'replan')[] = [];
  const replan = () => {
    told.push('replan');
    return null;
  };
  const poll = plannedPoll(t, simulator.url, replan, (by) => void told.push(by));
  const plan = { offsets: [10_000], tail: 1_000, longest: 60_000 };
  const polled = (...ids: string[]) =>
    call(
      (mine: PollRequest[]) => poll(mine, plan),
      requestsOf(...ids).map((each) => ({ ...each, acceptedAt: Date.now() - 5_000 })),
    );
  await polled(...done.slice(1), ...open);
  await polled(...refused);
  assert.deepEqual(
    told,
    ['replan', 'replan'],
    'a refusal says nothing of how long a success takes',
  );
  await polled(...done, ...open);
  const [by, ...rest] = told.slice(2);
  assert.ok(typeof by === 'number' && by >= 5_000 && by < 10_000, String(by));
  assert.deepEqual(rest, ['replan']);
});

test('the GET of a result has room of its own under maxGetsPerSecond, and is not sent without', async (t) => {
  const server = await webServer(t, ({ path }, response) =>
    path.startsWith('/results')
      ? json(response, 200, { id: 'A' })
      : response.writeHead(303, { location: '/results/A' }).end(),
  );
  const asked: string[] = [];
  let wait: { reason: string; retryAfter: number } | null = null;
  const gate = {
    ...alwaysOpen(createSlots(1)),
    another: (lane: string) => {
      asked.push(`${lane} after ${server.seen.length}`);
      return Promise.resolve(wait);
    },
  };
  const poll = pollOf(
    t,
    server.url,
    { poll: { ...DEFAULTS.legacy.poll, statuses: { '303': 'result' } } },
    [],
    gate,
  );
  assert.deepEqual(await call(poll, requestsOf('A')), [{ index: 0, kind: 'done' }]);
  assert.deepEqual(asked, ['gets after 1']);
  assert.equal(server.seen.length, 2);
  wait = { reason: 'MongoDB is away', retryAfter: 2_000 };
  await assert.rejects(call(poll, requestsOf('A')), nothingReadable(/MongoDB is away/, 2_000));
  assert.equal(server.seen.length, 3);
});
