/** One preset through everything, the others through success, refusal and a lost answer: systems on raw sockets. */
import assert from 'node:assert/strict';
import { after, afterEach, describe, test } from 'node:test';
import { PRESETS } from '../../src/domain/registrations/contract.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { presetSystem } from '../helpers/preset-systems.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';

const REASON = 'unknown municipality';

for (const preset of PRESETS) {
  await describe(preset, async () => {
    const legacy = await presetSystem({ after }, preset);
    const system = await startSystem(
      { after, afterEach },
      { legacyUrl: legacy.url, env: { DESPACHANTE_LEGACY_PRESET: preset } },
    );
    const flow = flowOf(system);
    const publish = async (kind: string): Promise<string> => {
      const id = `${kind}-${uniqueName()}`;
      await flow.publish({ id });
      return id;
    };
    const assertFailed = async (id: string, kind: 'rejected' | 'failed') => {
      const { properties } = await flow.failureOf(`${id}~0`, kind);
      const headers: Record<string, unknown> = { ...properties.headers };
      assert.equal(headers['x-despachante-reason'], REASON);
    };

    test(`${preset}: success brings the document its request id, a refusal and a failure their reason`, async () => {
      const [done, refused, failed] = await Promise.all([
        publish('done'),
        publish('refused'),
        publish('failed'),
      ]);
      assert.equal(await flow.outcomeOf(done), 'registered');
      assert.deepEqual(legacy.filedAs(done), [(await flow.documentOf(done))?.['requestId']]);
      await assertFailed(refused, 'rejected');
      await assertFailed(failed, 'failed');
      assert.equal(legacy.filedAs(refused).length, 0);
    });

    test(`${preset}: a lost answer is in doubt, filed once, and a person's word brings it on`, async () => {
      const id = await publish('lost');
      await eventually('it is in doubt', async () =>
        assert.ok(JSON.stringify(await flow.json('doubts', 'list')).includes(id)),
      );
      const [requestId = ''] = legacy.filedAs(id);
      const word = ['--operator', 'rui', '--reason', 'it is there'];
      await flow.json('doubts', 'confirm', id, '--request-id', requestId, ...word);
      assert.equal(await flow.outcomeOf(id), 'registered');
      assert.deepEqual(legacy.filedAs(id), [requestId]);
    });

    if (preset !== 'location-202') return;

    test(`${preset}: "processing" with Retry-After is asked again, and not before that`, async () => {
      const id = await publish('slow');
      assert.equal(await flow.outcomeOf(id), 'registered');
      const [requestId] = legacy.filedAs(id);
      assert.equal(legacy.filed.get(requestId ?? '')?.polls, 4);
      const times = legacy.filed.get(requestId ?? '')?.at ?? [];
      const rests = times.slice(1).map((at, n) => at - (times[n] ?? 0));
      // A millisecond is lost where timers round.
      for (const rest of rests) assert.ok(rest >= 990, rests.join());
    });

    test(`${preset}: while the system restarts nobody fails, and what it has accepted is not filed again`, async () => {
      const before = await publish('slow');
      await eventually('it is accepted', () => assert.equal(legacy.filedAs(before).length, 1));
      await legacy.stop();
      const meanwhile = await publish('done');
      await eventually('it is claimed', async () => assert.ok(await flow.claimed(meanwhile)));
      await legacy.start();
      for (const id of [before, meanwhile]) {
        assert.equal(await flow.outcomeOf(id), 'registered');
        assert.equal(legacy.filedAs(id).length, 1);
      }
    });

    test(`${preset}: the sum over everything holds`, async () => {
      const { holds } = await flow.audit();
      assert.ok(holds);
    });
  });
}
