// The careful consumer: acknowledges a message only when its result is in MongoDB, so that the broker keeps what is not done.
// Tuned: prefetch 2,000, the most that a channel of a broker with its defaults is usually given (it bounds what is in flight,
// and so the throughput: 2,000 in 15 s); one timer per registration; requests share 256 kept-alive connections.
// What it knowingly gives up: it does not know what it had submitted when the process dies, so the broker's second delivery
// is submitted again.
import { consume, ended, insist, openResults, submit } from './common.mjs';

const results = await openResults();

await consume(2_000, async ({ id, body, receivedAt }, ack) => {
  const requestId = await insist(() => submit(id, body));
  const status = await ended(requestId);
  if (status === 'failed') process.stderr.write(`${id} failed\n`);
  else await insist(() => results.register(id, requestId, receivedAt));
  ack();
});
