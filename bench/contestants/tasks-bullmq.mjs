// BullMQ on Redis, for the bench of tasks (bench/tasks): `node tasks-bullmq.mjs fill <count>`, `drip <count>` or `work`.
// Tuned: jobs are added in bulk; concurrency 100 in one process. As ours does, each job has an id that keeps duplicates out
// for as long as it is kept, four attempts, and rests that double from 1 s. What differs: the handler runs in the process of the worker,
// messages are not validated, not encrypted, and are gone from disk for a second if the machine dies (appendfsync everysec); results are kept
// in the job, and nothing is published.
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';

const { REDIS_URL, BENCH_CASE, BENCH_FOLDER, BENCH_NAME } = process.env;
const { hostname: host, port } = new URL(REDIS_URL);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

const jobOf = (n) => {
  const message = { n, at: Date.now(), poison: false, text: '' };
  const text = 'x'.repeat(250 - JSON.stringify(message).length);
  return {
    name: 'task',
    data: { ...message, text },
    opts: {
      jobId: `m-${n}`,
      attempts: 4,
      backoff: { type: 'exponential', delay: 1_000 },
      removeOnComplete: { age: 86_400 },
    },
  };
};

async function fill(count) {
  const queue = new Queue(BENCH_NAME, { connection });
  for (let n = 0; n < count; n += 1_000)
    await queue.addBulk(Array.from({ length: 1_000 }, (_, at) => jobOf(n + at)));
  await queue.close();
}

/** One at a time. */
async function drip(count) {
  const queue = new Queue(BENCH_NAME, { connection });
  for (let n = 0; n < count; n++) {
    const { name, data, opts } = jobOf(n);
    await queue.add(name, data, opts);
    await delay(250 + Math.random() * 250);
  }
  await queue.close();
}

const handlers = {
  nothing: () => undefined,
  output: ({ data }) => ({ n: data.n }),
  io: () => delay(10),
  idle: ({ data }) => appendFileSync(join(BENCH_FOLDER, 'late.txt'), `${Date.now() - data.at}\n`),
};

async function work() {
  let count = 0;
  let first = 0;
  const handle = handlers[BENCH_CASE];
  const worker = new Worker(
    BENCH_NAME,
    async (job) => {
      first ||= Date.now();
      return handle(job);
    },
    { connection, concurrency: 100 },
  );
  let last = 0;
  worker.on('completed', () => {
    count += 1;
    last = Date.now();
  });
  const tell = () => writeFileSync(join(BENCH_FOLDER, 'told.1'), `${count} ${first} ${last}\n`);
  setInterval(tell, 200);
  await worker.waitUntilReady();
}

const [what, count] = process.argv.slice(2);
await { fill, drip, work }[what](Number(count));
