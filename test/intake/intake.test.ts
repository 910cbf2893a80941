/** From deliveries to runs, with a source and a Temporal that a test scripts. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Delivery } from '../../src/broker/source.ts';
import { startIntake, inHand, type Read } from '../../src/intake/intake.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import type { StartResult } from '../../src/temporal/client.ts';
import { eventually } from '../helpers/eventually.ts';

interface Given {
  start?: (ids: string[]) => Promise<StartResult>;
  reject?: () => Promise<'rejected' | 'nowhere'>;
  read?: (id: string) => Read<string> | Promise<Read<string>>;
  lineOf?: () => number;
}

/** An intake whose items are the ids of the messages; what is not `m…` is malformed. */
async function intakeOf(t: TestContext, given: Given = {}) {
  const metrics = createMetrics();
  const started: string[][] = [];
  const settled: string[] = [];
  const gone = new Set<string>();
  let onDelivery: (delivery: Delivery) => void = () => {};
  const read = given.read ?? ((id) => (id.startsWith('m') ? { ok: true, item: id } : MALFORMED));
  const intake = await startIntake<string>({
    source: 'Sample',
    async open(take) {
      onDelivery = take;
      const nothing = (): Promise<void> => Promise.resolve();
      await nothing();
      return { pause: nothing, resume: nothing, isReady: () => true, close: nothing };
    },
    read: ({ body }) => read(body.toString()),
    bytesOf: () => 1,
    batch: { size: 2, bytes: 1_000, waitMs: 1, partialPerSecond: 100 },
    ...(given.lineOf === undefined ? {} : { lineOf: given.lineOf }),
    nameRun: (items) => items.join(),
    async start(_id, items) {
      const result = await (given.start?.(items) ?? Promise.resolve('started' as const));
      if (result === 'started') started.push(items);
      return result;
    },
    reject: () => given.reject?.() ?? Promise.resolve('rejected'),
    countMalformed: () => {},
    metrics,
    log: silent,
  });
  t.after(() => intake.stop());
  const deliver = (id: string): void =>
    onDelivery({
      ...{ body: Buffer.from(id), properties: '', trouble: null, failedGeneration: null },
      ...{ receivedAt: 0, key: null, messageId: id, headers: () => ({}) },
      origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
      ack: () => void settled.push(`ack ${id}`),
      release: () => void settled.push(`release ${id}`),
      isGone: () => gone.has(id),
    });
  return {
    metrics,
    started,
    settled,
    gone,
    deliver,
    intake,
    held: () => inHand(metrics, 'Sample'),
  };
}

const MALFORMED: Read<string> = { ok: false, reason: 'it is none' };

test('what the broker has taken back while Temporal was away is not handed over: its copy is', async (t) => {
  let isAway = true;
  const { deliver, gone, started, settled, held } = await intakeOf(t, {
    async start() {
      await turn();
      if (!isAway) return 'started';
      gone.add('m1');
      throw new Error('Temporal is away');
    },
  });
  deliver('m1');
  deliver('m2');
  await eventually('its broker has taken one back', () => assert.ok(gone.has('m1')));
  isAway = false;
  await eventually('the other is handed over', () => assert.deepEqual(started, [['m2']]));
  assert.deepEqual(settled, ['release m1', 'ack m2']);
  assert.equal(await held(), 0);
});

test('a malformed delivery that the broker has taken back is not brought to the dead letters', async (t) => {
  const tries: string[] = [];
  const { deliver, gone, settled, held } = await intakeOf(t, {
    reject() {
      tries.push('reject');
      gone.add('x');
      return Promise.reject(new Error('the broker is away'));
    },
  });
  deliver('x');
  await eventually('it is let go', () => assert.deepEqual(settled, ['release x']));
  assert.deepEqual([tries.length, await held()], [1, 0]);
});

test('what no dead letters can take is left to the broker, and counts no longer as in hand', async (t) => {
  const { deliver, settled, held } = await intakeOf(t, {
    reject: () => Promise.resolve('nowhere'),
  });
  deliver('x');
  await eventually('it is let go', () => assert.deepEqual(settled, ['release x']));
  assert.equal(await held(), 0);
});

test('a stop does not wait without end for ids that are still read, and its source is told of no longer', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { deliver, intake, settled, metrics } = await intakeOf(t, {
    read: () => new Promise(() => {}),
    lineOf: () => 0,
  });
  deliver('m1');
  const stopped = intake.stop();
  await turn();
  t.mock.timers.tick(60_000);
  await stopped;
  assert.deepEqual(settled, []);
  assert.deepEqual((await metrics.intakeClosed.get()).values, []);
});
