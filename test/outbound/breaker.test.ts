import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import { OWN } from '../../src/mongo/collections.ts';
import { createBreaker } from '../../src/outbound/breaker.ts';
import { openBreakerStore } from '../../src/coordination/breaker-state.ts';
import { openControl, pauseOf } from '../../src/coordination/control.ts';
import { watchControl } from '../../src/coordination/control-watch.ts';
import type { ControlWatch } from '../../src/coordination/control-watch.ts';
import { legacyEndpoint } from '../../src/config/endpoint.ts';
import type { Endpoint } from '../../src/config/endpoint.ts';
import type { Heard } from '../../src/domain/registrations/statuses.ts';
import { createGate } from '../../src/outbound/gate.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { openRates } from '../../src/coordination/rates.ts';
import { createSlots } from '../../src/runtime/slots.ts';
import { testConfig } from '../helpers/configuration.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd, testDatabase, uniqueName } from '../helpers/servers.ts';

const store = await testDatabase({ after });
const config = testConfig({
  legacy: {
    breaker: {
      enabled: true,
      threshold: 50,
      window: 10_000,
      minRequests: 10,
      rest: 300,
      maxRest: 1_000,
      rampUp: 500,
    },
  },
});

/** A process with a breaker of its own, and a gate; all of one test share the state of one endpoint. */
async function processOf(t: TestContext, name: string, changes: Partial<Endpoint> = {}) {
  const control = openControl(store.db);
  const watch = watchControl(() => control.read(), createMetrics(), silent, 20);
  atEnd(t, () => watch.close());
  await watch.refresh();
  return { watch, ...endpointOf(watch, name, changes) };
}

/** An endpoint in a process that may have others. */
function endpointOf(watch: ControlWatch, name: string, changes: Partial<Endpoint> = {}) {
  const endpoint = { ...legacyEndpoint(config), name, ...changes };
  const states = openBreakerStore(store.db, endpoint);
  const metrics = createMetrics();
  const breaker = createBreaker({ endpoint, store: states, watch, metrics, log: silent });
  const none = { setting: 'none', perSecond: () => null };
  const gate = createGate({
    slots: createSlots(8),
    breaker,
    limits: { submits: none, gets: none },
    rates: openRates(store.db, name),
    log: silent,
  });
  const state = () => watch.current()?.breakers[name];
  return { breaker, gate, states, state };
}

const fail = (breaker: { observe(heard: Heard, reason: string): void }, count: number) => {
  for (let n = 0; n < count; n++) breaker.observe('trouble', 'HTTP 503');
};
const isShut = (breaker: { wait(): unknown }) =>
  eventually('it is open', () => assert.notEqual(breaker.wait(), null));

test('few failures, or many among more successes, leave it closed', async (t) => {
  const { breaker } = await processOf(t, uniqueName());
  fail(breaker, 9);
  for (let n = 0; n < 30; n++) breaker.observe('well', '');
  fail(breaker, 20);
  assert.equal(breaker.wait(), null);
});

test('a slow endpoint that loses one answer after the other is left alone, though they fill no window', async (t) => {
  const breaker = { ...legacyEndpoint(config).breaker, window: 100, minRequests: 1_000 };
  const losing = await processOf(t, uniqueName(), { breaker });
  for (let n = 0; n < 4; n++) losing.breaker.observe('lost', 'no answer within 10 s');
  assert.equal(losing.breaker.wait(), null);
  await eventually('it has lost answers for longer than the window', () => {
    losing.breaker.observe('lost', 'no answer within 10 s');
    assert.notEqual(losing.breaker.wait(), null);
  });
  const busy = await processOf(t, uniqueName(), { breaker });
  const begun = performance.now();
  await eventually('it has lost some of its answers for longer than the window', () => {
    busy.breaker.observe('lost', 'no answer within 10 s');
    busy.breaker.observe('well', '');
    assert.ok(performance.now() - begun > 2 * breaker.window);
  });
  assert.equal(busy.breaker.wait(), null);
});

test('answers that were lost before a break do not open it again after it', async (t) => {
  const endpoint = uniqueName();
  const breaker = { ...legacyEndpoint(config).breaker, window: 1, minRequests: 10, rampUp: 0 };
  const [one, other] = [
    await processOf(t, endpoint, { breaker }),
    await processOf(t, endpoint, { breaker }),
  ];
  for (let n = 0; n < 4; n++) other.breaker.observe('lost', 'no answer');
  await one.states.open('HTTP 503', 1, 0);
  await isShut(other.breaker);
  await eventually('the probe goes out', async () => assert.ok(await one.breaker.takeProbe()));
  one.breaker.observe('well', '');
  await eventually('it is closed', () => assert.equal(other.breaker.wait(), null));
  other.breaker.observe('lost', 'no answer');
  assert.equal(other.breaker.wait(), null);
});

test('what one process sees stops the others, and of all of them one may probe', async (t) => {
  const endpoint = uniqueName();
  const all = await Promise.all(Array.from({ length: 6 }, () => processOf(t, endpoint)));
  const [first] = all;
  assert.ok(first);
  // With something on the wire it is no probe that is asked for below, however long that takes.
  assert.equal((await first.gate.take('submits', 1, first.gate.turn())).count, 1);
  fail(first.breaker, 10);
  for (const { breaker } of all) await isShut(breaker);
  const refused = await first.gate.take('submits', 5, first.gate.turn());
  assert.equal(refused.count, 0);
  assert.match(refused.wait?.reason ?? '', /circuit breaker open: HTTP 503/);
  first.gate.release('submits', 1);
  const probes = await eventually('somebody probes', async () => {
    const asked = await Promise.all(all.map(({ gate }) => gate.take('gets', 5, gate.turn())));
    assert.ok(asked.some(({ count }) => count > 0));
    return asked;
  });
  assert.deepEqual(probes.map(({ count }) => count).sort(), [0, 0, 0, 0, 0, 1]);
  const prober = all[probes.findIndex(({ count }) => count === 1)];
  assert.ok(prober);
  prober.breaker.observe('well', '');
  prober.gate.release('gets', 1);
  for (const { breaker } of all) {
    await eventually('it is closed', () => assert.equal(breaker.wait(), null));
    await eventually('it has ramped up', () => assert.equal(breaker.opening(), 1));
  }
});

test('a probe in vain has it rest longer, and one that is not sent is given back', async (t) => {
  const { breaker, gate, state } = await processOf(t, uniqueName());
  fail(breaker, 10);
  await isShut(breaker);
  const probe = () =>
    eventually('it may probe', async () => {
      assert.equal((await gate.take('gets', 5, gate.turn())).count, 1);
    });
  await probe();
  gate.release('gets', 1);
  await probe();
  breaker.observe('trouble', 'HTTP 500');
  gate.release('gets', 1);
  await eventually('it rests for longer', () => {
    const { state: now, trips, reason } = state() ?? {};
    assert.deepEqual([now, trips, reason], ['open', 2, 'HTTP 500']);
  });
});

test('nobody probes while something of before is on the wire: its answer could be taken for the probe’s', async (t) => {
  const { breaker, gate, watch, state } = await processOf(t, uniqueName());
  assert.equal((await gate.take('submits', 2, gate.turn())).count, 2);
  fail(breaker, 10);
  await isShut(breaker);
  await eventually('its rest is over', () => {
    assert.ok(watch.now() > (state()?.until ?? Infinity));
  });
  assert.equal((await gate.take('gets', 1, gate.turn())).count, 0);
  breaker.observe('well', '');
  assert.notEqual(breaker.wait(), null);
  gate.release('submits', 2);
  assert.equal((await gate.take('gets', 1, gate.turn())).count, 1);
});

test('a breaker that is switched off holds nothing back and opens fully, though others have left it open', async (t) => {
  const endpoint = uniqueName();
  const on = await processOf(t, endpoint);
  const breaker = { ...config.legacy.breaker, enabled: false };
  const off = await processOf(t, endpoint, { breaker });
  fail(on.breaker, 10);
  for (const { state } of [on, off]) {
    await eventually('both have read that it is open', () => assert.equal(state()?.state, 'open'));
  }
  assert.notEqual(on.breaker.wait(), null);
  assert.equal(on.breaker.opening(), 0);
  assert.equal(off.breaker.wait(), null);
  assert.equal(off.breaker.opening(), 1);
});

test('a probe that was lost with its process does not keep it from closing when nobody asks, one under way does', async (t) => {
  const { states, watch, state: current } = await processOf(t, uniqueName());
  const state = async () => {
    await watch.refresh();
    return current()?.state;
  };
  await states.open('HTTP 503', 1, 0);
  assert.equal(await states.takeProbe('under way', 600_000), true);
  assert.equal(await states.closeIdle(0), false);
  await states.reopen('under way', 'HTTP 503', 1, 0);
  assert.equal(await states.takeProbe('lost', 0), true);
  assert.equal(await states.closeIdle(600_000), false, 'somebody may ask yet');
  assert.equal(await state(), 'probing');
  assert.equal(await states.closeIdle(0), true);
  assert.equal(await state(), 'closed');
});

test('any process closes it when nobody has asked for long after a lost probe', async (t) => {
  const name = uniqueName();
  const { breaker, states, watch, state } = await processOf(t, name);
  await states.open('HTTP 503', 1, 0);
  assert.equal(await states.takeProbe('lost', 0), true);
  await watch.refresh();
  assert.match(breaker.wait()?.reason ?? '', /circuit breaker probing/);
  const longAgo = { $set: { until: { $subtract: ['$until', 600_000] } } };
  await store.db
    .collection<{ _id: string }>(OWN.control)
    .updateOne({ _id: `breaker/${name}`, state: 'probing' }, [longAgo]);
  await eventually('it is closed', () => assert.equal(breaker.wait(), null));
  assert.equal(state()?.state, 'closed');
});

test('after an address was changed the state of the old one holds nobody', async (t) => {
  const name = uniqueName();
  const old = await processOf(t, name, { address: 'http://old' });
  fail(old.breaker, 10);
  await isShut(old.breaker);
  await eventually('it is told', () => assert.equal(old.state()?.state, 'open'));
  const { breaker, state } = await processOf(t, name, { address: 'http://new' });
  assert.notEqual(state(), undefined);
  assert.equal(breaker.wait(), null);
  fail(breaker, 10);
  await isShut(breaker);
});

test('of two endpoints in one process, with breakers of their own, neither disturbs the other', async (t) => {
  const [name, other] = [uniqueName(), uniqueName()];
  const bad = await processOf(t, name);
  const patient = { ...config.legacy.breaker, minRequests: 30 };
  const good = endpointOf(bad.watch, other, { breaker: patient });
  fail(bad.breaker, 10);
  fail(good.breaker, 10);
  await eventually('the one is open', () => assert.equal(bad.state()?.state, 'open'));
  assert.equal((await bad.gate.take('submits', 1, bad.gate.turn())).count, 0);
  assert.equal(good.breaker.wait(), null);
  assert.equal(good.breaker.opening(), 1);
  assert.equal((await good.gate.take('submits', 2, good.gate.turn())).count, 2);
  fail(good.breaker, 30);
  await eventually('so is the other', () => assert.equal(good.state()?.state, 'open'));
  good.gate.release('submits', 2);
  await eventually('it may be probed', async () => {
    assert.equal((await good.gate.take('gets', 1, good.gate.turn())).count, 1);
  });
  good.breaker.observe('well', '');
  good.gate.release('gets', 1);
  await eventually('the other is closed', () => assert.equal(good.breaker.wait(), null));
  assert.notEqual(bad.breaker.wait(), null);

  await openRates(store.db, name).reserve('submits', 10, 1);
  assert.equal(await openRates(store.db, other).reserve('submits', 1, 1), 0);
  const control = openControl(store.db);
  await control.setLimits(name, { maxInFlight: 3 }, 'ana');
  await openRates(store.db, name).noteLimited('gets');
  const { limits, limitedAt } = await control.read();
  assert.deepEqual([limits[name], limits[other]], [{ maxInFlight: 3 }, undefined]);
  assert.ok((limitedAt[name] ?? 0) > (limitedAt[other] ?? 0));
});

test('a pause is of all sources, or of the one that it names', async () => {
  const control = openControl(store.db);
  const [name, other] = [uniqueName(), uniqueName()];
  const reasons = async () => {
    const all = await control.read();
    return [name, other].map((source) => pauseOf(all, source)?.reason ?? null);
  };
  await control.pause('one', 'ana', name);
  assert.deepEqual(await reasons(), ['one', null]);
  await control.pause('$all', 'ana');
  assert.deepEqual(await reasons(), ['$all', '$all']);
  assert.equal(await control.resume(), true);
  assert.equal(await control.resume(), false);
  assert.equal(await control.resume(name), true);
  assert.deepEqual(await reasons(), [null, null]);
});

test('pieces of one time line do not overlap, whoever takes them', async () => {
  const rates = openRates(store.db, uniqueName());
  const waits = await Promise.all(
    Array.from({ length: 20 }, () => rates.reserve('submits', 5, 100)),
  );
  const sorted = waits.sort((a, b) => a - b);
  // Twenty pieces of 50 ms: the last begins 950 ms after the first, less what passed while they were asked for.
  assert.ok((sorted.at(-1) ?? 0) > 500, String(sorted));
});

test('an answer that says nothing of the system is not counted, and as a probe shows that somebody is there', async (t) => {
  const { breaker, gate } = await processOf(t, uniqueName());
  for (let n = 0; n < 30; n++) breaker.observe('nothing', 'HTTP 404');
  fail(breaker, 10);
  await isShut(breaker);
  await eventually('it may probe', async () => {
    assert.equal((await gate.take('gets', 5, gate.turn())).count, 1);
  });
  breaker.observe('nothing', 'HTTP 404');
  gate.release('gets', 1);
  await eventually('it is closed', () => assert.equal(breaker.wait(), null));
});

test('answers that speak of address or credentials open it, and it says what to look at', async (t) => {
  const { breaker } = await processOf(t, uniqueName());
  const reason = 'HTTP 401: check LEGACY_AUTHORIZATION';
  for (let n = 0; n < 10; n++) breaker.observe('misconfigured', reason);
  await isShut(breaker);
  assert.match(breaker.wait()?.reason ?? '', /HTTP 401: check LEGACY_AUTHORIZATION/);
});

test('what is perhaps the refusal of one registration opens it, and as a probe closes it: else those who could be accepted were kept away for ever', async (t) => {
  const heard = 'perhaps-misconfigured';
  const { breaker, gate } = await processOf(t, uniqueName());
  for (let n = 0; n < 10; n++) breaker.observe(heard, 'HTTP 404');
  await isShut(breaker);
  await eventually('it may probe', async () => {
    assert.equal((await gate.take('submits', 5, gate.turn())).count, 1);
  });
  breaker.observe(heard, 'HTTP 404');
  gate.release('gets', 1);
  await eventually('it is closed', () => assert.equal(breaker.wait(), null));
});
