/** Every place where a process can die between two of its effects: killed just there, started again, concluded. */
import { messageOf } from '../../src/broker/rabbitmq/message.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readDelivery } from '../../src/registrations/delivery.ts';
import type { NewRegistration } from '../../src/domain/registrations/item.ts';
import type { Rules } from '../../src/domain/registrations/rules.ts';
import { REGISTRATIONS, sweepScheduleId, workflowId } from '../../src/domain/names.ts';
import { within } from '../../src/runtime/retry.ts';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { rulesOf } from '../../src/registrations/rules.ts';
import { startRegistrations } from '../../src/temporal/client.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { atEnd } from '../helpers/servers.ts';
import { startSystem, type Role, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { SLOTS, SMALL, countIn, publishMixed } from './load.ts';
import type { Crash, Scenario, Trial, World } from './scenario.ts';

const INTAKE: Crash[] = [
  { at: 'intake-parsed', passage: 25, fault: 'after it read a delivery' },
  {
    at: 'intake-malformed-confirmed',
    passage: 1,
    fault:
      'after the record of a malformed delivery was confirmed, before it acknowledged the delivery',
  },
  { at: 'intake-starting', passage: 2, fault: 'before it starts a run' },
  {
    at: 'intake-started',
    passage: 2,
    fault: 'after a run was started, before it acknowledged its deliveries',
    isQuick: true,
  },
  {
    at: 'intake-acknowledged',
    passage: 2,
    fault: 'after it acknowledged the deliveries of a run',
  },
];

const WORKER: Crash[] = [
  { at: 'claim-writing', passage: 2, fault: 'before it writes claims' },
  { at: 'claim-written', passage: 2, fault: 'after claims were written, before Temporal knows' },
  { at: 'submit-opening', passage: 2, fault: 'before it writes intents into the journal' },
  { at: 'submit-opened', passage: 2, fault: 'between journal and POST' },
  {
    at: 'submit-answered',
    passage: 12,
    fault: 'after the answer to a POST, before the journal has it',
    isQuick: true,
  },
  {
    at: 'submit-closed',
    passage: 2,
    fault: 'after the answers to POSTs are in the journal, before Temporal knows them',
  },
  { at: 'poll-asking', passage: 15, fault: 'before it asks for a status' },
  { at: 'poll-answered', passage: 15, fault: 'after it was told a status' },
  { at: 'persist-writing', passage: 2, fault: 'before it writes successes to MongoDB' },
  {
    at: 'persist-written',
    passage: 2,
    fault: 'after successes are in MongoDB, before their claims are settled',
  },
  { at: 'route-concluded', passage: 1, fault: 'before it publishes failure records' },
  {
    at: 'route-confirmed',
    passage: 3,
    fault: 'after a failure record was confirmed, before its claim is settled',
    isQuick: true,
  },
  { at: 'settle-written', passage: 2, fault: 'after claims were settled, before Temporal knows' },
];

const SWEEP: Crash[] = [
  {
    at: 'sweep-starting',
    passage: 1,
    fault: 'in a sweep, before it starts the run that is to take over what a dead run left',
  },
  { at: 'sweep-started', passage: 1, fault: 'in a sweep, after it started that run' },
  {
    at: 'takeover-taken',
    passage: 1,
    fault: 'after it took over the claims of a dead run, before Temporal knows',
  },
];

type Run = (world: World, crash: Crash) => Promise<Trial>;

const at =
  (role: Role, run: Run) =>
  (crash: Crash): Scenario => ({
    name: `crash/${crash.at.startsWith('intake') ? '' : 'worker-'}${crash.at}`,
    fault: `The ${role} is killed ${crash.fault}`,
    isQuick: crash.isQuick ?? false,
    run: (world) => run(world, crash),
  });

/** Continuing as new is the workflow's own step: around it are the last answer before and the first step after. */
const CONTINUED: { name: string; crash: Crash }[] = [
  {
    name: 'crash/worker-before-continue-as-new',
    crash: {
      at: 'poll-answered',
      passage: 60,
      fault:
        'with the answers in hand after which runs go on as new ones, as they do after each round of polls',
    },
  },
  {
    name: 'crash/worker-after-continue-as-new',
    crash: {
      at: 'poll-asking',
      passage: 60,
      fault:
        'at the first step of runs that have gone on as new ones, as they do after each round of polls',
    },
  },
];

export const crashes: Scenario[] = [
  ...INTAKE.map(at('intake', (world, crash) => killedAt(world, 'intake', crash))),
  {
    name: 'crash/intake-holding',
    fault:
      'The intake is killed while it holds deliveries that it cannot hand over, since Temporal is away',
    isQuick: false,
    run: killedHolding,
  },
  ...WORKER.map(at('worker', (world, crash) => killedAt(world, 'worker', crash))),
  ...SWEEP.map(at('worker', killedInSweep)),
  ...CONTINUED.map(({ name, crash }) => ({ ...at('worker', killedContinuing)(crash), name })),
  at(
    'worker',
    killedAgain,
  )({
    at: 'doubt-decided',
    passage: 1,
    fault: 'between journal and POST, and its successor after it called that in doubt',
  }),
];

async function killedAt(world: World, role: Role, crash: Crash): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL, roles: [] });
  const flow = flowOf(system);
  const other = role === 'worker' ? 'intake' : 'worker';
  await Promise.all([system.start(other), system.start(role, deadly(crash))]);
  await publishMixed(flow, countIn(world));
  await killed(system, role);
  await system.start(role);
  return conclude(flow, { maxInDoubt: role === 'intake' ? 0 : SLOTS, faultEndedAt: Date.now() });
}

/** A failpoint dies before what was written to a socket just before has left; here there is time for that. */
async function killedHolding(world: World): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL, proxied: ['TEMPORAL_ADDRESS'] });
  const flow = flowOf(system);
  const temporal = system.proxy('TEMPORAL_ADDRESS');
  temporal.close();
  await publishMixed(flow, countIn(world));
  await eventually('it has tried to hand over', () => {
    assert.match(system.log('intake'), /Temporal cannot start runs/);
  });
  await system.kill('intake');
  temporal.open();
  await system.start('intake');
  return conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now() });
}

async function killedAgain(world: World, crash: Crash): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL, roles: ['intake'] });
  const flow = flowOf(system);
  await system.start('worker', deadly({ at: 'submit-opened', passage: 1 }));
  await publishMixed(flow, countIn(world));
  await killed(system, 'worker');
  await system.start('worker', deadly(crash));
  await killed(system, 'worker');
  await system.start('worker');
  // Each had something on the wire when it died.
  const trial = await conclude(flow, { maxInDoubt: 2 * SLOTS, faultEndedAt: Date.now() });
  assert.ok(trial.inDoubt > 0, 'nothing is in doubt');
  return { ...trial, times: 2 };
}

async function killedContinuing(world: World, crash: Crash): Promise<Trial> {
  const system = await startSystem(world, { env: SMALL, roles: [] });
  const { client, config } = system;
  const flow = flowOf(system);
  await declareQueues(system.connection, config.rabbit);
  await system.start('worker', deadly(crash));
  await publishMixed(flow, countIn(world), { latencyMs: 4_000 });
  await handOver(system, { ...rulesOf(config), maxHistoryEvents: 10 });
  await killed(system, 'worker');
  const query = `TaskQueue = "${config.temporal.taskQueue}" AND ExecutionStatus = "ContinuedAsNew"`;
  await eventually('runs have gone on as new ones', async () => {
    assert.ok((await client.workflow.count(query)).count > 0);
  });
  await Promise.all([system.start('worker'), system.start('intake')]);
  return conclude(flow, { maxInDoubt: SLOTS, faultEndedAt: Date.now() });
}

/** In the place of an intake, since no setting says after how many events a run goes on as a new one. */
async function handOver({ connection, client, config }: System, rules: Rules): Promise<void> {
  const channel = await connection.createChannel();
  let batch: NewRegistration[] = [];
  for (;;) {
    const message = await channel.get(config.rabbit.intakeQueue);
    if (message !== false) {
      const { content: body, properties } = message;
      const read = readDelivery({ ...messageOf(message), receivedAt: Date.now() }, config);
      if (read.ok) batch.push(read.item);
      // For the real one, later.
      else channel.publish('', config.rabbit.returnedQueue, body, properties);
    }
    if (batch.length === config.intake.batchSize || (message === false && batch.length > 0)) {
      const labels = batch.map(({ label }) => label);
      const id = workflowId(REGISTRATIONS, labels, randomUUID().slice(0, 13));
      await startRegistrations(client, config, id, { rules, registrations: batch, carried: null });
      batch = [];
    }
    if (message === false) break;
    channel.ack(message);
  }
  await channel.close();
}

/** Runs are terminated in mid-flight; the worker dies while what they left is taken over. */
async function killedInSweep(world: World, crash: Crash): Promise<Trial> {
  const env = {
    ...SMALL,
    DESPACHANTE_SWEEPER_ENABLED: 'true',
    DESPACHANTE_TEST_CONSTANTS: 'sweeper.olderThan=0',
  };
  const system = await startSystem(world, { env });
  const { client, config, store } = system;
  const schedule = client.schedule.getHandle(sweepScheduleId(config.temporal.taskQueue));
  atEnd(world, () => schedule.delete());
  const flow = flowOf(system);
  const ids = await publishMixed(flow, countIn(world), { latencyMs: 20_000 });
  const isAccepted = { state: 'accepted' } as const;
  await eventually('half of them are accepted', async () => {
    assert.ok((await store.journal.collection.countDocuments(isAccepted)) > ids.length / 2);
  });
  await system.stop('worker');
  const query = `TaskQueue = "${config.temporal.taskQueue}" AND ExecutionStatus = "Running"`;
  for await (const { workflowId } of client.workflow.list({ query })) {
    await client.workflow.getHandle(workflowId).terminate('the scenario is about it');
  }
  let hasEnded = false;
  const doomed = await system.start('worker', deadly(crash));
  void doomed.exited.then(() => (hasEnded = true));
  await sweptUntil('a sweep has killed the worker', () => assert.ok(hasEnded));
  await system.start('worker');
  const faultEndedAt = Date.now();
  // What a first sweep has not seen yet, since lists of runs lag, the next one finds.
  await sweptUntil('nothing is stranded', async () => {
    assert.deepEqual((await flow.audit()).stranded, []);
  });
  return conclude(flow, { maxInDoubt: SLOTS, faultEndedAt });

  /** Has it swept every other second, no more often: each is a run. */
  async function sweptUntil(what: string, assertion: () => Promise<void> | void): Promise<void> {
    let last = Number.NEGATIVE_INFINITY;
    await eventually(what, async () => {
      if (performance.now() - last > 2_000) {
        last = performance.now();
        await schedule.trigger();
      }
      await assertion();
    });
  }
}

export const deadly = ({ at, passage }: Pick<Crash, 'at' | 'passage'>) => ({
  DESPACHANTE_FAILPOINT: `${at}:${passage}`,
});

/** Waits until the process has killed itself. */
export async function killed(system: System, role: Role): Promise<void> {
  const code = await within(60_000, `the ${role} to pass its failpoint`, system.child(role).exited);
  assert.equal(code, null, 'it was not killed, but left');
}
