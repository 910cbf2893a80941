/**
 * The worker of the scenarios: it does as each message says, and writes each call into a file, which is the witness of the audit. A
 * file of workers, as `despachante tasks run` loads it.
 */
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { PermanentError, defineWorker, kafka, on, rabbitmq } from '../../../src/index.ts';
import { isDeed, type Deed } from './deeds.ts';

const given = z
  .object({
    WITNESS_BROKER: z.enum(['rabbitmq', 'kafka']),
    WITNESS_SOURCE: z.string(),
    WITNESS_OUTPUT: z.string(),
    WITNESS_LETTERS: z.string(),
    WITNESS_FILE: z.string(),
    /** Of the code, as it were. */
    WITNESS_VERSION: z.string().default('1'),
    /** Calls that run at once. */
    WITNESS_SLOTS: z.coerce.number(),
    /** How long a call takes, ms. */
    WITNESS_WORK: z.coerce.number(),
    /** For a call, s. */
    WITNESS_TIMEOUT: z.coerce.number().default(90),
  })
  .parse(process.env);

const Work = z.object({ type: z.literal('work'), n: z.number(), deed: z.custom<Deed>(isDeed) });

const { WITNESS_BROKER: broker, WITNESS_SOURCE: source, WITNESS_OUTPUT: output } = given;
const SLOW_MS = 60_000;
const LARGE = 1024 * 1024;

/** Whole lines: several processes write into the file. */
const testify = (what: 'begun' | 'ended', id: string, attempt: number): void =>
  appendFileSync(
    given.WITNESS_FILE,
    `${JSON.stringify({ what, id, attempt, at: Date.now(), version: given.WITNESS_VERSION })}\n`,
  );

export default defineWorker({
  name: 'Witness',
  from: broker === 'kafka' ? kafka(source, { group: source }) : rabbitmq(source),
  to: broker === 'kafka' ? kafka(output) : rabbitmq(output),
  deadLetters: given.WITNESS_LETTERS,
  concurrency: given.WITNESS_SLOTS,
  timeout: `${given.WITNESS_TIMEOUT}s`,
  retry: { max: 2, backoff: 'fixed', delay: '1s' },
  handlers: {
    work: on(Work, async ({ n, deed }, { id, attempt, signal }) => {
      testify('begun', id, attempt);
      await delay(deed === 'slow' ? SLOW_MS : given.WITNESS_WORK, undefined, { signal });
      switch (deed) {
        case 'refuse':
          throw new PermanentError('there is no such customer');
        case 'fail':
          throw new Error('the service is away');
        case 'fail-twice':
          if (attempt < 3) throw new Error('the service is away for a while');
          break;
        case 'exit':
          process.exit(1);
        case 'block':
          for (;;);
        case 'hang':
          await new Promise(() => {});
          break;
        case 'large':
          return { n, text: 'x'.repeat(LARGE) };
        case 'done':
        case 'slow':
      }
      testify('ended', id, attempt);
      return { n };
    }),
  },
});
