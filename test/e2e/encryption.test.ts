/** Everything that Temporal keeps is encrypted, from the first message on or from a later one, and keys change on the way. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultPayloadConverter } from '@temporalio/common';
import { JSONToPayload, payloadToJSON } from '@temporalio/common/lib/proto-utils.js';
import { z } from 'zod';
import { serveCodec } from '../../src/temporal/codec-server.ts';
import { codecKeysOf } from '../../src/temporal/keys.ts';
import { markOf, parseKeys } from '../../src/runtime/encryption-keys.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { createPayloadCodec } from '../../src/temporal/payload-codec.ts';
import { startWorker } from '../../src/worker.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { keptOf } from '../helpers/payloads.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { sweepScheduleOf } from '../helpers/sweeps.ts';
import { startSystem } from '../helpers/system.ts';

const key = (id: string, byte: number): string =>
  `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const word = ['--operator', 'rui', '--reason', 'not on screen 12'];

test('encryption is switched on, and its key is rotated, under runs that are open: all of them settle', async (t) => {
  const system = await startSystem(t, {
    env: { ENCRYPTION_KEYS: '', DESPACHANTE_ENCRYPTION_MODE: 'off' },
  });
  const flow = flowOf(system);
  const { client, folder } = system;
  const file = join(folder, 'encryption.key');
  const keyed = { DESPACHANTE_ENCRYPTION_MODE: 'auto', DESPACHANTE_ENCRYPTION_KEY_FILE: file };

  // Open until its doubt is resolved: from the time without keys to the last of them.
  const before = { id: uniqueName(), name: 'CANARY-plain', simulate: { loseAnswer: true } };
  await flow.publish(before);
  const { workflowId } = await flow.claimed(before.id);
  await eventually('it is in doubt', async () => {
    assert.equal((await flow.tally(before.id)).inDoubt, 1);
  });
  const plain = Buffer.from(JSON.stringify(before)).toString('base64').slice(0, 40);
  assert.ok((await keptOf(client, workflowId)).includes(plain), 'not encrypted as yet');

  writeFileSync(file, `${key('k1', 1)}\n`, { mode: 0o600 });
  for (const role of ['worker', 'intake'] as const) {
    await system.stop(role);
    await system.start(role, keyed);
  }
  const first = uniqueName();
  await flow.publishMany(first, 20);
  await flow.allRegistered(first, 20);
  const kept = await keptOf(client, (await flow.claimed(`${first}-0`)).workflowId);
  assert.match(kept, /binary\/encrypted\n?[^]*k1/);

  // The same processes: a key to read everywhere, then to write, while registrations are under way.
  const second = uniqueName();
  await flow.publishMany(second, 50);
  writeFileSync(file, `${key('k1', 1)}\n${key('k2', 2)}\n`);
  await flow.claimed(`${second}-49`);
  writeFileSync(file, `${key('k2', 2)}\n${key('k1', 1)}\n`);
  const third = uniqueName();
  await eventually('the new key writes', async () => {
    const id = `${third}-${uniqueName()}`;
    await flow.publish({ id });
    const { workflowId: run } = await flow.settled(id);
    const text = await keptOf(client, run);
    assert.ok(text.includes('k2') && !text.includes('k1'), 'still the old one');
  });
  await flow.allRegistered(second, 50);

  const { code, stderr } = await flow.cliWith(keyed, 'doubts', 'resubmit', before.id, ...word);
  assert.equal(code, 0, stderr);
  await flow.settled(before.id);
  assert.ok(!system.log('worker').includes('DecryptionError'));
});

test('whoever does not have the key is told which one is missing, and nothing is lost by it', async (t) => {
  const system = await startSystem(t, { roles: ['intake'] });
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id });
  await eventually('it waits in a run', async () => {
    assert.equal(await system.depth(system.config.rabbit.intakeQueue), 0);
    const query = `TaskQueue = "${system.config.temporal.taskQueue}" AND ExecutionStatus = "Running"`;
    assert.equal((await system.client.workflow.count(query)).count, 1);
  });
  await assert.rejects(system.start('worker', { ENCRYPTION_KEYS: key('other', 9) }));
  assert.match(system.log('worker'), /encrypt.*with the key "tests", and ours are other/);
  const { code, stdout } = await flow.cliWith({ ENCRYPTION_KEYS: key('other', 9) }, 'audit');
  assert.equal(code, 3);
  assert.match(stdout, /encrypted with the key "tests", and ours are other: add it to/);
  await system.start('worker');
  await flow.settled(id);
});

test('nobody writes to Temporal in clear, or with another key, beside those who encrypt', async (t) => {
  // Strictly: also whatever the SDK itself passes to and fro is encrypted, or it would not be read.
  const system = await startSystem(t, { env: { DESPACHANTE_ENCRYPTION_MODE: 'on' } });
  const flow = flowOf(system);
  const doubtful = { id: uniqueName(), simulate: { loseAnswer: true } };
  await flow.publish(doubtful);
  await eventually('it is in doubt', async () => {
    assert.equal((await flow.tally(doubtful.id)).inDoubt, 1);
  });
  for (const [keys, why] of [
    [
      { ENCRYPTION_KEYS: '' },
      /there are no keys here.*Give this process the same keys.*remove the document \{ _id: "encryption" \} from despachante_control/,
    ],
    [{ ENCRYPTION_KEYS: '', DESPACHANTE_ENCRYPTION_MODE: 'off' }, /there are no keys here/],
    [{ ENCRYPTION_KEYS: key('other', 9) }, /ours are other/],
    [{ ENCRYPTION_KEYS: key('tests', 9) }, /ours of that name is another one/],
  ] as const) {
    const env = { DESPACHANTE_ENCRYPTION_MODE: 'auto', ...keys };
    for (const args of [['sweep'], ['doubts', 'resubmit', doubtful.id, ...word]]) {
      const { code, stderr } = await flow.cliWith(env, ...args);
      assert.equal(code, 1, stderr);
      assert.match(stderr, why);
    }
    for (const role of ['worker', 'intake'] as const) {
      const { length } = system.log(role);
      // A second one, beside the first.
      await assert.rejects(system.start(role, env), role);
      assert.match(system.log(role).slice(length), why);
    }
  }
  assert.equal((await flow.tally(doubtful.id)).inDoubt, 1, 'nobody was heard');
  const { code, stderr } = await flow.cli('doubts', 'resubmit', doubtful.id, ...word);
  assert.equal(code, 0, stderr);
  await flow.settled(doubtful.id);
});

test('failure messages are encrypted, too: those of activities, and those of the workflow', async (t) => {
  const system = await startSystem(t, { legacyUrl: 'http://127.0.0.1:9' });
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id });
  const { workflowId } = await flow.claimed(id);
  const run = system.client.workflow.getHandle(workflowId);
  await eventually('a submission has failed', async () => {
    const { raw } = await run.describe();
    const [pending] = raw.pendingActivities ?? [];
    assert.equal(pending?.lastFailure?.message, 'Encoded failure');
    assert.doesNotMatch(await keptOf(system.client, workflowId), /ECONNREFUSED|Nothing was/);
  });
});

test('an update that Temporal Web sends by way of the codec server decides the doubt', async (t) => {
  const system = await startSystem(t, { env: { DESPACHANTE_ENCRYPTION_MODE: 'on' } });
  const { client, config } = system;
  const flow = flowOf(system);
  const id = uniqueName();
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually('it is in doubt', async () => {
    assert.equal((await flow.tally(id)).inDoubt, 1);
  });
  const { workflowId } = await flow.claimed(id);
  const server = await serveCodec({
    host: '127.0.0.1',
    port: 0,
    hosts: [],
    origins: [],
    codec: createPayloadCodec(codecKeysOf(config)),
    namespace: config.temporal.namespace,
    tokens: [{ secret: 'token', ownUserOnly: false }],
    log: silent,
  });
  atEnd(t, () => server.close());
  const typed = { id, operator: 'rui', reason: 'not on screen 12' };
  const answer = await fetch(`http://127.0.0.1:${server.port}/encode`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer token' },
    body: JSON.stringify({ payloads: [payloadToJSON(defaultPayloadConverter.toPayload(typed))] }),
  });
  const encoded = z
    .object({
      payloads: z.array(z.object({ metadata: z.record(z.string(), z.string()), data: z.string() })),
    })
    .parse(await answer.json());
  const { outcome } = await client.withDeadline(Date.now() + 30_000, () =>
    client.workflowService.updateWorkflowExecution({
      namespace: config.temporal.namespace,
      workflowExecution: { workflowId },
      waitPolicy: { lifecycleStage: COMPLETED },
      request: {
        meta: { updateId: uniqueName(), identity: 'temporal-web' },
        input: { name: 'resubmit', args: { payloads: encoded.payloads.map(JSONToPayload) } },
      },
    }),
  );
  assert.ok(outcome?.success, 'it was refused');
  await flow.settled(id);
});

/** temporal/api/enums/v1/update.proto, UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED. */
const COMPLETED = 3;

test('a key is changed by its file from the first step to the last, and everybody starts again after each', async (t) => {
  const system = await startSystem(t, { roles: [] });
  const schedule = sweepScheduleOf(t, system);
  const flow = flowOf(system);
  const file = join(system.folder, 'rotated.key');
  const [k1, k2] = [key('k1', 1), key('k2', 2)];
  const keyed = {
    ENCRYPTION_KEYS: '',
    DESPACHANTE_ENCRYPTION_MODE: 'on',
    DESPACHANTE_ENCRYPTION_KEY_FILE: file,
    DESPACHANTE_SWEEPER_ENABLED: 'true',
  };
  const put = (...keys: string[]) => writeFileSync(file, `${keys.join('\n')}\n`, { mode: 0o600 });
  const roles = ['worker', 'intake'] as const;
  const restart = async () => {
    for (const role of roles) {
      await system.stop(role);
      await system.start(role, keyed);
    }
  };
  const isNoted = (id: string) =>
    eventually(`it is noted that ${id} writes`, async () => {
      assert.equal((await system.store.control.encryption())?.key, id);
    });

  put(k1);
  for (const role of roles) await system.start(role, keyed);
  const first = uniqueName();
  await flow.publish({ id: first });
  await flow.settled(first);
  put(k1, k2);
  await restart();
  await isNoted('k1');
  // From here on nobody starts again before the last step.
  put(k2, k1);
  await isNoted('k2');
  put(k2);
  await restart();
  await isNoted('k2');
  const last = uniqueName();
  await flow.publish({ id: last });
  await flow.settled(last);
  for (const role of roles) assert.doesNotMatch(system.log(role), /DecryptionError/);
  const { spec } = await schedule.describe();
  assert.ok(spec.intervals?.length, 'it is swept');
});

const readySchema = z.object({ closedBy: z.record(z.string(), z.string()) });

test('an intake without keys starts while MongoDB is away, and takes nothing before it knows that nobody encrypts', async (t) => {
  const system = await startSystem(t, {
    roles: [],
    env: { ENCRYPTION_KEYS: '' },
    proxied: ['MONGODB_URI'],
  });
  const flow = flowOf(system);
  const { intakeQueue } = system.config.rabbit;
  const isHeld = (by: 'unknown' | 'encryption', why: RegExp) =>
    eventually(`it is closedBy by ${by}`, async () => {
      const { closedBy } = readySchema.parse(JSON.parse((await flow.ask('intake', '/ready')).text));
      assert.deepEqual(Object.keys(closedBy), [by]);
      assert.match(closedBy[by] ?? '', why);
    });
  system.proxy('MONGODB_URI').close();
  await system.start('intake');
  await flow.publish({ id: uniqueName() });
  await isHeld('unknown', /which key others encrypt with/);

  const [theirs] = parseKeys(key('k1', 1));
  await system.store.control.setEncryption({ key: theirs.id, mark: markOf(theirs) });
  system.proxy('MONGODB_URI').open();
  await isHeld('encryption', /there are no keys here/);
  assert.equal(await system.depth(intakeQueue), 1, 'it stays in its queue');

  await system.store.control.setEncryption(null);
  await eventually('it is taken', async () => {
    assert.equal(await system.depth(intakeQueue), 0);
  });
});

test('a worker that is refused for its keys leaves no connection open', async (t) => {
  const system = await startSystem(t, { roles: [] });
  const [theirs] = parseKeys(key('k1', 1));
  await system.store.control.setEncryption({ key: theirs.id, mark: markOf(theirs) });
  const sockets = () =>
    process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap').length;
  const before = sockets();
  await assert.rejects(
    startWorker(system.config, createMetrics(), silent),
    /with the key "k1", and ours are tests/,
  );
  await eventually('its connections are closed', () => {
    assert.ok(sockets() <= before, `${sockets()} instead of ${before}`);
  });
});
