/** What is measured, and who takes part. */

export interface Case {
  title: string;
  /** Of our worker (worker.ts). */
  work: 'nothing' | 'output' | 'io' | 'idle' | 'batch' | 'rest';
  broker: 'rabbitmq' | 'kafka';
  unit: 'tasks/s' | 'ms' | '%' | 'MB';
  count: number;
  /** What is asked for, as the docs say it. */
  demand: string;
  /** Settings beside the shipped ones. */
  env?: Record<string, string>;
  processes?: number;
  others: readonly Other[];
}

export const OTHERS = {
  bullmq: 'BullMQ 6 on Redis',
  celery: 'Celery 5.7 on Redis',
} as const;
export type Other = keyof typeof OTHERS;

export const CASES = {
  'kafka-nothing': {
    title: 'no-op, 250 bytes, 20,000 wait in a topic of Kafka',
    ...{ work: 'nothing', broker: 'kafka', unit: 'tasks/s', count: 20_000 },
    demand: '≥ 1,500',
    others: ['bullmq', 'celery'],
  },
  'rabbitmq-results': {
    title: 'the same from RabbitMQ, with an output and results in the database',
    ...{ work: 'output', broker: 'rabbitmq', unit: 'tasks/s', count: 20_000 },
    demand: '≥ 1,000',
    env: { TASK_RESULT_BACKEND: 'database' },
    others: ['bullmq', 'celery'],
  },
  io: {
    title: '10 ms of I/O, 100 at once, from Kafka',
    ...{ work: 'io', broker: 'kafka', unit: 'tasks/s', count: 20_000 },
    demand: '≥ 1,000',
    others: ['bullmq', 'celery'],
  },
  idle: {
    title: 'idle: published → handler begins, p50, one process',
    ...{ work: 'idle', broker: 'rabbitmq', unit: 'ms', count: 100 },
    demand: '≤ 40',
    others: ['bullmq', 'celery'],
  },
  'idle-kafka': {
    title: 'the same from Kafka',
    ...{ work: 'idle', broker: 'kafka', unit: 'ms', count: 100 },
    demand: '≤ 40',
    others: [],
  },
  'idle-two': {
    title: 'the same from RabbitMQ with two processes',
    ...{ work: 'idle', broker: 'rabbitmq', unit: 'ms', count: 100 },
    demand: '≤ 100',
    processes: 2,
    others: [],
  },
  batch: {
    title:
      'batches of 100, one in 1,000 is poison: rate of the others, in % of that without poison',
    ...{ work: 'batch', broker: 'kafka', unit: '%', count: 20_000 },
    demand: '≥ 80',
    others: [],
  },
  memory: {
    title: 'memory of the processes with 10,000 waiting and 10,000 in retry',
    ...{ work: 'rest', broker: 'rabbitmq', unit: 'MB', count: 20_000 },
    demand: '≤ 450',
    others: [],
  },
} as const satisfies Record<string, Case>;

export type CaseName = keyof typeof CASES;
export const isCase = (name: string): name is CaseName => Object.hasOwn(CASES, name);

/** 250 bytes. */
export function bodyOf(n: number, isPoison = false): Buffer {
  const message = { n, at: Date.now(), poison: isPoison, text: '' };
  const text = 'x'.repeat(Math.max(0, 250 - JSON.stringify(message).length));
  return Buffer.from(JSON.stringify({ ...message, text }));
}
