import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Admin } from '@platformatic/kafka';
import { groupFacts } from '../../../src/broker/kafka/admin.ts';
import { clientOptions } from '../../../src/broker/kafka/connection.ts';
import { eventually } from '../../helpers/eventually.ts';
import { bytes, noKafka, testSource, testTopic } from '../../helpers/kafka.ts';
import { atEnd } from '../../helpers/servers.ts';

const skip = noKafka;
const MEMBER = fileURLToPath(new URL('../../helpers/kafka-member.js', import.meta.url));
const COUNT = 10_000;

/** A process of its own; `seen` has the lines "key number" that it has told. */
function member(t: TestContext, topic: string, group: string) {
  const child = spawn(process.execPath, ['--enable-source-maps', MEMBER, topic, group], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const seen: string[] = [];
  createInterface(child.stdout).on('line', (line) => seen.push(line));
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    await ended;
  };
  atEnd(t, () => end('SIGKILL'));
  return { seen, end };
}

test(
  'members come, leave and are killed: nothing is lost, little comes again, and each reads a key in order',
  { skip },
  async (t) => {
    const { topic, group, send, kafka } = await testTopic(t, { partitions: 8 });
    const members: ReturnType<typeof member>[] = [];
    const all = () => members.flatMap(({ seen }) => seen);
    const told = () => new Set(all()).size;
    let sent = 0;
    let isOver = false;
    // There is always something to read, however long a member takes to come.
    const sending = (async () => {
      while (sent < COUNT || !isOver) {
        await eventually('they read on', () => assert.ok(sent - told() < 1_000));
        const next = Array.from({ length: 200 }, () => sent++);
        await Promise.all(next.map((n) => send(String(n), { key: bytes(`k${n % 100}`) })));
      }
    })();
    const join = () => {
      const fresh = member(t, topic, group);
      members.push(fresh);
      return eventually('it takes part', () => {
        assert.ok(fresh.seen.length > 0);
        return fresh;
      });
    };
    const reached = (count: number) =>
      eventually(`${count} were read`, () => assert.ok(told() >= count));

    await join();
    await reached(1_000);
    const second = await join();
    await reached(3_000);
    await second.end('SIGTERM');
    const third = await join();
    await reached(5_000);
    await eventually('something is left to come again', () => assert.ok(told() < sent));
    await third.end('SIGKILL');
    await join();
    isOver = true;
    await sending;
    await reached(sent);

    t.diagnostic(`${all().length - sent} of ${sent} came again`);
    // A tenth of what the client lets through by itself.
    assert.ok(all().length - sent < 500, `${all().length - sent} came again`);
    for (const { seen } of members) {
      const last = new Map<string, number>();
      for (const [key = '', text] of [...new Set(seen)].map((line) => line.split(' '))) {
        assert.ok((last.get(key) ?? -1) < Number(text), `${key}: ${text} after ${last.get(key)}`);
        last.set(key, Number(text));
      }
    }
    await eventually('all is committed', async () => {
      const { partitions } = await groupFacts(kafka, group, topic);
      assert.equal(
        partitions.reduce((sum, { lag }) => sum + lag, 0),
        0,
      );
    });
  },
);

test(
  'what is held when another member comes is finished first, and does not come again',
  { skip },
  async (t) => {
    const place = await testTopic(t, { partitions: 4 });
    for (let n = 0; n < 40; n++) await place.send(String(n));
    const first = await testSource(t, { ...place, sessionMs: 30_000, settleMs: 20_000 });
    await first.handed(40);
    const opening = testSource(t, place, ({ ack }) => ack());
    await eventually('the partitions are to be given away', () =>
      assert.ok(!first.source.isReady()),
    );
    for (const { ack } of first.deliveries) ack();
    const second = await opening;
    for (let n = 40; n < 80; n++) await place.send(String(n));
    await eventually('both have read', () => {
      for (const { ack } of first.deliveries) ack();
      assert.equal(first.deliveries.length + second.deliveries.length, 80);
    });
    assert.ok(second.deliveries.length > 0);
    assert.equal(new Set([...first.texts(), ...second.texts()]).size, 80);
  },
);

test(
  'members of one group that read different topics each get all of their own, and the partitions that come later',
  { skip },
  async (t) => {
    const topics = [await testTopic(t, { partitions: 2 }), await testTopic(t, { partitions: 2 })];
    const group = topics[0]?.group ?? '';
    const members: Awaited<ReturnType<typeof testSource>>[] = [];
    for (const { kafka, topic } of topics)
      members.push(await testSource(t, { kafka, topic, group }, ({ ack }) => ack()));
    for (const { send } of topics)
      for (let n = 0; n < 8; n++) await send(String(n), { partition: n % 2 });
    for (const { handed } of members)
      assert.deepEqual((await handed(8)).toSorted(), [...'01234567']);
    for (const [n, { kafka, topic, send }] of topics.entries()) {
      const admin = new Admin(clientOptions(kafka));
      atEnd(t, () => admin.close());
      const assignments = [{ brokerIds: [1] }];
      await admin.createPartitions({ topics: [{ name: topic, count: 3, assignments }] });
      await eventually('the new partition is read', async () => {
        await send('8', { partition: 2 });
        const origins = members[n]?.deliveries.map(({ origin }) => origin) ?? [];
        assert.ok(origins.some((each) => each.broker === 'kafka' && each.partition === 2));
      });
    }
  },
);

test(
  'partitions are given away, and taken again, though the clock is put back meanwhile',
  { skip },
  async (t) => {
    const place = await testTopic(t, { partitions: 2 });
    for (const partition of [0, 1]) await place.send('a', { partition });
    const first = await testSource(t, place);
    await first.handed(2);
    const now = Date.now.bind(Date);
    const opening = testSource(t, place, ({ ack }) => ack());
    await eventually('the partitions are to be given away', () =>
      assert.ok(!first.source.isReady()),
    );
    t.mock.method(Date, 'now', () => now() - 3_600_000);
    await opening;
    const takesPart = () => assert.ok(first.source.isReady());
    await eventually('the first takes part again', takesPart, 60_000);
  },
);
