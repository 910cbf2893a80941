// Every setting with its default and its limits. Defaults are written as a user would write them in despachante.yaml;
// what comes out is resolved: milliseconds, bytes, null where something is absent.
import { z } from 'zod';
import {
  amqpUrl,
  headerValue,
  hostAndPort,
  httpUrl,
  legacyUrl,
  mongodbUri,
  secretKey,
} from './addresses.ts';
import { encryption, encryptionKeys } from './encryption.ts';
import { FAILPOINTS, readFailpoint } from '../runtime/failpoint.ts';
import { legacy } from './legacy.ts';
import { databaseIsOurs, mongodb } from './mongodb.ts';
import { temporalTls, tls } from './tls.ts';
import { duration, field, flag, name, numbers, port, size, text, whole, word } from './values.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const queue = () => text('a queue name, not beginning with "amq."', 255, /^(?!amq\.)/);

const temporal = z.strictObject({
  namespace: name('a namespace').prefault('default'),
  taskQueue: name('a task queue').prefault('despachante'),
  localActivities: flag().prefault(true),
  stackTraces: flag().prefault(false),
  webUrl: httpUrl().nullable().prefault(null),
  codecUrl: httpUrl().nullable().prefault(null),
  tls: temporalTls(),
});

const rabbit = z
  .strictObject({
    intakeQueue: queue().prefault('registrations'),
    returnedQueue: queue().prefault('registrations.returned'),
    failureQueue: queue().prefault('dlq_registrations'),
    existingQueues: word(['refuse', 'adopt']).prefault('refuse'),
    webUrl: httpUrl().nullable().prefault(null),
    prefetch: whole(1, 2000).prefault(1000),
    deliveryLimit: whole(1, 1_000_000_000).prefault(1_000_000),
    heartbeat: duration('1s', '5m').prefault('10s'),
    tls: tls('rabbit'),
  })
  .refine((value) => value.failureQueue !== value.intakeQueue, {
    error: 'another queue than rabbit.intakeQueue: a failure would come back as a registration',
    path: ['failureQueue'],
    params: { involves: ['rabbit.intakeQueue'] },
  })
  .refine(
    (value) =>
      value.returnedQueue !== value.intakeQueue && value.returnedQueue !== value.failureQueue,
    {
      error: 'another queue than rabbit.intakeQueue and rabbit.failureQueue',
      path: ['returnedQueue'],
      params: { involves: ['rabbit.intakeQueue', 'rabbit.failureQueue'] },
    },
  );

const intake = z
  .strictObject({
    batchSize: whole(1, 500).prefault(250),
    // Temporal refuses an argument of 2 MB; the rest of a run's state needs room beside the messages.
    batchBytes: size(KIB, MIB).prefault('512KiB'),
    batchWait: duration('0ms', '10s').prefault('20ms'),
    partialBatchesPerSecond: whole(1, 1_000).prefault(2),
    maxMessageBytes: size(1, MIB).prefault('256KiB'),
    maxDepth: whole(1, 1000).prefault(64),
  })
  .refine((value) => value.batchBytes >= 4 * Math.ceil(value.maxMessageBytes / 3), {
    error:
      'at least 4/3 of intake.maxMessageBytes, because a batch carries its messages in base64 (raise batchBytes or lower maxMessageBytes)',
    path: ['batchBytes'],
    params: { involves: ['intake.maxMessageBytes'] },
    when: ({ value }) => numbers(value, 'batchBytes', 'maxMessageBytes'),
  });

const registration = z.strictObject({
  idField: field().prefault('id'),
  maxIdBytes: whole(1, 200).prefault(200),
  hashIds: flag().prefault(false),
});

const worker = z.strictObject({
  maxConcurrentActivities: whole(1, 10_000).prefault(200),
  maxCachedWorkflows: whole(0, 100_000).prefault(1000),
  shutdownGrace: duration('0ms', '1h').prefault('15s'),
});

const guard = z.strictObject({
  maxMemory: size(64 * MIB, 1024 * 1024 * MIB)
    .nullable()
    .prefault(null),
  maxLoopDelay: duration('50ms', '1m').prefault('1s'),
});

const sweeper = z.strictObject({
  enabled: flag().prefault(true),
  every: duration('10s', '1d').prefault('5m'),
  olderThan: duration('0ms', '30d').prefault('10m'),
});

const health = z.strictObject({
  host: name('a host name or address to listen on').prefault('127.0.0.1'),
  intakePort: port().prefault(9464),
  workerPort: port().prefault(9465),
});

const log = z.strictObject({
  level: word(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info'),
  format: word(['auto', 'json', 'pretty']).prefault('auto'),
});

const failpoint = () => {
  const expected = `a failpoint, alone or with the passage to die at (submit-opened:3), of: ${FAILPOINTS.join(', ')}`;
  return z.string(expected).refine((value) => readFailpoint(value) !== null, expected);
};

// The rest of the configuration may be wrong: this fault is to be told together with the others.
const idsAreHashed = z.object({ registration: z.object({ hashIds: z.literal(true) }) });
const hashesIds = (value: unknown) => idsAreHashed.safeParse(value).success;

/** The whole configuration. Every key has a default, so `{}` is a valid input. */
export const configSchema = z
  .strictObject({
    amqpUrl: amqpUrl().prefault('amqp://localhost:5672'),
    mongodbUri: mongodbUri().prefault('mongodb://localhost:27017/despachante'),
    temporalAddress: hostAndPort().prefault('localhost:7233'),
    temporalApiKey: headerValue().nullable().prefault(null),
    legacyUrl: legacyUrl().prefault('http://localhost:9997'),
    legacyAuthorization: headerValue().nullable().prefault(null),
    registrationIdKey: secretKey().nullable().prefault(null),
    encryptionKeys: encryptionKeys().nullable().prefault(null),
    codecToken: secretKey().nullable().prefault(null),
    temporal: temporal.readonly().prefault({}),
    rabbit: rabbit.readonly().prefault({}),
    intake: intake.readonly().prefault({}),
    registration: registration.readonly().prefault({}),
    legacy: legacy.readonly().prefault({}),
    mongodb: mongodb.readonly().prefault({}),
    worker: worker.readonly().prefault({}),
    guard: guard.readonly().prefault({}),
    sweeper: sweeper.readonly().prefault({}),
    encryption: encryption.readonly().prefault({}),
    health: health.readonly().prefault({}),
    log: log.readonly().prefault({}),
    failpoint: failpoint().nullable().prefault(null),
  })
  .refine((value) => !value.registration.hashIds || value.registrationIdKey !== null, {
    error: 'a key of 16 characters or more, because registration.hashIds is true',
    path: ['registrationIdKey'],
    params: { involves: ['registration.hashIds'] },
    when: ({ value }) => hashesIds(value),
  })
  .refine(databaseIsOurs.check, {
    error: databaseIsOurs.error,
    path: ['mongodbUri'],
    params: { involves: ['mongodb.database'] },
    when: ({ value }) => databaseIsOurs.when(value),
  })
  .readonly();

/** The resolved configuration: durations in milliseconds, sizes in bytes, null where something is absent; frozen. */
export type Config = z.output<typeof configSchema>;

/** What holds where nobody says otherwise. */
export const DEFAULTS: Config = configSchema.parse({});
