import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordedAnswer } from '../../../activities/tasks/recorded.ts';
import type { TaskClaim } from '../../../src/tasks/claims.ts';

const claimWith = (given: Partial<TaskClaim>): TaskClaim => ({
  ...{ _id: 'Sample/a~0', worker: 'Sample', item: 'Sample/a', generation: 0, conflict: false },
  ...{ token: '', workflowId: 'run', index: 0, bodyHash: '', key: null, message: null },
  origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
  ...{ receivedAt: new Date(), claimedAt: new Date(), startedAt: null, finishedAt: null },
  ...{ attempts: 0, error: null, outcome: null, settledAt: null },
  ...given,
});

test('when a handler wants to be called again is known after the answer was lost', () => {
  const at = new Date();
  const retryAt = new Date(Date.now() + 3_600_000);
  const error = { failure: 'exhausted', class: 'Busy', reason: 'busy', at, retryAt } as const;
  const answer = recordedAnswer({ index: 0, attempt: 1 }, claimWith({ attempts: 1, error }));
  assert.ok(answer?.kind === 'again' && answer.retryAfter !== null);
  assert.ok(answer.retryAfter > 3_500_000 && answer.retryAfter <= 3_600_000);
});

test('a task whose end is decided is not handled again', () => {
  const outcome = { kind: 'cancelled', reason: null, at: new Date() } as const;
  const answer = recordedAnswer({ index: 0, attempt: 1 }, claimWith({ outcome }));
  assert.deepEqual(answer, { index: 0, kind: 'failed', failure: 'cancelled' });
});
