/** The workers of the bench, as a file of workers that `despachante tasks run` loads: the case says which. */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { defineWorker, kafka, rabbitmq, retry } from '../../src/index.ts';

const given = z
  .object({
    BENCH_CASE: z.enum(['nothing', 'output', 'io', 'idle', 'batch', 'rest']),
    BENCH_BROKER: z.enum(['rabbitmq', 'kafka']),
    BENCH_SOURCE: z.string(),
    BENCH_OUTPUT: z.string(),
    /** Takes how late each call began, ms, where the case is about that. */
    BENCH_FILE: z.string(),
  })
  .parse(process.env);

const Message = z.object({ n: z.number(), at: z.number(), poison: z.boolean(), text: z.string() });
type Message = z.infer<typeof Message>;

const { BENCH_BROKER: broker, BENCH_SOURCE: source, BENCH_OUTPUT: output } = given;
const channel = (name: string) => (broker === 'kafka' ? kafka(name) : rabbitmq(name));
const common = { name: 'Bench', from: channel(source), message: Message } as const;

/** As many for all contestants. */
const CONCURRENCY = 100;
const IO_MS = 10;

const handlers: Record<string, (message: Message) => unknown> = {
  nothing: () => undefined,
  output: ({ n }: Message) => ({ n }),
  io: () => delay(IO_MS),
  idle: ({ at }: Message) => appendFileSync(given.BENCH_FILE, `${Date.now() - at}\n`),
  rest: () => retry('it comes later', { after: '1h' }),
};

export default given.BENCH_CASE === 'batch'
  ? defineWorker({
      ...common,
      batch: { size: 100, wait: '100ms' },
      retry: { max: 1, delay: '1s' },
      handleBatch(items) {
        if (items.some(({ message }) => message.poison)) throw new Error('one of them is poison');
        return items.map(({ message: { n } }) => n);
      },
    })
  : defineWorker({
      ...common,
      ...(given.BENCH_CASE === 'output' ? { to: channel(output) } : {}),
      concurrency: CONCURRENCY,
      handle: (message) => handlers[given.BENCH_CASE]?.(message),
    });
