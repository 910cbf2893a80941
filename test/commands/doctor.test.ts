import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OWN } from '../../src/mongo/collections.ts';
import { isMapping } from '../../src/config/tree.ts';
import { queueDepths } from '../../src/broker/rabbitmq/queues.ts';
import { json, webServer } from '../helpers/web-server.ts';
import { emptyFolder, run, testPlace } from './cli.ts';

/** The checks of a document of `doctor --json`, as `neighbour: check: state`. */
function states(document: unknown): string[] {
  assert.ok(isMapping(document) && Array.isArray(document['patients']));
  return document['patients'].flatMap((patient: unknown) => {
    assert.ok(isMapping(patient) && Array.isArray(patient['found']));
    return patient['found'].map((each: unknown) => {
      assert.ok(isMapping(each));
      assert.ok(each['state'] === 'well' || typeof each['remedy'] === 'string');
      return `${String(patient['name'])}: ${String(each['check'])}: ${String(each['state'])}`;
    });
  });
}

test('where all is well the doctor says so, and leaves nothing behind', async (t) => {
  const place = await testPlace(t);
  const legacy = await webServer(t, (_, response) => json(response, 404, {}));
  const { code, stdout } = await run(['doctor', '--json'], {
    cwd: place.folder,
    env: {
      ...place.env,
      LEGACY_URL: legacy.url,
      DESPACHANTE_TEMPORAL_TASK_QUEUE: 'nobody-works-here',
    },
  });
  assert.equal(code, 0, stdout);
  const found = states(JSON.parse(stdout));
  const { intakeQueue, returnedQueue, failureQueue } = place.rabbit;
  for (const queue of [intakeQueue, returnedQueue, failureQueue]) {
    assert.ok(found.includes(`RabbitMQ: queue ${queue}: well`));
  }
  for (const check of ['reachable', 'writes', 'clock', 'collection registrations']) {
    assert.ok(found.includes(`MongoDB: ${check}: well`), check);
  }
  assert.ok(found.includes('Temporal: namespace default: well'));
  assert.ok(found.includes('Temporal: task queue nobody-works-here: warning'));
  assert.ok(found.includes('Legacy system: reachable: well'));
  assert.equal(legacy.seen.length, 1);
  assert.equal(legacy.seen[0]?.method, 'GET');
  const left = await place.store.db.collection(OWN.control).distinct('_id');
  assert.deepEqual(left, ['ownership']);
});

test('neighbours that are not there are each told with the remedy, and without passwords: exit code 3', async (t) => {
  const env = {
    AMQP_URL: 'amqp://user:geheim@127.0.0.1:1',
    MONGODB_URI: 'mongodb://user:geheim@127.0.0.1:1/x',
    TEMPORAL_ADDRESS: '127.0.0.1:1',
    LEGACY_URL: 'http://127.0.0.1:1',
  };
  const { code, stdout } = await run(['doctor'], { cwd: emptyFolder(t), env });
  assert.equal(code, 3);
  for (const name of ['RabbitMQ', 'MongoDB', 'Temporal', 'Legacy system']) {
    assert.match(stdout, new RegExp(`^${name}\n  ✗ reachable .*\n      → `, 'm'));
  }
  assert.doesNotMatch(stdout, /geheim/);
});

test('queues that are missing are a warning and are not made; one declared otherwise is not well', async (t) => {
  const place = await testPlace(t);
  const { intakeQueue, returnedQueue, failureQueue } = place.rabbit;
  await place.channel.deleteQueue(intakeQueue);
  await place.channel.deleteQueue(failureQueue);
  await place.channel.assertQueue(failureQueue, { durable: true });
  const found = states(await place.json(['doctor'], 3));
  assert.ok(found.includes(`RabbitMQ: queue ${intakeQueue}: warning`));
  assert.ok(found.includes(`RabbitMQ: queue ${returnedQueue}: well`));
  assert.ok(found.includes(`RabbitMQ: queue ${failureQueue}: unwell`));
  assert.deepEqual(await queueDepths(place.connection, [intakeQueue]), { [intakeQueue]: null });
});

test('a legacy system that asks for credentials, or sends us elsewhere, is not well', async (t) => {
  const place = await testPlace(t);
  for (const [status, remedy] of [
    [401, /LEGACY_AUTHORIZATION/],
    [405, /check LEGACY_URL/],
    [302, /redirects are never followed/],
  ] as const) {
    const legacy = await webServer(t, (_, response) => json(response, status, {}));
    const env = { ...place.env, LEGACY_URL: legacy.url };
    const { code, stdout } = await run(['doctor'], { cwd: place.folder, env });
    assert.equal(code, 3);
    assert.match(stdout, remedy);
  }
});

test('a namespace that is not there is told with the command that makes one', async (t) => {
  const place = await testPlace(t);
  const env = { ...place.env, DESPACHANTE_TEMPORAL_NAMESPACE: 'nowhere' };
  const { code, stdout } = await run(['doctor'], { cwd: place.folder, env });
  assert.equal(code, 3);
  assert.match(
    stdout,
    /✗ namespace nowhere .*\n.*temporal operator namespace create --namespace nowhere/,
  );
});
