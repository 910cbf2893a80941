import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readEtlSettings } from '../../src/etl/settings.ts';
import { rolls } from '../../src/etl/simulated.ts';

test('the settings of the example program have its names and its defaults', () => {
  assert.deepEqual(readEtlSettings({ INPUTRC: '/etc/inputrc', WEB_WORKERS: '3' }), {
    settings: {
      ...{
        input: null,
        authorization: null,
        sendAuthorization: null,
        workers: 10,
        processingTime: 5,
        delayTime: 5,
      },
      ...{ failureRate: 25, maxAttempts: 3 },
    },
    faults: [],
  });
  const given = { WORKERS: '25', MAX_ATTEMPTS: '2', FAILURE_RATE: '12.5%', DELAY_TIME: '0' };
  const { settings, faults } = readEtlSettings(given);
  assert.deepEqual(faults, []);
  assert.deepEqual([settings.workers, settings.maxAttempts], [25, 2]);
  assert.deepEqual([settings.failureRate, settings.delayTime], [12.5, 0]);
});

test('a name that is nearly one of them is refused with the one that was meant, beside every other fault', () => {
  const { faults } = readEtlSettings({
    WORKERS: '0',
    MAX_ATTEMS: '2',
    WORKER: '1',
    FAILURE_RATE: 'often',
  });
  assert.deepEqual(faults, [
    'MAX_ATTEMS: there is no such setting, did you mean MAX_ATTEMPTS?',
    'WORKER: there is no such setting, did you mean WORKERS?',
    'WORKERS: expected a whole number from 1 to 1000, got "0"',
    'FAILURE_RATE: expected a number in percent from 0 to 100, got "often"',
  ]);
});

test('a roll is the same for a seed, an item and an attempt, and spread from 0 to 1', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 9 }), (seed, item, attempt) => {
      const all = rolls(seed, String(item), attempt);
      assert.deepEqual(all, rolls(seed, String(item), attempt));
      assert.ok(all.every((roll) => roll >= 0 && roll < 1));
    }),
  );
  const mean = Array.from({ length: 2_000 }, (_, n) => rolls(1, String(n), 1)[2]);
  const share = mean.filter((roll) => roll < 0.25).length / mean.length;
  assert.ok(share > 0.2 && share < 0.3, `${share}`);
});
