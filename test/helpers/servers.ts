/** The servers a test needs, under names of its own. */
import { randomBytes } from 'node:crypto';
import type { Channel, ChannelModel, GetMessage } from 'amqplib';
import { returnedQueueOf } from '../../src/config/constants.ts';
import { DEFAULTS } from '../../src/config/schema.ts';
import type { Config } from '../../src/config/schema.ts';
import { silent } from '../../src/runtime/log.ts';
import { connectOnce } from '../../src/broker/rabbitmq/connection.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { createPublisher } from '../../src/broker/rabbitmq/publisher.ts';
import type { Publisher } from '../../src/broker/rabbitmq/publisher.ts';
import { ownAddresses } from '../../src/operations/own-servers.ts';
import { openStore } from '../../src/registrations/store.ts';
import type { Store } from '../../src/registrations/store.ts';
import { testConfig } from './configuration.ts';
import { eventually } from './eventually.ts';

/** What tidies up: the context of one test, or `{ after }` of node:test for a whole file. */
export interface Ending {
  after(tidy: () => Promise<void> | void): void;
}

const tidyings = new WeakMap<Ending, (() => Promise<void> | void)[]>();

/**
 * Tidies up when the test ends, the last thing first: node:test does the first thing first, and would delete the queues
 * under a consumer, which then declares them anew. All is tidied up even when some of it fails.
 */
export function atEnd(t: Ending, tidy: () => Promise<void> | void): void {
  const known = tidyings.get(t);
  if (known !== undefined) return void known.push(tidy);
  const all = [tidy];
  tidyings.set(t, all);
  t.after(async () => {
    const failures = await endAll(all);
    if (failures.length > 0) throw new AggregateError(failures, 'not all could be tidied up');
  });
}

/** Does all of it, the last thing first, also when some of it fails. Resolves with what failed; never throws. */
export async function endAll(tidyings: (() => Promise<void> | void)[]): Promise<unknown[]> {
  const failures: unknown[] = [];
  for (const each of tidyings.reverse()) {
    try {
      await each();
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** An address out of the environment. @throws Error that says how to have it set */
export function address(name: 'AMQP_URL' | 'MONGODB_URI' | 'TEMPORAL_ADDRESS'): string {
  const value = process.env[name];
  if (value === undefined || value === '') {
    throw new Error(
      `${name} is not set. Run the tests by "npm test", or take the addresses of running servers: eval "$(npm run --silent engines -- env)"`,
    );
  }
  return value;
}

/** A name that no other test has. */
export const uniqueName = (): string => `test-${randomBytes(6).toString('hex')}`;

/** Our collections in a database of their own. */
export async function testDatabase(
  t: Ending,
  mongodb: Partial<Config['mongodb']> = {},
  mongodbUri = address('MONGODB_URI'),
): Promise<Store> {
  const store = await openStore(
    testConfig({
      mongodbUri,
      mongodb: { database: uniqueName(), ...mongodb },
    }),
    'worker',
  );
  const isOurs = ownAddresses(process.env['DESPACHANTE_INSTANCE'] ?? null).has(mongodbUri);
  atEnd(t, async () => {
    // The store that we bring removes each document by itself, and all others wait for it. Its data go with the next fresh start.
    if (!isOurs) await store.db.dropDatabase();
    await store.close();
  });
  return store;
}

export interface TestQueues {
  rabbit: Config['rabbit'];
  connection: ChannelModel;
  channel: Channel;
  /** Waits for a message and takes it out. */
  take: (queue: string) => Promise<GetMessage>;
  /** Messages that are ready. */
  depth: (queue: string) => Promise<number>;
  /** Waits until as many are ready. */
  hasDepth: (queue: string, depth: number) => Promise<void>;
}

/** The names of three queues, which are declared unless the test is about just that. */
export async function testQueues(
  t: Ending,
  declared = true,
  url = address('AMQP_URL'),
): Promise<TestQueues> {
  const prefix = uniqueName();
  const rabbit: Config['rabbit'] = {
    ...DEFAULTS.rabbit,
    intakeQueue: `${prefix}.registrations`,
    returnedQueue: returnedQueueOf(`${prefix}.registrations`),
    failureQueue: `${prefix}.failures`,
  };
  const connection = await connectOnce(url, prefix, rabbit.heartbeat);
  atEnd(t, async () => {
    // On a connection of its own, as a test may have lost the other one. A queue that is not there is no error.
    await connection.close().catch(() => {});
    const tidying = await connectOnce(url, prefix, rabbit.heartbeat);
    const tidy = await tidying.createChannel();
    for (const queue of [rabbit.intakeQueue, rabbit.returnedQueue, rabbit.failureQueue]) {
      await tidy.deleteQueue(queue);
    }
    await tidying.close();
  });
  if (declared) await declareQueues(connection, rabbit);
  const channel = await connection.createChannel();
  const depth = async (queue: string) => (await channel.checkQueue(queue)).messageCount;
  return {
    rabbit,
    connection,
    channel,
    depth,
    take: (queue) =>
      eventually(`a message in ${queue}`, async () => {
        const message = await channel.get(queue, { noAck: true });
        if (message === false) throw new Error('the queue is empty');
        return message;
      }),
    hasDepth: (queue, wanted) =>
      eventually(`${wanted} messages in ${queue}`, async () => {
        const found = await depth(queue);
        if (found !== wanted) throw new Error(`there are ${found}`);
      }),
  };
}

/** A publisher on a connection of its own, through the given address if it is not the broker's. */
export async function testPublisher(t: Ending, url = address('AMQP_URL')): Promise<Publisher> {
  const publisher = await createPublisher({
    url,
    name: uniqueName(),
    heartbeatMs: 10_000,
    log: silent,
  });
  atEnd(t, () => publisher.close());
  return publisher;
}
