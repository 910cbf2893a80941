import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { putFailures } from '../helpers/failure-records.ts';
import { testPublisher } from '../helpers/servers.ts';
import { testPlace } from './cli.ts';
import type { Place } from './cli.ts';

const THREE = [
  { id: 'a', failureClass: 'rejected' },
  { id: 'b~7', failureClass: 'timed-out' },
  { id: 'c', failureClass: 'malformed', body: Buffer.from([0xff]) },
] as const;

async function idsIn(place: Place, args: string[] = []): Promise<unknown[]> {
  const list = await place.json(['failures', 'list', ...args]);
  assert.ok(isMapping(list) && Array.isArray(list['failures']));
  return list['failures'].map((each: unknown) => (isMapping(each) ? each['id'] : null));
}

test('the list tells of each failure, and leaves all of them where they are, in their order', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [...THREE]);
  const { code, stdout } = await place.run(['failures', 'list', '--each']);
  assert.equal(code, 0);
  assert.match(stdout, /^a +rejected +2025-03-09 14:07:31Z +2 +0 +AB583C-X +why a$/m);
  assert.match(stdout, /^b~7 +timed-out /m);
  assert.match(stdout, /^malformed!\w{16}:malformed +malformed /m);
  assert.deepEqual(await idsIn(place), ['a', 'b~7', null]);
  assert.deepEqual(await idsIn(place, ['--limit', '1']), ['a']);
  assert.deepEqual(await idsIn(place, ['--class', 'timed-out']), ['b~7']);
  await place.hasDepth(place.rabbit.failureQueue, 3);
});

test('that nothing waits is told as such', async (t) => {
  const place = await testPlace(t);
  const { code, stdout } = await place.run(['failures', 'list']);
  assert.equal(code, 0);
  assert.equal(stdout, 'No failure is known to wait in the failure queue\n');
});

test('show tells what the claim has, and the record itself with its headers and body only when asked for it', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [...THREE]);
  const { stdout: known } = await place.run(['failures', 'show', 'a']);
  assert.match(known, /^class +rejected$/m);
  assert.match(known, /^reason +why a$/m);
  assert.match(known, /^attempts +2$/m);
  assert.match(known, /^record +a~0:rejected$/m);
  assert.match(known, /^state +waiting$/m);
  assert.equal((await place.run(['failures', 'show', 'a~0:rejected'])).stdout, known);
  const { stdout } = await place.run(['failures', 'show', 'a', '--body']);
  assert.match(stdout, /^x-despachante-class +rejected$/m);
  assert.match(stdout, /^x-tenant +recife$/m);
  assert.match(stdout, /^correlationId +c-a$/m);
  assert.match(stdout, /^record +a~0:rejected$/m);
  assert.match(stdout, /"name":"Ana"/);
  const [malformed] = await records(place, ['failures', 'list']);
  const shown = await place.json(['failures', 'show', malformed ?? '', '--body']);
  assert.ok(Array.isArray(shown) && isMapping(shown[0]));
  assert.deepEqual([shown[0]['encoding'], shown[0]['body']], ['base64', '/w==']);
});

test('show tells a long number to its last digit, and a header of whatever name', async (t) => {
  const place = await testPlace(t);
  const publisher = await testPublisher(t);
  const headers: Record<string, unknown> = {
    order: { '!': 'int64', value: 9_007_199_254_740_993n },
  };
  Object.defineProperty(headers, '__proto__', { value: 'recife', enumerable: true });
  await publisher.publish(place.rabbit.failureQueue, Buffer.from('{"id":"a"}'), { headers });
  const { stdout } = await place.run(['failures', 'show', 'a', '--body']);
  assert.match(stdout, /^order +9007199254740993$/m);
  assert.match(stdout, /^__proto__ +recife$/m);
  const json = await place.run(['failures', 'show', 'a', '--body', '--json']);
  assert.match(json.stdout, /"order": "9007199254740993"/);
  assert.match(json.stdout, /"__proto__": "recife"/);
});

/** The names of the records of what has no registration id. */
async function records(place: Place, args: string[]): Promise<string[]> {
  const list = await place.json(args);
  assert.ok(isMapping(list) && Array.isArray(list['failures']));
  return list['failures'].flatMap((each: unknown) =>
    isMapping(each) && each['id'] === null ? [String(each['record'])] : [],
  );
}

test('what a foreign system writes into a reason cannot steer the terminal', async (t) => {
  const place = await testPlace(t);
  await putFailures(t, place, [
    { id: 'a', failureClass: 'rejected', reason: 'no\u001b[2J\nwiped' },
  ]);
  for (const args of [
    ['failures', 'list'],
    ['failures', 'list', '--each'],
    ['failures', 'show', 'a'],
    ['failures', 'show', 'a', '--body'],
  ]) {
    const { stdout } = await place.run(args);
    assert.ok(stdout.includes('no [2J wiped'), stdout);
    assert.ok(!stdout.includes('\u001b'));
  }
  assert.ok(!(await place.run(['failures', 'groups'])).stdout.includes('\u001b'));
});

test('a redrive goes to the intake queue as it was, with its headers, and leaves the others', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  await putFailures(t, place, [...THREE]);
  const { code, stdout } = await place.run(['failures', 'redrive', 'b~7']);
  assert.equal(code, 0);
  assert.match(stdout, /Sent 1 to "[^"]+" again; 2 left in the failure queue/);
  const message = await place.take(place.rabbit.intakeQueue);
  assert.equal(message.content.toString(), '{"id":"b~7","name":"Ana"}');
  assert.equal(message.properties.correlationId, 'c-b~7');
  assert.equal(message.properties.deliveryMode, 2);
  const headers: Record<string, unknown> = { ...message.properties.headers };
  delete headers['x-delivery-count']; // the broker's own, on what a quorum queue hands out
  assert.deepEqual(headers, {
    'x-tenant': 'recife',
    'x-despachante-class': 'timed-out',
    'x-despachante-reason': 'why b~7',
    'x-despachante-at': '2025-03-09T14:07:31.000Z',
    'x-despachante-attempts': 2,
    'x-despachante-generation': 0,
    'x-despachante-origin': place.rabbit.intakeQueue,
    'x-despachante-item': 'b~7~0',
    'x-despachante-request-id': 'AB583C-X',
    'x-despachante-token': 'token of b~7~0',
    'x-despachante-run': 'registrations/b~7/1',
  });
  assert.deepEqual(await idsIn(place), ['a', null]);
});

test('all of a class are redriven, up to a limit', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  const failed = ['a', 'b', 'c', 'd'].map((id) => ({ id, failureClass: 'failed' as const }));
  await putFailures(t, place, [...failed, { id: 'e', failureClass: 'rejected' }]);
  const args = ['failures', 'redrive', '--all', '--yes', '--class', 'failed'];
  const some = await place.json([...args, '--limit', '3']);
  assert.ok(isMapping(some));
  assert.deepEqual([some['sent'], some['left']], [3, 2]);
  assert.deepEqual(await idsIn(place), ['d', 'e']);
  await place.json(args);
  assert.deepEqual(await idsIn(place), ['e']);
  await place.hasDepth(place.rabbit.intakeQueue, 4);
});

test('a redrive without an intake queue leaves everything in the failure queue: exit code 1', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  await putFailures(t, place, [...THREE]);
  await place.channel.deleteQueue(place.rabbit.intakeQueue);
  const { code, stderr } = await place.run(['failures', 'redrive', '--all', '--yes']);
  assert.equal(code, 1);
  assert.match(stderr, /could not go on: queue "[^"]+" does not exist/);
  assert.equal((await idsIn(place)).length, 3);
});

test('a registration without a failure is not found: exit code 4', async (t) => {
  const place = await testPlace(t);
  await place.worker();
  for (const command of ['show', 'redrive']) {
    const { code, stderr } = await place.run(['failures', command, 'nobody']);
    assert.equal(code, 4);
    assert.match(stderr, /There is no failure of "nobody".*despachante status nobody/);
  }
});

test('a failure queue that is not there is told with the remedy', async (t) => {
  const place = await testPlace(t);
  await place.channel.deleteQueue(place.rabbit.failureQueue);
  const { code, stderr } = await place.run(['failures', 'compare']);
  assert.equal(code, 1);
  assert.match(stderr, /There is no queue "[^"]+"\. Intake declares it/);
});

test('what a publisher has put into names and values of headers cannot steer the terminal of who looks', async (t) => {
  const place = await testPlace(t);
  const publisher = await testPublisher(t);
  const hostile = '\u001b[2J\u009b31m\u202egnp\u2066\u200b\u2028\u0007';
  await publisher.publish(place.rabbit.failureQueue, Buffer.from(`{"id":"hostile${hostile}"}`), {
    correlationId: `c${hostile}`,
    headers: { [`x-name${hostile}`]: `value${hostile}`, 'x-nested': { [hostile]: [hostile] } },
  });
  const id = `hostile${hostile}`;
  for (const args of [
    ['failures', 'list'],
    ['failures', 'list', '--each'],
    ['failures', 'compare'],
    ['failures', 'show', id, '--body'],
    ['failures', 'show', id, '--body', '--json'],
    ['failures', 'show', `no ${hostile}`],
    ['status', `no ${hostile}`],
    ['failures', 'drop', id, '--yes'],
  ]) {
    const { stdout, stderr } = await place.run(args);
    assert.notEqual(stdout + stderr, '');
    assert.doesNotMatch((stdout + stderr).replace(/[\n\t]/g, ''), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
});
