/** Many failures at once: chosen by what they are, counted before they are touched. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Claim } from '../../src/claims/claims.ts';
import { takeOut } from '../../src/operations/drop.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import { isMapping } from '../../src/config/tree.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import { openFailureQueue } from '../../src/broker/rabbitmq/dead-letter-queue.ts';
import { testConfig } from '../helpers/configuration.ts';
import { storedClaim } from '../helpers/stored.ts';
import { putFailures } from '../helpers/failure-records.ts';
import type { TestFailure } from '../helpers/failure-records.ts';
import { testPublisher } from '../helpers/servers.ts';
import { testPlace } from './cli.ts';
import type { Place } from './cli.ts';
import { parseRules } from '../../src/registrations/delivery.ts';

const HOUR = 3_600_000;
const ago = (ms: number): Date => new Date(Date.now() - ms);

const MIXED: TestFailure[] = [
  { id: 'a', failureClass: 'rejected', reason: 'CPF inválido', at: ago(5 * HOUR) },
  { id: 'b', failureClass: 'rejected', reason: 'CPF inválido', at: ago(HOUR) },
  { id: 'c', failureClass: 'rejected', reason: 'nome ausente', at: ago(3 * HOUR) },
  { id: 'd', failureClass: 'timed-out', reason: 'still processing', at: ago(30 * HOUR) },
];

async function mixed(t: Parameters<typeof putFailures>[0]): Promise<Place> {
  const place = await testPlace(t);
  await putFailures(t, place, MIXED);
  return place;
}

const idsOf = (records: unknown): unknown[] => {
  assert.ok(Array.isArray(records));
  return records.map((each: unknown) => (isMapping(each) ? each['id'] : null));
};

async function idsIn(place: Place, args: string[] = []): Promise<unknown[]> {
  const list = await place.json(['failures', 'list', ...args]);
  assert.ok(isMapping(list));
  return idsOf(list['failures']);
}

async function dryRun(place: Place, args: string[]): Promise<Record<string, unknown>> {
  const said = await place.json(['failures', ...args, '--dry-run']);
  assert.ok(isMapping(said));
  return said;
}

test('the list groups by class and reason, the largest group first, with when it was seen first and last', async (t) => {
  const place = await mixed(t);
  const { stdout } = await place.run(['failures', 'list']);
  const [head = '', first = '', ...others] = stdout.trim().split('\n');
  assert.match(head, /^count +class +first seen +last seen +reason$/);
  const [firstSeen, lastSeen] = [5, 1].map((hours) =>
    ago(hours * HOUR)
      .toISOString()
      .slice(0, 13),
  );
  assert.match(first, /^2 +rejected .* CPF inválido$/);
  assert.ok(first.includes(String(firstSeen?.replace('T', ' '))), first);
  assert.ok(first.includes(String(lastSeen?.replace('T', ' '))), first);
  assert.equal(others.length, 3);
  assert.match(others[2] ?? '', /^4 of 4 in the queue/);
  const list = await place.json(['failures', 'list', '--class', 'rejected']);
  assert.ok(isMapping(list) && Array.isArray(list['groups']));
  assert.deepEqual(
    list['groups'].map((each: unknown) => isMapping(each) && [each['reason'], each['count']]),
    [
      ['CPF inválido', 2],
      ['nome ausente', 1],
    ],
  );
});

test('class, part of the reason, a pattern of it and the age choose, each alone and together', async (t) => {
  const place = await mixed(t);
  assert.deepEqual(await idsIn(place, ['--reason', 'cpf']), ['a', 'b']);
  assert.deepEqual(await idsIn(place, ['--reason', '/^(NOME|still)/i']), ['c', 'd']);
  assert.deepEqual(await idsIn(place, ['--older-than', '2h']), ['a', 'c', 'd']);
  assert.deepEqual(await idsIn(place, ['--newer-than', '4h']), ['b', 'c']);
  assert.deepEqual(await idsIn(place, ['--older-than', '2h', '--newer-than', '1d']), ['a', 'c']);
  assert.deepEqual(await idsIn(place, ['--class', 'rejected', '--older-than', '4h']), ['a']);
  const { stdout } = await place.run(['failures', 'list', '--reason', 'nothing like it']);
  assert.equal(stdout, 'None of 4 failures is such a one\n');
});

test('a dry run tells what would be redriven or dropped, and changes nothing', async (t) => {
  const place = await mixed(t);
  const redriven = await dryRun(place, ['redrive', '--older-than', '2h']);
  assert.deepEqual(redriven, {
    dryRun: true,
    selected: 3,
    byClass: { rejected: 2, 'timed-out': 1 },
    atCap: 0,
    foreign: 0,
    waiting: 4,
    withheld: { count: 0, some: [] },
    expired: { count: 0, some: [] },
  });
  assert.equal((await dryRun(place, ['redrive', '--all', '--limit', '2']))['selected'], 2);
  assert.equal((await dryRun(place, ['drop', 'a', 'c']))['selected'], 2);
  const { stdout } = await place.run(['failures', 'drop', '--class', 'rejected', '--dry-run']);
  assert.equal(
    stdout,
    'Would drop 3 (3 rejected) of 4 in the failure queue\nNothing was changed\n',
  );
  assert.deepEqual(await idsIn(place), ['a', 'b', 'c', 'd']);
  await place.hasDepth(place.rabbit.failureQueue, 4);
  assert.equal(await place.depth(place.rabbit.intakeQueue), 0);
});

test('more than one is not touched without a yes where there is nobody to ask: exit code 2', async (t) => {
  const place = await mixed(t);
  await place.worker();
  for (const args of [
    ['redrive', '--class', 'rejected'],
    ['redrive', '--all'],
    ['drop', '--all'],
    ['drop', 'a', 'b'],
  ]) {
    const { code, stderr } = await place.run(['failures', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /would (redrive|drop) [234] \(.*\): say --yes .*Nothing was changed/);
  }
  assert.deepEqual(await idsIn(place), ['a', 'b', 'c', 'd']);
  const only = await place.json(['failures', 'redrive', '--class', 'timed-out']);
  assert.ok(isMapping(only));
  assert.equal(only['sent'], 1);
  assert.deepEqual(await idsIn(place), ['a', 'b', 'c']);
});

test('what is chosen is redriven and the others keep their places', async (t) => {
  const place = await mixed(t);
  await place.worker();
  const said = await place.json(['failures', 'redrive', '--reason', 'CPF', '--yes']);
  assert.ok(isMapping(said));
  assert.deepEqual([said['sent'], said['left']], [2, 2]);
  assert.deepEqual(await idsIn(place), ['c', 'd']);
  await place.hasDepth(place.rabbit.intakeQueue, 2);
});

test('what is dropped is in no queue any more, and the others are left', async (t) => {
  const place = await mixed(t);
  await place.json(['failures', 'drop', 'b']);
  assert.deepEqual((await idsIn(place)).sort(), ['a', 'c', 'd']);
  const { stdout } = await place.run(['failures', 'drop', '--class', 'rejected', '--yes']);
  assert.match(stdout, /^rejected {2}a$/m);
  assert.match(stdout, /^Dropped 2; 1 left in the failure queue$/m);
  assert.deepEqual(await idsIn(place), ['d']);
  assert.equal(await place.depth(place.rabbit.intakeQueue), 0);
  assert.equal((await place.run(['failures', 'drop', 'b'])).code, 4);
});

/** Everything in the queue. */
const choice = {
  matches: () => true,
  isOurs: () => true,
  limit: Infinity,
  maxRedrives: Infinity,
};

test('what is dropped is noted before it is taken out: when nobody can note it, it stays', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, MIXED);
  const rules = parseRules(DEFAULTS);
  const all = MIXED.map(({ id }) => `${id}~0`);

  const first = await openFailureQueue(place.connection, place.rabbit.failureQueue, rules);
  const back = (records: readonly unknown[]) => Promise.resolve(assert.deepEqual(records, []));
  const away = { left: () => Promise.reject(new Error('MongoDB is away')), back };
  await assert.rejects(
    takeOut(first, choice, testConfig({ rabbit: place.rabbit }), away),
    /MongoDB is away/,
  );
  await first.close();
  await place.hasDepth(place.rabbit.failureQueue, 4);

  const noted: string[] = [];
  const queue = await openFailureQueue(place.connection, place.rabbit.failureQueue, rules);
  const ack: typeof queue.ack = (failure) => {
    assert.ok(noted.includes(failure.claim ?? ''), 'noted first');
    return queue.ack(failure);
  };
  const left = (records: readonly { claim: string | null }[]) =>
    Promise.resolve(void noted.push(...records.flatMap(({ claim }) => claim ?? [])));
  const { dropped } = await takeOut(
    { ...queue, ack },
    choice,
    testConfig({ rabbit: place.rabbit }),
    { left, back },
  );
  await queue.close();
  assert.deepEqual([dropped.length, noted], [4, all]);
  await place.hasDepth(place.rabbit.failureQueue, 0);
});

test('of what could not be taken out any more the note is taken back', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, MIXED);
  const { records, claims } = place.store;
  const rules = parseRules(DEFAULTS);
  const queue = await openFailureQueue(place.connection, place.rabbit.failureQueue, rules);
  let acks = 0;
  const ack: typeof queue.ack = (failure) => acks++ === 0 && queue.ack(failure);
  const { dropped, left } = await takeOut(
    { ...queue, ack },
    choice,
    testConfig({ rabbit: place.rabbit }),
    records,
  );
  await queue.close();
  assert.deepEqual([dropped.map(({ id }) => id), left], [['a'], 3]);
  const gone = await claims.collection.find({ 'gone.as': 'dropped' }).toArray();
  assert.deepEqual(
    gone.map(({ item: registration }) => registration),
    ['a'],
  );
  assert.deepEqual(await idsIn(place), ['b', 'c', 'd']);
});

test('what was redriven too often is passed over and told, unless the cap is raised', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  const redriven = (id: string, redrive: number): TestFailure => ({
    id,
    failureClass: 'rejected',
    generation: redrive,
  });
  await putFailures(t, place, [redriven('a', 2), redriven('b', 3), redriven('c', 7)]);
  assert.equal((await dryRun(place, ['redrive', '--all']))['atCap'], 2);
  const { code, stdout } = await place.run(['failures', 'redrive', '--all', '--yes']);
  assert.equal(code, 0);
  assert.match(stdout, /Sent 1 to .*; 2 left/);
  assert.match(stdout, /Passed over 2 that were redriven 3 times or more \(--max-redrives\)/);
  assert.deepEqual(await idsIn(place), ['b', 'c']);
  const { stdout: one } = await place.run(['failures', 'redrive', 'b']);
  assert.match(one, /Sent 0 .*\nPassed over 1 that was redriven/);
  await place.json(['failures', 'redrive', '--all', '--yes', '--max-redrives', '5']);
  assert.deepEqual(await idsIn(place), ['c']);
});

test('what an earlier redrive has sent already is no canary: the next record is tried, and it goes with the others', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  const bodyOf = (id: string) => JSON.stringify({ id, name: 'Ana' });
  await putFailures(
    t,
    place,
    ['sent', 'tried', 'last'].map((id) => ({ id, failureClass: 'rejected' })),
  );
  /** A generation as it is when its run has ended; its failure record has the token. */
  const ended = (id: string, kind: OutcomeKind, generation = 1): Claim => ({
    _id: `${id}~${generation}`,
    item: id,
    generation,
    conflict: false,
    token: `token of ${id}~${generation}`,
    workflowId: 'run-1',
    index: 0,
    bodyHash: createHash('sha256').update(bodyOf(id)).digest('hex'),
    message: null,
    receivedAt: new Date(),
    claimedAt: new Date(),
    entry: `${id}~${generation}#1`,
    outcome: {
      kind,
      reason: null,
      at: new Date(),
      requestId: null,
      acceptedAt: null,
      polls: 0,
      doubt: false,
      entry: `${id}~${generation}#1`,
    },
    settledAt: new Date(),
  });
  // Its record has been taken: nobody waits for that.
  const taken: Claim = { ...ended('sent', 'rejected'), gone: { as: 'taken', at: new Date() } };
  await place.store.claims.insert([taken]);
  const took = async () => (await place.take(place.rabbit.intakeQueue)).content.toString();
  const follow = async () => {
    assert.equal(await took(), bodyOf('tried'));
    assert.equal(await place.depth(place.rabbit.intakeQueue), 0, 'the others wait');
    await place.store.claims.insert([ended('tried', 'registered')]);
  };
  const redriven = place.json(['failures', 'redrive', '--all', '--yes', '--canary', '1']);
  const [said] = await Promise.all([redriven, follow()]);
  assert.ok(isMapping(said));
  const outcomes = [{ id: 'tried', outcome: 'registered' }];
  assert.deepEqual(said['canary'], { passed: true, outcomes });
  assert.equal(said['sent'], 3);
  assert.deepEqual([await took(), await took()].sort(), [bodyOf('last'), bodyOf('sent')]);
});

test('copies and records without an id stay too when there is no intake queue to take them', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  const publisher = await testPublisher(t);
  for (let n = 0; n < 20; n++) {
    await publisher.publish(place.rabbit.failureQueue, Buffer.from('{"id":"by-hand"}'), {});
  }
  await place.channel.deleteQueue(place.rabbit.intakeQueue);
  const { code, stderr } = await place.run(['failures', 'redrive', '--all', '--yes', '--foreign']);
  assert.equal(code, 1);
  assert.match(stderr, /could not go on: queue "[^"]+" does not exist/);
  await place.hasDepth(place.rabbit.failureQueue, 20);
});

test('a record whose token does not count stays, as it would be dropped as a duplicate: exit code 1, with the remedy', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  const body = Buffer.from(JSON.stringify({ id: 'a', name: 'Ana' }));
  const bodyHash = createHash('sha256').update(body).digest('hex');
  await place.store.claims.insert([storedClaim('a', { bodyHash }), storedClaim('b')]);
  // Their claims have other tokens than their records.
  await putFailures(t, { rabbit: place.rabbit }, [
    { id: 'a', failureClass: 'rejected', body, token: 'of a database that was restored' },
    { id: 'b', failureClass: 'rejected', token: 'with other bytes it is a conflict, and not lost' },
    { id: 'c', failureClass: 'rejected' },
  ]);
  const { code, stdout, stderr } = await place.run(['failures', 'redrive', '--all', '--yes']);
  assert.equal(code, 1);
  assert.match(stdout, /Sent 2 to .*; 1 left/);
  assert.match(stderr, /1 stay in the failure queue \(a\).*x-despachante-token/);
  await place.hasDepth(place.rabbit.failureQueue, 1);
});

/** One of ours, a message of another team, and a record of another Despachante that shares the queue. */
async function shared(t: Parameters<typeof putFailures>[0]): Promise<Place> {
  const place = await testPlace(t);
  await putFailures(t, place, [{ id: 'ours', failureClass: 'rejected' }]);
  const publisher = await testPublisher(t);
  const { failureQueue } = place.rabbit;
  await publisher.publish(failureQueue, Buffer.from('{"id":"team","pay":"ana"}'), {
    headers: { 'x-death': 'theirs', 'x-exception-message': 'NullPointerException' },
  });
  const rabbit = { ...place.rabbit, intakeQueue: 'orders' };
  await putFailures(t, { rabbit }, [{ id: 'other', failureClass: 'rejected' }]);
  return place;
}

test('in a failure queue that is shared, redrive and drop leave what is not ours, and say so', async (t) => {
  const place = await shared(t);
  await place.worker();
  const dry = await dryRun(place, ['redrive', '--all']);
  assert.deepEqual([dry['selected'], dry['foreign'], dry['waiting']], [1, 2, 3]);
  const named = await place.run(['failures', 'redrive', 'team', 'other']);
  assert.match(
    named.stdout,
    /Sent 0 .*; 3 left.*\nLeft 2 that are no failure record for our intake/,
  );
  const { stdout } = await place.run(['failures', 'redrive', '--all', '--yes']);
  assert.match(stdout, /Sent 1 .*; 2 left.*\nLeft 2 that are/);
  assert.match((await place.take(place.rabbit.intakeQueue)).content.toString(), /"ours"/);
  for (const args of [['--all', '--yes'], ['team'], ['--class', 'rejected', '--yes']]) {
    const dropped = await place.run(['failures', 'drop', ...args]);
    assert.equal(dropped.code, 0, dropped.stderr);
    assert.match(dropped.stdout, /Dropped 0; 2 left.*\nLeft [12] that (is|are) no failure record/);
  }
  await place.hasDepth(place.rabbit.failureQueue, 2);
  assert.equal(await place.depth(place.rabbit.intakeQueue), 0);
});

test('with --foreign they are taken like any other', async (t) => {
  const place = await shared(t);
  await place.worker();
  const { stdout } = await place.run(['failures', 'redrive', 'team', '--foreign']);
  assert.match(stdout, /Sent 1 .*; 2 left/);
  assert.equal(
    (await place.take(place.rabbit.intakeQueue)).content.toString(),
    '{"id":"team","pay":"ana"}',
  );
  const dropped = await place.run(['failures', 'drop', '--all', '--foreign', '--yes']);
  assert.match(dropped.stdout, /Dropped 2; 0 left/);
});

test('a malformed record of another Despachante is not noted as ours by compare', async (t) => {
  const place = await testPlace(t);
  const rabbit = { ...place.rabbit, intakeQueue: 'orders' };
  await putFailures(t, { rabbit }, [
    { id: 'x', failureClass: 'malformed', body: Buffer.from('no') },
  ]);
  const compared = await place.json(['failures', 'compare'], 3);
  assert.ok(isMapping(compared) && Array.isArray(compared['unknown']));
  assert.deepEqual([compared['noted'], compared['unknown'].length], [0, 1]);
});
