import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { putFailures } from '../helpers/failure-records.ts';
import { testPlace } from './cli.ts';

test('what operators did is listed, the latest first, with who, on what, why and what came of it', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  await putFailures(t, place, [
    { id: 'a', failureClass: 'rejected' },
    { id: 'b', failureClass: 'rejected', reason: 'CPF' },
    { id: 'c', failureClass: 'failed' },
  ]);
  const { stdout: none } = await place.run(['actions']);
  assert.equal(none, 'Nobody did anything yet\n');
  const rui = ['--operator', 'rui'];
  await place.run(['pause', '--reason', 'update', ...rui]);
  await place.run(['resume', '--reason', 'updated', ...rui]);
  await place.run(['limits', 'set', 'maxInFlight=20', '--reason', 'it is slow', ...rui]);
  await place.run(['limits', 'unset', 'maxInFlight', ...rui]);
  await place.run(['failures', 'redrive', '--all', '--dry-run', ...rui]);
  await place.run(['failures', 'redrive', 'a', '--because', 'mended', ...rui]);
  await place.run(['failures', 'drop', '--class', 'rejected', '--reason', 'CPF', '--yes', ...rui]);
  await place.run(['sweep', '--dry-run']);
  const actions = await place.json(['actions']);
  assert.ok(Array.isArray(actions));
  const facts = actions.map((each: unknown) => {
    assert.ok(isMapping(each) && isMapping(each['result']));
    assert.equal(each['by'], 'rui');
    return [each['what'], each['on'], each['reason'], each['result']['text']];
  });
  assert.deepEqual(facts.reverse(), [
    ['pause', null, 'update', 'paused'],
    ['resume', null, 'updated', 'resumed what rui had paused'],
    ['limits set', 'maxInFlight=20', 'it is slow', 'set'],
    ['limits unset', 'maxInFlight', null, 'unset'],
    ['failures redrive', 'a', 'mended', '1 sent again, 2 left'],
    ['failures drop', 'all, of class rejected, whose reason has CPF', null, '1 dropped, 1 left'],
  ]);
  const { stdout } = await place.run(['actions', '--limit', '1']);
  assert.match(stdout, /rui +failures drop +all, of class rejected.* 1 dropped, 1 left/);
  assert.equal(stdout.trim().split('\n').length, 2);
});
