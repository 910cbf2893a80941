/** What runs have done replays, in whatever order their steps took place and ended (docs/decisions/0008-local-first.md). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Activities } from '../../activities/registrations/create.ts';
import { WORKFLOW_BUNDLE } from '../../src/temporal/bundle-workflows.ts';
import type { PollAnswer } from '../../src/domain/registrations/answers.ts';
import { WORKFLOW_TYPE } from '../../src/domain/names.ts';
import { draw } from '../../src/simulator/draw.ts';
import { uniqueName } from '../helpers/servers.ts';
import {
  acceptedApart,
  newCalls,
  registrationsOf,
  rules,
  willing,
} from '../helpers/workflow-env.ts';

const RUNS = 20;
const SLOWEST_MS = 400;

test('runs whose polls and writes overlap, fail and take their time replay as they happened', async () => {
  const address = process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233';
  const connection = await NativeConnection.connect({ address });
  const client = new Client({ connection: await Connection.connect({ address }) });
  const taskQueue = uniqueName();
  const workflowBundle = { code: readFileSync(WORKFLOW_BUNDLE, 'utf8') };
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle,
    activities: unreliable(),
  });
  const histories = await worker.runUntil(() =>
    Promise.all(Array.from({ length: RUNS }, (_, n) => history(client, taskQueue, n))),
  );
  const wrong: string[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories(
    { workflowBundle },
    histories,
  )) {
    if (error !== undefined) wrong.push(`${workflowId}: ${error.message}`);
  }
  assert.deepEqual(wrong, []);
  await client.connection.close();
  await connection.close();
});

async function history(client: Client, taskQueue: string, n: number) {
  const now = Date.now();
  const run = await client.workflow.start(WORKFLOW_TYPE, {
    args: [
      {
        rules: { ...rules, localFirst: true, plan: EACH_300_MS },
        registrations: registrationsOf(40).map((each) => ({ ...each, receivedAt: now })),
        carried: null,
      },
    ],
    taskQueue,
    workflowId: `${taskQueue}/${n}`,
  });
  await run.result();
  const recorded = await run.fetchHistory();
  const events = recorded.events ?? [];
  assert.ok(events.some((event) => event.markerRecordedEventAttributes));
  assert.deepEqual(
    events.filter((event) => event.workflowTaskFailedEventAttributes),
    [],
  );
  return { workflowId: run.workflowId, history: recorded };
}

const EACH_300_MS = { offsets: [300, 600, 900, 1_200], tail: 300, longest: 300 };

/** Accepted over most of a second; polls and writes take up to 400 ms, and a fifth of them fails. */
function unreliable(): Activities {
  const willingly = willing(newCalls());
  let drawn = 0;
  const chance = (name: string) => draw(1, '', name, drawn++);
  const tired = async <T>(then: () => Promise<T>): Promise<T> => {
    await delay(chance('pause') * SLOWEST_MS);
    if (chance('failure') < 0.2) throw ApplicationFailure.create({ message: 'HTTP 503' });
    return then();
  };
  const polled = ({ index }: { index: number }): PollAnswer => {
    const fate = chance('poll');
    if (fate < 0.05) return { index, kind: 'failed', reason: 'no' };
    return fate < 0.4 ? { index, kind: 'done' } : { index, kind: 'processing' };
  };
  return {
    ...willingly,
    claim: (items) => tired(() => willingly.claim(items)),
    submit: acceptedApart(20),
    poll: (items) => tired(() => Promise.resolve(items.map(polled))),
    persist: (items) => tired(() => willingly.persist(items)),
  };
}
