import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweepScheduleId } from '../../src/domain/names.ts';
import { OtherClaims, requireSameClaims, scheduleSweeps } from '../../src/temporal/schedules.ts';
import { connectTemporal } from '../../src/temporal/client.ts';
import { testConfig } from '../helpers/configuration.ts';
import { address, atEnd, uniqueName } from '../helpers/servers.ts';

test('processes of a task queue that keep their claims elsewhere are refused, with the remedy, until the Schedule is deleted', async (t) => {
  const taskQueue = uniqueName();
  const at = (mongodb: { ownPrefix?: string; ownDatabase?: string }) => {
    const config = testConfig({ temporalAddress: address('TEMPORAL_ADDRESS'), mongodb });
    return { ...config, temporal: { ...config.temporal, taskQueue } };
  };
  const ours = at({ ownPrefix: 'policy_' });
  const client = await connectTemporal(ours);
  const schedule = client.schedule.getHandle(sweepScheduleId(taskQueue));
  atEnd(t, async () => {
    await schedule.delete().catch(() => {});
    await client.connection.close();
  });
  await requireSameClaims(client, at({}));
  await scheduleSweeps(client, ours);
  await scheduleSweeps(client, ours);
  await schedule.pause('a person');
  await requireSameClaims(client, ours);
  for (const other of [at({}), at({ ownPrefix: 'policy_', ownDatabase: 'elsewhere' })])
    for (const begin of [requireSameClaims, scheduleSweeps])
      await assert.rejects(begin(client, other), (error) => {
        assert.ok(error instanceof OtherClaims);
        assert.match(
          error.message,
          /kept in despachante\/policy_.*schedule delete --schedule-id sweep/,
        );
        return true;
      });
  await schedule.delete();
  await scheduleSweeps(client, at({}));
});
