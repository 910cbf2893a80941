/** What the claims know of records, and what the queue says to that. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { compareFailures } from '../../src/operations/compare-failures.ts';
import { openFailureQueue } from '../../src/broker/rabbitmq/dead-letter-queue.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import { isMapping } from '../../src/config/tree.ts';
import { testConfig } from '../helpers/configuration.ts';
import { eventually } from '../helpers/eventually.ts';
import { putFailures, type TestFailure } from '../helpers/failure-records.ts';
import { testPublisher } from '../helpers/servers.ts';
import { testPlace } from './cli.ts';
import type { Place } from './cli.ts';
import { parseRules } from '../../src/registrations/delivery.ts';

const FOUR = [
  { id: 'a', failureClass: 'rejected', reason: 'CPF 123 inválido' },
  { id: 'b', failureClass: 'rejected', reason: 'CPF 9 inválido' },
  { id: 'c', failureClass: 'timed-out', reason: 'still processing' },
  { id: 'd', failureClass: 'malformed', reason: 'not JSON', body: Buffer.from('no JSON') },
] as const;

async function mapping(place: Place, args: string[], code = 0) {
  const value = await place.json(args, code);
  assert.ok(isMapping(value));
  return value;
}

async function idsAs(place: Place, state: string): Promise<unknown[]> {
  const { failures } = await mapping(place, ['failures', 'list', '--state', state]);
  assert.ok(Array.isArray(failures));
  return failures.map((each: unknown) => (isMapping(each) ? (each['id'] ?? 'malformed') : null));
}

/** Class, folded reason, waiting, ever. */
async function groupsAt(place: Place): Promise<unknown[][]> {
  const groups = await place.json(['failures', 'groups']);
  assert.ok(Array.isArray(groups));
  return groups.map((each: unknown) =>
    isMapping(each) ? [each['class'], each['reason'], each['waiting'], each['total']] : [],
  );
}

test('a list takes nothing out of the queue, and no look of it counts as a delivery', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [...FOUR]);
  for (let n = 0; n < 3; n++) assert.equal((await idsAs(place, 'waiting')).length, 4);
  await place.json(['failures', 'show', 'a']);
  const message = await place.take(place.rabbit.failureQueue);
  assert.equal(message.properties.headers?.['x-delivery-count'] ?? 0, 0);
});

test('what is redriven and what is dropped is known without a look into the queue, and leaves its group', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  await putFailures(t, place, [...FOUR]);
  assert.deepEqual((await groupsAt(place)).sort(), [
    ['malformed', 'not JSON', 1, 1],
    ['rejected', 'CPF # inválido', 2, 2],
    ['timed-out', 'still processing', 1, 1],
  ]);
  await place.json(['failures', 'redrive', 'a']);
  await place.json(['failures', 'drop', '--class', 'malformed']);
  assert.deepEqual(await idsAs(place, 'redriven'), ['a']);
  assert.deepEqual(await idsAs(place, 'dropped'), ['malformed']);
  assert.deepEqual(await idsAs(place, 'waiting'), ['b', 'c']);
  assert.deepEqual((await groupsAt(place)).sort(), [
    ['malformed', 'not JSON', 0, 1],
    ['rejected', 'CPF # inválido', 1, 2],
    ['timed-out', 'still processing', 1, 1],
  ]);
  const compared = await mapping(place, ['failures', 'compare']);
  assert.deepEqual(compared, {
    queue: 2,
    copies: 0,
    unknown: [],
    noted: 0,
    back: 0,
    taken: 0,
    held: 0,
    waiting: 2,
  });
});

test('what others took, what they put there, and what is there all the same is found out: exit code 3', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [...FOUR]);
  // What was settled just now proves nothing: its record may be on its way.
  const settledAt = new Date(Date.now() - 60_000);
  await place.store.claims.collection.updateMany({}, { $set: { settledAt } });
  const taken = await place.take(place.rabbit.failureQueue);
  const publisher = await testPublisher(t);
  await publisher.publish(place.rabbit.failureQueue, Buffer.from('{"id":"by-hand"}'), {});
  const first = await mapping(place, ['failures', 'compare'], 3);
  const unknown = [{ id: 'by-hand', class: null, messageId: null }];
  assert.deepEqual(first, {
    queue: 4,
    copies: 0,
    unknown,
    noted: 0,
    back: 0,
    taken: 1,
    held: 0,
    waiting: 3,
  });
  assert.deepEqual(await idsAs(place, 'taken'), ['a']);
  const rejected = async () => (await groupsAt(place)).find(([of]) => of === 'rejected');
  assert.deepEqual(await rejected(), ['rejected', 'CPF # inválido', 1, 2]);

  const { headers } = taken.properties;
  const more = headers === undefined ? {} : { headers };
  for (let n = 0; n < 2; n++)
    await publisher.publish(place.rabbit.failureQueue, taken.content, more);
  const second = await mapping(place, ['failures', 'compare'], 3);
  assert.deepEqual(second, {
    queue: 6,
    copies: 1,
    unknown,
    noted: 0,
    back: 1,
    taken: 0,
    held: 0,
    waiting: 4,
  });
  assert.deepEqual(await idsAs(place, 'taken'), []);
  assert.deepEqual(await rejected(), ['rejected', 'CPF # inválido', 2, 2]);
  await place.hasDepth(place.rabbit.failureQueue, 6);
});

test('what fails while the queue is looked at is not taken for taken', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [FOUR[0]]);
  const rules = parseRules(DEFAULTS);
  const said = { by: 'rui', reason: null };
  const compared = await compareFailures(testConfig(), place.store, said, async (work) => {
    const queue = await openFailureQueue(place.connection, place.rabbit.failureQueue, rules);
    await putFailures(t, place, [FOUR[1], FOUR[3]]);
    return work(queue).finally(() => queue.close());
  });
  const found = { copies: 0, unknown: [], noted: 0, back: 0, taken: 0, held: 0 };
  assert.deepEqual(compared, { queue: 1, ...found, waiting: 3 });
});

test('a malformed delivery that could not be noted when it came is noted from its record, and who looked is written down', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [...FOUR]);
  await place.store.malformed.collection.deleteMany({});
  assert.deepEqual((await idsAs(place, 'waiting')).sort(), ['a', 'b', 'c']);
  const args = ['failures', 'compare', '--operator', 'rui', '--because', 'MongoDB was away'];
  const compared = await mapping(place, args, 3);
  assert.deepEqual([compared['noted'], compared['unknown'], compared['waiting']], [1, [], 4]);
  assert.deepEqual((await idsAs(place, 'waiting')).sort(), ['a', 'b', 'c', 'malformed']);
  const malformed = (await groupsAt(place)).find(([of]) => of === 'malformed');
  assert.deepEqual(malformed, ['malformed', 'not JSON', 1, 1]);
  assert.equal((await mapping(place, ['failures', 'compare']))['noted'], 0);
  const [, action] = await place.store.actions.latest(2);
  assert.deepEqual(
    [action?.by, action?.what, action?.reason, action?.result?.text],
    [
      'rui',
      'failures compare',
      'MongoDB was away',
      '0 taken by others, 0 thought to be gone, 1 not noted, 0 of no claim',
    ],
  );
});

/** Does this while somebody reads the queue and holds all of it, until it has begun. */
async function whileHeld<T>(place: Place, doing: () => Promise<T>): Promise<T> {
  const { connection, rabbit, store } = place;
  const reader = await openFailureQueue(connection, rabbit.failureQueue, parseRules(DEFAULTS));
  await Array.fromAsync(reader.messages());
  const done = doing();
  await eventually('it has begun', async () => {
    assert.equal(await store.actions.collection.countDocuments({ result: null }), 1);
  });
  await reader.close();
  return done;
}

test('what somebody holds while he reads the queue is neither overlooked nor taken', async (t) => {
  const place = await testPlace(t, 'rabbit.heldFor=60000');
  await place.worker();
  await putFailures(t, place, [FOUR[0], FOUR[2]]);
  const settledAt = new Date(Date.now() - 60_000);
  await place.store.claims.collection.updateMany({}, { $set: { settledAt } });
  const { taken } = await whileHeld(place, () => mapping(place, ['failures', 'compare']));
  assert.equal(taken, 0);
  const redrive = () => mapping(place, ['failures', 'redrive', 'c']);
  const { sent, held } = await whileHeld(place, redrive);
  assert.deepEqual([sent, held], [1, 0]);
  assert.deepEqual(await idsAs(place, 'redriven'), ['c']);
  assert.deepEqual(await idsAs(place, 'waiting'), ['a']);
});

test('a redrive says how many are held, or were taken, and does not call itself done', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  await putFailures(t, place, [FOUR[0], FOUR[2]]);
  await place.take(place.rabbit.failureQueue);
  const all = await place.run(['failures', 'redrive', '--all', '--yes']);
  assert.equal(all.code, 1);
  assert.match(all.stdout, /^Sent 1 /);
  assert.match(all.stderr, /1 of the records are not in the failure queue at this moment/);
  const one = await place.run(['failures', 'redrive', 'a']);
  assert.equal(one.code, 1, 'there is such a failure');
  const tried = await place.run(['failures', 'redrive', '--all', '--yes', '--canary', '1']);
  assert.match(tried.stderr, /It could not go on: 1 of the records are not in/);
});

/** A record of another Despachante, whose claim has the same name as one of ours. */
const putNamesake = (t: TestContext, { rabbit }: Place, failure: TestFailure) =>
  putFailures(t, { rabbit: { ...rabbit, intakeQueue: 'orders' } }, [
    { token: 'theirs', ...failure },
  ]);

test('the record of another Despachante is of no claim, though one of ours has the name of its claim', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [FOUR[0], FOUR[1]]);
  await place.json(['failures', 'drop', 'a']);
  await putNamesake(t, place, FOUR[0]);
  await putNamesake(t, place, FOUR[1]);
  const compared = await mapping(place, ['failures', 'compare'], 3);
  const { back, copies, waiting, unknown } = compared;
  assert.ok(Array.isArray(unknown));
  assert.deepEqual([back, copies, waiting, unknown.length], [0, 0, 1, 2]);
  assert.deepEqual(await idsAs(place, 'dropped'), ['a']);
  assert.deepEqual(await idsAs(place, 'waiting'), ['b']);
});

test('what is dropped or redriven of another Despachante is not written down on our claims and notes', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  await putFailures(t, place, [...FOUR]);
  await putNamesake(t, place, FOUR[0]);
  await putNamesake(t, place, { ...FOUR[1], body: Buffer.from('{"id":"b","of":"theirs"}') });
  await putNamesake(t, place, FOUR[3]);
  for (let n = 0; n < 4; n++) await place.take(place.rabbit.failureQueue);
  await place.json(['failures', 'redrive', 'b', '--foreign']);
  await place.json(['failures', 'drop', '--all', '--foreign', '--yes']);
  await place.hasDepth(place.rabbit.failureQueue, 0);
  assert.equal((await idsAs(place, 'waiting')).length, 4);
});
