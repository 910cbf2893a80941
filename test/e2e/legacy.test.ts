/** A legacy system of the test's own: what it gets to see, and what it can do to us. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import type { ServerResponse } from 'node:http';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { json, webServer } from '../helpers/web-server.ts';
import type { SeenRequest } from '../helpers/web-server.ts';

type Answer = (response: ServerResponse, requestId: string) => void;

const accept: Answer = (response, requestId) => json(response, 201, { id: requestId });
const done: Answer = (response, requestId) =>
  json(response, 200, { id: requestId, status: 'done' });

/** What the next requests about a registration are answered; then it is accepted, or done. */
const scripts = new Map<string, { posts: Answer[]; gets: Answer[] }>();
const seen: (SeenRequest & { at: number; about: string })[] = [];

const legacy = await webServer({ after }, (request, response) => {
  const isPost = request.method === 'POST';
  const about = isPost
    ? (/"id"\s*:\s*"([^"]+)"/.exec(request.body)?.[1] ?? '')
    : request.path.replace('/registrations/REQ-', '');
  seen.push({ ...request, at: Date.now(), about });
  const script = scripts.get(about);
  const next = isPost ? (script?.posts.shift() ?? accept) : (script?.gets.shift() ?? done);
  next(response, `REQ-${about}`);
});
const system = await startSystem({ after, afterEach }, { legacyUrl: legacy.url });
const flow = flowOf(system);

const requestsFor = (id: string, method: string) =>
  seen.filter((request) => request.about === id && request.method === method);

async function publishScripted(posts: Answer[], gets: Answer[]): Promise<string> {
  const id = uniqueName();
  scripts.set(id, { posts: [...posts], gets: [...gets] });
  await flow.publish({ id });
  return id;
}

test('the legacy system gets the message byte for byte, with an Idempotency-Key', async () => {
  const id = uniqueName();
  const text = `  {"nome": "Jo\\u00e3o João",\r\n\t"id" : "${id}", "valor":1.10, "cem":1e2, "id2":12345678901234567890, "x":null }\n`;
  await flow.publishBytes(Buffer.from(text), {}, id);
  assert.equal(await flow.outcomeOf(id), 'registered');
  const [post, ...more] = requestsFor(id, 'POST');
  assert.deepEqual(more, []);
  assert.equal(post?.body, text);
  assert.equal(post.path, '/registrations');
  assert.match(String(post.headers['idempotency-key']), /^[0-9a-f]{32}$/);
  assert.equal(post.headers['content-type'], 'application/json');
  assert.equal(post.headers['content-length'], String(Buffer.byteLength(text)));
});

test('429 with Retry-After is waited for, and tried again under the same Idempotency-Key', async () => {
  const busy: Answer = (response) => json(response, 429, {}, { 'retry-after': '3' });
  const id = await publishScripted([busy], []);
  assert.equal(await flow.outcomeOf(id), 'registered');
  const [first, second, ...more] = requestsFor(id, 'POST');
  assert.deepEqual(more, []);
  assert.ok(first && second);
  // Never earlier than asked; a millisecond is lost where timers round.
  assert.ok(second.at - first.at >= 2_990, `after ${second.at - first.at} ms`);
  assert.equal(first.headers['idempotency-key'], second.headers['idempotency-key']);
});

const unreadable: [string, Answer][] = [
  ['500', (response) => json(response, 500, { error: 'ORA-01013' })],
  ['404', (response) => json(response, 404, {})],
  ['a redirect', (response) => json(response, 302, {}, { location: '/login' })],
  [
    'an HTML page',
    (response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Run-time error 13: Type mismatch</html>');
    },
  ],
  [
    'the status of another request',
    (response) => json(response, 200, { id: 'REQ-x', status: 'done' }),
  ],
  ['an unknown word', (response, id) => json(response, 200, { id, status: 'CONCLUÍDO?' })],
  [
    'a status that is no word',
    (response, id) => json(response, 200, { id, status: { done: true } }),
  ],
  [
    'a body of 20 MB',
    (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(Buffer.alloc(20 * 1024 * 1024, ' '));
    },
  ],
  ['a connection that is cut', (response) => void response.destroy()],
  ['no answer at all', () => {}],
];

test('a status that cannot be read fails nobody, whatever is wrong with it', async () => {
  const ids = new Map<string, string>();
  for (const [what, answer] of unreadable)
    ids.set(what, await publishScripted([], [answer, answer]));
  for (const [what, id] of ids) {
    assert.equal(await flow.outcomeOf(id), 'registered', what);
    assert.equal(requestsFor(id, 'POST').length, 1, what);
    assert.equal(requestsFor(id, 'GET').length, 3, what);
  }
});

const perhaps: [string, Answer][] = [
  ['500', (response) => json(response, 500, {})],
  ['502', (response) => json(response, 502, {})],
  ['504', (response) => json(response, 504, {})],
  ['408', (response) => json(response, 408, {})],
  ['303', (response) => json(response, 303, {}, { location: '/registrations/7' })],
  ['307', (response) => json(response, 307, {}, { location: '/elsewhere' })],
  ['201 without an id', (response) => json(response, 201, { ok: true })],
  ['201 with an HTML page', (response) => void response.writeHead(201).end('<html>')],
  ['an id that leads out of its path', (response) => json(response, 201, { id: '../admin' })],
  ['a connection that is cut', (response) => void response.destroy()],
  ['no answer at all', () => {}],
];

test('a POST that may have been accepted is never sent again, whatever came instead of an answer', async () => {
  const ids = new Map<string, string>();
  for (const [what, answer] of perhaps) ids.set(what, await publishScripted([answer], []));
  await eventually('all are in doubt', async () => {
    const list = JSON.stringify(await flow.json('doubts', 'list'));
    for (const [what, id] of ids) assert.ok(list.includes(id), what);
  });
  // What is not known to be refused is asked for by a person, not by a retry: restarts do not change that.
  await system.stop('worker');
  await system.start('worker');
  const last = await publishScripted([], []);
  assert.equal(await flow.outcomeOf(last), 'registered');
  for (const [what, id] of ids) assert.equal(requestsFor(id, 'POST').length, 1, what);
});

const notYet: [string, Answer][] = [
  ['503', (response) => json(response, 503, {})],
  ['401', (response) => json(response, 401, {})],
  ['403', (response) => json(response, 403, {})],
  ['404', (response) => json(response, 404, {})],
  ['405', (response) => json(response, 405, {})],
  ['501', (response) => json(response, 501, {})],
];

test('a registration that is given the request id of another one under way is in doubt, and neither is told the result of the other', async () => {
  let isOver = false;
  const slow: Answer = (response, requestId) =>
    json(response, 200, { id: requestId, status: isOver ? 'done' : 'processing' });
  const first = await publishScripted([], Array<Answer>(1_000).fill(slow));
  await eventually('it was accepted', async () => {
    const entry = await system.store.journal.collection.findOne({ _id: `${first}~0#1` });
    assert.equal(entry?.state, 'accepted');
  });
  const second = await publishScripted([(response) => accept(response, `REQ-${first}`)], []);
  const doubts = await eventually('the second is in doubt', async () => {
    const list = JSON.stringify(await flow.json('doubts', 'list'));
    assert.ok(list.includes(second), list);
    return list;
  });
  assert.ok(doubts.includes(`the request id REQ-${first}, which another registration`), doubts);
  isOver = true;
  assert.equal(await flow.outcomeOf(first), 'registered');
  assert.equal(await flow.documentOf(second), null);

  const word = ['--operator', 'rui', '--reason', 'it was not filed'];
  await flow.json('doubts', 'resubmit', second, ...word);
  assert.equal(await flow.outcomeOf(second), 'registered');
  assert.equal((await flow.documentOf(second))?.['requestId'], `REQ-${second}`);
  assert.equal(requestsFor(second, 'POST').length, 2);
});

test('a POST that was certainly not accepted is sent again until it is', async () => {
  const ids = new Map<string, string>();
  for (const [what, answer] of notYet) ids.set(what, await publishScripted([answer, answer], []));
  for (const [what, id] of ids) {
    assert.equal(await flow.outcomeOf(id), 'registered', what);
    assert.equal(requestsFor(id, 'POST').length, 3, what);
  }
  assert.ok(
    seen.every(({ path }) => path.startsWith('/registrations')),
    'a redirect was followed',
  );
});

test('refusals of other kinds than 422 are refusals too, and tell their status where they tell no reason', async () => {
  const id = await publishScripted([(response) => json(response, 409, {})], []);
  const { properties } = await flow.failureOf(`${id}~0`, 'rejected');
  const headers: Record<string, unknown> = { ...properties.headers };
  assert.equal(headers['x-despachante-reason'], 'HTTP 409');
});

test('a 404 that says why is a refusal', async () => {
  const reason = 'unknown municipality';
  const id = await publishScripted([(response) => json(response, 404, { reason })], []);
  const { properties } = await flow.failureOf(`${id}~0`, 'rejected');
  const headers: Record<string, unknown> = { ...properties.headers };
  assert.equal(headers['x-despachante-reason'], reason);
});

test('a gateway that answers 404 with a reason for the application, to everybody, is trouble after twenty of them', async () => {
  let isAway = true;
  const away: Answer = (response, requestId) =>
    isAway
      ? json(response, 404, { reason: 'no Route matched with those values' })
      : accept(response, requestId);
  const ids = await Promise.all(
    Array.from({ length: 30 }, () => publishScripted(Array<Answer>(1_000).fill(away), [])),
  );
  await eventually('each was turned away, and some twice', () => {
    const posts = ids.map((id) => requestsFor(id, 'POST').length);
    assert.ok(Math.max(...posts) >= 2, posts.join());
  });
  isAway = false;
  const outcomes = await Promise.all(ids.map((id) => flow.outcomeOf(id)));
  assert.equal(outcomes.filter((each) => each === 'rejected').length, 20);
  assert.equal(outcomes.filter((each) => each === 'registered').length, 10);
});

test('while the legacy system is not there at all nobody fails', async () => {
  const held = await publishScripted(
    [],
    [...Array<Answer>(3)].map(() => processing),
  );
  await eventually('it is polled', () => assert.ok(requestsFor(held, 'GET').length > 0));
  assert.equal(await flow.outcomeOf(held), 'registered');
});

const processing: Answer = (response, id) => json(response, 200, { id, status: 'processing' });
