import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Claim } from '../../src/claims/claims.ts';
import { redriveIn } from '../../src/registrations/redrive.ts';

test('a claim whose token somebody has taken out makes no redrive, and stops nobody', () => {
  const claim: Claim = {
    _id: 'ana-1~0',
    registration: 'ana-1',
    generation: 0,
    conflict: false,
    workflowId: 'run-1',
    index: 0,
    bodyHash: 'x',
    message: null,
    receivedAt: new Date(),
    claimedAt: new Date(),
    settledAt: null,
    outcome: null,
    token: 'known',
  };
  const delivery = { redrive: 0, token: 'known', bodyHash: 'x' };
  assert.equal(redriveIn([claim], delivery).isRedrive, true);
  Reflect.deleteProperty(claim, 'token');
  assert.equal(redriveIn([claim], delivery).isRedrive, false);
});
