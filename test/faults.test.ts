/** The short cut of the fault suite. All of it: `npm run test:faults`. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOCUMENT, RESULTS, documentWith, keepResult, readResults } from './faults/results.ts';
import { SCENARIOS } from './faults/scenarios.ts';
import { QUICK_OPTIONS } from './faults/suite-options.ts';
import { trial } from './faults/world.ts';

for (const scenario of SCENARIOS.filter(({ isQuick }) => isQuick)) {
  test(`${scenario.name}: ${scenario.fault}`, async (t) => {
    const tell = (line: string) => t.diagnostic(line);
    const found = await trial(scenario, { seed: 1, isQuick: true, options: QUICK_OPTIONS, tell });
    assert.ok(found.registrations > 0);
    assert.deepEqual([found.lost, found.filedTwice, found.settledTwice], [0, 0, 0]);
  });
}

test('every scenario has a name of its own, with its area', () => {
  const names = SCENARIOS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    names.filter((name) => !/^[a-z-]+\/[a-z0-9-]+$/.test(name)),
    [],
  );
});

test('a result takes the place of the earlier one of its scenario, and a failure takes it out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-test-'));
  const file = join(folder, 'faults.json');
  const [kept] = readResults(RESULTS);
  assert.ok(kept);
  keepResult(file, 'b', { ...kept, name: 'b', times: 1 });
  keepResult(file, 'a', { ...kept, name: 'a', times: 2 });
  keepResult(file, 'b', { ...kept, name: 'b', times: 3 });
  const names = () => readResults(file).map(({ name, times }) => [name, times]);
  assert.deepEqual(names(), [
    ['a', 2],
    ['b', 3],
  ]);
  keepResult(file, 'a', null);
  assert.deepEqual(names(), [['b', 3]]);
  rmSync(folder, { recursive: true });
});

test('the table of docs/proof/faults.md is that of the results file', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  assert.equal(document, documentWith(readResults(RESULTS), document));
});

test('every result is of a scenario that there is, with its fault as it is told today', () => {
  const faults = new Map(SCENARIOS.map(({ name, fault }) => [name, fault]));
  for (const { name, fault } of readResults(RESULTS)) assert.equal(faults.get(name), fault, name);
});
