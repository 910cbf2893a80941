// The one block that says how items are sent to an HTTP endpoint: `send` of folders.
import { z } from 'zod';
import { duration, size, text, whole, word } from './values.ts';

const status = word(['ack', 'nack', 'retry', 'hold']);

export const httpHandler = () =>
  z.strictObject(
    {
      url: text('an http or https URL, perhaps with {folder} and {name}', 2_000).refine(
        (url) => URL.canParse(url) && /^https?:/.test(url),
        'an http or https URL, perhaps with {folder} and {name}',
      ),
      method: word(['POST', 'PUT']).prefault('POST'),
      headers: z.record(z.string(), z.string(), 'a mapping of names to texts').prefault({}),
      /** The variable of the environment that holds what is sent as Authorization. */
      authorization_env: text('the name of a variable of the environment', 200, /^\w+$/)
        .nullable()
        .prefault(null),
      timeout: duration('100ms', '1h').prefault('30s'),
      minRate: size(1, 1024 * 1024 * 1024).prefault('64KiB'),
      concurrency: whole(1, 1_000).prefault(32),
      statuses: z.record(z.string().regex(/^([1-5]\d\d|[1-5]xx)$/), status).prefault({}),
    },
    'a mapping with the key url',
  );

export type HttpHandler = z.output<ReturnType<typeof httpHandler>>;
