/** What a broker does to those who use it: closes, cancels, refuses, gives back. */
import assert from 'node:assert/strict';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf, type Flow } from '../helpers/flow.ts';
import { startSystem, type Role, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { ackOfNothing, injectingProxy } from './injection.ts';
import { publishMixed } from './load.ts';
import { management } from './management.ts';
import type { Scenario, Trial, World } from './scenario.ts';

const count = ({ isQuick }: World): number => (isQuick ? 20 : 100);

const isReady = (flow: Flow, role: Role, status: number) =>
  eventually(
    `/ready of the ${role} answers ${status}`,
    async () => assert.equal((await flow.ask(role, '/ready')).status, status),
    120_000,
  );

const allClaimed = (flow: Flow, ids: string[]) =>
  eventually('all are claimed', async () => {
    for (const id of ids) await flow.claimed(id);
  });

/** The broker closes the connection of the consumer, then again when it is back. */
async function connectionClosed(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  const times = 3;
  for (let n = 0; n < times; n++) {
    const ids = await publishMixed(flow, count(world), { latencyMs: 1_000 });
    await management.closeConsumersOf(system.rabbit.intakeQueue);
    await allClaimed(flow, ids);
    await isReady(flow, 'intake', 200);
  }
  return { ...(await conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now() })), times };
}

/** A wrong frame makes the broker close a channel, of the consumer and of the publisher of failures. */
async function channelClosed(world: World): Promise<Trial> {
  const system = await startSystem(world, { roles: [] });
  const flow = flowOf(system);
  const roles: Role[] = ['worker', 'intake'];
  for (const role of roles) {
    const proxy = await injectingProxy(world, system.config.amqpUrl);
    await system.start(role, { AMQP_URL: proxy.url });
    await isReady(flow, role, 200);
    if (role === 'intake') await publishMixed(flow, count(world), { latencyMs: 1_000 });
    proxy.inject(ackOfNothing(1));
    await eventually('the channel is lost', () => {
      assert.match(system.log(role), /PRECONDITION[_-]FAILED.*unknown delivery tag/);
    });
    await isReady(flow, role, 200);
  }
  const faultEndedAt = Date.now();
  await publishMixed(flow, count(world));
  return { ...(await conclude(flow, { maxInDoubt: 0, faultEndedAt })), times: 2 };
}

/** Deleted when they are empty: what is in a queue when somebody deletes it is gone. */
async function queuesDeleted(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  const { intakeQueue, returnedQueue } = system.rabbit;
  const queues = [intakeQueue, returnedQueue];
  for (const queue of queues) {
    await allClaimed(flow, await publishMixed(flow, count(world), { latencyMs: 3_000 }));
    await eventually('intake holds nothing', async () => {
      assert.equal(await system.depth(queue), 0);
      assert.equal(
        await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
        0,
      );
    });
    await system.channel.deleteQueue(queue);
    await eventually('it is there again, and consumed', async () => {
      // On a channel of its own: asking for a queue that is not there closes the channel.
      const channel = await system.connection.createChannel();
      channel.on('error', () => {});
      assert.equal((await channel.checkQueue(queue)).consumerCount, 1);
      await channel.close();
    });
  }
  const faultEndedAt = Date.now();
  await publishMixed(flow, count(world));
  return { ...(await conclude(flow, { maxInDoubt: 0, faultEndedAt })), times: queues.length };
}

/** While failures have nowhere to go, and there are many, successes do not wait for them. */
async function successesGoOn(world: World, flow: Flow): Promise<void> {
  await flow.publishMany('refused', count(world) / 2, { simulate: { refuse: 'CPF inválido' } });
  await flow.publishMany('good', count(world));
  await flow.allRegistered('good', count(world));
  // Intake itself stops taking for one that is malformed: it would have to hold it.
  await flow.publishBytes(Buffer.from('no JSON, and nowhere to go'));
  await isReady(flow, 'intake', 503);
}

async function failureQueueFull(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  const { failureQueue } = system.rabbit;
  await flow.publish({ id: 'before', simulate: { refuse: 'CPF inválido' } });
  await flow.failureOf('before~0', 'rejected');
  // What is there already is over the limit. What comes at the same moment may still be let in (rabbitmq.com/docs/maxlength).
  await management.setPolicy(world, failureQueue, {
    'max-length': 0,
    overflow: 'reject-publish',
  });
  await eventually('it refuses', async () => {
    const { policy } = await management.queue(failureQueue);
    assert.equal(policy, failureQueue);
  });
  await successesGoOn(world, flow);
  await management.deletePolicy(failureQueue);
  const faultEndedAt = Date.now();
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt, alsoEnds: 'any' });
  await isReady(flow, 'intake', 200);
  return trial;
}

async function failureQueueGone(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  await system.channel.deleteQueue(system.rabbit.failureQueue);
  await successesGoOn(world, flow);
  await declareQueues(system.connection, system.rabbit);
  return conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now(), alsoEnds: 'any' });
}

const LIMIT = 3;

/** Given back more often than the limit allows, as by an intake that dies at each start. */
async function deliveryLimit(world: World): Promise<Trial> {
  const env = { DESPACHANTE_TEST_CONSTANTS: `rabbit.deliveryLimit=${LIMIT}` };
  const system = await startSystem(world, { env });
  const flow = flowOf(system);
  const { intakeQueue, returnedQueue } = system.rabbit;
  await system.stop('intake');
  const before = await system.depth(returnedQueue);
  await flow.publishMany('returned', count(world));
  await giveAllBack(system, intakeQueue);
  await system.hasDepth(returnedQueue, before + count(world));
  const faultEndedAt = Date.now();
  await system.start('intake');
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt });
  assert.equal(await system.depth(intakeQueue), 0);
  return { ...trial, times: count(world) };
}

async function giveAllBack({ channel, depth }: System, queue: string): Promise<void> {
  await eventually('the queue gives nothing any more', async () => {
    for (;;) {
      const message = await channel.get(queue, { noAck: false });
      if (message === false) break;
      channel.nack(message, false, true);
    }
    assert.equal(await depth(queue), 0);
  });
}

export const broker: Scenario[] = [
  {
    name: 'broker/connection-closed',
    fault: 'The broker closes the connection of intake, three times, under load',
    isQuick: false,
    run: connectionClosed,
  },
  {
    name: 'broker/channel-closed',
    fault: 'The broker closes a channel of intake, and of the worker, for a fault of the protocol',
    isQuick: false,
    run: channelClosed,
  },
  {
    name: 'broker/queues-deleted',
    fault:
      'The intake queue is deleted while it is empty, then the returned queue; the broker cancels the consumers',
    isQuick: false,
    run: queuesDeleted,
  },
  {
    name: 'broker/failure-queue-full',
    fault: 'The failure queue is full and refuses records, until somebody takes its limit away',
    isQuick: false,
    run: failureQueueFull,
  },
  {
    name: 'broker/failure-queue-gone',
    fault: 'The failure queue is deleted, and declared again while failures wait',
    isQuick: false,
    run: failureQueueGone,
  },
  {
    name: 'broker/delivery-limit',
    fault:
      'Messages are given back more often than the delivery limit allows, and go to the returned queue',
    isQuick: false,
    run: deliveryLimit,
  },
];
