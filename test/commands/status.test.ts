import assert from 'node:assert/strict';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { z } from 'zod';
import type { Claim, ClaimOutcome } from '../../src/claims/claims.ts';
import { OWN } from '../../src/mongo/collections.ts';
import { joinProcesses } from '../../src/coordination/processes.ts';
import type { ProcessDocument, ProcessNeeds } from '../../src/coordination/processes.ts';
import { isMapping } from '../../src/config/tree.ts';
import { VERSION, claimKey } from '../../src/domain/names.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import type { JournalState } from '../../src/domain/registrations/entry.ts';
import type { Entry } from '../../src/registrations/journal.ts';
import { when } from '../../src/commands/table.ts';
import { storedClaim, storedEntry } from '../helpers/stored.ts';
import { eventually } from '../helpers/eventually.ts';
import { run as runAnywhere, start, testPlace } from './cli.ts';

/** Recent: older records would be removed by their retention. */
const T0 = new Date(Date.now() - 60_000);
/** As it is shown. */
const AT = when(T0);

const outcomeOf = (kind: OutcomeKind, id: string): ClaimOutcome => ({
  kind,
  reason: kind === 'registered' ? null : 'no such street',
  at: T0,
  requestId: 'AB583C-X',
  acceptedAt: T0,
  polls: 3,
  doubt: false,
  entry: `${claimKey(id, 0)}#1`,
});

const claimOf = (id: string, kind: OutcomeKind | null, generation = 0): Claim =>
  storedClaim(id, {
    generation,
    receivedAt: T0,
    claimedAt: T0,
    ...(kind === null ? {} : { message: null, outcome: outcomeOf(kind, id), settledAt: T0 }),
  });

const entryOf = (
  claim: string,
  n: number,
  state: JournalState,
  changes: Partial<Entry> = {},
): Entry => storedEntry(claim, state, n, { at: T0, answeredAt: T0, ...changes });

test('the story of a registration is told generation by generation, with every submission and the document', async (t) => {
  const { store, run, json, env } = await testPlace(t);
  await store.claims.collection.insertMany([claimOf('a', 'failed'), claimOf('a', 'registered', 1)]);
  // Ids that begin alike are other registrations.
  await store.claims.collection.insertMany([
    claimOf('a~0#1', 'rejected'),
    claimOf('aa', 'rejected'),
  ]);
  await store.journal.collection.insertMany([
    entryOf('a~0', 1, 'superseded', { operator: 'rui', reason: 'not on screen 12' }),
    entryOf('a~0', 2, 'accepted', { requestId: 'AB583C-X', tries: 2 }),
    entryOf('a~0#1~0', 1, 'refused', { reason: 'of another' }),
  ]);
  await store.results.write([{ id: 'a', requestId: 'AB583C-X', registeredAt: T0 }]);
  await store.db
    .collection<{ _id: string }>('registrations')
    .updateOne({ _id: 'a' }, { $set: { cpf: 'secret' } });

  const { code, stdout, stderr } = await run(['status', 'a']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /First delivery\n[^]*Redrive 1\n/);
  assert.match(
    stdout,
    new RegExp(String.raw`answered +${AT} +superseded +by rui +not on screen 12$`, 'm'),
  );
  assert.match(stdout, new RegExp(String.raw`submitted +${AT}, 2 tries$`, 'm'));
  assert.match(stdout, new RegExp(String.raw`outcome +failed +${AT} +no such street$`, 'm'));
  assert.match(stdout, /In the collection "registrations"\n[^]* status +registered\n/);
  assert.doesNotMatch(stdout, /of another|secret/);

  const document = await json(['status', 'a']);
  assert.ok(isMapping(document) && Array.isArray(document['generations']));
  assert.equal(document['generations'].length, 2);
  assert.equal(document['run'], null);
  assert.equal(env['DESPACHANTE_MONGODB_DATABASE'], store.db.databaseName);
});

test('a registration whose result was set aside is told as such, why, and what to do; a document of others is not shown', async (t) => {
  const { store, folder, env } = await testPlace(t);
  await store.claims.collection.insertOne(claimOf('a', null));
  await store.journal.collection.insertOne(entryOf('a~0', 1, 'accepted', { requestId: 'R-a' }));
  const reason = 'MongoDB 2: refused { name: "Ana" }';
  await store.setAside.put(claimOf('a', null), 'a~0', reason);
  await store.db.collection<{ _id: string }>('registrations').insertOne({
    _id: 'theirs',
    ...{ externalIds: ['a', 'b'], status: 'registered', requestId: 'R-b' },
  });
  const there = { cwd: folder, env: { ...env, DESPACHANTE_MONGODB_MATCH: 'externalIds' } };
  const { code, stdout, stderr } = await runAnywhere(['status', 'a'], there);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /set aside +20\S+Z? .*MongoDB 2: refused \{…\}$/m);
  assert.match(
    stdout,
    new RegExp(`what to do +mend .*${OWN.setAside}, and run "despachante sweep"`),
  );
  assert.match(stdout, /No document of its own in the collection "registrations"/);
  assert.doesNotMatch(stdout, /open|run is gone|R-b|Ana/);
  const told = z
    .looseObject({
      generations: z.array(z.looseObject({ setAside: z.unknown() })),
      document: z.null(),
      run: z.null(),
    })
    .parse(JSON.parse((await runAnywhere(['status', 'a', '--json'], there)).stdout));
  assert.match(
    JSON.stringify(told.generations[0]?.setAside),
    /"reason":"MongoDB 2: refused \{…\}"/,
  );
});

test('its own document is shown, though it holds the id of another registration, too', async (t) => {
  const { store, folder, env } = await testPlace(t);
  await store.claims.collection.insertOne(claimOf('a', 'registered'));
  await store.db.collection<{ _id: string }>('registrations').insertOne({
    _id: 'ours',
    ...{ externalIds: ['b', 'a'], status: 'registered', requestId: 'AB583C-X' },
  });
  const there = { cwd: folder, env: { ...env, DESPACHANTE_MONGODB_MATCH: 'externalIds' } };
  const { stdout } = await runAnywhere(['status', 'a'], there);
  assert.match(stdout, /In the collection "registrations"\n[^]* requestId +AB583C-X/);
});

test('an open registration whose run is gone is told as such', async (t) => {
  const { store, run, json } = await testPlace(t);
  await store.claims.collection.insertOne(claimOf('a', null));
  const { code, stdout, stderr } = await run(['status', 'a']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /outcome +open\n/);
  assert.match(stdout, /now +its run is gone from Temporal and has not settled it/);
  const document = await json(['status', 'a']);
  assert.ok(isMapping(document));
  assert.deepEqual(document['run'], { kind: 'gone' });
});

test('a registration that nobody knows is not found: exit code 4, with how many wait', async (t) => {
  const place = await testPlace(t);
  const { run, rabbit, channel } = place;
  channel.sendToQueue(rabbit.intakeQueue, Buffer.from('{"id":"a"}'), { persistent: true });
  await place.hasDepth(rabbit.intakeQueue, 1);
  const { code, stderr, stdout } = await run(['status', 'nobody']);
  assert.equal(code, 4);
  assert.match(stderr, /Nothing is known of a registration "nobody"\. It may be among the 1 in "/);
  assert.equal(stdout, '');
});

test('without an id the queues and the registrations are counted', async (t) => {
  const { store, json, rabbit } = await testPlace(t);
  await store.claims.collection.insertMany([
    claimOf('a', 'registered'),
    claimOf('b', 'registered'),
    claimOf('c', 'rejected'),
    claimOf('d', null),
    claimOf('e', null),
  ]);
  await store.journal.collection.insertOne(entryOf('e~0', 1, 'unknown'));
  const { progress, intake, ...counts } = z
    .looseObject({ progress: z.unknown(), intake: z.unknown() })
    .parse(await json(['status']));
  assert.deepEqual(intake, { paused: null, closedBy: {} });
  assert.deepEqual(progress, {
    waiting: 0,
    inFlight: 1,
    inDoubt: 1,
    failed: 1,
    perSecond: 0,
    clearInSeconds: null,
  });
  assert.deepEqual(counts, {
    processes: [],
    workers: [],
    queues: {
      [rabbit.intakeQueue]: { messages: 0, consumers: 0 },
      [rabbit.returnedQueue]: { messages: 0, consumers: 0 },
      [rabbit.failureQueue]: { messages: 0, consumers: 0 },
    },
    registrations: { open: 2, inDoubt: 1, settled: { registered: 2, rejected: 1 }, setAside: 0 },
  });
});

test('a backlog has an estimate: what waits and is under way, at the rate of the last minute', async (t) => {
  const { store, run, json, rabbit, channel, hasDepth } = await testPlace(t);
  const now = Date.now();
  // Ten a second for 20 s.
  const settled = Array.from({ length: 201 }, (_, n) => ({
    ...claimOf(`settled-${n}`, 'registered'),
    settledAt: new Date(now - 20_000 + n * 100),
  }));
  const before = { ...claimOf('before', 'registered'), settledAt: new Date(now - 3_600_000) };
  await store.claims.collection.insertMany([...settled, before, claimOf('open', null)]);
  for (let n = 0; n < 399; n++) channel.sendToQueue(rabbit.intakeQueue, Buffer.from('{}'));
  await hasDepth(rabbit.intakeQueue, 399);
  const { progress } = z
    .looseObject({
      progress: z.looseObject({
        waiting: z.number(),
        inFlight: z.number(),
        perSecond: z.number(),
        clearInSeconds: z.number(),
      }),
    })
    .parse(await json(['status']));
  assert.deepEqual([progress.waiting, progress.inFlight], [399, 1]);
  // Less than ten, by as much as the command took to start.
  assert.ok(progress.perSecond > 1 && progress.perSecond <= 10, String(progress.perSecond));
  const seconds = 400 / progress.perSecond;
  assert.ok(Math.abs(progress.clearInSeconds - seconds) <= 0.1 * seconds + 1);
  const { stdout } = await run(['status']);
  assert.match(stdout, /^clear +in \d+ (s|min), at 20.*Z, if nothing more comes$/m);
});

test('what is in doubt is listed: the lost answer and the stale intent, but not what was resolved or is on the wire', async (t) => {
  const { store, run, json } = await testPlace(t);
  const ids = ['lost', 'stale', 'fresh', 'resolved', 'accepted'];
  await store.claims.collection.insertMany([
    ...ids.map((id) => claimOf(id, null)),
    ...['resubmitted', 'again'].map((id) => ({ ...claimOf(id, null), entry: `${id}~0#2` })),
    {
      ...claimOf('redriven', 'in-doubt'),
      outcome: { ...outcomeOf('in-doubt', 'redriven'), doubt: true },
    },
    { ...claimOf('redriven', null, 1), entry: 'redriven~0#1' },
    claimOf('settled', 'in-doubt'),
  ]);
  const now = new Date();
  await store.journal.collection.insertMany([
    entryOf('lost~0', 1, 'unknown', { reason: 'socket hang up', at: now, answeredAt: now }),
    entryOf('stale~0', 1, 'intent', { answeredAt: null }),
    entryOf('fresh~0', 1, 'intent', { at: now, answeredAt: null }),
    entryOf('resolved~0', 1, 'superseded'),
    entryOf('resubmitted~0', 1, 'unknown'),
    entryOf('resubmitted~0', 2, 'accepted'),
    entryOf('accepted~0', 1, 'accepted'),
    entryOf('again~0', 1, 'superseded'),
    entryOf('again~0', 2, 'unknown', { at: now, answeredAt: now }),
    entryOf('redriven~0', 1, 'unknown'),
    entryOf('settled~0', 1, 'unknown'),
  ]);
  const list = await json(['doubts', 'list']);
  assert.ok(Array.isArray(list));
  const named = list.map((each: unknown) =>
    isMapping(each) ? `${String(each['id'])}#${String(each['submission'])}` : '',
  );
  assert.deepEqual(named.sort(), ['again#2', 'lost#1', 'redriven#1', 'stale#1']);
  const { stdout } = await run(['doubts', 'list']);
  assert.match(
    stdout,
    new RegExp(String.raw`^stale +${AT} +the worker stopped while it was being submitted `, 'm'),
  );
});

test('a word on a registration whose run is gone changes nothing and says so', async (t) => {
  const { store, run } = await testPlace(t);
  await store.claims.collection.insertOne(claimOf('a', null));
  await store.journal.collection.insertOne(entryOf('a~0', 1, 'unknown'));
  const { code, stderr } = await run(['doubts', 'abandon', 'a', '--reason', 'withdrawn']);
  assert.equal(code, 1);
  assert.match(stderr, /The run registrations\/a\/4f1c, .* is closed or gone from Temporal/);
  assert.equal((await store.journal.read(['a~0#1'])).get('a~0#1')?.state, 'unknown');
});

test('a word on what is settled, or on nothing, is not found: exit code 4', async (t) => {
  const { store, run } = await testPlace(t);
  await store.claims.collection.insertOne(claimOf('a', 'registered'));
  const settled = await run(['doubts', 'abandon', 'a', '--reason', 'x']);
  assert.equal(settled.code, 4);
  assert.match(settled.stderr, /"a" is not in doubt: it ended as registered/);
  const nobody = await run(['doubts', 'abandon', 'nobody', '--reason', 'x']);
  assert.equal(nobody.code, 4);
  assert.match(nobody.stderr, /Nothing is known of a registration "nobody"/);
});

test('the status names every process with how it is, those that are offline as such, and says unknown for what it has not said', async (t) => {
  const { store, run, json } = await testPlace(t);
  const vitals = { loopDelayMs: 12, rss: 200 * 2 ** 20, heap: 1, heapLimit: 2 };
  const of = (needs: Pick<ProcessNeeds, 'role' | 'sources'>, suffers: string | null = null) =>
    joinProcesses({
      db: () => Promise.resolve(store.db),
      guard: { suffers: () => suffers, vitals: () => (suffers === null ? null : vitals) },
      ...needs,
    });
  const [worker, offline, stopped] = [
    of({ role: 'worker' }, 'memory: 1 of 2'),
    of({ role: 'worker' }),
    of({ role: 'worker' }),
  ];
  await worker.beat({
    endpoint: 'legacy',
    share: 25,
    onTheWire: 3,
    waitReason: 'its breaker is open',
  });
  await of({
    role: 'intake',
    sources: () => Promise.resolve([{ name: 'registrations', deliveries: 40, closedBy: null }]),
  }).beat();
  await offline.beat();
  await stopped.beat();
  await stopped.stop();
  await store.db
    .collection<ProcessDocument>(OWN.processes)
    .updateOne({ _id: offline._id }, { $set: { beatAt: T0 } });

  const { stdout, stderr, code } = await run(['status']);
  assert.equal(code, 0, stderr);
  const lines = stdout
    .replace(/ {2,}/g, '  ')
    .split('\n')
    .filter((each) => /^(worker|intake) +\S+:\d/.test(each));
  assert.deepEqual(
    lines
      .map((each) =>
        each
          .slice(each.indexOf('Z  ') + 3)
          .trim()
          .replace(/\d+ s ago/, 'N s ago')
          .replace(/stopped .*/, 'stopped'),
      )
      .sort(),
    [
      'N s ago  3 of 25 requests to legacy, 200 MiB, 12 ms late  memory: 1 of 2; its breaker is open',
      'N s ago  40 deliveries in hand  –',
      'OFFLINE, N s ago',
      'stopped',
    ].sort(),
  );
  assert.ok(lines.every((each) => each.includes(`${hostname()}:${process.pid}  ${VERSION}  20`)));
  const seen = z
    .object({
      processes: z.array(
        z.object({
          role: z.string(),
          state: z.string(),
          vitals: z.object({ rss: z.number() }).nullable(),
          sources: z.array(z.object({ deliveries: z.number() })),
        }),
      ),
    })
    .parse(await json(['status']));
  assert.deepEqual(
    seen.processes
      .map((each) => [each.role, each.state, each.vitals?.rss, each.sources[0]?.deliveries].join())
      .sort(),
    ['intake,alive,,40', 'worker,alive,209715200,', 'worker,offline,,', 'worker,stopped,,'],
  );

  const { stdout: limits } = await run(['limits']);
  assert.match(
    limits,
    new RegExp(String.raw`^Workers: \S+:${process.pid} has 25, 3 on the wire$`, 'm'),
  );
});

test('"status --watch" looks again until Ctrl-C, also where a neighbour is away', async (t) => {
  const { env, folder } = await testPlace(t);
  const watching = start(['status', '--watch', '--json'], folder, {
    ...env,
    AMQP_URL: 'amqp://127.0.0.1:1',
  });
  t.after(() => watching.kill());
  let stdout = '';
  let stderr = '';
  watching.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  watching.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await eventually('a second look', () => {
    assert.ok(stdout.split('"registrations"').length > 2, stdout);
    assert.match(stderr, /Not all could be asked/);
  });
  watching.kill('SIGINT');
  await once(watching, 'close');
  assert.equal(watching.exitCode, 0);
});
