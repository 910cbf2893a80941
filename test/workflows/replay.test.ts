import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { DefaultLogger, Runtime, Worker, bundleWorkflowCode } from '@temporalio/worker';
import { ENCRYPTED_WORKFLOW_BUNDLE, WORKFLOW_BUNDLE } from '../../src/temporal/bundle-workflows.ts';

Runtime.install({ logger: new DefaultLogger('ERROR', () => {}) });

const FOLDER = 'test/histories';
const recorded = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({
    workflowId: `recorded/${file.replace('.json', '')}`,
    history: JSON.parse(readFileSync(`${FOLDER}/${file}`, 'utf8')) as unknown,
  }));

/** The names of the histories that do not replay. */
async function failures(code: string): Promise<string[]> {
  const failed: string[] = [];
  const results = Worker.runReplayHistories({ workflowBundle: { code } }, recorded);
  for await (const { workflowId, error } of results) {
    if (error !== undefined) failed.push(workflowId);
  }
  return failed;
}

test('every recorded history replays on the workflow as it is, with and without encrypted failures', async () => {
  assert.ok(recorded.length >= 13, `${recorded.length} histories`);
  for (const bundle of [WORKFLOW_BUNDLE, ENCRYPTED_WORKFLOW_BUNDLE]) {
    assert.deepEqual(await failures(readFileSync(bundle, 'utf8')), [], bundle);
  }
});

test('a change that adds one command fails to replay on each of them', async () => {
  const workflowsPath = fileURLToPath(new URL('../helpers/changed-workflow.js', import.meta.url));
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
  assert.deepEqual(
    (await failures(code)).sort(),
    recorded.map(({ workflowId }) => workflowId).sort(),
  );
});

test('recorded histories hold no personal data: every id is one of the scripted ones', () => {
  for (const { workflowId, history } of recorded) {
    const text = JSON.stringify(history);
    const payloads = [...text.matchAll(/"data":"([A-Za-z0-9+/=]+)"/g)].map(([, data]) =>
      Buffer.from(data ?? '', 'base64').toString(),
    );
    const ids = payloads.flatMap((payload) =>
      [...payload.matchAll(/"id":"([^"]+)"/g)].map(([, id]) => id),
    );
    assert.ok(
      ids.every((id) => /^r-\d+$/.test(id ?? '')),
      `${workflowId}: ${ids.join()}`,
    );
  }
});
