/** A process that is a member of a group: it tells each message on stdout and acknowledges it a little later. SIGTERM has it leave. */
import { setTimeout as delay } from 'node:timers/promises';
import { createKafkaSource } from '../../src/broker/kafka/consumer.ts';
import { silent } from '../../src/runtime/log.ts';
import { kafkaOptions } from './kafka.ts';

const [topic = '', group = ''] = process.argv.slice(2);
const HAND_OVER_MS = 40;

const open = createKafkaSource({
  ...{ kafka: kafkaOptions(), topic, group, sessionMs: 6_000, prefetch: 50 },
  log: silent,
});
const source = await open(({ body, key, ack }) => {
  process.stdout.write(`${key?.toString()} ${body.toString()}\n`);
  void delay(HAND_OVER_MS).then(ack);
});
await source.resume();
process.once('SIGTERM', () => {
  void source
    .pause()
    .then(() => delay(2 * HAND_OVER_MS))
    .then(() => source.close())
    .then(() => process.exit(0));
});
