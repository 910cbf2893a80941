// The careful consumer: acknowledges a message only when its result is in MongoDB, so that the broker keeps what is not done.
// Tuned: prefetch 2,000, the most that a channel of a broker with its defaults is usually given (it bounds what is in flight,
// and so the throughput: 2,000 in 15 s); one timer per registration; requests share 256 kept-alive connections.
// What it knowingly gives up: it does not know what it had submitted when the process dies, so the broker's second delivery
// is submitted again.
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

await consume(2_000, async ({ id, body, receivedAt }, ack) => {
  const requestId = await insist(() => submit(id, body));
  let due = Date.now() + firstPollMs;
  for (;;) {
    await sleep(due - Date.now());
    const status = await insist(() => poll(requestId));
    if (status === 'failed') process.stderr.write(`${id} failed\n`);
    if (status === 'failed') return ack();
    if (status === 'done') break;
    due = Math.max(due + nextPollMs, Date.now());
  }
  await insist(() => results.register(id, requestId, receivedAt));
  ack();
});
