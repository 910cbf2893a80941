/** What people do by hand, in Temporal Web, in RabbitMQ's management page, on a server's disk. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { FailureClass } from '../../src/domain/registrations/outcome.ts';
import { HEADER } from '../../src/domain/names.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf, type Flow } from '../helpers/flow.ts';
import { atEnd } from '../helpers/servers.ts';
import { startSystem, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { deadly, killed } from './crashes.ts';
import { SLOTS, SMALL, countIn, publishMixed } from './load.ts';
import { privateServers } from './private-servers.ts';
import type { Scenario, Trial, World } from './scenario.ts';

export const operators: Scenario[] = [
  {
    name: 'operator/terminate',
    fault:
      'Every run is terminated in Temporal Web in mid-flight, and a sweep takes up what they left',
    isQuick: false,
    run: (world) => midFlight(world, terminate, { sweeps: true }),
  },
  {
    name: 'operator/cancel',
    fault: 'Every run is cancelled in Temporal Web in mid-flight',
    isQuick: false,
    run: (world) => midFlight(world, cancel, { sweeps: false, alsoEnds: ['cancelled'] }),
  },
  {
    name: 'operator/cancel-without-worker',
    fault:
      'The worker is killed between POST and journal, every run is cancelled before another one is there, and what was cancelled is redriven',
    isQuick: false,
    run: cancelWithoutWorker,
  },
  {
    name: 'operator/reset',
    fault:
      'Every run is reset in Temporal Web to its beginning, in mid-flight, and does all of its steps again',
    isQuick: false,
    run: (world) => midFlight(world, reset, { sweeps: false }),
  },
  {
    name: 'operator/shovel-failures',
    fault: 'All failure records are moved back into the intake queue by hand, twice',
    isQuick: false,
    run: shovelFailures,
  },
  {
    name: 'operator/shovel-intake',
    fault:
      'Waiting messages are moved from the intake queue to another queue and back by hand, some of them copied',
    isQuick: false,
    run: shovelIntake,
  },
  {
    name: 'operator/failures-consumed',
    fault: 'Somebody else consumes the failure queue while registrations fail',
    isQuick: false,
    run: consumeFailures,
  },
  {
    name: 'operator/temporal-lost',
    fault:
      'Temporal is killed in mid-flight and comes back with an empty data file, and a sweep takes up what its runs had',
    isQuick: false,
    runsAlone: true,
    run: loseTemporal,
  },
];

/** With sweeps that do not wait: what was claimed a moment ago is looked at, too. */
const SWEPT = { ...SMALL, DESPACHANTE_TEST_CONSTANTS: 'sweeper.olderThan=0' };

async function halfAccepted({ store }: System, count: number): Promise<void> {
  await eventually('half of them are accepted', async () => {
    const accepted = await store.journal.collection.countDocuments({ state: 'accepted' });
    assert.ok(accepted >= count / 2, `${accepted}`);
  });
}

async function openRunsOf({ client, config }: System): Promise<string[]> {
  const query = `TaskQueue = "${config.temporal.taskQueue}" AND ExecutionStatus = "Running"`;
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
  assert.ok(ids.length > 0, 'no run is open');
  return ids;
}

async function midFlight(
  world: World,
  intervene: (system: System, run: string) => Promise<void>,
  { sweeps, alsoEnds = [] }: { sweeps: boolean; alsoEnds?: FailureClass[] },
): Promise<Trial> {
  const system = await startSystem(world, { env: SWEPT });
  const flow = flowOf(system);
  const count = countIn(world);
  await publishMixed(flow, count, { latencyMs: 6_000 });
  await halfAccepted(system, count);
  const runs = await openRunsOf(system);
  await Promise.all(runs.map((run) => intervene(system, run)));
  const faultEndedAt = Date.now();
  if (sweeps) await sweepUntilNothingIsStranded(flow);
  const trial = await conclude(flow, { maxInDoubt: SLOTS, faultEndedAt, alsoEnds });
  return { ...trial, times: runs.length };
}

/** Lists of runs lag: what a first sweep has not seen, the next one finds. */
async function sweepUntilNothingIsStranded(flow: Flow): Promise<void> {
  await eventually('nothing is stranded', async () => {
    await flow.json('sweep');
    const report = await flow.audit();
    assert.deepEqual([...report.stranded, ...report.lost], []);
  });
}

const terminate = async ({ client }: System, run: string): Promise<void> =>
  void (await client.workflow.getHandle(run).terminate('the scenario is about it'));

const cancel = async ({ client }: System, run: string): Promise<void> =>
  void (await client.workflow.getHandle(run).cancel());

/** No attempt hears of its cancellation: what they had sent is known to the journal alone. */
async function cancelWithoutWorker(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL, roles: ['intake'] });
  const flow = flowOf(system);
  await system.start('worker', deadly({ at: 'submit-answered', passage: 5 }));
  const ids = await publishMixed(flow, countIn(world));
  await killed(system, 'worker');
  const runs = await openRunsOf(system);
  await Promise.all(runs.map((run) => cancel(system, run)));
  await system.start('worker');
  const faultEndedAt = Date.now();
  await conclude(flow, { maxInDoubt: 0, faultEndedAt, alsoEnds: ['cancelled'] });
  await flow.json('failures', 'redrive', '--all', '--yes', '--class', 'cancelled');
  const trial = await conclude(flow, { maxInDoubt: SLOTS, faultEndedAt });
  // To the audit a redrive of what had failed is somebody's word; here nobody knew that it had been filed.
  const twice = ids.filter((id) => flow.requestIdsOf(id).length > 1);
  assert.deepEqual(twice, []);
  assert.ok(trial.inDoubt > 0, 'nothing is in doubt');
  return { ...trial, times: runs.length };
}

/** To the end of its first workflow task, as Temporal Web offers it. */
async function reset({ client, config }: System, run: string): Promise<void> {
  const { namespace } = config.temporal;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace,
    execution: { workflowId: run },
    maximumPageSize: 10,
  });
  const first = history?.events?.find((each) => each.workflowTaskCompletedEventAttributes);
  assert.ok(first?.eventId, `${run} has not begun`);
  await client.workflowService.resetWorkflowExecution({
    namespace,
    workflowExecution: { workflowId: run },
    reason: 'the scenario is about it',
    requestId: randomUUID(),
    workflowTaskFinishEventId: first.eventId,
  });
}

async function shovelFailures(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL });
  const flow = flowOf(system);
  const { intakeQueue, failureQueue } = system.config.rabbit;
  // Mended meanwhile, as one would before a redrive: the second time they are accepted.
  await publishMixed(flow, countIn(world), { refuseTimes: 1, failTimes: 1 });
  await conclude(flow, { maxInDoubt: 0, faultEndedAt: null });
  let moved = 0;
  for (const round of [1, 2]) {
    moved += await shovel(system, failureQueue, intakeQueue);
    await conclude(flow, { maxInDoubt: 0, faultEndedAt: null, filesAgain: true });
    world.tell(`round ${round}: ${moved} moved so far`);
  }
  assert.ok(moved > 0);
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null, filesAgain: true });
  return { ...trial, times: moved };
}

async function shovelIntake(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL });
  const flow = flowOf(system);
  const { intakeQueue } = system.config.rabbit;
  const elsewhere = `${intakeQueue}.elsewhere`;
  await system.channel.assertQueue(elsewhere, { durable: true });
  atEnd(world, async () => void (await system.channel.deleteQueue(elsewhere)));
  await system.stop('intake');
  await publishMixed(flow, countIn(world));
  const moved = await shovel(system, intakeQueue, elsewhere);
  await system.start('intake');
  // One in three twice: whoever moves by hand may do so.
  await shovel(system, elsewhere, intakeQueue, 3);
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now() });
  return { ...trial, times: moved };
}

/** What a failure queue is for: whoever takes from it has what the broker had confirmed, and nothing is lost by that. */
async function consumeFailures(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL });
  const flow = flowOf(system);
  const taken = new Set<unknown>();
  const malformed = new Set<unknown>();
  await declareQueues(system.connection, system.config.rabbit);
  await system.channel.consume(system.config.rabbit.failureQueue, (record) => {
    if (record === null) return;
    const { content, properties } = record;
    const headers: Record<string, unknown> = { ...properties.headers };
    if (headers[HEADER.class] === 'malformed') malformed.add(content.toString('base64'));
    else taken.add(headers[HEADER.item]);
    system.channel.ack(record);
  });
  const ids = await publishMixed(flow, countIn(world));
  const trial = await conclude(flow, {
    maxInDoubt: 0,
    faultEndedAt: null,
    takenByOthers: () => taken.size + malformed.size,
  });
  // One in five is refused, one in five fails, and one message is none.
  assert.deepEqual([taken.size, malformed.size], [(ids.length / 5) * 2, 1]);
  return { ...trial, times: taken.size };
}

/** As a shovel does: with all properties and headers, acknowledged when it is confirmed. Returns how many it moved. */
async function shovel(
  { connection }: System,
  from: string,
  to: string,
  twiceEach = Number.POSITIVE_INFINITY,
): Promise<number> {
  const channel = await connection.createConfirmChannel();
  let moved = 0;
  for (;;) {
    const message = await channel.get(from);
    if (message === false) break;
    moved += 1;
    const copies = moved % twiceEach === 0 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      channel.publish('', to, message.content, { ...message.properties, persistent: true });
    }
    await channel.waitForConfirms();
    channel.ack(message);
  }
  await channel.close();
  return moved;
}

async function loseTemporal(world: World): Promise<Trial> {
  const servers = await privateServers(world, 'lost', ['temporal']);
  const system = await startSystem(world, { env: { ...SWEPT, ...servers.addresses } });
  const flow = flowOf(system);
  const count = countIn(world);
  const ids = await publishMixed(flow, count, { latencyMs: 6_000 });
  // What Temporal alone has is lost with it: that is said in docs/proof/faults.md, and is not what this is about.
  await Promise.all(ids.map((id) => flow.claimed(id)));
  await halfAccepted(system, count);
  servers.kill('temporal');
  servers.forget('temporal');
  await servers.start('temporal');
  // As whoever runs them does; they end by themselves when the namespace is not as they knew it.
  for (const role of ['worker', 'intake'] as const) {
    await system.kill(role);
    await system.start(role);
  }
  const faultEndedAt = Date.now();
  await sweepUntilNothingIsStranded(flow);
  return conclude(flow, { maxInDoubt: SLOTS, faultEndedAt });
}
