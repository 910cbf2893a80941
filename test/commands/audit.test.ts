import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { idempotencyKey } from '../../src/registrations/journal.ts';
import { HEADER, WORKFLOW_TYPE } from '../../src/domain/names.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { isMapping } from '../../src/config/tree.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import { testConfig } from '../helpers/configuration.ts';
import { proxyTo } from '../helpers/proxy.ts';
import { eventually } from '../helpers/eventually.ts';
import { address, atEnd } from '../helpers/servers.ts';
import { run as runAnywhere, testPlace, type Place } from './cli.ts';

/** Recent: older records would be removed by their retention. */
const T0 = new Date(Date.now() - 60_000);
const bodyOf = (id: string): string => JSON.stringify({ id });
const hashOf = (id: string): string => createHash('sha256').update(bodyOf(id)).digest('hex');

/** A registration that has come all the way. */
async function register({ store }: Place, id: string): Promise<void> {
  const entry = `${id}~0#1`;
  await store.claims.collection.insertOne({
    _id: `${id}~0`,
    item: id,
    generation: 0,
    conflict: false,
    token: 't',
    workflowId: `registrations/${id}/1`,
    index: 0,
    bodyHash: hashOf(id),
    message: null,
    receivedAt: T0,
    claimedAt: T0,
    entry,
    outcome: {
      kind: 'registered',
      reason: null,
      at: T0,
      requestId: `R-${id}`,
      acceptedAt: T0,
      polls: 1,
      doubt: false,
      entry,
    },
    settledAt: T0,
  });
  await store.journal.collection.insertOne({
    _id: entry,
    state: 'accepted',
    token: 't',
    at: T0,
    tries: 1,
    requestId: `R-${id}`,
    reason: null,
    answeredAt: T0,
    operator: null,
  });
  await store.results.write([{ id, requestId: `R-${id}`, registeredAt: T0 }]);
}

/** The two ledgers, as `publish` and `simulate` write them. */
function ledgers(place: Place, ids: string[]): { published: string; legacy: string } {
  const published = join(place.folder, 'published.jsonl');
  const legacy = join(place.folder, 'legacy.jsonl');
  const lines = (values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(published, lines(ids.map((id) => ({ id, sha256: hashOf(id) }))));
  writeFileSync(
    legacy,
    lines(
      ids.flatMap((id) => [
        {
          at: 1,
          event: 'accepted',
          id,
          requestId: `R-${id}`,
          idempotencyKey: idempotencyKey(`${id}~0#1`),
          doneAt: 1,
          final: 'done',
        },
        { at: 2, event: 'finished-seen', requestId: `R-${id}`, status: 'done' },
      ]),
    ),
  );
  return { published, legacy };
}

test('a sum that holds is told with both ledgers, and ends with exit code 0', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  await register(place, 'b');
  const { published, legacy } = ledgers(place, ['a', 'b']);
  const args = ['audit', '--published', published, '--legacy-ledger', legacy];
  const { code, stdout } = await place.run(args);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^confirmed +2\n {2}registered +2$/m);
  assert.match(stdout, /^filed twice +0$/m);
  assert.match(stdout, /The sum holds/);
});

test('a document that holds its registration id in a list is found, and shown with all of them', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  await place.store.db
    .collection<{ _id: string }>('registrations')
    .updateOne({ _id: 'a' }, { $set: { externalIds: ['old-1', 'a'] } });
  const { published, legacy } = ledgers(place, ['a']);
  const env = { ...place.env, DESPACHANTE_MONGODB_MATCH: 'externalIds' };
  const args = ['audit', '--published', published, '--legacy-ledger', legacy];
  const { code, stdout } = await runAnywhere(args, { cwd: place.folder, env });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^confirmed +1\n {2}registered +1$/m);
  const hashed = { DESPACHANTE_REGISTRATION_HASH_IDS: 'true', REGISTRATION_ID_KEY: 'k'.repeat(16) };
  const status = await runAnywhere(['status', 'a', '--json'], {
    cwd: place.folder,
    env: { ...env, ...hashed },
  });
  assert.equal(status.code, 0, status.stderr);
  assert.doesNotMatch(status.stdout, /old-1/);
});

test('a failed registration in the list of a document that another one was registered in is not settled twice', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  await fail(place, 'b');
  await place.store.db
    .collection<{ _id: string }>('registrations')
    .updateOne({ _id: 'a' }, { $set: { externalIds: ['a', 'b'] } });
  const env = { ...place.env, DESPACHANTE_MONGODB_MATCH: 'externalIds' };
  const { code, stdout } = await runAnywhere(['audit', '--no-legacy-ledger'], {
    cwd: place.folder,
    env,
  });
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^settled twice +0$/m);
});

test('a document among our claims that is none of ours is told with its _id, and the others are added up', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  const { db } = place.store;
  await db
    .collection<{ _id: string; settledAt: Date }>(OWN.claims)
    .insertOne({ _id: 'policy-1', settledAt: T0 });
  const { published, legacy } = ledgers(place, ['a']);
  const args = ['audit', '--published', published, '--legacy-ledger', legacy];
  const { code, stdout, stderr } = await place.run(args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^confirmed +1\n {2}registered +1$/m);
  assert.match(stderr, new RegExp(`^The document "policy-1" in ${OWN.claims} is not as`, 'm'));
});

test('a run that is encrypted with a key it does not have is named, and the others are added up', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  const theirs = `theirs:${Buffer.alloc(32, 7).toString('base64')}`;
  const { config } = loadConfig({
    env: { ...process.env, ...place.env, ENCRYPTION_KEYS: theirs },
  });
  const client = await connectTemporal(config);
  atEnd(t, () => client.connection.close());
  const workflowId = `registrations/b/${place.store.db.databaseName}`;
  const { taskQueue } = config.temporal;
  const run = await client.workflow.start(WORKFLOW_TYPE, { taskQueue, workflowId, args: [{}] });
  atEnd(t, async () => void (await run.terminate()));
  const ours = `ours:${Buffer.alloc(32, 8).toString('base64')}`;
  const there = { cwd: place.folder, env: { ...place.env, ENCRYPTION_KEYS: ours } };
  const { published, legacy } = ledgers(place, ['a', 'b']);
  const page = join(place.folder, 'audit.html');
  const args = ['audit', '--published', published, '--legacy-ledger', legacy, '--html', page];
  await eventually('the run is listed', async () => {
    const { code, stdout } = await runAnywhere(args, there);
    assert.equal(code, 3, stdout);
    assert.match(stdout, /^runs not read +1$/m);
    assert.ok(stdout.includes(`runs not read: ${workflowId}: `), stdout);
    assert.match(stdout, /with the key "theirs", and ours are ours/);
    assert.match(stdout, /^confirmed +2\n {2}registered +1$/m);
    assert.match(stdout, /^lost +1$/m);
    assert.match(stdout, /what is lost may be among it[^]*The sum is not checked/);
  });
  assert.match(readFileSync(page, 'utf8'), /The sum is not checked/);
});

test('what is lost, filed twice or stranded is named, with exit code 3', async (t) => {
  const place = await testPlace(t);
  for (const id of ['well', 'gone', 'twice', 'stuck']) await register(place, id);
  await place.store.claims.collection.deleteOne({ _id: 'gone~0' });
  await place.store.claims.collection.updateOne(
    { _id: 'stuck~0' },
    { $set: { outcome: null, settledAt: null } },
  );
  const { published, legacy } = ledgers(place, ['well', 'gone', 'twice', 'twice', 'stuck']);
  const report = await place.json(
    ['audit', '--published', published, '--legacy-ledger', legacy],
    3,
  );
  assert.ok(isMapping(report));
  const found = (kind: string): unknown[] => {
    const findings = report[kind];
    assert.ok(Array.isArray(findings));
    return findings.map((each: unknown) => (isMapping(each) ? each['id'] : null));
  };
  assert.deepEqual([report['confirmed'], report['repeated'], report['registered']], [4, 1, 2]);
  assert.deepEqual(found('lost'), ['gone']);
  assert.deepEqual(found('filedTwice'), ['twice']);
  assert.deepEqual(found('stranded'), ['stuck']);
  assert.equal(report['holds'], false);
});

/** A registration that was refused, with its record in the failure queue. */
async function fail(place: Place, id: string): Promise<void> {
  const { store, channel, rabbit } = place;
  await register(place, id);
  const { mongodb } = testConfig();
  await store.db.collection(mongodb.collection).deleteMany({ [mongodb.match]: id });
  await store.claims.collection.updateOne(
    { _id: `${id}~0` },
    { $set: { 'outcome.kind': 'rejected', 'outcome.acceptedAt': null, 'outcome.requestId': null } },
  );
  await store.journal.collection.updateOne({ _id: `${id}~0#1` }, { $set: { state: 'refused' } });
  channel.sendToQueue(rabbit.failureQueue, Buffer.from(bodyOf(id)), {
    headers: {
      [HEADER.class]: 'rejected',
      [HEADER.origin]: rabbit.intakeQueue,
      [HEADER.item]: `${id}~0`,
      [HEADER.token]: 't',
    },
  });
  await place.hasDepth(rabbit.failureQueue, 1);
}

test('what others take from the failure queue is delivered: the sum holds, and tells how many, beside what was dropped', async (t) => {
  const place = await testPlace(t);
  const { published } = ledgers(place, ['taken', 'dropped']);
  const audit = ['audit', '--published', published, '--no-legacy-ledger'];
  await fail(place, 'taken');
  await place.take(place.rabbit.failureQueue);
  await fail(place, 'dropped');
  await place.json(['failures', 'drop', 'dropped']);
  const report = await place.json(audit);
  assert.ok(isMapping(report));
  assert.deepEqual(report['taken'], { redriven: 0, dropped: 1, byOthers: 1 });
  assert.deepEqual([report['failed'], report['lost']], [{ rejected: 2 }, []]);
  const { stdout } = await place.run(audit);
  assert.match(stdout, /^ +taken from the failure queue by others +1 /m);
  assert.match(stdout, /^ +dropped by "failures drop" +1$/m);
  assert.match(stdout, /The sum holds/);
});

test('what was no registration counts by intake’s note, whether others took its record or "failures drop" did', async (t) => {
  const place = await testPlace(t);
  const { channel, rabbit, store } = place;
  const { published } = ledgers(place, ['taken', 'dropped']);
  for (const id of ['taken', 'dropped']) {
    const body = Buffer.from(bodyOf(id));
    await store.malformed.note(body, 'no registration', new Date());
    channel.sendToQueue(rabbit.failureQueue, body, {
      headers: { [HEADER.class]: 'malformed', [HEADER.origin]: rabbit.intakeQueue },
    });
    await place.hasDepth(rabbit.failureQueue, 1);
    if (id === 'taken') await place.take(rabbit.failureQueue);
  }
  await place.json(['failures', 'drop', 'dropped']);
  const report = await place.json(['audit', '--published', published, '--no-legacy-ledger']);
  assert.ok(isMapping(report));
  assert.deepEqual(report['taken'], { redriven: 0, dropped: 1, byOthers: 1 });
  assert.deepEqual([report['failed'], report['lost']], [{ malformed: 2 }, []]);
});

test('the report can be had as a page, in which a hostile id is text', async (t) => {
  const place = await testPlace(t);
  const hostile = '<script>alert(1)</script>&"';
  await register(place, 'well');
  const { published, legacy } = ledgers(place, ['well', hostile]);
  const file = join(place.folder, 'audit.html');
  const args = ['audit', '--published', published, '--legacy-ledger', legacy, '--html', file];
  const { code } = await place.run(args);
  assert.equal(code, 3);
  const page = readFileSync(file, 'utf8');
  assert.match(page, /The sum does not hold/);
  assert.match(page, /^lost +1$/m);
  assert.match(page, /&#60;script&#62;alert\(1\)&#60;\/script&#62;&#38;&#34;/);
  assert.doesNotMatch(page, /<script/);
  assert.match(page, /^filed twice +0$/m);
});

test('a page without a ledger of the legacy system does not say that nothing was filed twice', async (t) => {
  const place = await testPlace(t);
  await register(place, 'well');
  const file = join(place.folder, 'audit.html');
  const { code } = await place.run(['audit', '--no-legacy-ledger', '--html', file]);
  assert.equal(code, 0);
  assert.match(readFileSync(file, 'utf8'), /filed twice +\? +not checked/);
});

test('the ledger of a simulator is asked for over HTTP; without any, filing twice is not judged', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  const simulator = await startSimulator({ port: 0, corePort: 0 });
  t.after(() => simulator.close());
  for (let n = 0; n < 2; n++) {
    const answer = await fetch(`${simulator.url}/registrations`, {
      method: 'POST',
      body: bodyOf('a'),
      headers: { 'idempotency-key': idempotencyKey('a~0#1') },
    });
    assert.equal(answer.status, 201);
  }
  const env = { ...place.env, LEGACY_URL: simulator.url };
  const asked = await runAnywhere(['audit'], { cwd: place.folder, env });
  assert.equal(asked.code, 3, asked.stdout + asked.stderr);
  assert.match(asked.stdout, /filed twice: a: accepted 2 times/);
  const unasked = await runAnywhere(['audit', '--no-legacy-ledger'], { cwd: place.folder, env });
  assert.equal(unasked.code, 0, unasked.stdout + unasked.stderr);
  assert.match(unasked.stdout, /^filed twice +\? +not checked/m);
});

test('a ledger with a line that is none is refused by its number', async (t) => {
  const place = await testPlace(t);
  const file = join(place.folder, 'notes.txt');
  writeFileSync(file, 'dear diary\n');
  const { code, stderr } = await place.run(['audit', '--published', file]);
  assert.equal(code, 1);
  assert.match(stderr, /notes\.txt:1: not an entry of such a ledger/);
});

test('a ledger names its system: of another one the audit says so, and publish does not append to it', async (t) => {
  const here = await testPlace(t);
  const there = await testPlace(t);
  const file = join(here.folder, 'published.jsonl');
  const publish = ['publish', '--count', '3', '--ledger', file];
  await here.json(publish);
  await here.json(publish);
  const own = await here.json(['audit', '--published', file, '--no-legacy-ledger']);
  assert.ok(isMapping(own));
  assert.equal(own['confirmed'], 6);

  const other = await there.run(['audit', '--published', file]);
  assert.equal(other.code, 2, other.stdout);
  assert.match(other.stderr, /published\.jsonl belongs to the system .*queue ".*" of the broker/s);
  assert.doesNotMatch(other.stdout + other.stderr, /lost/);
  const refused = await there.run(publish);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /belongs to the system .* Name another file/s);
  assert.equal(await there.depth(there.rabbit.intakeQueue), 0);
});

test('a broker has several addresses: by another one the ledger is read, and that is told; what has no claim is not called lost', async (t) => {
  const place = await testPlace(t);
  const proxy = await proxyTo(t, address('AMQP_URL'));
  const file = join(place.folder, 'published.jsonl');
  const there = (args: string[]) =>
    runAnywhere(args, { cwd: place.folder, env: { ...place.env, AMQP_URL: proxy.url } });
  const publish = ['publish', '--count', '3', '--ledger', file];
  const audit = ['audit', '--published', file, '--no-legacy-ledger'];
  await place.json(publish);
  assert.match(readFileSync(file, 'utf8'), /"broker":"127\.0\.0\.1:\d+\/"/);
  const read = await there(audit);
  assert.equal(read.code, 0, read.stderr);
  assert.match(read.stdout, /^confirmed +3$/m);
  assert.match(read.stdout, /written at the broker 127\.0\.0\.1:\d+\/, and this is 127/);

  await place.channel.purgeQueue(place.rabbit.intakeQueue);
  const unclaimed = await there(audit);
  assert.equal(unclaimed.code, 2, unclaimed.stdout);
  assert.match(unclaimed.stderr, /3 of .* nowhere here.*may wait there.*AMQP_URL/s);
  assert.doesNotMatch(unclaimed.stdout + unclaimed.stderr, /lost/);
  assert.equal((await place.run(audit)).code, 3);
  assert.equal((await there(publish)).code, 0);
});

test('a ledger that names no system is audited, and that is told', async (t) => {
  const place = await testPlace(t);
  await register(place, 'a');
  const { published } = ledgers(place, ['a']);
  const audit = ['audit', '--published', published, '--no-legacy-ledger'];
  const { code, stdout } = await place.run(audit);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /names no system/);
});
