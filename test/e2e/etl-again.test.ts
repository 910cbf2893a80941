/** What of an earlier run over a list counts when it is run again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AT_ONCE, etlPlace, resource, resources, serve } from '../helpers/etl.ts';
import { testQueues } from '../helpers/servers.ts';

test('a list that is done is not done again under the order of the same run of its schedule, and is under another', async (t) => {
  const place = await etlPlace(t);
  let asked = 0;
  const list = [...resources(3), resource(3, { tags: 'none' })];
  const url = await serve(t, (_request, response) => {
    asked += 1;
    response.end(JSON.stringify(list));
  });
  const run = (order: string, ...more: string[]) =>
    place.run([url, '--json', '--order', order, ...more]);
  const first = await run('run-1');
  assert.equal(first.code, 3, first.err);
  const again = await run('run-1', '--fresh');
  assert.deepEqual([again.code, JSON.parse(again.out)], [3, JSON.parse(first.out)]);
  assert.equal(asked, 1);
  assert.equal((await run('run-2')).code, 3);
  assert.equal(asked, 2);
  const unchanged = await run('run-3', '--if-changed');
  assert.deepEqual([unchanged.code, asked], [0, 3]);
  assert.deepEqual([(await run('run-3', '--if-changed')).code, asked], [0, 3]);
});

test('the ledger of what was published is of the last run alone', async (t) => {
  const place = await etlPlace(t);
  const queues = await testQueues(t);
  const env = { ...AT_ONCE, DESPACHANTE_RABBIT_INTAKE_QUEUE: queues.rabbit.intakeQueue };
  for (const from of [0, 5]) {
    place.write('records.json', JSON.stringify(resources(10).slice(from, from + 5)));
    const { code, err } = await place.run(['records.json', '--to', 'registrations'], env);
    assert.equal(code, 0, err);
  }
  assert.deepEqual(
    place
      .errors('output.json.etl/published')
      .map(({ id }) => id)
      .sort(),
    ['r-5', 'r-6', 'r-7', 'r-8', 'r-9'],
  );
});
