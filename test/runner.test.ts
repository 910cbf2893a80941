// Who runs the test files: which of them at the same time, and what is told of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const RUNNER = fileURLToPath(new URL('../../engines/tests.mjs', import.meta.url));
const CROWD = 'e2e/(etl|redrive-bulk|neighbours|several)';

/** Instead of running a file it prints a line, and has one test passed in it; the one of boundaries ends before its tests begin. */
const script = (data: string): string => `
  import { writeFileSync, writeSync } from 'node:fs';
  import { availableParallelism } from 'node:os';
  import { runTests } from ${JSON.stringify(RUNNER)};
  const told = [];
  const print = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text) => told.push(text) > 0;
  const [seen, running] = [[], new Set()];
  let most = 0;
  const runNode = async (args, _env, { stdio }) => {
    const file = args.at(-1);
    seen.push(file);
    running.add(file);
    most = Math.max(most, [...running].filter((each) => /${CROWD.replace('/', '\\/')}/.test(each)).length);
    await new Promise(setImmediate);
    writeSync(stdio[1], 'the output of ' + file + '\\n');
    running.delete(file);
    if (file.includes('boundaries')) return { code: 7 };
    const counted = args.find((each) => each.endsWith('.json')).split('=')[1];
    writeFileSync(counted, JSON.stringify({ passed: 1, failed: 0, skipped: 0, failures: [], slowest: [] }));
    return { code: 0 };
  };
  const { code, summary } = await runTests({ data: ${JSON.stringify(data)} }, runNode, ['test/e2e', 'boundaries'], {});
  const pairs = Math.ceil(Math.min(availableParallelism(), 8) / 2);
  print(JSON.stringify({ code, summary, seen, told, most, pairs }));`;

const found = z.object({
  ...{ code: z.number(), summary: z.string(), most: z.number(), pairs: z.number() },
  ...{ seen: z.array(z.string()), told: z.array(z.string()) },
});

test('each file runs once, no two crowds share two cores, and one that ends before its tests begin counts as failed', (t) => {
  const data = mkdtempSync(join(tmpdir(), 'despachante-runner-'));
  t.after(() => rmSync(data, { recursive: true }));
  const args = ['--input-type=module', '-e', script(data)];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(stderr, '');
  const { code, summary, seen, told, most, pairs } = found.parse(JSON.parse(stdout));
  assert.ok(seen.length > 30);
  assert.equal(new Set(seen).size, seen.length);
  assert.equal(most, pairs);
  assert.deepEqual([code, summary], [7, `${seen.length - 1} passed, 1 failed`]);
  for (const file of seen)
    assert.ok(told.some((text) => text.includes(file) && text.endsWith(`output of ${file}\n`)));
  assert.match(told.join(''), /Failed:\n {2}the whole file \(dist\/test\/boundaries\.test\.js\)/);
});
