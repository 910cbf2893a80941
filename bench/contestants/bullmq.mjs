// BullMQ on Redis (append-only file, fsync each second: the setting that BullMQ's documentation recommends). One job per
// registration that goes through steps: submit, then poll by moving itself to the delayed set, as "process step jobs"
// of the documentation does. A message is acknowledged once its job is in Redis.
// Tuned: messages are added in bulk (20 ms or 500); one worker with concurrency 256, as many as there are connections; the
// request id is saved in the same step as the delay's start (updateData before moveToDelayed); a short lock (10 s) and a
// look for stalled jobs each 5 s, so that a crash is noticed soon (defaults: 30 s and 30 s); a stalled job is never given
// up; finished jobs stay for an hour, since their id is what tells a message that is delivered twice.
import { DelayedError, Queue, Worker } from 'bullmq';
import { consumeInBulk, firstPollMs, nextPollMs, openResults, poll, submit } from './common.mjs';

const { hostname: host, port } = new URL(process.env.REDIS_URL);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const name = 'registrations';
const queue = new Queue(name, { connection });
const results = await openResults();

async function process_(job, token) {
  const { id, body, receivedAt, requestId, due } = job.data;
  if (requestId === undefined) {
    const accepted = await submit(id, body);
    const first = Date.now() + firstPollMs;
    await job.updateData({ id, receivedAt, requestId: accepted, due: first });
    await job.moveToDelayed(first, token);
    throw new DelayedError();
  }
  const status = await poll(requestId);
  if (status === 'failed') return status;
  if (status === 'done') {
    await results.register(id, requestId, new Date(receivedAt));
    return status;
  }
  const next = Math.max(due + nextPollMs, Date.now());
  await job.updateData({ id, receivedAt, requestId, due: next });
  await job.moveToDelayed(next, token);
  throw new DelayedError();
}

const worker = new Worker(name, process_, {
  connection,
  autorun: false,
  concurrency: 256,
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 1_000,
});
worker.on('error', (error) => process.stderr.write(`${error.message}\n`));
await worker.waitUntilReady();

await consumeInBulk(1_000, (batch) =>
  queue.addBulk(
    batch.map(({ id, body, receivedAt }) => ({
      name: 'register',
      data: { id, body, receivedAt },
      opts: {
        jobId: id,
        attempts: 1_000,
        backoff: { type: 'fixed', delay: nextPollMs },
        removeOnComplete: { age: 3_600 },
      },
    })),
  ),
);
void worker.run();
