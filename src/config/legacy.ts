// The section `legacy`: where the slow system is, how it speaks (contract.ts), and how patient we are with it.
import { z } from 'zod';
import { areAmbiguous, lookup, poll, submit } from './contract.ts';
import { isPattern } from './patterns.ts';
import { PRESETS } from '../domain/registrations/contract.ts';
import { sent } from './sent.ts';
import { tls } from './tls.ts';
import { areSound, duration, flag, whole, word } from './values.ts';

const PATTERN =
  'a regular expression from ^ to $ as RE2 reads it: without (?=…), (?!…), (?<=…), (?<!…) and \\1, and no number above 1000 in {}';

const expectedLatency = z
  .strictObject({
    min: duration('1ms', '7d').prefault('10s'),
    max: duration('1ms', '7d').prefault('20s'),
  })
  .refine((value) => value.min < value.max, {
    error: 'more than legacy.expectedLatency.min',
    path: ['max'],
    params: { involves: ['legacy.expectedLatency.min'] },
  })
  .readonly();

/** See src/outbound/breaker.ts. A share of failures in percent, since a number between 0 and 1 invites to write 50. */
const breaker = z
  .strictObject({
    enabled: flag().prefault(true),
    threshold: whole(1, 100).prefault(50),
  })
  .readonly();

const stepsOf = (path: string | null) => path?.split('?')[0]?.replace(/\/+$/, '');
const isPathOf = (a: { path: string }, b: { path: string | null }): boolean =>
  stepsOf(a.path) === stepsOf(b.path);

/** The settings of the legacy system, see despachante.example.yaml for what each is for. */
export const legacy = z
  .strictObject({
    preset: word(PRESETS).prefault('json-status'),
    headers: sent('headers').prefault({}),
    query: sent('query').prefault({}),
    submit: submit.prefault({}),
    poll: poll.prefault({}),
    ignoreCase: flag().prefault(false),
    // A request id goes into a path, so what is not known to be harmless there is refused.
    requestIdPattern: z
      .string(PATTERN)
      .refine(isPattern, PATTERN)
      .prefault('^[A-Za-z0-9._~-]{1,128}$'),
    timeout: duration('50ms', '5m').prefault('10s'),
    keepAlive: duration('1s', '10m').nullable().prefault('4s'),
    maxConcurrent: whole(1, 10_000).prefault(256),
    maxSubmitsPerSecond: whole(1, 100_000).nullable().prefault(null),
    maxGetsPerSecond: whole(1, 100_000).nullable().prefault(null),
    maxInFlight: whole(1, 10_000_000).nullable().prefault(null),
    breaker: breaker.prefault({}),
    expectedLatency: expectedLatency.prefault({}),
    maxGetsPerRegistration: whole(1, 100).prefault(10),
    deadline: duration('10ms', '365d').prefault('1h'),
    maxOpen: duration('10ms', '365d').prefault('7d'),
    onUnknown: word(['ask', 'lookup', 'resubmit']).prefault('ask'),
    uniqueRequestIds: flag().prefault(true),
    lookup: lookup.prefault({}),
    tls: tls('legacy'),
  })
  .refine((value) => value.onUnknown !== 'lookup' || value.lookup.path !== null, {
    error: 'a path such as "/registrations?externalId={id}", because legacy.onUnknown is lookup',
    path: ['lookup', 'path'],
    params: { involves: ['legacy.onUnknown'] },
    when: areSound('onUnknown', 'lookup.path'),
  })
  .refine(
    ({ lookup, submit }) =>
      lookup.method === 'GET' || lookup.body !== null || !isPathOf(submit, lookup),
    {
      error:
        'another path than legacy.submit.path, or a body, because legacy.lookup.method is POST: it would file',
      path: ['lookup', 'path'],
      params: { involves: ['legacy.submit.path', 'legacy.lookup.method'] },
      when: areSound('submit.path', 'lookup.method', 'lookup.path', 'lookup.body'),
    },
  )
  .refine((value) => value.lookup.after >= value.timeout, {
    error: 'at least legacy.timeout: until then the POST may still arrive',
    path: ['lookup', 'after'],
    params: { involves: ['legacy.timeout'] },
    when: areSound('lookup.after', 'timeout'),
  })
  .superRefine((value, context) => {
    if (!value.ignoreCase) return;
    for (const section of ['submit', 'poll'] as const) {
      if (!areAmbiguous(value[section].words, true)) continue;
      const message = 'each word once, in whatever letters, since legacy.ignoreCase is true';
      context.addIssue({
        code: 'custom',
        message,
        path: [section, 'words'],
        params: { involves: ['legacy.ignoreCase'] },
      });
    }
  })
  .refine((value) => value.maxOpen >= value.deadline, {
    error: 'at least legacy.deadline',
    path: ['maxOpen'],
    params: { involves: ['legacy.deadline'] },
    when: areSound('maxOpen', 'deadline'),
  });
