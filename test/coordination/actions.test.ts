/** What operators did is written down before its effect. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openActions } from '../../src/coordination/actions.ts';
import { testDatabase } from '../helpers/servers.ts';

const ACTION = { by: 'rui', what: 'pause', on: null, reason: 'the core is updated' };

test('an action stands there without a result while it goes on, and with it afterwards', async (t) => {
  const { db } = await testDatabase(t);
  const actions = openActions(db);
  const seen = await actions.act(
    ACTION,
    () => actions.latest(1),
    () => 'paused',
  );
  const facts = ({ by, what, on, reason, result }: (typeof seen)[number]) => ({
    action: { by, what, on, reason },
    result: result === null ? null : [result.isDone, result.text],
  });
  assert.deepEqual(seen.map(facts), [{ action: ACTION, result: null }]);
  const after = await actions.latest(1);
  assert.deepEqual(after.map(facts), [{ action: ACTION, result: [true, 'paused'] }]);
});

test('what fails is written down with its fault, which is told', async (t) => {
  const { db } = await testDatabase(t);
  const actions = openActions(db);
  const fault = new Error('no such queue');
  const acting = actions.act(
    ACTION,
    () => Promise.reject(fault),
    () => '',
  );
  await assert.rejects(acting, fault);
  const [action] = await actions.latest(1);
  assert.equal(action?.result?.isDone, false);
  assert.match(action.result.text, /no such queue/);
});

test('what cannot be written down is not done; what was done and cannot be written down is told', async (t) => {
  const { db } = await testDatabase(t);
  const actions = openActions(db);
  const { collection } = actions;
  const refuse = (validator: object) =>
    db.command({ collMod: collection.collectionName, validator, validationLevel: 'strict' });
  await actions.act(
    ACTION,
    () => Promise.resolve(),
    () => 'done',
  );
  let count = 0;
  const work = () => Promise.resolve(++count);
  await refuse({ by: { $ne: 'rui' } });
  await assert.rejects(actions.act(ACTION, work, String));
  assert.equal(count, 0);
  await refuse({ result: null });
  const told = actions.act(ACTION, work, () => 'paused');
  await assert.rejects(told, /It was done \(paused\), and that could not be written down/);
  assert.equal(count, 1);
});
