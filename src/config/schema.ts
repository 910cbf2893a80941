// Every setting with its default and its limits. Defaults are written as a user would write them in despachante.yaml;
// what comes out is resolved: milliseconds, bytes, null where something is absent.
import { z } from 'zod';
import {
  amqpUrl,
  headerValue,
  hostAndPort,
  httpUrl,
  kafkaServers,
  legacyUrl,
  mongodbUri,
  proxyUrl,
  redisUrl,
  secretKey,
} from './addresses.ts';
import {
  batchBytesOf,
  CONSTANTS,
  MOST_MESSAGE_BYTES,
  prefetchOf,
  returnedQueueOf,
  type Constants,
} from './constants.ts';
import { encryption, encryptionKeys } from './encryption.ts';
import { FAILPOINTS, readFailpoint } from '../runtime/failpoint.ts';
import { grpcProxyVariable } from './grpc-proxy.ts';
import { legacy } from './legacy.ts';
import { resolved } from './sent.ts';
import type { Environment } from './tree.ts';
import {
  collectionIsTheirs,
  databaseIsOurs,
  mongodb,
  NOT_OUR_DATABASE,
  NOT_THEIR_COLLECTION,
} from './mongodb.ts';
import { kafka } from './kafka.ts';
import { ops } from './ops.ts';
import { page } from './page.ts';
import { tasks } from './tasks.ts';
import { temporalTls, tls } from './tls.ts';
import {
  areSound,
  duration,
  flag,
  idPointer,
  name,
  port,
  size,
  text,
  whole,
  word,
} from './values.ts';

const queue = (longest = 255) =>
  text('a queue name, not beginning with "amq."', longest, /^(?!amq\.)/);

const temporal = z.strictObject({
  namespace: name('a namespace').prefault('default'),
  taskQueue: name('a task queue').prefault('despachante'),
  webUrl: httpUrl().nullable().prefault(null),
  codecUrl: httpUrl().nullable().prefault(null),
  tls: temporalTls(),
});

const rabbit = z
  .strictObject({
    intakeQueue: queue(255 - returnedQueueOf('').length).prefault('registrations'),
    failureQueue: queue().prefault('dlq_registrations'),
    existingQueues: word(['refuse', 'adopt']).prefault('refuse'),
    webUrl: httpUrl().nullable().prefault(null),
    tls: tls('rabbit'),
  })
  .refine((value) => value.failureQueue !== value.intakeQueue, {
    error: 'another queue than rabbit.intakeQueue: a failure would come back as a registration',
    path: ['failureQueue'],
    params: { involves: ['rabbit.intakeQueue'] },
  })
  .refine((value) => value.failureQueue !== returnedQueueOf(value.intakeQueue), {
    error: 'another queue than the one that intake reads beside rabbit.intakeQueue',
    path: ['failureQueue'],
    params: { involves: ['rabbit.intakeQueue'] },
  });

const intake = z.strictObject({
  batchSize: whole(1, 500).prefault(250),
  maxMessageBytes: size(1, MOST_MESSAGE_BYTES).prefault('256KiB'),
});

const registration = z.strictObject({
  id: idPointer().prefault('/id'),
  hashIds: flag().prefault(false),
});

const worker = z.strictObject({ shutdownGrace: duration('0ms', '1h').prefault('15s') });

const sweeper = z.strictObject({ enabled: flag().prefault(true) });

const health = z.strictObject({
  host: name('a host name or address to listen on').prefault('127.0.0.1'),
  intakePort: port().prefault(9464),
  workerPort: port().prefault(9465),
  tasksPort: port().prefault(9466),
});

const log = z.strictObject({
  level: word(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).prefault('info'),
  format: word(['auto', 'json', 'pretty']).prefault('auto'),
});

const failpoint = () => {
  const expected = `a failpoint, alone or with the passage to die at (submit-opened:3), of: ${FAILPOINTS.join(', ')}`;
  return z.string(expected).refine((value) => readFailpoint(value) !== null, expected);
};

/** The whole configuration. Every key has a default, so `{}` is a valid input. */
export const configSchema = z
  .strictObject({
    amqpUrl: amqpUrl().prefault('amqp://localhost:5672'),
    mongodbUri: mongodbUri().prefault('mongodb://localhost:27017/despachante'),
    temporalAddress: hostAndPort().prefault('localhost:7233'),
    temporalApiKey: headerValue().nullable().prefault(null),
    legacyUrl: legacyUrl().prefault('http://localhost:9997'),
    legacyAuthorization: headerValue().nullable().prefault(null),
    legacyProxy: proxyUrl().nullable().prefault(null),
    registrationIdKey: secretKey().nullable().prefault(null),
    encryptionKeys: encryptionKeys().nullable().prefault(null),
    codecToken: secretKey().nullable().prefault(null),
    pageToken: secretKey().nullable().prefault(null),
    pageViewToken: secretKey().nullable().prefault(null),
    temporal: temporal.readonly().prefault({}),
    rabbit: rabbit.readonly().prefault({}),
    intake: intake.readonly().prefault({}),
    registration: registration.readonly().prefault({}),
    legacy: legacy.readonly().prefault({}),
    mongodb: mongodb.readonly().prefault({}),
    worker: worker.readonly().prefault({}),
    sweeper: sweeper.readonly().prefault({}),
    tasks: tasks.readonly().prefault({}),
    kafka: kafka.readonly().prefault({}),
    kafkaBootstrapServers: kafkaServers().prefault('localhost:9092'),
    redisUrl: redisUrl().prefault('redis://localhost:6379'),
    kafkaUsername: headerValue().nullable().prefault(null),
    kafkaPassword: headerValue().nullable().prefault(null),
    encryption: encryption.readonly().prefault({}),
    ops: ops.readonly().prefault({}),
    page: page.readonly().prefault({}),
    health: health.readonly().prefault({}),
    log: log.readonly().prefault({}),
    failpoint: failpoint().nullable().prefault(null),
  })
  .refine((value) => !value.registration.hashIds || value.registrationIdKey !== null, {
    error: 'a key of 16 characters or more, because registration.hashIds is true',
    path: ['registrationIdKey'],
    params: { involves: ['registration.hashIds'] },
    when: areSound('registration.hashIds', 'registrationIdKey'),
  })
  .refine(databaseIsOurs, NOT_OUR_DATABASE)
  .refine(collectionIsTheirs, NOT_THEIR_COLLECTION)
  .readonly();

/** What somebody may set, resolved: durations in milliseconds, sizes in bytes, null where something is absent; frozen. */
export type Settings = z.output<typeof configSchema>;

/** What holds where nobody says otherwise. */
export const STANDARD: Settings = configSchema.parse({});

const both = <A extends object, B extends object>(a: A, b: B): Readonly<A & B> =>
  Object.freeze({ ...a, ...b });

/** The settings, with what follows from them and what nobody may set. */
export const complete = (
  settings: Settings,
  constants: Constants = CONSTANTS,
  env: Environment = {},
) => {
  const { temporal, rabbit, intake, registration, legacy, worker, sweeper } = settings;
  return Object.freeze({
    ...settings,
    temporal: both(temporal, {
      ...constants.temporal,
      proxyVariable: grpcProxyVariable(settings.temporalAddress, env),
    }),
    rabbit: both(rabbit, {
      ...constants.rabbit,
      returnedQueue: returnedQueueOf(rabbit.intakeQueue),
      prefetch: prefetchOf(intake.batchSize),
      // Of a worker's queue alone, where it keeps the order of keys.
      isOrdered: false,
    }),
    intake: both(intake, {
      ...constants.intake,
      batchBytes: batchBytesOf(intake.maxMessageBytes),
    }),
    registration: both(registration, constants.registration),
    legacy: both(legacy, {
      ...constants.legacy,
      sentHeaders: resolved(legacy.headers, env),
      sentQuery: resolved(legacy.query, env),
      breaker: both(legacy.breaker, constants.breaker),
    }),
    worker: both(worker, constants.worker),
    sweeper: both(sweeper, constants.sweeper),
    guard: constants.guard,
  });
};

/** All that a process goes by; frozen. */
export type Config = ReturnType<typeof complete>;

export const DEFAULTS: Config = complete(STANDARD);
