import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { openLatencies } from '../../src/registrations/latencies.ts';
import { testConfig } from '../helpers/configuration.ts';
import { testPlace } from './cli.ts';

test('before anything was seen, "latency" tells what the configuration expects', async (t) => {
  const { run } = await testPlace(t);
  const { code, stdout, stderr } = await run(['latency']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /nothing seen yet/);
  assert.match(stdout, /Plan of new runs, expected {2}11\.9 s, 13\.5 s/);
  assert.match(stdout, /^this plan +4\.0 +64\d ms$/m);
});

test('"latency" shows what was seen as bars, the plan that comes of it, and what it saves', async (t) => {
  const { store, run, json, env } = await testPlace(t);
  const latencies = openLatencies(store.db, testConfig({ legacyUrl: env['LEGACY_URL'] ?? '' }));
  const seen = Array.from({ length: 2_000 }, (_, n) => ({
    after: 300 * (n % 10) + 3_000,
    upTo: 300 * (n % 10) + 3_300,
  }));
  await latencies.add(seen);
  const { code, stdout, stderr } = await run(['latency']);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /2,000 observations/);
  assert.ok(stdout.split('\n').filter((row) => row.includes('█')).length >= 10, stdout);
  assert.match(stdout, /Plan of new runs, learned/);
  const facts = await json(['latency']);
  assert.ok(isMapping(facts));
  assert.equal(facts['observations'], 2_000);
  assert.ok(isMapping(facts['plan']) && Array.isArray(facts['plan']['offsets']));
  const offsets: unknown[] = facts['plan']['offsets'];
  const first = offsets[0];
  assert.ok(typeof first === 'number' && first > 2_900 && first < 4_000, String(first));
});
