/** What goes over the wire to the legacy system and how it is read, for people, without secrets. */
import type { Config } from '../config/schema.ts';
import type { Tried } from '../operations/try-contract.ts';
import type { Exchanged } from '../registrations/legacy.ts';
import { secretsMask } from '../registrations/secrets.ts';
import { maskText } from '../runtime/mask.ts';
import { line, paint } from './table.ts';

const MEANS: Readonly<Record<string, string>> = {
  accepted: 'accepted: it was filed, and is polled',
  refused: 'refused: it goes to the failure queue',
  'not-accepted': 'not accepted: it is sent again',
  misconfigured:
    'misconfigured: nothing was filed, it is sent again, and somebody is told to look at it',
  'perhaps-refused':
    'refused, unless the same words come twenty times in a row: then the application is away, and it is sent again',
  unknown: 'in doubt: perhaps it was filed, so that it is never sent again by itself',
  processing: 'still processing: it is asked again',
  done: 'done: it is registered',
  failed: 'failed: it goes to the failure queue',
  result: 'done: what Location leads to is asked for, and says how',
  unreadable: 'unreadable: nothing is decided, and it is asked again',
  found: 'found',
  absent: 'not there: it is filed again, once that is sure',
  ambiguous: 'found more than once: a person is asked',
};

export function sentenceOf(reading: { kind: string }): string {
  const facts = Object.entries(reading).flatMap(([name, value]: [string, unknown]) =>
    name === 'kind' || name === 'fault' || value === null
      ? []
      : [`${name} ${JSON.stringify(value)}${name === 'retryAfter' ? ' ms' : ''}`],
  );
  const means = MEANS[reading.kind] ?? reading.kind;
  return facts.length === 0 ? means : `${means} (${facts.join(', ')})`;
}

const SHOWN = 4_000;
/** Headers of answers that let somebody in. */
const SECRET = /^set-cookie|token|session|secret/i;

/** What went over the wire, without secrets. */
export function factsOf({ request, answer, reading, because }: Exchanged, config: Config) {
  const mask = secretsMask(config);
  const plain = (text: string): string => maskText(mask(text));
  const headers = Object.entries(request.headers ?? {}).map(
    ([name, value]) => `${name}: ${plain(value)}`,
  );
  if (config.legacyAuthorization !== null) headers.push('authorization: ***');
  return {
    request: {
      method: request.method,
      path: plain(request.path),
      headers,
      body: cut(plain(request.body?.toString() ?? '')),
    },
    answer:
      answer.kind === 'none'
        ? { none: plain(answer.reason) }
        : {
            status: answer.status,
            headers: Object.entries(answer.headers).map(
              ([name, value]) => `${name}: ${SECRET.test(name) ? '***' : plain(String(value))}`,
            ),
            body: cut(plain(answer.read().text ?? answer.body.toString())),
          },
    reading,
    because: plain(because),
  };
}

const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);

export function textOf(exchanged: Exchanged, config: Config): string {
  const { request, answer, reading, because } = factsOf(exchanged, config);
  const said =
    answer.none === undefined
      ? [`< HTTP ${answer.status}`, ...answer.headers.map((each) => `< ${each}`), answer.body]
      : [`< no answer: ${answer.none}`];
  return [
    paint.bold(`> ${request.method} ${request.path}`),
    ...request.headers.map((each) => `> ${each}`),
    ...(request.body === '' ? [] : [`> ${request.body}`]),
    ...said,
    `= ${paint.bold(sentenceOf(reading))}`,
    `  ${because}`,
    '',
  ].join('\n');
}

export function endOf(tried: Tried): string {
  switch (tried.kind) {
    case 'registered':
      return `Registered, under the request id ${line(tried.requestId)}: this contract works`;
    case 'still-processing':
      return `Filed under the request id ${line(tried.requestId)}, and not over yet`;
    case 'failed':
      return `Filed under the request id ${line(tried.requestId)}, and failed: ${line(tried.reason)}`;
    case 'refused':
      return `Refused, and not filed: ${line(tried.reason)}`;
    case 'not-accepted':
      return `Not accepted, and not filed: ${line(tried.reason)}`;
    case 'found':
      return `Its answer was not read (${line(tried.reason)}), and the look-up finds it: filed under the request id ${line(tried.requestId ?? '')}`;
    case 'absent':
      return `Its answer was not read (${line(tried.reason)}), and the look-up does not find it, yet: look there before it is sent again`;
    case 'in-doubt':
      return `In doubt: ${line(tried.reason)}. Look there before it is sent again, and mend the contract`;
  }
}
