/** The end of every scenario of tasks: wait until all is at rest, add up what is where, and hold the promises against it. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { HEADER, readClaimKey } from '../../../src/domain/names.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { Trial } from '../scenario.ts';
import type { End } from './deeds.ts';
import type { Expected } from './load.ts';
import { SLOTS, WORK_MS, type TaskSystem } from './system.ts';
import type { Seen } from './transport.ts';
import { runAgain } from './witness.ts';

interface Concluding {
  /** Epoch ms at which the fault ended; null where nothing had to recover. */
  faultEndedAt: number | null;
  /** Most attempts that may have begun more than once. */
  mostAgain: number;
  /** Ids of deliveries that are no tasks: they have a dead letter, and no claim. */
  rejected?: readonly string[];
  withinMs?: number;
}

const LOOK_EACH_MS = 1_000;

/** What one kill may have begun again: what was running, and what had ended within 100 ms and was not written down. */
export const PER_KILL = SLOTS + (SLOTS * 100) / WORK_MS;

/** @throws AssertionError when something is lost, has two ends or another end than it should, or ran again too often */
export async function concludeTasks(
  system: TaskSystem,
  expected: Expected,
  { faultEndedAt, mostAgain, rejected = [], withinMs = 240_000 }: Concluding,
): Promise<Trial> {
  const { claims, transport } = system;
  const tasks = expected.size - rejected.length;
  await eventually(
    'everything is at rest',
    async () => {
      // Each look reads all claims: looked for without a rest, it would be the load.
      await delay(LOOK_EACH_MS);
      const [claimed, open] = await Promise.all([
        claims.countDocuments({}),
        claims.countDocuments({ settledAt: null }),
      ]);
      const found = JSON.stringify({ tasks, claimed, open });
      assert.ok(claimed >= tasks && open === 0, found);
      assert.equal(await transport.backlog(), 0, 'messages wait in the source');
    },
    withinMs,
  );
  const recoverySeconds =
    faultEndedAt === null ? null : Math.max(0, Date.now() - faultEndedAt) / 1_000;
  await eventually('no run is open', async () => {
    const query = `TaskQueue = "${system.taskQueue}/Witness" AND ExecutionStatus = "Running"`;
    assert.equal((await system.client.workflow.count(query)).count, 0);
  });
  for (const name of system.names()) await system.stop(name);
  assert.equal(await transport.backlog(), 0, 'messages came back to the source');

  const ends = await endsOf(system);
  for (const id of rejected) ends.set(id, 'malformed');
  const lost = [...expected.keys()].filter((id) => !ends.has(id));
  assert.deepEqual(lost, [], 'published, and nowhere');
  const strangers = [...ends.keys()].filter((id) => !expected.has(id));
  assert.deepEqual(strangers, [], 'settled, and never published');
  const others = [...expected].filter(([id, end]) => ends.get(id) !== end);
  assert.deepEqual(
    others.map(([id, end]) => `${id}: ${ends.get(id)}, not ${end}`),
    [],
  );
  const places = await transport.read('output');
  const letters = await transport.read('letters');
  assertPlaces(expected, places, letters);
  const again = runAgain(system.testimonies());
  assert.ok(again <= mostAgain, `${again} attempts began again, at most ${mostAgain} should`);
  return {
    registrations: expected.size,
    ...{ lost: 0, filedTwice: 0, settledTwice: 0, inDoubt: 0 },
    runAgain: again,
    recoverySeconds,
  };
}

/** By the id of the message: how it ended, as its claim says. */
async function endsOf({ claims }: TaskSystem): Promise<Map<string, End>> {
  const ends = new Map<string, End>();
  for await (const { item, outcome, conflict } of claims.find({})) {
    if (outcome !== null && !conflict) ends.set(idOf(item), outcome.kind);
  }
  return ends;
}

const idOf = (item: string): string => item.slice(item.indexOf('/') + 1);

/** What is done has its output and no dead letter; what has failed has its dead letter and no output; copies are the same. */
function assertPlaces(expected: Expected, outputs: readonly Seen[], letters: readonly Seen[]) {
  const byPlace = (end: (kind: End) => boolean) =>
    [...expected].flatMap(([id, kind]) => (end(kind) ? [id] : [])).sort();
  const outputOf = ({ id }: Seen) => idOf((id ?? 'none').replace(/~0\/0$/, ''));
  const letterOf = ({ id, headers: { [HEADER.item]: item } }: Seen) =>
    item === undefined ? (id ?? 'none') : idOf(readClaimKey(item)?.id ?? 'none');
  const isDone = (kind: End) => kind === 'done';
  assert.deepEqual([...new Set(outputs.map(outputOf))].sort(), byPlace(isDone), 'outputs');
  assert.deepEqual(
    [...new Set(letters.map(letterOf))].sort(),
    byPlace((kind) => !isDone(kind)),
    'dead letters',
  );
  for (const each of letters)
    assert.equal(each.headers[HEADER.class], expected.get(letterOf(each)), 'class of a letter');
  const variants = new Set([...outputs, ...letters].map(({ id, hash }) => `${id} ${hash}`));
  const names = new Set([...outputs, ...letters].map(({ id }) => id));
  assert.equal(variants.size, names.size, 'copies differ');
}
