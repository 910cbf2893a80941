/**
 * What is the same for everybody: measured, or chosen once. What follows from settings is beside it. A constant is no setting; the
 * tests alone change some, since nobody waits ten minutes for a sweep there.
 */
import { z } from 'zod';
import { withValue } from './tree.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const number = (standard: number) => z.number().min(0).prefault(standard);
const group = <S extends z.ZodRawShape>(shape: S) => z.strictObject(shape).readonly();

const schema = group({
  // A local attempt takes a third off the server's work. The tests also try each step as an activity of its own.
  temporal: group({ localActivities: z.boolean().prefault(true) }).prefault({}),
  rabbit: group({
    // The default of RabbitMQ 4 is 20, which a long outage of Temporal could use up.
    deliveryLimit: number(1_000_000),
    // A connection that is silent for twice as long counts as lost.
    heartbeat: number(10 * SECOND),
    // A record that is not in the failure queue may be held by whoever reads it.
    heldFor: number(MINUTE),
  }).prefault({}),
  intake: group({
    batchWait: number(5),
    // Under a steady stream the next run waits, and fills: a run costs much the same CPU whatever it carries.
    partialBatchesPerSecond: number(2),
    maxDepth: number(64),
  }).prefault({}),
  registration: group({ maxIdBytes: number(200) }).prefault({}),
  legacy: group({ maxResponseBytes: number(MIB), maxPollInterval: number(MINUTE) }).prefault({}),
  breaker: group({
    window: number(10 * SECOND),
    minRequests: number(20),
    rest: number(5 * SECOND),
    maxRest: number(MINUTE),
    rampUp: number(10 * SECOND),
  }).prefault({}),
  worker: group({
    maxConcurrentActivities: number(200),
    maxCachedWorkflows: number(1_000),
  }).prefault({}),
  // Three quarters of what the process may have, where it is null.
  guard: group({
    maxMemory: number(0).nullable().prefault(null),
    maxLoopDelay: number(SECOND),
  }).prefault({}),
  sweeper: group({ every: number(5 * MINUTE), olderThan: number(10 * MINUTE) }).prefault({}),
});

export type Constants = z.output<typeof schema>;
export const CONSTANTS: Constants = schema.parse({});

/** Of the tests alone: `sweeper.olderThan=0 rabbit.heartbeat=1000`. */
export const TEST_CONSTANTS = 'DESPACHANTE_TEST_CONSTANTS';

/** What a test changes; the result of zod says whether it can be. */
export const readConstants = (text: string) =>
  schema.safeParse(
    (text === '' ? [] : text.split(' ')).reduce<unknown>((tree, each) => {
      const [path = '', value = ''] = each.split('=');
      const read = /^(true|false)$/.test(value) ? value === 'true' : Number(value || NaN);
      return withValue(tree, path.split('.'), read);
    }, {}),
  );

/** Where the broker puts what it has given back too often; intake reads it like its own queue. */
export const returnedQueueOf = (intakeQueue: string): string => `${intakeQueue}.returned`;

/** Four batches: one that starts, one that is gathered, and what fills the next at once. */
export const prefetchOf = (batchSize: number): number =>
  Math.min(Math.max(4 * batchSize, 100), 2_000);

/** Temporal refuses an argument of 2 MB. A batch carries its messages in base64, and one message must fit. */
export const batchBytesOf = (maxMessageBytes: number): number =>
  Math.max(512 * KIB, 4 * Math.ceil(maxMessageBytes / 3));

/** Larger in base64 than 1 MiB, it would leave a run no room for the rest of its state. */
export const MOST_MESSAGE_BYTES = 768 * KIB;
