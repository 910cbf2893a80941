// pg-boss 10 on PostgreSQL (as Debian configures it: fsync and synchronous_commit on). Two queues: a job to submit becomes a
// job to poll with a start time in the future, which is put off with a successor while the legacy system is busy. A message is
// acknowledged once its job is in PostgreSQL.
// Tuned: everything in bulk; fetch() in loops of our own instead of work(), whose polling interval is half a second at least:
// a loop that got a full batch asks again at once, else after 100 ms; batches of 250, eight loops for each queue;
// a batch's successors are inserted before it is completed, so that nothing is lost between the two; jobs that a dead process
// had are given out again after 10 s (default: 15 min), looked for each second; no archiving, no schedules.
import { setTimeout as sleep } from 'node:timers/promises';
import PgBoss from 'pg-boss';
import { consumeInBulk, firstPollMs, nextPollMs, openResults, poll, submit } from './common.mjs';

const boss = new PgBoss({
  connectionString: process.env.POSTGRES_URL,
  max: 20,
  schedule: false,
  maintenanceIntervalSeconds: 1,
  monitorStateIntervalSeconds: 60,
});
boss.on('error', (error) => process.stderr.write(`${error.message}\n`));
await boss.start();
for (const queue of ['submit', 'poll']) {
  await boss.createQueue(queue, { name: queue, retryLimit: 1_000, expireInSeconds: 10 });
}
const results = await openResults();
const job = (name, data, startAfter) => ({
  name,
  data,
  startAfter: new Date(startAfter),
  retryLimit: 1_000,
  expireInSeconds: 10,
});

async function submitOne({ id, body, receivedAt }) {
  const requestId = await submit(id, body);
  const due = Date.now() + firstPollMs;
  return job('poll', { id, requestId, receivedAt, due }, due);
}

async function pollOne({ id, requestId, receivedAt, due }) {
  const status = await poll(requestId);
  if (status === 'done') await results.register(id, requestId, new Date(receivedAt));
  if (status !== 'processing') return null;
  const next = Math.max(due + nextPollMs, Date.now());
  return job('poll', { id, requestId, receivedAt, due: next }, next);
}

async function run(queue, step) {
  for (;;) {
    try {
      const jobs = (await boss.fetch(queue, { batchSize: 250, priority: false })) ?? [];
      if (jobs.length > 0) await work(queue, jobs, step);
      if (jobs.length < 250) await sleep(100);
    } catch (error) {
      process.stderr.write(`${error.message}\n`);
      await sleep(nextPollMs);
    }
  }
}

async function work(queue, jobs, step) {
  const ended = await Promise.allSettled(jobs.map(({ data }) => step(data)));
  const successors = ended.flatMap(({ value }) => value ?? []);
  const well = jobs.filter((_, index) => ended[index].status === 'fulfilled');
  if (successors.length > 0) await boss.insert(successors);
  if (well.length > 0)
    await boss.complete(
      queue,
      well.map(({ id }) => id),
    );
  const ill = jobs.filter((each) => !well.includes(each)).map(({ id }) => id);
  if (ill.length > 0) await boss.fail(queue, ill);
}

await consumeInBulk(1_000, (batch) =>
  boss.insert(
    // Not 0: a job is kept for some days from its start, and one that should have started long ago is swept away unseen.
    batch.map(({ id, body, receivedAt }) => job('submit', { id, body, receivedAt }, Date.now())),
  ),
);
for (let loop = 0; loop < 8; loop++) {
  void run('submit', submitOne);
  void run('poll', pollOne);
}
