/** Every place where a collector can die between two effects on a file: killed just there, in mid-work, and another one goes on. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { within } from '../../src/runtime/retry.ts';
import { eventually } from '../helpers/eventually.ts';
import { drop, filesBelow, folderPlace, spawnCollector } from '../helpers/folders.ts';
import type { Crash, Scenario, Trial, World } from './scenario.ts';

const CRASHES: Crash[] = [
  { at: 'claim-written', passage: 1, fault: 'after files were claimed, before Temporal knows' },
  { at: 'file-parked', passage: 25, fault: 'after a file was renamed, before it is sent' },
  { at: 'file-answered', passage: 25, fault: 'after an answer, before it is written down' },
  {
    at: 'handle-recorded',
    passage: 25,
    fault: 'after an outcome was written down, before the move',
  },
  { at: 'file-moved', passage: 25, fault: 'after a file was moved, before its claim is settled' },
];

/** On the wire, and answered within the 100 ms in which answers are written down together. */
const IN_HAND = 3 * 32;
const REFUSED_EACH = 10;

export const fileCrashes: Scenario[] = CRASHES.map((crash) => ({
  name: `files/crash-${crash.at}`,
  fault: `A collector of files is killed ${crash.fault}`,
  isQuick: false,
  run: (world) => killedAt(world, crash),
}));

async function killedAt(world: World, { at, passage }: Crash): Promise<Trial> {
  const count = world.isQuick ? 60 : 200;
  const names = Array.from(
    { length: count },
    (_, n) => `${n}${n % REFUSED_EACH === 3 ? '.bad' : ''}`,
  );
  const place = await folderPlace(
    world,
    ({ path }, response) => response.writeHead(path.endsWith('.bad') ? 422 : 200).end(),
    ['ready: rename'],
  );
  await place.setting();
  const { config, file, path, receiver, claims } = place;
  for (const name of names) await drop(path, name, `content of ${name}`);
  const doomed = spawnCollector(world, { config, file, failpoint: `${at}:${passage}` });
  await within(60_000, `the collector dies at ${at}`, once(doomed, 'exit'));
  assert.equal(doomed.signalCode, 'SIGKILL');
  spawnCollector(world, { config, file, failpoint: null });
  const faultEndedAt = Date.now();
  await eventually('every file has ended', async () =>
    assert.equal(await claims.countDocuments({ settledAt: { $ne: null } }), count),
  );
  const recoverySeconds = (Date.now() - faultEndedAt) / 1_000;

  const found = (await filesBelow(path)).filter((each) => !each.endsWith('.reason.json'));
  const ended = found.map((each) =>
    each.replace(/^(done\/[-\d]+|refused)\/(.*)~[0-9a-f]{24}$/, '$2'),
  );
  assert.deepEqual(ended.sort(), names.toSorted(), 'each file lies in one place');
  assert.ok(found.every((each) => each.startsWith('refused/') === each.includes('.bad~')));
  assert.equal(
    await claims.countDocuments({ 'outcome.kind': { $in: ['done', 'permanent'] } }),
    count,
  );
  const keys = new Set(
    receiver.seen.map((each) => `${each.path} ${String(each.headers['idempotency-key'])}`),
  );
  assert.equal(keys.size, count, 'each file has one key');
  const runAgain = receiver.seen.length - count;
  assert.ok(runAgain <= IN_HAND, `${runAgain} requests more than files`);
  return {
    registrations: count,
    ...{ lost: 0, filedTwice: 0, settledTwice: 0, inDoubt: 0, runAgain, recoverySeconds },
  };
}
