// The consumer that most begin with: acknowledges each message as it arrives and keeps its state in memory.
// Tuned: prefetch 1,000; one timer per registration; requests share 256 kept-alive connections.
// What it knowingly gives up: whatever is in memory when the process dies.
import { setTimeout as sleep } from 'node:timers/promises';
import { consume, firstPollMs, nextPollMs, openResults, poll, submit } from './common.mjs';

const results = await openResults();

/** Does it again after a second, for as long as it fails. */
async function insist(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      process.stderr.write(`${error.message}\n`);
      await sleep(nextPollMs);
    }
  }
}

async function handle({ id, body, receivedAt }) {
  const requestId = await insist(() => submit(id, body));
  let due = Date.now() + firstPollMs;
  for (;;) {
    await sleep(due - Date.now());
    const status = await insist(() => poll(requestId));
    if (status === 'done') break;
    if (status === 'failed') return process.stderr.write(`${id} failed\n`);
    due = Math.max(due + nextPollMs, Date.now());
  }
  await insist(() => results.register(id, requestId, receivedAt));
}

await consume(1_000, (message, ack) => {
  ack();
  void handle(message);
});
