/** The clock of our own processes jumps while registrations are under way; those of the servers stay. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { quantileOf } from '../../src/domain/registrations/latency.ts';
import { openLatencies } from '../../src/registrations/latencies.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { startSystem, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { SLOTS, SMALL, countIn, publishMixed } from './load.ts';
import type { Scenario, Trial, World } from './scenario.ts';

const HOUR_MS = 3_600_000;
const LATENCY_MS = 4_000;

/** Less than the jump, so that whoever measures by the wrong clock times out. */
const LIMITS = { DESPACHANTE_LEGACY_DEADLINE: '10m', DESPACHANTE_LEGACY_MAX_OPEN: '20m' };

/**
 * Both processes jump while some registrations are on the wire and others are polled; more come. Then the worker dies with
 * POSTs on the wire, and one whose clock is right goes on with what it wrote.
 */
async function jump(world: World, byMs: number): Promise<Trial> {
  const system = await startSystem(world, { env: { ...SMALL, ...LIMITS }, roles: [] });
  const flow = flowOf(system);
  await declareQueues(system.connection, system.config.rabbit);
  const file = join(system.folder, 'clock');
  const shifted = {
    NODE_OPTIONS: `--import=${new URL('./shifted-clock.js', import.meta.url).href}`,
    SHIFTED_CLOCK: file,
  };
  await system.start('worker', shifted);
  await system.start('intake', shifted);
  const simulate = { latencyMs: LATENCY_MS, answerDelayMs: 300 };
  const accepted = () => system.simulator.stats().accepted;

  await publishMixed(flow, countIn(world), simulate);
  await eventually('some are accepted, and some are not', () => assert.ok(accepted() > SLOTS));
  writeFileSync(file, String(byMs));
  const before = accepted();
  await publishMixed(flow, countIn(world), simulate);
  await eventually('the jumped worker submits, and asks', async () => {
    assert.ok(accepted() > before + 2 * SLOTS);
    assert.ok((await flow.tally('')).registered > SLOTS);
  });
  const last = accepted();
  await publishMixed(flow, countIn(world), simulate);
  await eventually('it submits again', () => assert.ok(accepted() > last + SLOTS));
  await system.kill('worker');
  const faultEndedAt = Date.now();
  await system.start('worker');
  const trial = await conclude(flow, { maxInDoubt: SLOTS, faultEndedAt });
  await assertUnmoved(system);
  return trial;
}

/** Nobody has timed out, and nobody has learned of an hour. */
async function assertUnmoved({ store, config }: System): Promise<void> {
  const late = { 'outcome.kind': 'timed-out' as const };
  assert.equal(await store.claims.collection.countDocuments(late), 0, 'timed out');
  const latencies = openLatencies(store.db, config);
  await eventually('something was learned', async () => {
    const known = await latencies.read();
    assert.ok(known !== null && known.count > 0);
    const slowest = quantileOf(known, 1);
    assert.ok(slowest < 60_000, `learned of one that took ${Math.round(slowest)} ms`);
    const ahead = known.at - Date.now();
    assert.ok(Math.abs(ahead) < HOUR_MS / 2, `learned at a time that is ${ahead} ms off`);
  });
}

export const clocks: Scenario[] = [
  {
    name: 'clock/jump-ahead',
    fault:
      'The clock of worker and intake jumps an hour ahead under load; then the worker dies, and one whose clock is right goes on',
    isQuick: false,
    run: (world) => jump(world, HOUR_MS),
  },
  {
    name: 'clock/jump-back',
    fault:
      'The clock of worker and intake jumps back by an hour under load; then the worker dies, and one whose clock is right goes on',
    isQuick: false,
    run: (world) => jump(world, -HOUR_MS),
  },
];
