// The one block that says how items are sent to an HTTP endpoint: `send` of folders, and `handler` of queues.
import { z } from 'zod';
import { MEANINGS } from '../domain/http-statuses.ts';
import { duration, size, text, whole, word } from './values.ts';

const meaning = word(MEANINGS);

/** Where requests are sent. Addresses are shown and written down, so credentials are no part of them. */
export function isSendUrl(value: string): boolean {
  const url = URL.canParse(value) ? new URL(value) : null;
  return url !== null && /^https?:$/.test(url.protocol) && url.username + url.password === '';
}

export const httpUrl = (more = '') => {
  const expected = `an http or https URL${more}, with credentials in authorization_env instead`;
  return text(expected, 2_000).refine(isSendUrl, expected);
};

/** The name of a variable: a secret stands in no file. */
export const variable = () =>
  text('the name of a variable of the environment', 200, /^\w+$/).nullable().prefault(null);

export const httpHandler = () =>
  z.strictObject(
    {
      url: httpUrl(', perhaps with {folder} and {name}'),
      method: word(['POST', 'PUT']).prefault('POST'),
      headers: z.record(z.string(), z.string(), 'a mapping of names to texts').prefault({}),
      /** The variable of the environment that holds what is sent as Authorization. */
      authorization_env: variable(),
      timeout: duration('100ms', '1h').prefault('30s'),
      minRate: size(1, 1024 * 1024 * 1024).prefault('64KiB'),
      concurrency: whole(1, 1_000).prefault(32),
      /** Over all processes. */
      perSecond: whole(1, 100_000).nullable().prefault(null),
      statuses: z
        .record(
          z.string().regex(/^[2-5](\d\d|xx)$/, 'statuses such as 404, or classes such as 4xx'),
          meaning,
          'a mapping of statuses, such as 404 or 4xx, to ack, nack, retry or hold',
        )
        .prefault({}),
    },
    'a mapping with the key url',
  );

export type HttpHandler = z.output<ReturnType<typeof httpHandler>>;
