import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { AT_ONCE, etlPlace, resource, resources, serve } from '../helpers/etl.ts';
import { eventually } from '../helpers/eventually.ts';
import { testQueues } from '../helpers/servers.ts';

interface Summary {
  p50Ms: number | null;
  p99Ms: number | null;
  items: number;
  processed: number;
  failed: Record<string, number>;
  attempts: number;
  resumed: number;
  simulated: boolean;
  audit?: { holds: boolean; confirmed: number };
}
const summaryIn = (out: string): Summary => JSON.parse(out) as Summary;
const ids = (all: Record<string, unknown>[]): string[] =>
  all.map(({ id }) => String(id)).sort((a, b) => Number(a.slice(2)) - Number(b.slice(2)));
const allIds = (count: number) => resources(count).map(({ id }) => String(id));

test('with the variables of the example program each resource ends in the output or among the errors, whose file is an input', async (t) => {
  const place = await etlPlace(t);
  const list = [...resources(30), resource(30, { creation_date: '2021-02-30T00:00:00' }), 7];
  place.write('records.json', JSON.stringify(list, null, 1));
  const env = { INPUT: 'records.json', WORKERS: '25', MAX_ATTEMPTS: '2', FAILURE_RATE: '40' };
  const times = { PROCESSING_TIME: '0.05', DELAY_TIME: '0.05' };
  const { code, out } = await place.run(['--seed', '4', '--json'], { ...env, ...times });
  assert.equal(code, 3);
  const { processed, failed, attempts, simulated } = summaryIn(out);
  assert.equal(failed['invalid'], 2);
  assert.equal(processed + (failed['exhausted'] ?? 0), 30);
  assert.ok((failed['exhausted'] ?? 0) > 0 && attempts > 32 && simulated);
  assert.equal(place.output().length, processed);
  assert.deepEqual(Object.keys(place.output()[0] ?? {}), Object.keys(resource(0)));
  const exhausted = place.errors().filter((each) => each['class'] === 'exhausted');
  assert.ok(exhausted.every((each) => each['attempts'] === 2));

  const again = await place.run([
    'errors.ndjson',
    '--output',
    'more.json',
    '--errors',
    'still.ndjson',
    '--json',
  ]);
  assert.equal(again.code, 3);
  assert.deepEqual(ids([...place.output(), ...place.output('more.json')]), allIds(30));
  assert.equal(place.errors('still.ndjson').length, 2);
});

test('a name that is nearly a setting is refused before anything is done', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', '[]');
  const { code, err } = await place.run([], {
    INPUT: 'records.json',
    WORKERS: '25',
    MAX_ATTEMS: '2',
  });
  assert.equal(code, 2);
  assert.match(err, /MAX_ATTEMS: there is no such setting, did you mean MAX_ATTEMPTS\?/);
  assert.ok(!existsSync(place.at('output.json')));
});

test('a password in the address of --send is refused with the remedy, and not shown', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', '[]');
  const { code, err } = await place.run(['records.json', '--send', 'https://ana:geheim@host/x']);
  assert.equal(code, 2);
  assert.match(err, /--send: expected an http or https URL, .* SEND_AUTHORIZATION instead/);
  assert.doesNotMatch(err, /geheim/);
});

test('a token in the address of a schedule is in no clear text', async (t) => {
  const place = await etlPlace(t);
  const input = 'http://127.0.0.1:9/records.json?token=geheim';
  const { code, err } = await place.run(['schedule', 'add', 'a', '--every', '1h', '--', input]);
  assert.equal(code, 0, err);
  const kept = await place.db.collection('despachante_etl_schedules').find().toArray();
  assert.equal(kept.length, 1);
  assert.doesNotMatch(JSON.stringify(kept), /geheim/);
  const listed = await place.run(['schedule', 'list', '--json']);
  assert.match(listed.out, /records\.json\?token=\*\*\*/);
  const password = ['schedule', 'add', 'b', '--every', '1h', '--', '--send=http://a:geheim@b/'];
  assert.match((await place.run(password)).err, /has a password in it/);
  assert.equal((await place.run(['schedule', 'remove', 'a'])).code, 0);
});

test('an answer that breaks in the middle is gone on with where it broke, and one that has changed begins anew', async (t) => {
  const place = await etlPlace(t);
  const body = Buffer.from(JSON.stringify(resources(3_000)));
  const asked: string[] = [];
  let etag = '"one"';
  const url = await serve(t, (request, response) => {
    const range = /bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1];
    asked.push(
      [request.headers.range ?? 'all', request.headers['if-range'] ?? []].flat().join(' '),
    );
    const isSame = range !== undefined && request.headers['if-range'] === etag;
    const from = isSame ? Number(range) : 0;
    const head = { etag, 'content-length': body.length - from };
    response.writeHead(
      isSame ? 206 : 200,
      isSame
        ? { ...head, 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` }
        : head,
    );
    if (asked.length > 3) return void response.end(body.subarray(from));
    if (asked.length === 2) etag = '"two"';
    response.write(body.subarray(from, from + 100_000));
    // Bytes that nobody has read before the connection breaks are lost with it.
    void eventually('some of it is there', () =>
      assert.ok(statSync(place.at('output.json.etl/received')).size > from),
    ).finally(() => response.destroy());
  });
  const { code, err } = await place.run([`${url}/records.json`]);
  assert.equal(code, 0, err);
  assert.deepEqual(ids(place.output()), allIds(3_000));
  assert.equal(asked[0], 'all');
  assert.match(asked[1] ?? '', /^bytes=\d+- "one"$/);
  assert.match(asked[2] ?? '', /^bytes=\d+- "one"$/);
  // All of it, where the connection broke while the file still had the bytes of before.
  assert.match(asked[3] ?? '', /^(bytes=\d+- "two"|all)$/);
});

for (const [what, answer, why] of [
  ['an error', [404, 'no such list', {}], /answers 404: no such list/],
  ['a page', [200, '<html></html>', {}], /HTML or XML/],
  ['half a list', [200, '[{"id": "r-1"}, {"id"', {}], /in the middle of the element/],
  [
    'packed rubbish',
    [200, Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(9)]), {}],
    /cannot be unpacked/,
  ],
  ['a redirect to a file', [302, '', { location: 'file:///etc/passwd' }], /no address of HTTP/],
] as const)
  test(`an input that is ${what} leaves the output of before as it was`, async (t) => {
    const place = await etlPlace(t);
    place.write('output.json', '["of before"]');
    const url = await serve(t, (_request, response) => {
      const [status, body, headers] = answer;
      response.writeHead(status, headers).end(body);
    });
    const { code, err } = await place.run([url]);
    assert.equal(code, 1);
    assert.match(err, why);
    assert.deepEqual(place.output(), ['of before']);
  });

test('what is packed, or stands in a document, or line by line, is a list as well', async (t) => {
  const place = await etlPlace(t);
  const lines = resources(20)
    .map((each) => JSON.stringify(each))
    .join('\r\n');
  place.write('lines.ndjson.gz', gzipSync(lines));
  place.write(
    'document.json',
    JSON.stringify({ page: 1, data: { 'a/b': resources(10) }, more: [] }),
  );
  assert.equal((await place.run(['lines.ndjson.gz', '--output', 'lines.json'])).code, 0);
  assert.deepEqual(ids(place.output('lines.json')), allIds(20));
  const inside = await place.run([
    'document.json',
    '--items',
    '/data/a~1b',
    '--output',
    'inside.json',
  ]);
  assert.equal(inside.code, 0, inside.err);
  assert.deepEqual(ids(place.output('inside.json')), allIds(10));
});

const SLOW = {
  WORKERS: '10',
  PROCESSING_TIME: '0.4',
  DELAY_TIME: '0',
  FAILURE_RATE: '20',
  MAX_ATTEMPTS: '50',
};

test('a run that is killed again and again loses nothing, and its output is whole whenever it is read', async (t) => {
  const place = await etlPlace(t);
  const count = 1_000;
  place.write('records.json', JSON.stringify(resources(count)));
  place.write('output.json', '["of before"]');
  let reads = 0;
  const isRead = new AbortController();
  // At each change of a file in its folder.
  const reader = (async () => {
    for await (const { filename } of watch(place.at('.'), { signal: isRead.signal })) {
      if (filename !== 'output.json') continue;
      assert.ok(Array.isArray(place.output()));
      reads += 1;
    }
  })().catch((error: unknown) => {
    if (!isRead.signal.aborted) throw error;
  });
  // An invalid output fails the test at its end.
  reader.catch(() => {});
  for (const share of [0.1, 0.3, 0.5]) {
    const { kill, ended } = place.start(['records.json'], SLOW);
    await Promise.race([
      ended.then(({ err, code }) => assert.fail(`it ended by itself (${code}): ${err}`)),
      eventually('enough is done', () => assert.ok(place.output().length > share * count)),
    ]);
    const before = place.output().length;
    await kill('SIGKILL');
    assert.ok(place.output().length >= before);
  }
  const { code, out, err } = await place.run(['records.json', '--json'], {
    ...SLOW,
    WORKERS: '100',
  });
  isRead.abort();
  await reader;
  assert.equal(code, 0, err);
  assert.ok(reads > 0);
  assert.deepEqual(ids(place.output()), allIds(count));
  const { processed, resumed } = summaryIn(out);
  assert.equal(processed, count);
  // One that is killed before it has begun has resumed nothing.
  assert.ok(resumed > 0 && resumed <= 3, `${resumed}`);
});

test('a run that is told to stop says how to go on, and another one over the same output is refused meanwhile', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', JSON.stringify(resources(1_500)));
  place.write('other.json', JSON.stringify(resources(2)));
  const first = place.start(['records.json'], SLOW);
  await eventually('something is done', () => assert.ok(place.output().length > 20));
  const second = await place.run(['other.json']);
  assert.equal(second.code, 5);
  assert.match(second.err, /The output is taken: process \d+ is at work on it/);
  const { code, out } = await first.kill('SIGTERM');
  assert.equal(code, 143);
  assert.match(out, /run the same command again/);
  const other = await place.run(['other.json']);
  assert.equal(other.code, 2);
  assert.match(other.err, /is not finished/);
  assert.equal((await place.run(['records.json'], { ...SLOW, WORKERS: '100' })).code, 0);
  assert.deepEqual(ids(place.output()), allIds(1_500));
});

test('a run that waits for a pipe to which nobody writes stops when it is told to', async (t) => {
  const place = await etlPlace(t);
  assert.equal(spawnSync('mkfifo', [place.at('pipe')]).status, 0);
  const run = place.start(['pipe']);
  await eventually('it waits for its input', () =>
    assert.ok(existsSync(place.at('output.json.etl/run.json'))),
  );
  const { code, err } = await run.kill('SIGINT');
  assert.equal(code, 130);
  assert.match(err, /run the same command again/);
});

test('a module processes resources in a process of its own, and says what is tried again', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', JSON.stringify(resources(6)));
  place.write(
    'resource.ts',
    `export default async function (resource: { id: string }, context: { attempt: number }) {
      if (resource.id === 'r-1' && context.attempt < 3) throw new Error('not yet');
      if (resource.id === 'r-2') throw new Error('never');
      return { id: resource.id, attempt: context.attempt };
    }`,
  );
  const { code, out, err } = await place.run(
    ['records.json', '--process', 'resource.ts', '--json'],
    AT_ONCE,
  );
  assert.equal(code, 3, err);
  assert.equal(summaryIn(out).simulated, false);
  const output = place.output();
  assert.equal(output.length, 5);
  assert.equal(output.find(({ id }) => id === 'r-1')?.['attempt'], 3);
  const [failed] = place.errors();
  assert.deepEqual(
    [failed?.['id'], failed?.['attempts'], failed?.['errors']],
    ['r-2', 3, ['never']],
  );
});

test('runs are listed with their counts', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', JSON.stringify(resources(3)));
  assert.equal((await place.run(['records.json'])).code, 0);
  const { out } = await place.run(['list', '--json']);
  const [run] = JSON.parse(out) as { _id: string; state: string; counts: Summary }[];
  assert.deepEqual([run?.state, run?.counts.processed], ['done', 3]);
  const shown = await place.run(['show', run?._id ?? '']);
  assert.match(shown.out, /processed\s+3/);
  assert.equal((await place.run(['show', 'none'])).code, 4);
});

test('what is valid is published to a queue under its own id, confirmed and noted for an audit', async (t) => {
  const place = await etlPlace(t);
  const queues = await testQueues(t);
  const list = [...resources(20), resource(20, { tags: 'none' })];
  place.write('records.json', JSON.stringify(list));
  const { intakeQueue } = queues.rabbit;
  const args = ['records.json', '--to', 'registrations', '--json'];
  const env = { ...AT_ONCE, DESPACHANTE_RABBIT_INTAKE_QUEUE: intakeQueue };
  const { code, out, err } = await place.run(args, env);
  assert.equal(code, 3, err);
  const { processed, failed, audit } = summaryIn(out);
  assert.deepEqual([processed, failed], [20, { invalid: 1 }]);
  assert.deepEqual([audit?.holds, audit?.confirmed], [true, 20]);
  assert.ok(!existsSync(place.at('output.json')));
  const found: Record<string, unknown>[] = [];
  for (let n = 0; n < 20; n += 1) {
    const message = await queues.channel.get(intakeQueue, { noAck: true });
    assert.ok(message !== false);
    const body = JSON.parse(message.content.toString()) as Record<string, unknown>;
    assert.equal(message.properties.messageId, body['id']);
    found.push(body);
  }
  assert.equal(await queues.channel.get(intakeQueue, { noAck: true }), false);
  assert.deepEqual(ids(found), allIds(20));
  assert.equal(place.errors('output.json.etl/published').length, 20);
});

test('resources are sent to an endpoint, each under a key that stays, and what was sent is the output', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', JSON.stringify(resources(5)));
  const keys = new Map<string, string[]>();
  const url = await serve(t, (request, response) => {
    const id = String(request.headers['x-message-id']);
    const seen = keys.get(id) ?? [];
    keys.set(id, [...seen, String(request.headers['idempotency-key'])]);
    const isLate = id === 'r-1' && seen.length === 0;
    request.resume();
    request.on('end', () => {
      const isOurs = request.headers.authorization === 'Bearer x' && request.method === 'POST';
      response.writeHead(!isOurs ? 500 : id === 'r-2' ? 422 : isLate ? 503 : 201).end('no');
    });
  });
  const args = ['records.json', '--send', `${url}/records`, '--json'];
  const { code, out, err } = await place.run(args, { SEND_AUTHORIZATION: 'Bearer x' });
  assert.equal(code, 3, err);
  const { simulated, processed, failed, p50Ms, p99Ms } = summaryIn(out);
  assert.deepEqual([simulated, processed, failed], [false, 4, { 'http-422': 1 }]);
  assert.ok(p50Ms !== null && p99Ms !== null && p50Ms <= p99Ms);
  assert.deepEqual(ids(place.output()), ['r-0', 'r-1', 'r-3', 'r-4']);
  assert.deepEqual(place.errors()[0]?.['errors'], ['HTTP 422: no']);
  assert.equal(keys.get('r-1')?.length, 2);
  assert.equal(new Set(keys.get('r-1')).size, 1);
  assert.equal(new Set([...keys.values()].flat()).size, 5);
});

test('with --if-changed an input that is as it was is neither fetched nor processed again', async (t) => {
  const place = await etlPlace(t);
  let etag = 'W/"one"';
  let list = resources(3);
  const answered: number[] = [];
  const url = await serve(t, (request, response) => {
    const status = request.headers['if-none-match'] === etag ? 304 : 200;
    answered.push(status);
    response.writeHead(status, { etag }).end(status === 304 ? '' : JSON.stringify(list));
  });
  const run = () => place.run([`${url}/records.json`, '--if-changed']);
  assert.equal((await run()).code, 0);
  const same = await run();
  assert.equal(same.code, 0, same.err);
  assert.match(same.out, /nothing was done/);
  etag = 'W/"two"';
  assert.match((await run()).out, /nothing was done/);
  assert.deepEqual(ids(place.output()), allIds(3));
  list = resources(4);
  etag = 'W/"three"';
  assert.equal((await run()).code, 0);
  assert.deepEqual(ids(place.output()), allIds(4));
  assert.deepEqual(answered, [200, 304, 200, 200]);
});

test('a list is run by its schedule where it is served, and not any more once that is removed', async (t) => {
  const place = await etlPlace(t);
  place.write('records.json', JSON.stringify(resources(3)));
  const added = await place.run([
    'schedule',
    'add',
    'hourly',
    '--every',
    '1s',
    '--',
    'records.json',
    '--output',
    'mine.json',
  ]);
  assert.equal(added.code, 0, added.err);
  const twice = await place.run(['schedule', 'add', 'hourly', '--every', '1h', '--', 'other.json']);
  assert.equal(twice.code, 2);
  assert.match(twice.err, /remove it first/);
  const serving = place.start(['serve', '--port', '0']);
  await eventually('it has run', () => assert.deepEqual(ids(place.output('mine.json')), allIds(3)));
  const { out } = await place.run(['schedule', 'list', '--json']);
  const [schedule, ...others] = JSON.parse(out) as { name: string; when: string }[];
  assert.deepEqual([schedule?.name, schedule?.when, others], ['hourly', 'each 1 s', []]);
  assert.equal((await place.run(['schedule', 'remove', 'hourly'])).code, 0);
  assert.equal((await place.run(['schedule', 'remove', 'hourly'])).code, 4);
  const { code, err } = await serving.kill('SIGTERM');
  assert.equal(code, 0, err);
});
