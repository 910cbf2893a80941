import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEntry } from '../../../src/domain/registrations/entry.ts';
import type { Reading, Submission } from '../../../src/domain/registrations/entry.ts';
import { HEARTBEAT_TIMEOUT_MS } from '../../../src/domain/timing.ts';

const T0 = 1_700_000_000_000;
const TIMEOUT = 30_000;
/** Until then the attempt that wrote an intent at T0, or its request, may be alive. */
const UNTIL = T0 + HEARTBEAT_TIMEOUT_MS + TIMEOUT;

const entryOf = (state: Submission['state'], more: Partial<Submission> = {}): Submission => ({
  _id: 'ana-1~0#2',
  state,
  at: new Date(T0),
  answeredAt: null,
  requestId: null,
  reason: null,
  ...more,
});

const known = { requestId: 'REQ-1', answeredAt: new Date(T0 + 5) };

const TABLE: [what: string, entry: Submission | undefined, now: number, meaning: Reading][] = [
  ['none', undefined, T0, { kind: 'not sent', reason: 'never sent' }],
  [
    'an intent whose sender may be alive',
    entryOf('intent'),
    UNTIL - 1,
    { kind: 'on the wire', since: T0, until: UNTIL },
  ],
  [
    'an intent whose sender must be dead',
    entryOf('intent'),
    UNTIL,
    { kind: 'in doubt', reason: 'the worker stopped while it was being submitted' },
  ],
  [
    'accepted',
    entryOf('accepted', known),
    T0,
    { kind: 'accepted', requestId: 'REQ-1', at: T0 + 5 },
  ],
  [
    'accepted, and nobody noted when',
    entryOf('accepted', { requestId: 'REQ-1' }),
    T0,
    { kind: 'accepted', requestId: 'REQ-1', at: T0 },
  ],
  [
    'accepted under a request id that is gone',
    entryOf('accepted'),
    T0,
    { kind: 'in doubt', reason: 'it was accepted, and its request id is gone' },
  ],
  ['refused', entryOf('refused', { reason: 'no' }), T0, { kind: 'refused', reason: 'no' }],
  [
    'not accepted',
    entryOf('not-accepted', { reason: 'HTTP 503' }),
    T0,
    { kind: 'not sent', reason: 'HTTP 503' },
  ],
  ['unknown', entryOf('unknown'), T0, { kind: 'in doubt', reason: 'the answer was lost' }],
  [
    'unknown, for a person alone',
    entryOf('unknown', { reason: 'two have its id', needsPerson: true }),
    T0,
    { kind: 'in doubt', reason: 'two have its id', needsPerson: true },
  ],
  ['superseded', entryOf('superseded'), T0, { kind: 'gave way', to: 'ana-1~0#3' }],
  [
    'abandoned',
    entryOf('abandoned', { reason: 'lost' }),
    T0,
    { kind: 'abandoned', reason: 'lost' },
  ],
];

for (const [what, entry, now, meaning] of TABLE) {
  test(`an entry of the journal that is ${what} means: ${meaning.kind}`, () => {
    assert.deepEqual(readEntry(entry, now, TIMEOUT), meaning);
  });
}
