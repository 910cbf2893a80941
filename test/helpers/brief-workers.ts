/** A process that starts a worker again and again and stops it while it starts. It ends by itself when nothing of them is left. */
import { setTimeout as delay } from 'node:timers/promises';
import { connectTemporal } from '../../src/temporal/client.ts';
import { callerOf, sampleConfig, sampleWorker, startWorker } from './workers.ts';

const [, , name = '', amqpUrl = '', ...stops] = process.argv;
const config = sampleConfig(name, { amqpUrl });
const client = await connectTemporal(config);
const caller = callerOf(() => ({ kind: 'done', outgoing: [] }));
for (const ms of stops.map(Number)) {
  const running = await startWorker(config, sampleWorker(name), caller, client);
  // Wherever it is by then.
  await delay(ms);
  await running.stop();
  process.stdout.write(`stopped after ${ms}\n`);
}
await client.connection.close();
