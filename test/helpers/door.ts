/** This process as a program that uses the package: settings of its own for each test, on real servers. */
import { configure, disconnect, type ProcessOptions } from 'despachante';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { connectOnce } from '../../src/broker/rabbitmq/connection.ts';
import { address, atEnd, uniqueName, type Ending } from './servers.ts';

Runtime.install({ logger: new DefaultLogger('ERROR'), shutdownSignals: [] });

export interface TestProgram {
  /** Of its database and its task queue. */
  name: string;
  /** That workers without a source take from. */
  queue: string;
  env: Record<string, string>;
}

/** Variables for a program of its own, and its queues away when the test ends. */
export function testProgram(t: Ending, more: Record<string, string> = {}): TestProgram {
  const name = uniqueName();
  const queue = `${name}.tasks`;
  atEnd(t, async () => {
    const connection = await connectOnce(address('AMQP_URL'), name, 10_000);
    const channel = await connection.createChannel();
    for (const each of [queue, `${queue}.returned`, `dlq_${queue}`])
      await channel.deleteQueue(each);
    await connection.close();
  });
  const env = {
    AMQP_URL: address('AMQP_URL'),
    MONGODB_URI: address('MONGODB_URI'),
    TEMPORAL_ADDRESS: process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233',
    DESPACHANTE_MONGODB_DATABASE: name,
    DESPACHANTE_TEMPORAL_TASK_QUEUE: name,
    DESPACHANTE_LOG_LEVEL: 'error',
    TASK_DEFAULT_QUEUE: queue,
    TASK_RESULT_BACKEND: 'database',
    ...more,
  };
  return { name, queue, env };
}

/** The same for this process. */
export function configureTest(
  t: Ending,
  more: Record<string, string> = {},
  options: ProcessOptions = {},
): TestProgram {
  const program = testProgram(t, more);
  configure({ ...options, env: program.env });
  atEnd(t, disconnect);
  return program;
}
