/** A run over a list is killed again and again, while somebody reads its output all the time. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { OWN } from '../../src/mongo/collections.ts';
import { etlPlace, resources } from '../helpers/etl.ts';
import { eventually } from '../helpers/eventually.ts';
import type { Scenario, Trial, World } from './scenario.ts';

const TIMES = 20;
const COUNT = 4_000;
const READ_EACH_MS = 20;
/** Each attempt takes up to so many seconds, and never fails: the killed processes together do not come to the end. */
const SLOW = { WORKERS: '20', PROCESSING_TIME: '0.4', DELAY_TIME: '0', FAILURE_RATE: '0' };
/** Elements that each process brings to an end before it is killed, at least. */
const EACH = 40;

async function killed(world: World): Promise<Trial> {
  const times = world.isQuick ? 3 : TIMES;
  const place = await etlPlace(world);
  place.write('records.json', JSON.stringify(resources(COUNT)));
  place.write('output.json', '[]');
  const claims = place.db.collection(OWN.taskClaims);
  const done = () => claims.countDocuments({ settledAt: { $ne: null } });
  const reader = readAlways(() => place.output().length);
  for (let n = 1; n <= times; n += 1) {
    const { kill, ended } = place.start(['records.json'], SLOW);
    const before = await done();
    await Promise.race([
      ended.then(({ code, err }) => assert.fail(`it ended by itself (${code}): ${err}`)),
      eventually('it has done some', async () => assert.ok((await done()) >= before + EACH)),
    ]);
    await kill('SIGKILL');
    world.tell(`killed ${n} of ${times} times, the output has ${reader.latest()} of ${COUNT}`);
  }
  const faultEndedAt = Date.now();
  const { code, err } = await place.run(['records.json'], { ...SLOW, WORKERS: '200' });
  assert.equal(code, 0, err);
  const recoverySeconds = (Date.now() - faultEndedAt) / 1_000;
  const reads = await reader.end();
  const ids = place.output().map(({ id }) => String(id));
  const lost = resources(COUNT).filter(({ id }) => !ids.includes(String(id)));
  assert.deepEqual([lost.length, ids.length, new Set(ids).size], [0, COUNT, COUNT]);
  return {
    ...{ times, registrations: COUNT, lost: 0, filedTwice: 0, settledTwice: 0, inDoubt: 0 },
    recoverySeconds,
    note: `its output was read ${reads.toLocaleString('en')} times meanwhile, and whole each time`,
  };
}

/** Reads again and again; whatever it finds broken is thrown at the end. */
function readAlways(read: () => number) {
  let latest = 0;
  let reads = 0;
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const now = read();
      assert.ok(now >= latest, `the output had ${latest} elements, and has ${now}`);
      latest = now;
      reads += 1;
      await delay(READ_EACH_MS);
    }
  })();
  reading.catch(() => {});
  return {
    latest: () => latest,
    async end(): Promise<number> {
      isOver = true;
      await reading;
      return reads;
    },
  };
}

export const etlKills: Scenario[] = [
  {
    name: 'etl/kills',
    fault: 'A run over a list is killed twenty times, and its output is read all the time',
    isQuick: false,
    run: killed,
  },
];
