/**
 * A process that runs the sample worker in the order of its keys, and notes in a file when a call begins and how it ends: lines are
 * added whole, and stand in their order, whichever process they are of. SIGTERM has it leave.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { connectTemporal } from '../../src/temporal/client.ts';
import type { Channel, Ended } from '../../src/workers/call.ts';
import { callerOf, sampleConfig, sampleWorker, startWorker } from './workers.ts';

const [name = '', broker, from = '', group = '', notes = ''] = process.argv.slice(2);
const isKafka = broker === 'kafka';
const source: Channel = isKafka
  ? { broker: 'kafka', name: from, group }
  : { broker: 'rabbitmq', name: from };

const body = z.object({ n: z.number() });
const HANDLED_MS = 2;

const config = sampleConfig(name);
const worker = sampleWorker(name, {
  ...{ from: source, isOrdered: true, concurrency: 20 },
  ...(isKafka ? { deadLetters: null } : {}),
});
const client = await connectTemporal(config);
const running = await startWorker(
  config,
  worker,
  callerOf(async (call): Promise<Ended> => {
    const { n } = body.parse(JSON.parse(Buffer.from(call.body, 'base64').toString()));
    const note = (what: string) => appendFileSync(notes, `${call.key} ${n} ${what}\n`);
    note('begun');
    await delay(HANDLED_MS);
    // One in a hundred fails twice, whatever its key.
    if (n % 101 === 7 && call.attempt <= 2) {
      note('again');
      return { kind: 'again', reason: 'not yet', class: 'Error', retryAfter: null };
    }
    note('done');
    return { kind: 'done', result: null, outgoing: [] };
  }),
  client,
);
process.once('SIGTERM', () => void running.stop().then(() => process.exit(0)));
process.stdout.write('ready\n');
