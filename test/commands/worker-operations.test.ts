/** What operators type about a worker, against a process that runs it. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { z } from 'zod';
import { startChild } from '../../src/runtime/child.ts';
import { atEnd } from '../helpers/servers.ts';
import { emptyConfiguration } from '../helpers/system.ts';
import { testPlace } from './cli.ts';

const INDEX = new URL('../../src/index.js', import.meta.url).href;

/** A process that runs the worker "Mail", which refuses whoever is called nobody. */
async function mailPlace(t: TestContext) {
  const place = await testPlace(t);
  const workers = join(place.folder, 'workers');
  mkdirSync(workers);
  const queue = `${place.rabbit.intakeQueue}.mail`;
  writeFileSync(
    join(workers, 'mail.mjs'),
    `import { PermanentError, defineWorker, rabbitmq } from ${JSON.stringify(INDEX)};
export default defineWorker({
  name: 'Mail',
  from: rabbitmq(${JSON.stringify(queue)}),
  handle({ to }) {
    if (to === 'nobody') throw new PermanentError('no such user', { class: 'NoUser' });
    return { to };
  },
});
`,
  );
  const child = await startChild({
    args: ['tasks', 'run', '--all', '--workers', workers, '--port', '0'],
    env: { ...place.env, DESPACHANTE_CONFIG: emptyConfiguration(place.folder) },
    logFile: join(place.folder, 'tasks.log'),
  });
  atEnd(t, async () => {
    await child.stop();
    for (const name of [queue, `${queue}.returned`, `dlq_${queue}`])
      await place.channel.deleteQueue(name);
  });
  const ledger = join(place.folder, 'sent.jsonl');
  return {
    ...place,
    queue,
    ledger,
    send: async (id: string, to: string, outcome: 'done' | 'failed'): Promise<void> => {
      const sending = ['tasks', 'send', 'Mail', '--id', id, '--ledger', ledger];
      const sent = await place.run(sending, JSON.stringify({ to }));
      assert.equal(sent.code, 0, sent.stderr);
      const waiting = ['tasks', 'result', 'Mail', id, '--wait', '30s'];
      await place.json(waiting, outcome === 'done' ? 0 : 3);
    },
  };
}

test('what has failed is listed, shown, counted, audited, redriven and dropped by the name of the worker', async (t) => {
  const { run, json, send, ledger, queue } = await mailPlace(t);
  await send('m-1', 'ana', 'done');
  await send('m-2', 'nobody', 'failed');

  const list = await run(['failures', 'list', '--from', 'Mail', '--each']);
  assert.match(list.stdout, /^m-2 +permanent .* 1 +0 +NoUser +no such user$/m);
  const groups = await run(['failures', 'groups', '--from', 'Mail']);
  assert.match(groups.stdout, /^1 +1 +permanent .* no such user$/m);
  const shown = z
    .array(z.object({ body: z.string(), record: z.string() }))
    .parse(await json(['failures', 'show', 'm-2', '--from', 'Mail', '--body']));
  assert.deepEqual(
    shown.map(({ body, record }) => [record, body]),
    [['Mail/m-2~0:permanent', '{"to":"nobody"}']],
  );

  const workers = z.object({
    workers: z.array(
      z.object({
        ...{ worker: z.string(), waiting: z.number(), open: z.number(), dead: z.number() },
        processes: z.number(),
      }),
    ),
  });
  assert.deepEqual(workers.parse(await json(['status'])).workers, [
    { worker: 'Mail', waiting: 0, open: 0, dead: 1, processes: 1 },
  ]);
  assert.match((await run(['status'])).stdout, /^tasks .* Mail 0 of 4 calls, /m);
  const latency = z.object({ settled: z.number(), whole: z.object({ p50: z.number() }) });
  assert.equal(latency.parse(await json(['latency', '--worker', 'Mail'])).settled, 2);

  const audit = await run(['audit', '--worker', 'Mail', '--published', ledger]);
  assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  assert.match(audit.stdout, /published +2\n.*tasks +2\n +done +1\n +dead +1\n[^]*The sum holds/);

  const dry = await run(['failures', 'redrive', '--from', 'Mail', '--all', '--dry-run']);
  assert.match(dry.stdout, /^Would redrive 1 \(1 permanent\) of 1 failed tasks of Mail$/m);
  const redriven = await run(['failures', 'redrive', '--from', 'Mail', 'm-2']);
  assert.equal(redriven.code, 0, redriven.stderr);
  assert.match(redriven.stdout, /^Gave 1 to new runs; 0 failed tasks of Mail left$/m);
  const story = z.object({ redrive: z.number(), status: z.string() });
  assert.deepEqual(
    story.parse(await json(['tasks', 'result', 'Mail', 'm-2', '--wait', '30s'], 3)),
    { redrive: 1, status: 'failed' },
  );
  const status = await run(['redrive', 'status', '--from', 'Mail']);
  assert.match(
    status.stdout,
    /on tasks of Mail, m-2; 1 sent again; ended at .*: 1 sent again, 0 left/,
  );

  const dropping = ['failures', 'drop', '--from', 'Mail', '--class', 'permanent', '--yes'];
  const dropped = z
    .object({
      dropped: z.array(z.object({ id: z.string() })),
      left: z.number(),
      letters: z.number(),
    })
    .parse(await json(dropping));
  assert.deepEqual(dropped, { dropped: [{ id: 'm-2' }], left: 0, letters: 1 });
  assert.match(
    (await run(['failures', 'list', '--from', 'Mail'])).stdout,
    /No failed task of Mail waits/,
  );

  const doctor = await run(['doctor', '--json']);
  const checks = [...doctor.stdout.matchAll(/"check": "(queue [^"]+)",\s+"state": "(\w+)"/g)];
  const ofWorker = checks.filter(([, check]) => check?.includes(queue)).map(([, , state]) => state);
  assert.deepEqual(ofWorker, ['well', 'well', 'well'], doctor.stdout);
});

test('a pause is of one worker, or of everything, and who takes it back is told what still holds', async (t) => {
  const { run } = await testPlace(t);
  const pausing = ['pause', '--worker', 'Mail', '--reason', 'the provider is down'];
  const paused = await run(pausing);
  assert.match(paused.stderr, /No process has run a worker of the name Mail within a day/);
  assert.equal((await run(['resume'])).code, 4);
  assert.equal((await run(['pause', '--reason', 'a move'])).code, 0);
  const resumed = await run(['resume', '--worker', 'Mail']);
  assert.match(
    resumed.stdout,
    /^Resumed; it was: the provider is down .*Everything is paused: a move/,
  );
  const again = await run(['resume', '--worker', 'Mail']);
  assert.deepEqual([again.code, again.stdout], [4, '']);
  assert.match(
    again.stderr,
    /^The worker Mail is not paused by itself. Everything is paused: a move/,
  );
  assert.equal((await run(['resume'])).code, 0);
});

test('without a process that runs the worker nothing is redriven, and that is told', async (t) => {
  const { run } = await testPlace(t);
  const { code, stderr } = await run(['failures', 'redrive', '--from', 'Mail', '--all']);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /No process runs the worker Mail, which would do it: start one \("despachante tasks run Mail"\). Nothing was changed/,
  );
  const foreign = await run(['failures', 'drop', '--from', 'Mail', '--all', '--foreign']);
  assert.equal(foreign.code, 2);
});
