/** Every place where a process of workers can die between two of its effects: killed just there, started again, concluded. */
import assert from 'node:assert/strict';
import { within } from '../../../src/runtime/retry.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { Crash, Scenario, Trial, World } from '../scenario.ts';
import { PER_KILL, concludeTasks } from './conclude.ts';
import { bodyOf, countIn, publishLoad, type Expected } from './load.ts';
import { SLOTS, taskSystem, type TaskSystem } from './system.ts';

const CRASHES: Crash[] = [
  { at: 'intake-parsed', passage: 25, fault: 'after it read a delivery' },
  { at: 'intake-starting', passage: 3, fault: 'before it starts a run' },
  {
    at: 'intake-started',
    passage: 3,
    fault: 'after a run was started, before it acknowledged its deliveries',
  },
  { at: 'intake-acknowledged', passage: 3, fault: 'after it acknowledged the deliveries of a run' },
  { at: 'claim-writing', passage: 3, fault: 'before it writes claims' },
  { at: 'claim-written', passage: 3, fault: 'after claims were written, before Temporal knows' },
  { at: 'handle-beginning', passage: 25, fault: 'before it calls a handler' },
  {
    at: 'handle-ended',
    passage: 25,
    fault: 'after handlers have ended, before that is written down',
    isQuick: true,
  },
  {
    at: 'handle-recorded',
    passage: 25,
    fault: 'after the end of a handler was written down, before Temporal knows',
  },
  {
    at: 'publish-confirmed',
    passage: 12,
    fault: 'after an output was confirmed, before its task is settled',
    isQuick: true,
  },
  { at: 'settle-written', passage: 3, fault: 'after tasks were settled, before Temporal knows' },
  { at: 'bury-concluded', passage: 2, fault: 'before it publishes dead letters' },
  {
    at: 'bury-confirmed',
    passage: 3,
    fault: 'after a dead letter was confirmed, before its task is settled',
  },
];

const MALFORMED: Crash = {
  at: 'intake-malformed-confirmed',
  passage: 1,
  fault:
    'after the dead letter of a delivery that is no task was confirmed, before it acknowledged it',
};

const TAKEOVER: Crash = {
  at: 'takeover-taken',
  passage: 1,
  fault: 'after it took over the tasks of a dead run, before Temporal knows',
};

type Run = (world: World, crash: Crash) => Promise<Trial>;

const scenario =
  (run: Run) =>
  (crash: Crash): Scenario => ({
    name: `tasks/crash-${crash.at}`,
    fault: `A process of workers is killed ${crash.fault}`,
    isQuick: crash.isQuick ?? false,
    run: (world) => run(world, crash),
  });

export const taskCrashes: Scenario[] = [
  ...CRASHES.map(scenario(killedAt)),
  scenario(killedRejecting)(MALFORMED),
  scenario(killedTakingOver)(TAKEOVER),
];

/** Small runs, so that each place is passed in mid-work and more than once. */
const SMALL = { env: { DESPACHANTE_INTAKE_BATCH_SIZE: '10' } };

async function killedAt(world: World, crash: Crash): Promise<Trial> {
  const system = await taskSystem(world, SMALL);
  await system.start('doomed', deadly(crash));
  const expected = await publishLoad(system.transport, countIn(world));
  return goOn(system, expected);
}

async function goOn(system: TaskSystem, expected: Expected): Promise<Trial> {
  await killed(system);
  await system.start('next');
  return concludeTasks(system, expected, { faultEndedAt: Date.now(), mostAgain: PER_KILL });
}

/** One is larger than a run can carry. */
async function killedRejecting(world: World, crash: Crash): Promise<Trial> {
  const system = await taskSystem(world, SMALL);
  await system.start('doomed', deadly(crash));
  const expected = await publishLoad(system.transport, countIn(world));
  const id = 'too-large';
  await system.transport.publish(id, Buffer.alloc(3 * 1024 * 1024, ' '));
  expected.set(id, 'malformed');
  await killed(system);
  await system.start('next');
  const faultEndedAt = Date.now();
  return concludeTasks(system, expected, { faultEndedAt, mostAgain: PER_KILL, rejected: [id] });
}

/** Runs are terminated in mid-flight, and the messages come once more; the process dies while it takes over what they left. */
async function killedTakingOver(world: World, crash: Crash): Promise<Trial> {
  const system = await taskSystem(world, { ...SMALL, workMs: 200 });
  await system.start('first');
  const count = countIn(world);
  const expected = await publishLoad(system.transport, count, {
    ...{ twice: 0, hasNone: false },
    deedOf: () => 'done',
  });
  await system.hasBegun(2 * SLOTS);
  await system.kill('first');
  const query = `TaskQueue = "${system.taskQueue}/Witness" AND ExecutionStatus = "Running"`;
  for await (const { workflowId } of system.client.workflow.list({ query }))
    await system.client.workflow.getHandle(workflowId).terminate('the scenario is about it');
  await system.start('doomed', deadly(crash));
  const isOpen = { settledAt: null };
  const left = await system.claims.find(isOpen).toArray();
  assert.ok(left.length > 0, 'nothing was left by the runs');
  for (const { item } of left) await system.transport.publish(idOf(item), bodyAgain(idOf(item)));
  await killed(system);
  await system.start('next');
  const faultEndedAt = Date.now();
  // Deliveries that were acknowledged, and had not been claimed when their run was terminated, nobody knows of any more.
  await eventually('what was left is settled', async () => {
    const open = await system.claims.countDocuments(isOpen);
    assert.equal(open, 0, `${open} are open`);
  });
  for (const id of expected.keys()) await system.transport.publish(id, bodyAgain(id));
  const mostAgain = 2 * PER_KILL;
  return { ...(await concludeTasks(system, expected, { faultEndedAt, mostAgain })), times: 2 };
}

const idOf = (item: string): string => item.slice(item.indexOf('/') + 1);
const bodyAgain = (id: string): Buffer => bodyOf(Number(id.slice(id.lastIndexOf('-') + 1)), 'done');

export const deadly = ({ at, passage }: Pick<Crash, 'at' | 'passage'>) => ({
  DESPACHANTE_FAILPOINT: `${at}:${passage}`,
});

/** Waits until the doomed one has killed itself. */
async function killed(system: TaskSystem): Promise<void> {
  const { exited } = system.child('doomed');
  const code = await within(60_000, 'the process to pass its failpoint', exited);
  assert.equal(code, null, 'it was not killed, but left');
  await system.kill('doomed');
}
