/** Doubts that resolve themselves: looked up in the legacy system, or sent again where it recognizes a repeated key. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Flow } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const asking = await startSystem(
  { after, afterEach },
  {
    env: {
      DESPACHANTE_LEGACY_ON_UNKNOWN: 'lookup',
      DESPACHANTE_LEGACY_LOOKUP_PATH: '/registrations?externalId={id}',
      DESPACHANTE_LEGACY_LOOKUP_AFTER: '2s',
    },
  },
);
const flow = flowOf(asking);

function assertFiledOnce(of: Flow, prefix: string, count: number): void {
  for (let n = 0; n < count; n++)
    assert.equal(of.requestIdsOf(`${prefix}-${n}`).length, 1, `${prefix}-${n}`);
}

async function assertSum(of: Flow): Promise<void> {
  const report = await of.audit();
  assert.ok(report.holds, JSON.stringify(report));
  assert.equal(report.inDoubt, 0);
}

test('answers that are lost are found by look-up, and nothing is filed twice', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 20, { simulate: { loseAnswer: true } });
  await flow.allRegistered(prefix, 20);
  assertFiledOnce(flow, prefix, 20);
  const entry = await asking.store.journal.collection.findOne({ _id: `${prefix}-0~0#1` });
  assert.deepEqual([entry?.state, entry?.operator], ['accepted', 'look-up']);
  assert.ok((await flow.metric('worker', 'despachante_look_ups_total{result="found"}')) >= 20);
});

test('what a look-up does not find after the settle time is submitted again, and filed once', async () => {
  const prefix = uniqueName();
  await flow.publishMany(prefix, 20, { simulate: { errorStatus: 502, errorTimes: 1 } });
  await flow.allRegistered(prefix, 20);
  assertFiledOnce(flow, prefix, 20);
  const entry = await asking.store.journal.collection.findOne({ _id: `${prefix}-0~0#2` });
  assert.equal(entry?.state, 'accepted');
});

test('what a killed worker had on the wire is looked up by the next one: all are registered, each filed once', async () => {
  const count = 60;
  const prefix = uniqueName();
  asking.simulator.script({ answerDelay: { minMs: 700, maxMs: 900 } });
  const before = asking.simulator.stats().accepted;
  await flow.publishMany(prefix, count);
  await eventually('some are on the wire', () =>
    assert.ok(asking.simulator.stats().accepted > before),
  );
  await asking.kill('worker');
  await asking.start('worker');
  await flow.allRegistered(prefix, count);
  assertFiledOnce(flow, prefix, count);
  await assertSum(flow);
});

test('what is found twice stays in doubt for a person, who is told so', async () => {
  const id = uniqueName();
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ id });
  await fetch(`${asking.simulator.url}/registrations`, { method: 'POST', headers, body });
  await flow.publish({ id, simulate: { loseAnswer: true } });
  await eventually('the list says why', async () => {
    const list = JSON.stringify(await flow.json('doubts', 'list'));
    assert.match(list, /the look-up found it 2 times/);
  });
  const [, ours] = flow.requestIdsOf(id);
  assert.ok(ours);
  const word = ['--operator', 'rui', '--reason', 'the second is ours', '--request-id', ours];
  await flow.json('doubts', 'confirm', id, ...word);
  assert.equal(await flow.outcomeOf(id), 'registered');
});

test('where the legacy system recognizes a repeated key, what is in doubt is sent again and filed once', async (t) => {
  const recognizing = await startSystem(
    { after: (hook) => t.after(hook), afterEach: () => {} },
    {
      simulator: { idempotent: true },
      env: {
        DESPACHANTE_LEGACY_ON_UNKNOWN: 'resubmit',
      },
    },
  );
  const other = flowOf(recognizing);
  const prefix = uniqueName();
  await other.publishMany(prefix, 20, { simulate: { loseAnswer: true } });
  await other.allRegistered(prefix, 20);
  assertFiledOnce(other, prefix, 20);
  assert.ok(recognizing.simulator.stats().posts >= 40, 'each was POSTed twice');
  await assertSum(other);
});
