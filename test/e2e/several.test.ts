/** More than one of each on the same queues. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { z } from 'zod';
import { startChild } from '../../src/runtime/child.ts';
import type { Child } from '../../src/runtime/child.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { Role } from '../helpers/system.ts';

// Small batches and few on the wire, so that there is work for everybody.
const env = { DESPACHANTE_INTAKE_BATCH_SIZE: '5', DESPACHANTE_LEGACY_MAX_CONCURRENT: '8' };
const scope = { after, afterEach };
const system = await startSystem(scope, { env });
const flow = flowOf(system);

/** A second one, beside the first. */
async function second(role: Role): Promise<Child> {
  const child = await startChild({
    args: [role, '--port', '0'],
    env: system.env,
    logFile: join(system.folder, `second-${role}.log`),
  });
  after(() => child.stop());
  return child;
}

/** A counter of a process, summed over its labels. */
async function counted({ facts }: Child, metric: string): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${facts.health ?? 0}/metrics`);
  const lines = (await answer.text()).split('\n').filter((line) => line.startsWith(metric));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const told = z.object({ processes: z.array(z.object({ role: z.string(), state: z.string() })) });
const states = async () => {
  const { processes } = told.parse(await flow.json('status'));
  return processes.map(({ role, state }) => `${role} ${state}`).sort();
};

test('two intakes and two workers share the work, nothing is filed or settled twice, and the status has them all', async () => {
  const workers = [system.child('worker'), await second('worker')];
  const intakes = [system.child('intake'), await second('intake')];
  const prefix = uniqueName();
  const count = 300;
  await flow.publishMany(prefix, count);
  await eventually('all are registered', async () => {
    assert.equal((await flow.tally(prefix)).registered, count);
  });
  assert.equal(system.simulator.stats().accepted, count);
  assert.equal(system.simulator.stats().filedTwice, 0);
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
  for (const intake of intakes)
    assert.ok((await counted(intake, 'despachante_deliveries_total{source="registrations"}')) > 0);
  for (const worker of workers)
    assert.ok((await counted(worker, 'despachante_submissions_total')) > 0);

  const both = ['intake alive', 'worker alive'];
  assert.deepEqual(await states(), [...both, ...both].sort());
  await Promise.all([intakes[1]?.stop(), workers[1]?.stop()]);
  assert.deepEqual(await states(), [...both, 'intake stopped', 'worker stopped'].sort());
});
