import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, noKafka, testSource, testTopic } from '../helpers/kafka.ts';
import { decodeProperties, textHeader } from '../../src/broker/kafka/message.ts';
import { HEADER } from '../../src/domain/names.ts';
import type { Call, Ended } from '../../src/workers/call.ts';
import { openDatabase } from '../../src/mongo/own-database.ts';
import { openActions } from '../../src/coordination/actions.ts';
import { openControl } from '../../src/coordination/control.ts';
import { listProcesses, runnersOf } from '../../src/coordination/processes.ts';
import { createTopic } from '../../src/broker/kafka/admin.ts';
import { diagnoseTopics } from '../../src/doctor/kafka.ts';
import { beginRedrive } from '../../src/operations/redrive.ts';
import { waitingIn } from '../../src/operations/worker-counts.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd, uniqueName } from '../helpers/servers.ts';
import { testWorkers } from '../helpers/workers.ts';

const skip = noKafka;

test(
  'a message of a topic is handled with its key and headers, and its output has the key',
  { skip },
  async (t) => {
    const calls: Call[] = [];
    const { topic, group, send, kafka } = await testTopic(t);
    const output = await testTopic(t);
    const sent = await testSource(t, { kafka, topic: output.topic, group: output.group });
    const flow = await testWorkers(
      t,
      (call): Ended => {
        calls.push(call);
        const channel = { broker: 'kafka', name: output.topic } as const;
        return {
          kind: 'done',
          result: 1,
          outgoing: [{ channel, key: call.key, message: { ok: true } }],
        };
      },
      {
        from: { broker: 'kafka', name: topic, group },
        deadLetters: { broker: 'kafka', name: `dlq_${topic}` },
      },
    );
    await send('{"to":"ana"}', {
      key: bytes('user-1'),
      headers: [textHeader('message-id', 'm-1'), textHeader('tenant', 'a')],
    });
    assert.equal((await flow.settled('m-1')).outcome?.kind, 'done');
    const [call] = calls;
    assert.deepEqual([call?.id, call?.key, call?.headers['tenant']], ['m-1', 'user-1', 'a']);
    assert.deepEqual(await sent.handed(1), ['{"ok":true}']);
    const [delivery] = sent.deliveries;
    assert.deepEqual(
      [delivery?.key?.toString(), delivery?.messageId],
      ['user-1', 'Sample/m-1~0/0'],
    );
  },
);

test(
  'a message without an id is known by its place, and what fails for good is a dead letter with its story',
  { skip },
  async (t) => {
    const { topic, group, send, kafka } = await testTopic(t);
    const letters = await testTopic(t);
    const taken = await testSource(t, { kafka, topic: letters.topic, group: letters.group });
    const flow = await testWorkers(
      t,
      (): Ended => ({
        kind: 'failed',
        failure: 'permanent',
        reason: 'no such user',
        class: 'NoUser',
      }),
      {
        from: { broker: 'kafka', name: topic, group },
        deadLetters: { broker: 'kafka', name: letters.topic },
      },
    );
    await send('{"to":"nobody"}', { key: bytes('k') });
    await taken.handed(1);
    const [letter] = taken.deliveries;
    assert.equal(letter?.body.toString(), '{"to":"nobody"}');
    assert.equal(letter?.key?.toString(), 'k');
    const headers = letter?.headers() ?? {};
    assert.deepEqual(
      [headers[HEADER.class], headers[HEADER.reason], headers['kafka_dlt-original-topic']],
      ['permanent', 'no such user', topic],
    );
    const claim = await flow.claims.findOne({ worker: 'Sample' });
    assert.match(claim?.item ?? '', new RegExp(`^Sample/${group}:.+:0:0$`));
  },
);

test(
  'a redrive starts a run, and neither the source nor the topic of dead letters gets anything by it',
  { skip },
  async (t) => {
    const { topic, group, send, kafka } = await testTopic(t);
    const letters = await testTopic(t);
    const calls: Call[] = [];
    const flow = await testWorkers(
      t,
      (call): Ended => {
        calls.push(call);
        return calls.length === 1
          ? { kind: 'failed', failure: 'permanent', reason: 'no', class: 'No' }
          : { kind: 'done', result: 1, outgoing: [] };
      },
      {
        from: { broker: 'kafka', name: topic, group },
        deadLetters: { broker: 'kafka', name: letters.topic },
      },
    );
    await send('{"to":"ana"}', {
      key: bytes('k'),
      headers: [textHeader('message-id', 'm-1'), textHeader('tenant', 'a')],
    });
    await flow.settled('m-1');
    const { config, client } = flow;
    const mongo = await openDatabase(config, 'writer');
    atEnd(t, () => mongo.close());
    await eventually('the process is heard of', async () => {
      assert.equal(runnersOf(await listProcesses(mongo.own), 'Sample').length, 1);
    });
    const store = { actions: openActions(mongo.own), control: openControl(mongo.own) };
    const order = {
      ...{ ids: ['m-1'], class: null, reason: null, olderThan: null, newerThan: null },
      ...{ limit: null, maxRedrives: 3, foreign: false, perSecond: null, canary: null },
    };
    const said = { by: 'ana', reason: null, on: 'm-1' };
    const begun = await beginRedrive(
      { config, client, store, worker: 'Sample' },
      { order, said, carried: null },
    );
    assert.ok(begun.kind === 'begun', begun.kind);
    assert.deepEqual([(await begun.report).sent, (await begun.report).left], [1, 0]);
    await flow.settled('m-1', 1);
    const [first, second] = calls;
    const told = (call: Call | undefined) => [
      call?.id,
      call?.key,
      call?.headers['tenant'],
      call?.body,
    ];
    assert.deepEqual(told(second), told(first));
    const end = async (name: string) =>
      waitingIn(config, 'Sample', {
        ...{ from: { broker: 'kafka', name, group: uniqueName() }, ofFile: false },
      });
    assert.deepEqual([await end(topic), await end(letters.topic)], [1, 1]);
    assert.equal(
      await waitingIn(config, 'Sample', {
        from: { broker: 'kafka', name: topic, group },
        ofFile: false,
      }),
      0,
    );
    const facts = { published: [letters.topic], processes: 1, claimsLife: 30 * 86_400_000 };
    const found = await diagnoseTopics(() => ({ ...kafka, clientId: 'despachante' }), {
      ...facts,
      source: { topic, group },
    });
    assert.deepEqual(
      found.map(({ check, state }) => `${check}: ${state}`),
      [`topic ${topic}: well`, `topic ${letters.topic}: well`, `group ${group}: well`],
    );
  },
);

test(
  'the doctor tells of topics that are missing, keep too long, are compacted or too small',
  { skip },
  async (t) => {
    const settings = {
      'cleanup.policy': 'compact',
      'retention.ms': '-1',
      'max.message.bytes': '2000000',
    };
    const { topic, group, kafka } = await testTopic(t, { settings });
    const small = uniqueName();
    await createTopic(kafka, { topic: small, partitions: 1 });
    const missing = uniqueName();
    const found = await diagnoseTopics(() => kafka, {
      source: { topic, group },
      published: [small, missing],
      processes: 3,
      claimsLife: 86_400_000,
    });
    assert.deepEqual(
      found.map(({ check, state }) => `${check}: ${state}`),
      [
        `topic ${topic}: well`,
        `topic ${small}: well`,
        `topic ${missing}: unwell`,
        `partitions of ${topic}: warning`,
        `retention.ms of ${topic}: warning`,
        `cleanup.policy of ${topic}: warning`,
        `max.message.bytes of ${small}: warning`,
        `group ${group}: well`,
      ],
    );
  },
);

test(
  'a dead letter that is moved back to its topic is handled again, as the next generation of its task',
  { skip },
  async (t) => {
    const { topic, group, send, kafka } = await testTopic(t);
    const letters = await testTopic(t);
    const taken = await testSource(t, { kafka, topic: letters.topic, group: letters.group });
    let isWell = false;
    const flow = await testWorkers(
      t,
      (): Ended =>
        isWell
          ? { kind: 'done', result: 1, outgoing: [] }
          : { kind: 'failed', failure: 'permanent', reason: 'no', class: 'No' },
      {
        from: { broker: 'kafka', name: topic, group },
        deadLetters: { broker: 'kafka', name: letters.topic },
      },
    );
    await send('{"n":1}', { headers: [textHeader('message-id', 'm-1')] });
    await send('{"n":2}');
    await taken.handed(2);
    isWell = true;
    for (const { body, properties } of taken.deliveries)
      await send('', { body, headers: decodeProperties(properties).headers });
    const item = (await flow.claims.findOne({ generation: 0, item: /:0:1$/ }))?.item ?? '';
    for (const id of ['m-1', item.replace('Sample/', '')])
      assert.equal((await flow.settled(id, 1)).outcome?.kind, 'done');
    assert.equal(await flow.claims.countDocuments(), 4);
  },
);
