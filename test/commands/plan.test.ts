import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { z } from 'zod';
import { MEASURED } from '../../src/commands/plan.ts';
import { run } from './cli.ts';

const results = z.object({
  count: z.number(),
  workerCpuSeconds: z.number(),
  intakeCpuSeconds: z.number(),
  serverCpuSeconds: z.number(),
  workerBaseRssMb: z.number(),
  peakRssMb: z.number(),
});

test('the costs that a plan is made from are those that the bench has measured', () => {
  const read = (name: string) => {
    const file = new URL(`../../../bench/results/${name}.json`, import.meta.url);
    return results.parse(JSON.parse(readFileSync(file, 'utf8')));
  };
  const stream = read('rate-300');
  const each = (seconds: number) => (seconds * 1000) / stream.count;
  const near = (stated: number, measured: number) =>
    assert.ok(Math.abs(stated - measured) <= measured * 0.1, `${stated}, measured ${measured}`);
  near(MEASURED.workerCpuMs, each(stream.workerCpuSeconds));
  near(MEASURED.intakeCpuMs, each(stream.intakeCpuSeconds));
  near(MEASURED.serversCpuMs, each(stream.serverCpuSeconds));
  const found = read('latest');
  near(MEASURED.workerBaseMb, found.workerBaseRssMb);
  near(MEASURED.workerKbInFlight, ((found.peakRssMb - found.workerBaseRssMb) * 1024) / found.count);
});

test('a plan tells processes, memory, requests and when the backlog is gone', async () => {
  const { code, stdout } = await run(
    ['plan', '--rate', '800', '--latency', 'p50=12,p99=25s', '--backlog', '100000'],
    {},
  );
  assert.equal(code, 0);
  assert.match(stdout, /^For 800 registrations a second:$/m);
  assert.match(
    stdout,
    /^ {2}requests on the wire +[\d,]+ +.*maxConcurrent is 256: set it to [\d,]+/m,
  );
  for (const row of ['in flight', 'GETs a second', 'workers', 'intakes']) {
    assert.match(stdout, new RegExp(`^ {2}${row} +[\\d,]+`, 'm'));
  }
  assert.match(stdout, /^ {2}backlog +100,000 +never gone at this rate$/m);

  const quicker = await run(
    [
      'plan',
      '--rate',
      '800',
      '--latency',
      'p50=12,p99=25s',
      '--backlog',
      '100000',
      '--request',
      '10ms',
    ],
    {},
  );
  assert.match(quicker.stdout, /^ {2}backlog +100,000 +gone after \d+ (s|min)$/m);
});

for (const latency of ['12', 'p50=12', 'p50=25s,p99=12s', 'p50=x,p99=y']) {
  test(`"plan --latency ${latency}" is wrong usage: exit code 2, and what is expected`, async () => {
    const { code, stderr } = await run(['plan', '--rate', '1', '--latency', latency], {});
    assert.equal(code, 2);
    assert.match(stderr, /Expected (two quantiles|a duration)/);
  });
}
