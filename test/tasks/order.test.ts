// Order by key on real brokers, with processes that come and are killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { laneId } from '../../src/domain/lanes.ts';
import { HEADER, workerQueue } from '../../src/domain/names.ts';
import { WORKFLOW_BUNDLE } from '../../src/temporal/bundle-workflows.ts';
import { z } from 'zod';
import type { Call, Ended } from '../../src/workers/call.ts';
import { eventually } from '../helpers/eventually.ts';
import { bytes, noKafka, testTopic } from '../helpers/kafka.ts';
import { address, atEnd } from '../helpers/servers.ts';
import { testPlace, testWorkers } from '../helpers/workers.ts';

const MEMBER = fileURLToPath(new URL('../helpers/ordered-member.js', import.meta.url));
const KEYS = 300;
const COUNT = 3_000;
const keyOf = (n: number): string => `k${n % KEYS}`;

interface Note {
  key: string;
  n: number;
  what: 'begun' | 'again' | 'done';
}

/** Processes of one worker, and what they have noted, in its order. */
function members(
  t: TestContext,
  place: { name: string; broker: string; from: string; group: string },
) {
  const folder = mkdtempSync(join(tmpdir(), 'order-'));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  const file = join(folder, 'notes');
  const args = [place.name, place.broker, place.from, place.group, file];
  const notes = (): Note[] =>
    (existsSync(file) ? readFileSync(file, 'utf8') : '')
      .trimEnd()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [key = '', n = '', what = ''] = line.split(' ');
        return {
          key,
          n: Number(n),
          what: what === 'done' ? what : what === 'again' ? what : 'begun',
        };
      });
  const done = () => new Set(notes().flatMap(({ n, what }) => (what === 'done' ? [n] : [])));
  return {
    notes,
    done,
    reached: (count: number) =>
      eventually(`${count} are done`, () =>
        assert.ok(done().size >= count, `${done().size} are done`),
      ),
    async join() {
      const child = spawn(process.execPath, ['--enable-source-maps', MEMBER, ...args], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      const kill = async (): Promise<void> => {
        child.kill('SIGKILL');
        await ended;
      };
      atEnd(t, kill);
      await Promise.race([once(child.stdout, 'data'), ended]);
      assert.equal(child.exitCode, null, 'it has started');
      return { kill };
    },
  };
}

/** What is handled again was in hand when its process was killed. */
function inOrder(t: TestContext, notes: readonly Note[]): void {
  const last = new Map<string, Note>();
  let repeats = 0;
  for (const note of notes) {
    const { key, n, what } = note;
    const before = last.get(key);
    const next = before === undefined ? Number(key.slice(1)) : before.n + KEYS;
    if (n !== before?.n) {
      assert.ok(before === undefined || before.what === 'done', `${n} before ${before?.n} is done`);
      assert.equal(n, next, `${key}: ${n} after ${before?.n}`);
    } else if (what === 'begun' && before.what !== 'again') repeats += 1;
    last.set(key, note);
  }
  t.diagnostic(`${repeats} calls were made again`);
}

async function survives(
  t: TestContext,
  place: Parameters<typeof members>[1],
  send: (n: number) => Promise<unknown>,
): Promise<void> {
  const sendFrom = async (from: number, to: number) => {
    for (let n = from; n < to; n += 100)
      await Promise.all(Array.from({ length: 100 }, (_, each) => send(n + each)));
  };
  await sendFrom(0, COUNT / 2);
  const all = members(t, place);
  const first = await all.join();
  await all.reached(500);
  await all.join();
  await all.reached(800);
  const [sent] = await Promise.all([sendFrom(COUNT / 2, COUNT), first.kill()]);
  assert.equal(sent, undefined);
  await all.join();
  await all.reached(COUNT);
  inOrder(t, all.notes());
  await replays(place.name);
}

/** What the lanes have done, while they were handed more, replays. */
async function replays(taskQueue: string): Promise<void> {
  const client = new Client({
    connection: await Connection.connect({ address: address('TEMPORAL_ADDRESS') }),
  });
  const workflowBundle = { code: readFileSync(WORKFLOW_BUNDLE, 'utf8') };
  const histories = await Promise.all(
    Array.from({ length: 16 }, async (_, lane) => {
      const workflowId = laneId(workerQueue(taskQueue, 'Sample'), lane);
      return { workflowId, history: await client.workflow.getHandle(workflowId).fetchHistory() };
    }),
  );
  const wrong: string[] = [];
  const all = Worker.runReplayHistories({ workflowBundle }, histories);
  for await (const { workflowId, error } of all)
    if (error !== undefined) wrong.push(`${workflowId}: ${error.message}`);
  await client.connection.close();
  assert.deepEqual(wrong, []);
}

test(
  'from a topic, a few hundred keys are handled in order while a process comes, one is killed, and some fail twice',
  { skip: noKafka },
  async (t) => {
    const { topic, group, send } = await testTopic(t, { partitions: 4 });
    const { name } = await testPlace(t);
    await survives(t, { name, broker: 'kafka', from: topic, group }, (n) =>
      send(JSON.stringify({ n }), { key: bytes(keyOf(n)) }),
    );
  },
);

test('from a queue, a few hundred keys are handled in order while a process comes, one is killed, and some fail twice', async (t) => {
  const place = await testPlace(t, { isOrdered: true });
  const from = place.worker.from.name;
  await survives(t, { name: place.name, broker: 'rabbitmq', from, group: '' }, (n) =>
    place.publish({ n }, { messageId: `m-${n}`, headers: { [HEADER.key]: keyOf(n) } }),
  );
});

const done: Ended = { kind: 'done', result: null, outgoing: [] };

test('a message that fails for good is a dead letter, and the next of its key is handled after it', async (t) => {
  const handled: string[] = [];
  const flow = await testWorkers(
    t,
    ({ id }: Call): Ended => {
      handled.push(id);
      return id === 'm-1'
        ? { kind: 'again', reason: 'never', class: 'Error', retryAfter: null }
        : done;
    },
    { isOrdered: true },
  );
  const headers = { [HEADER.key]: 'k' };
  for (const messageId of ['m-1', 'm-2', 'm-3']) await flow.publish({}, { messageId, headers });
  await flow.settled('m-3');
  assert.deepEqual(handled, ['m-1', 'm-1', 'm-1', 'm-1', 'm-2', 'm-3']);
  const letter = await flow.take(flow.deadLetters);
  assert.equal(letter.properties.headers?.[HEADER.class], 'exhausted');
});

test('messages without a key have no order', async (t) => {
  const slow = Promise.withResolvers<Ended>();
  const flow = await testWorkers(t, ({ id }) => (id === 'm-1' ? slow.promise : done), {
    isOrdered: true,
  });
  for (const messageId of ['m-1', 'm-2', 'm-3']) await flow.publish({}, { messageId });
  await flow.settled('m-3');
  slow.resolve(done);
  await flow.settled('m-1');
});

test('a key that is read late holds back those that came after it', async (t) => {
  const late = Promise.withResolvers<void>();
  const handled: string[] = [];
  const flow = await testWorkers(
    t,
    ({ id }) => {
      handled.push(id);
      return done;
    },
    {
      isOrdered: true,
      async identify(body) {
        const { id } = z.object({ id: z.string() }).parse(JSON.parse(body.toString()));
        if (id === 'first') await late.promise;
        else late.resolve();
        return { id, key: 'k' };
      },
    },
  );
  await flow.publish({ id: 'first' });
  await flow.publish({ id: 'second' });
  await flow.settled('second');
  assert.deepEqual(handled, ['first', 'second']);
});

test('a process that leaves hands over what it holds before the next one takes from the queue', async (t) => {
  const handled: number[] = [];
  const flow = await testWorkers(
    t,
    ({ id }) => {
      handled.push(Number(id));
      return done;
    },
    { isOrdered: true },
  );
  const next = await flow.start();
  const headers = { [HEADER.key]: 'k' };
  for (let n = 0; n < 200; n += 1) await flow.publish({}, { messageId: String(n), headers });
  await flow.running.stop();
  for (let n = 200; n < 220; n += 1) await flow.publish({}, { messageId: String(n), headers });
  await flow.settled('219');
  assert.deepEqual(
    handled,
    Array.from({ length: 220 }, (_, n) => n),
  );
  assert.equal(next.checks()['Sample'], true);
});
