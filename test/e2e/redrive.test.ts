/** Failures that are sent in again: by the command line, by hand, or by a broker that delivers twice. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { HEADER } from '../../src/domain/names.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Body } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const system = await startSystem(
  { after, afterEach },
  { env: { DESPACHANTE_LEGACY_DEADLINE: '1s' } },
);
const flow = flowOf(system);
const { intakeQueue, failureQueue } = system.config.rabbit;

const refusedOnce = (): Body => ({
  id: uniqueName(),
  simulate: { refuse: 'CPF inválido', refuseTimes: 1 },
});

async function rejected(): Promise<Body> {
  const body = refusedOnce();
  await flow.publish(body);
  await flow.failureOf(`${body.id}~0`, 'rejected');
  return body;
}

/** What somebody does in the management page, or a shovel by itself. */
async function moveByHand(): Promise<void> {
  const channel = await system.connection.createConfirmChannel();
  const message = await channel.get(failureQueue, { noAck: false });
  assert.ok(message, 'the failure queue is empty');
  const { properties, content } = message;
  await new Promise<void>((resolve, reject) => {
    channel.publish('', intakeQueue, content, properties, (error) =>
      error instanceof Error ? reject(error) : resolve(),
    );
  });
  channel.ack(message);
  await channel.close();
}

test('a refused registration that is redriven is submitted anew, and registered as generation 1', async () => {
  const { id } = await rejected();
  await flow.json('failures', 'redrive', id);
  assert.equal(await flow.outcomeOf(id, 1), 'registered');
  assert.deepEqual(
    flow.postsOf(id).map(({ event }) => event),
    ['refused', 'accepted'],
  );
  assert.ok(await flow.documentOf(id));
  assert.deepEqual(await flow.lookAtFailures(), []);
});

test('a timed-out registration that is redriven is asked for again under its request id, and not submitted again', async () => {
  const id = uniqueName();
  await flow.publish({ id, simulate: { latencyMs: 4_000 } });
  await flow.failureOf(`${id}~0`, 'timed-out');
  await eventually('the legacy system is done with it', () => {
    const entry = system.simulator
      .ledger()
      .find((each) => each.event === 'accepted' && each.id === id);
    assert.ok(entry && 'doneAt' in entry && entry.doneAt !== null && entry.doneAt < Date.now());
  });
  await flow.json('failures', 'redrive', id);
  assert.equal(await flow.outcomeOf(id, 1), 'registered');
  assert.equal(flow.postsOf(id).length, 1);
  assert.equal((await flow.documentOf(id))?.['requestId'], flow.requestIdsOf(id)[0]);
});

test('many that timed out are redriven together, and asked for again: none is submitted twice', async () => {
  const prefix = uniqueName();
  const ids = Array.from({ length: 40 }, (_, n) => `${prefix}-${n}`);
  await Promise.all(ids.map((id) => flow.publish({ id, simulate: { latencyMs: 4_000 } })));
  await system.hasDepth(failureQueue, ids.length);
  await eventually('the legacy system is done with all of them', () => {
    const done = system.simulator
      .ledger()
      .filter(
        (each) =>
          each.event === 'accepted' &&
          each.id.startsWith(prefix) &&
          each.doneAt !== null &&
          each.doneAt < Date.now(),
      );
    assert.equal(done.length, ids.length);
  });
  await flow.json('failures', 'redrive', '--class', 'timed-out', '--yes', '--canary', '5');
  for (const id of ids) {
    assert.equal(await flow.outcomeOf(id, 1), 'registered');
    assert.equal(flow.postsOf(id).length, 1);
  }
});

test('a failure record that is moved back to the intake queue by hand is a redrive likewise', async () => {
  const { id } = await rejected();
  await moveByHand();
  assert.equal(await flow.outcomeOf(id, 1), 'registered');
  assert.deepEqual(
    flow.postsOf(id).map(({ event }) => event),
    ['refused', 'accepted'],
  );
});

test('what fails again after a redrive is a new record of the next generation', async () => {
  const id = uniqueName();
  await flow.publish({ id, simulate: { refuse: 'CPF inválido' } });
  await flow.failureOf(`${id}~0`, 'rejected');
  await flow.json('failures', 'redrive', '--all', '--yes');
  const record = await flow.failureOf(`${id}~1`, 'rejected');
  const headers: Record<string, unknown> = { ...record.properties.headers };
  assert.equal(headers['x-despachante-generation'], 1);
  assert.equal((await flow.lookAtFailures()).length, 1);
  await moveByHand();
  await flow.failureOf(`${id}~2`, 'rejected');
});

test('the message of a failed registration, delivered again without the headers of its failure, is a duplicate', async () => {
  const body = await rejected();
  const before = await flow.metric('worker', 'despachante_duplicates_total');
  await flow.publish(body);
  await eventually('it is counted as a duplicate', async () => {
    assert.equal(await flow.metric('worker', 'despachante_duplicates_total'), before + 1);
  });
  assert.equal(flow.postsOf(body.id).length, 1);
  await flow.failureOf(`${body.id}~0`, 'rejected');
});

/** Headers of a failure record, as whoever may publish can write them. */
const forged = (claim: string, token: string) => ({
  [HEADER.class]: 'rejected',
  [HEADER.generation]: Number(claim.split('~')[1]),
  [HEADER.item]: claim,
  [HEADER.token]: token,
});

for (const [what, token] of [
  ['no token', ''],
  ['a token of their own', 'x'.repeat(22)],
] as const) {
  test(`forged headers of a failure with ${what} bring neither what is registered nor what failed to be filed again`, async () => {
    const registered = { id: uniqueName() };
    await flow.publish(registered);
    assert.equal(await flow.outcomeOf(registered.id), 'registered');
    const failed = await rejected();
    const before = await flow.metric('worker', 'despachante_duplicates_total');
    for (const body of [registered, failed]) {
      await flow.publish(body, { headers: forged(`${body.id}~0`, token) });
    }
    await eventually('they are counted as duplicates', async () => {
      assert.equal(await flow.metric('worker', 'despachante_duplicates_total'), before + 2);
    });
    for (const { id } of [registered, failed]) {
      assert.equal(flow.postsOf(id).length, 1);
      assert.equal((await system.store.claims.ofItem(id)).length, 1);
    }
    // Their own record is still good.
    await flow.json('failures', 'redrive', failed.id);
    assert.equal(await flow.outcomeOf(failed.id, 1), 'registered');
  });
}

test('redriving what is not in the failure queue ends with the exit code for "no such thing"', async () => {
  const { code, stderr } = await flow.cli('failures', 'redrive', uniqueName());
  assert.equal(code, 4);
  assert.match(stderr, /There is no failure of/);
});

test('the sum over all of this holds', async () => {
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
});
