/** The bench in small, so that it never rots. Nothing is said about speed here. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { contest } from '../bench/compare.ts';
import { DOCUMENT, documentFiles } from '../bench/document.ts';
import { oursFiles } from '../bench/ours.ts';
import { pageDocument, readPageResults } from '../bench/page/figures.ts';
import { addResult, readResults } from '../bench/results-file.ts';
import { SHOWN, readSendResults, sendDocument } from '../bench/send/figures.ts';
import {
  DOCUMENT as TASKS_DOCUMENT,
  readTaskResults,
  tasksDocument,
} from '../bench/tasks/figures.ts';

const quick = {
  count: 50,
  only: [],
  latency: '300ms..600ms',
  instance: 'test',
  settings: {
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MIN: '300ms',
    DESPACHANTE_LEGACY_EXPECTED_LATENCY_MAX: '600ms',
  },
};

test('the bench settles what it has published, each once, and judges it', async () => {
  const result = await contest('ours', { ...quick, kill: null });
  assert.equal(result.settled, 50);
  assert.deepEqual([result.lost, result.filedTwice, result.inDoubt], [0, 0, 0]);
  assert.equal(result.auditHolds, true);
  assert.ok(result.getsPerRegistration >= 1);
  assert.ok(result.wallSeconds >= result.floorSeconds);
  assert.ok(result.lagP99Ms >= result.lagP50Ms && result.lagP50Ms > 0);
  assert.ok((result.workerCpuSeconds ?? 0) > 0);
});

test('a result takes the place of an earlier one of the same kind, and stands beside the others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-test-'));
  const file = join(folder, 'results.json');
  const [first] = readResults('bench/results/compare.json');
  assert.ok(first);
  addResult(file, { ...first, settled: 1 });
  addResult(file, { ...first, killAtSeconds: 3 });
  addResult(file, { ...first, settled: 2 });
  const kept = readResults(file).map(({ settled, killAtSeconds }) => [settled, killAtSeconds]);
  assert.deepEqual(kept, [
    [first.settled, 3],
    [2, first.killAtSeconds],
  ]);
  rmSync(folder, { recursive: true });
});

test('what the documents say of our own runs is what their results files say', () => {
  for (const [file, text] of oursFiles()) {
    assert.equal(
      readFileSync(file, 'utf8'),
      text,
      `${file} says something else: node dist/bench/run.js --compare --charts`,
    );
  }
});

test('what decisions say of parts that were measured alone is what their results file says', () => {
  const parts = z
    .object({
      encryption: z.array(z.object({ encryptMicros: z.number(), decryptMicros: z.number() })),
      updates: z.object({ bulkWriteMsEach: z.number(), oneStatementMsEach: z.number() }),
    })
    .parse(JSON.parse(readFileSync('bench/results/parts.json', 'utf8')));
  const encryption = readFileSync('docs/decisions/0014-encryption.md', 'utf8');
  for (const { encryptMicros, decryptMicros } of parts.encryption) {
    assert.match(encryption, new RegExp(`${encryptMicros} µs[^.]* ${decryptMicros} µs`));
  }
  const { bulkWriteMsEach, oneStatementMsEach } = parts.updates;
  assert.match(
    readFileSync('docs/decisions/0007-one-statement.md', 'utf8'),
    new RegExp(`${bulkWriteMsEach} ms .* ${oneStatementMsEach} ms`),
  );
});

test('the figures and charts of docs/proof/benchmarks.md are those of the results file', () => {
  const results = readResults('bench/results/compare.json');
  assert.ok(results.length > 0);
  for (const [file, text] of documentFiles(results, readFileSync(DOCUMENT, 'utf8'))) {
    assert.ok(existsSync(file), `${file} is missing: node dist/bench/run.js --compare --charts`);
    assert.equal(readFileSync(file, 'utf8'), text, `${file} says something else`);
  }
});

test('the figures of tasks in docs/proof/benchmarks.md are those of their results file', () => {
  const document = readFileSync(TASKS_DOCUMENT, 'utf8');
  assert.equal(document, tasksDocument(readTaskResults(), document));
});

test('the figures of files, webhooks and lists in docs/proof/benchmarks.md are those of their results files', () => {
  const document = readFileSync(TASKS_DOCUMENT, 'utf8');
  for (const file of SHOWN)
    assert.equal(document, sendDocument(file, readSendResults(file), document));
});

test('the figures of the operations page in docs/proof/benchmarks.md are those of their results file', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  assert.equal(document, pageDocument(readPageResults(), document));
});
