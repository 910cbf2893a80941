// Reads queues.yaml: the queues of workers, each with a broker of its own. The keys are those of the template that users come from.
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, type Fault } from './faults.ts';
import { readConfigFile } from './file.ts';
import { httpHandler, type HttpHandler } from './http-handler.ts';
import { flag, name, port, text, whole, word } from './values.ts';
import { faultAt, readWritten, type Written } from './written.ts';

export const QUEUES_FILE = 'queues.yaml';

/** A queue, and how its broker is reached. */
export interface QueueSetting {
  /** Topics of Kafka are here for their handlers alone: they are on the brokers that all workers share. */
  type: 'rabbitmq' | 'kafka';
  name: string;
  /** With the credentials. */
  url: string;
  tls: { caFile: string | null; certFile: string | null; keyFile: string | null };
  heartbeatMs: number;
  /** Whether a worker takes from it. */
  consumer: boolean;
  /** Whether messages may be sent to it. */
  publisher: boolean;
  /** False: what fails for good stays in its claim. */
  hasDeadLetters: boolean;
  /** Takes from it, where the code of no worker says so; or the name of the worker that `handler` makes. */
  worker: string | null;
  /** Sends each message on, without any code. */
  handler: HttpHandler | null;
}

const pem = () => text('the path of a PEM file, or null', 1_000).nullable().prefault(null);

const queue = z.strictObject({
  name: text('a queue name, not beginning with "amq."', 240, /^(?!amq\.)/),
  type: word(['rabbitmq', 'kafka']).prefault('rabbitmq'),
  broker_url: text(
    'a host name, or the address of a broker, with user and password if it wants them',
    1_000,
    /^\S+$/,
  ).prefault('localhost'),
  port: port().nullable().prefault(null),
  ssl: flag().prefault(false),
  ssl_context: z
    .strictObject(
      { ca_file: pem(), cert_file: pem(), key_file: pem() },
      'null, or a mapping with ca_file, cert_file and key_file',
    )
    .nullable()
    .prefault(null),
  heartbeat: whole(1, 86_400).prefault(30),
  enable_consumer: flag().prefault(true),
  enable_publisher: flag().prefault(true),
  enable_dlq: flag().prefault(true),
  worker: name('the name of a worker').nullable().prefault(null),
  handler: httpHandler()
    .extend({ type: word(['http']).prefault('http') })
    .nullable()
    .prefault(null),
});

export const queuesSchema = z.strictObject(
  { queues: z.array(queue, 'a list of queues').min(1, 'a queue at least') },
  'a mapping with the key queues',
);

const KEYS = Object.keys(queue.shape);
const HANDLER_KEYS = ['type', ...Object.keys(httpHandler().shape)];

/**
 * The queues of the file, and none where nobody names it and it is not there.
 * @throws ConfigError with every fault at once, each with its line
 */
export function readQueues(file: string | undefined): QueueSetting[] {
  if (file === undefined && !existsSync(QUEUES_FILE)) return [];
  const written: Written = {
    ...readConfigFile(file ?? QUEUES_FILE),
    name: QUEUES_FILE,
    keysAt: (path) =>
      path.length === 0 ? ['queues'] : path.includes('handler') ? HANDLER_KEYS : KEYS,
    isOpen: (path) => !path.includes('broker_url') && !path.includes('handler'),
  };
  const { queues } = readWritten(queuesSchema, written);
  const twice = queues.flatMap((each, at) => {
    const first = queues.findIndex((other) => other.name === each.name);
    if (first === at) return [];
    const path = ['queues', at, 'name'];
    return [
      faultAt(
        written,
        path,
        'a name that no other queue of the file has',
        JSON.stringify(each.name),
      ),
    ];
  });
  const odd = queues.flatMap((each, at) => oddAddress(written, each, at));
  if (twice.length + odd.length > 0) throw new ConfigError([...twice, ...odd]);
  return queues.map(settingOf);
}

type Queue = z.output<typeof queue>;

function oddAddress(written: Written, each: Queue, at: number): Fault[] {
  const faults: Fault[] = [];
  const told = (key: string, expected: string, got: string) =>
    faults.push(faultAt(written, ['queues', at, key], expected, got));
  if (each.type === 'kafka' && each.handler === null)
    told(
      'type',
      'a handler beside it: a worker in code names its topic itself, by from: kafka(…)',
      'a topic without one',
    );
  if (each.type === 'kafka' && each.broker_url !== 'localhost')
    told(
      'broker_url',
      'nothing: topics are on the brokers of KAFKA_BOOTSTRAP_SERVERS',
      'an address',
    );
  if (addressOf(each) === null)
    told(
      'broker_url',
      'a host name, or an address such as amqp://user:password@host/vhost',
      'text that is no address',
    );
  if (each.ssl_context !== null && !addressOf(each)?.startsWith('amqps:'))
    told('ssl_context', 'ssl: true, since there are certificates', 'a connection without TLS');
  const { cert_file = null, key_file = null } = each.ssl_context ?? {};
  if ((cert_file === null) !== (key_file === null))
    told('ssl_context', 'cert_file and key_file, both or neither', 'one of them');
  return faults;
}

/** Null where it is none. What the address itself says of scheme and port counts. */
function addressOf({ broker_url, port: given, ssl }: Queue): string | null {
  const scheme = ssl ? 'amqps' : 'amqp';
  const address = /^amqps?:\/\//.test(broker_url) ? broker_url : `${scheme}://${broker_url}`;
  if (!URL.canParse(address)) return null;
  const url = new URL(ssl ? address.replace(/^amqp:/, 'amqps:') : address);
  if (url.hostname === '') return null;
  if (url.port === '') url.port = String(given ?? (url.protocol === 'amqps:' ? 5671 : 5672));
  return url.href;
}

function settingOf(each: Queue): QueueSetting {
  const { ca_file = null, cert_file = null, key_file = null } = each.ssl_context ?? {};
  return {
    name: each.name,
    url: addressOf(each) ?? '',
    tls: { caFile: ca_file, certFile: cert_file, keyFile: key_file },
    heartbeatMs: each.heartbeat * 1_000,
    consumer: each.enable_consumer,
    publisher: each.enable_publisher,
    hasDeadLetters: each.enable_dlq,
    worker: each.worker,
    handler: each.handler,
    type: each.type,
  };
}
