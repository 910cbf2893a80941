/** The reading of control, by which every process knows pause and limits, and tells whether MongoDB can be used. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openControl } from '../../src/coordination/control.ts';
import { watchControl } from '../../src/coordination/control-watch.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { atEnd, testDatabase } from '../helpers/servers.ts';

const UP = /^despachante_dependency_up\{dependency="mongodb"\} (\d)$/m;

test('whoever has left hears of no reading any more', async (t) => {
  const { own } = await testDatabase(t);
  const watch = watchControl(() => openControl(own).read(), createMetrics(), silent, 60_000);
  atEnd(t, () => watch.close());
  const heard: string[] = [];
  const leaving = new AbortController();
  watch.onRead(() => void heard.push('left'), leaving.signal);
  watch.onRead(() => void heard.push('stays'));
  await watch.refresh();
  leaving.abort();
  await watch.refresh();
  assert.deepEqual(heard, ['left', 'stays', 'stays']);
});

test('the metric of MongoDB follows each reading, and is not there before the first', async (t) => {
  const { db } = await testDatabase(t);
  const control = openControl(db);
  const metrics = createMetrics();
  let isAway = false;
  const read = () => (isAway ? Promise.reject(new Error('connection refused')) : control.read());
  const watch = watchControl(read, metrics, silent, 60_000);
  atEnd(t, () => watch.close());
  const told = async () => UP.exec(await metrics.registry.metrics())?.[1];
  const before = await told();
  const seen: (string | undefined)[] = [before];
  for (const away of [false, true, false]) {
    isAway = away;
    await watch.refresh();
    seen.push(await told());
  }
  assert.deepEqual(seen, [undefined, '1', '0', '1']);
});
