/** Which of several servers answers: clients ask them in the order of the list, and wait for half a minute for one that hangs. */
import { Admin } from '@platformatic/kafka';
import { within } from '../../runtime/retry.ts';
import { clientOptions, type KafkaOptions } from './connection.ts';
import { lenient } from './lenient.ts';

const ANSWER_MS = 5_000;

/** With the server in front that answers first; as they are where none does, so that the client tells why. */
export async function answeringFirst(kafka: KafkaOptions): Promise<KafkaOptions> {
  const { bootstrapServers: all } = kafka;
  if (all.length < 2) return kafka;
  const asked = all.map(async (server) => {
    await ask({ ...kafka, bootstrapServers: [server] });
    return server;
  });
  const first = await Promise.any(asked).catch(() => null);
  if (first === null) return kafka;
  return { ...kafka, bootstrapServers: [first, ...all.filter((server) => server !== first)] };
}

async function ask(kafka: KafkaOptions): Promise<void> {
  const options = { ...clientOptions(kafka), requestTimeout: ANSWER_MS };
  const admin = lenient(new Admin(options));
  admin.on('error', () => {});
  try {
    await within(ANSWER_MS, 'metadata', admin.metadata({ topics: [] }));
  } finally {
    void within(ANSWER_MS, 'closing', admin.close()).catch(() => {});
  }
}
