// The consumer that most begin with: acknowledges each message as it arrives and keeps its state in memory.
// Tuned: prefetch 1,000; one timer per registration; requests share 256 kept-alive connections.
// What it knowingly gives up: whatever is in memory when the process dies.
import { consume, ended, insist, openResults, submit } from './common.mjs';

const results = await openResults();

async function handle({ id, body, receivedAt }) {
  const requestId = await insist(() => submit(id, body));
  const status = await ended(requestId);
  if (status === 'failed') return process.stderr.write(`${id} failed\n`);
  await insist(() => results.register(id, requestId, receivedAt));
}

await consume(1_000, (message, ack) => {
  ack();
  void handle(message);
});
