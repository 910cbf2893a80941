/** Which failure records can tell how a redrive goes, and which were sent by an earlier one already. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { readyCanaries } from '../../src/operations/canary.ts';
import { claimKey } from '../../src/domain/names.ts';
import { openFailureQueue } from '../../src/broker/rabbitmq/dead-letter-queue.ts';
import type { FailureMessage } from '../../src/broker/rabbitmq/dead-letter-queue.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import { call, claimRequest, hashOf, settlementOf, testBed } from '../helpers/activities.ts';
import { testConfig } from '../helpers/configuration.ts';
import { putFailures } from '../helpers/failure-records.ts';
import type { TestFailure } from '../helpers/failure-records.ts';
import { testQueues, uniqueName } from '../helpers/servers.ts';
import { parseRules } from '../../src/registrations/delivery.ts';

const bodyOf = (id: string): string => JSON.stringify({ id, name: 'Ana' });

const ready = (claims: Parameters<typeof readyCanaries>[0], found: FailureMessage[]) =>
  readyCanaries(claims, found, testConfig());

/** Claims, and failure records as they are read for a redrive. */
async function placeFor(t: TestContext) {
  const queues = await testQueues(t);
  const bed = await testBed(t);
  const { claims } = bed.store;

  async function records(...failed: TestFailure[]): Promise<FailureMessage[]> {
    const withTokens = failed.map(async (each) => {
      const key = claimKey(each.id, each.generation ?? 0);
      const token = (await claims.find([key])).get(key)?.token;
      return { ...each, ...(token === undefined ? {} : { token }) };
    });
    await putFailures(t, queues, await Promise.all(withTokens));
    const rules = parseRules(testConfig());
    const queue = await openFailureQueue(queues.connection, queues.rabbit.failureQueue, rules);
    const found: FailureMessage[] = [];
    for await (const record of queue.messages()) found.push(record);
    return found;
  }

  /** Has a run claim a delivery; gives its claim. */
  async function take(
    id: string,
    more: { body?: string; failedGeneration?: number } = {},
  ): Promise<string> {
    const request = claimRequest(id, { body: bodyOf(id), ...more });
    const [answer] = await call(bed.claim, [request], { workflowId: uniqueName() });
    assert.ok(answer?.kind === 'claimed' || answer?.kind === 'conflict', answer?.kind);
    return answer.claim;
  }

  /** Brings a claim to its end. */
  async function end(id: string, kind: OutcomeKind, claim: string): Promise<void> {
    const workflowId = (await claims.workflowIds([claim])).get(claim) ?? '';
    const settlement = settlementOf(id, kind, { claim, entry: `${claim}#1` });
    await call(kind === 'registered' ? bed.persist : bed.route, [settlement], { workflowId });
    assert.ok((await claims.find([claim])).get(claim)?.settledAt);
  }

  return { claims, records, take, end };
}

test('a record whose registration was not sent again is a canary for its next generation', async (t) => {
  const { claims, records, take, end } = await placeFor(t);
  await end('a', 'rejected', await take('a'));
  const found = await records({ id: 'a', failureClass: 'rejected' });
  assert.deepEqual(await ready(claims, found), [
    {
      id: 'a',
      record: `a~0|${hashOf(bodyOf('a'))}`,
      bodyHash: hashOf(bodyOf('a')),
      next: 'a~1',
      again: null,
    },
  ]);
});

test('what a redrive that was cut short has sent already is no canary, whether it is open or how it has ended', async (t) => {
  const { claims, records, take, end } = await placeFor(t);
  const ids = ['open', 'registered', 'rejected', 'not-sent'];
  for (const id of ids) await end(id, 'rejected', await take(id));
  const found = await records(...ids.map((id): TestFailure => ({ id, failureClass: 'rejected' })));
  await take('open', { failedGeneration: 0 });
  await end('registered', 'registered', await take('registered', { failedGeneration: 0 }));
  await end('rejected', 'rejected', await take('rejected', { failedGeneration: 0 }));
  const canaries = await ready(claims, found);
  assert.deepEqual(
    canaries.map((canary) => canary?.id ?? null),
    [null, null, null, 'not-sent'],
  );
});

test('of a registration that failed twice the first record was sent already, and the second is a canary', async (t) => {
  const { claims, records, take, end } = await placeFor(t);
  await end('a', 'rejected', await take('a'));
  await end('a', 'rejected', await take('a', { failedGeneration: 0 }));
  const found = await records(
    { id: 'a', failureClass: 'rejected' },
    { id: 'a', failureClass: 'rejected', generation: 1 },
  );
  const canaries = await ready(claims, found);
  assert.deepEqual(
    canaries.map((canary) => canary?.next ?? null),
    [null, 'a~2'],
  );
});

test('a record whose next generation other bytes have taken is a canary: it was not sent', async (t) => {
  const { claims, records, take, end } = await placeFor(t);
  const body = '{"other":true}';
  await end('a', 'rejected', await take('a'));
  await end('a', 'conflict', await take('a', { body }));
  assert.equal(await take('a', { body, failedGeneration: 0 }), 'a~1');
  const [canary] = await ready(claims, await records({ id: 'a', failureClass: 'rejected' }));
  assert.equal(canary?.next, 'a~1');
  assert.equal(canary.bodyHash, hashOf(bodyOf('a')));
});

test('a malformed record that holds a registration by now is a canary, and none where that was sent already', async (t) => {
  const { claims, records, take } = await placeFor(t);
  await take('sent');
  const malformed = (id: string): TestFailure => ({
    id,
    failureClass: 'malformed',
    body: Buffer.from(bodyOf(id)),
  });
  const canaries = await ready(claims, await records(malformed('sent'), malformed('not-sent')));
  assert.deepEqual(
    canaries.map((canary) => canary?.next ?? null),
    [null, 'not-sent~0'],
  );
});

test('a malformed record that was a redrive goes on from the generation its headers name', async (t) => {
  const { claims, records, take, end } = await placeFor(t);
  await end('a', 'rejected', await take('a'));
  const found = await records({
    id: 'a',
    failureClass: 'malformed',
    body: Buffer.from(bodyOf('a')),
    generation: 0,
  });
  const [canary] = await ready(claims, found);
  assert.equal(canary?.next, 'a~1');
  assert.equal(await take('a', { failedGeneration: 0 }), canary.next);
  assert.deepEqual(await ready(claims, found), [null]);
});

test('however many records there are, the claims are asked for twice', async (t) => {
  const { claims, records, take, end } = await placeFor(t);
  const ids = ['a', 'b', 'c'];
  for (const id of ids) await end(id, 'rejected', await take(id));
  await end('a', 'conflict', await take('a', { body: '{"other":true}' }));
  const found = await records(...ids.map((id): TestFailure => ({ id, failureClass: 'rejected' })));
  let asked = 0;
  const counted = {
    ...claims,
    find: (keys: string[]) => ((asked += 1), claims.find(keys)),
    ofRegistration: () => Promise.reject(new Error('each record was asked for by itself')),
  };
  const canaries = await ready(counted, found);
  assert.deepEqual(
    canaries.map((canary) => canary?.next ?? null),
    ['a~1', 'b~1', 'c~1'],
  );
  assert.equal(asked, 2);
});
