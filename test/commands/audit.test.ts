import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { idempotencyKey } from '../../activities/submit.ts';
import { isMapping } from '../../src/config-tree.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { run, testPlace } from './cli.ts';
import type { Place } from './cli.ts';

/** Recent: older records would be removed by their retention. */
const T0 = new Date(Date.now() - 60_000);
const bodyOf = (id: string): string => JSON.stringify({ id });
const hashOf = (id: string): string => createHash('sha256').update(bodyOf(id)).digest('hex');

/** A registration that has come all the way. */
async function register({ store }: Place, id: string): Promise<void> {
  const entry = `${id}~0#1`;
  await store.claims.collection.insertOne({
    _id: `${id}~0`,
    registration: id,
    generation: 0,
    conflict: false,
    token: 't',
    workflowId: `registrations/${id}/1`,
    index: 0,
    bodyHash: hashOf(id),
    message: null,
    receivedAt: T0,
    claimedAt: T0,
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
  assert.match(page, /lost: 1/);
  assert.match(page, /&#60;script&#62;alert\(1\)&#60;\/script&#62;&#38;&#34;/);
  assert.doesNotMatch(page, /<script/);
  assert.match(page, /filed twice: none/);
});

test('a page without a ledger of the legacy system does not say that nothing was filed twice', async (t) => {
  const place = await testPlace(t);
  await register(place, 'well');
  const file = join(place.folder, 'audit.html');
  const { code } = await place.run(['audit', '--no-legacy-ledger', '--html', file]);
  assert.equal(code, 0);
  assert.match(readFileSync(file, 'utf8'), /filed twice: not checked/);
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
  const asked = await run(['audit'], { cwd: place.folder, env });
  assert.equal(asked.code, 3, asked.stdout + asked.stderr);
  assert.match(asked.stdout, /filed twice: a: accepted 2 times/);
  const unasked = await run(['audit', '--no-legacy-ledger'], { cwd: place.folder, env });
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
