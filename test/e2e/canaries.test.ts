/**
 * What a message, the legacy system and the configuration say in confidence is in MongoDB and in the failure queue, and
 * nowhere else, on every path: every field has a canary, which is then looked for everywhere.
 */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import type { TestContext } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { HEADER } from '../../src/domain/names.ts';
import { emptyFolder, run } from '../commands/cli.ts';
import { findIn, findInFiles, temporalFiles } from '../helpers/canaries.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import type { Flow } from '../helpers/flow.ts';
import { keptOf, textsOf } from '../helpers/payloads.ts';
import { uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import type { System } from '../helpers/system.ts';
import { json, webServer } from '../helpers/web-server.ts';

const mark = `CANARY-${uniqueName().slice(5)}`;
const canary = (what: string): string => `${mark}-${what}`;
const roles = ['worker', 'intake'] as const;

/** A legacy system that repeats in each of its answers what it should keep to itself. */
const tries = new Map<string, number>();
const legacy = await webServer({ after }, ({ method, path, body }, response, { socket }) => {
  response.setHeader('x-note', canary('legacy-header'));
  const asked: unknown = method === 'POST' ? JSON.parse(body) : { how: path.split('~').at(-1) };
  const how = isMapping(asked) ? String(asked['how']) : '';
  const times = (tries.get(`${method} ${how}`) ?? 0) + 1;
  tries.set(`${method} ${how}`, times);
  const reason = canary(`legacy-${method}`);
  if (method === 'POST') {
    if (how === 'lost') return void socket.destroy();
    if (how === 'busy' && times < 3) return json(response, 503, { reason });
    if (how === 'refused') return json(response, 422, { reason });
    if (how === 'garbled') return void response.end(`<html>${reason}</html>`);
    return json(response, 201, { id: `R-${uniqueName()}~${how}`, reason });
  }
  if (how === 'unread' && times < 3) return json(response, 500, { reason });
  const id = path.split('/').at(-1);
  if (how === 'failed') return json(response, 200, { id, status: 'failed', reason });
  return json(response, 200, { id, status: how === 'open' ? 'processing' : 'done', reason });
});

const system = await startSystem(
  { after, afterEach },
  {
    legacyUrl: legacy.url,
    env: {
      DESPACHANTE_REGISTRATION_HASH_IDS: 'true',
      REGISTRATION_ID_KEY: canary('id-key'),
      LEGACY_AUTHORIZATION: `Bearer ${canary('authorization')}`,
    },
  },
);
const flow = flowOf(system);

const properties = {
  correlationId: canary('correlation'),
  replyTo: canary('reply'),
  messageId: canary('message-id'),
  type: canary('type'),
  appId: canary('app'),
  headers: { 'x-person': canary('header'), 'x-more': { deep: [canary('deep')] } },
};

const idOf = (how: string): string => canary(`id-${how}`);
const bodyOf = (how: string, more = '') => ({
  id: idOf(how),
  how,
  name: canary('name'),
  // Long enough to lie somewhere in one piece, wherever the pages of a file end.
  notes: Array.from({ length: 30 }, (_, n) => canary(`note-${n}${more}`)),
});

/** Everything that Temporal has of the runs of a system, as it lies there. */
async function histories({ client, config }: System): Promise<string> {
  const texts: string[] = [];
  const query = `TaskQueue = "${config.temporal.taskQueue}"`;
  for await (const info of client.workflow.list({ query })) {
    texts.push(info.workflowId, await keptOf(client, info.workflowId));
  }
  return texts.join('\n');
}

async function looksOf(each: System, its: Flow): Promise<[string, string][]> {
  const metrics = await Promise.all(roles.map((role) => its.ask(role, '/metrics')));
  const ready = await Promise.all(roles.map((role) => its.ask(role, '/ready')));
  return [
    ...roles.map((role): [string, string] => [`the log of the ${role}`, each.log(role)]),
    ['the histories', await histories(each)],
    ['/metrics', metrics.map(({ text }) => text).join('\n')],
    ['/ready', ready.map(({ text }) => text).join('\n')],
  ];
}

test('every path is walked, and ends where it should', async () => {
  const settling = ['registered', 'refused', 'failed', 'busy', 'unread'];
  for (const how of [...settling, 'lost', 'garbled']) {
    await flow.publish(bodyOf(how), properties);
  }
  for (const how of settling) await flow.settled(idOf(how));
  // In a run of its own, which is cancelled.
  await flow.publish(bodyOf('open'), properties);
  await flow.claimed(idOf('open'));
  await flow.publish(bodyOf('registered'), properties);
  await flow.publish(bodyOf('registered', '-changed'), properties);
  for (const bytes of [
    `${canary('no-json')} {`,
    `{"name": "${canary('no-id')}"}`,
    `{"id": {"name": "${canary('id-object')}"}}`,
    `{"id": "${canary('long-id').repeat(20)}"}`,
    `{"id": "${idOf('deep')}", "a": ${'['.repeat(100)}"${canary('nested')}"${']'.repeat(100)}}`,
  ]) {
    await flow.publishBytes(Buffer.from(bytes), properties);
  }
  await flow.publishBytes(Buffer.from(canary('latin1-é'), 'latin1'), properties);
  const isInDoubt = (how: string) =>
    eventually(`${how} is in doubt`, async () => {
      assert.equal((await flow.tally(idOf(how))).inDoubt, 1);
    });
  await isInDoubt('lost');
  await isInDoubt('garbled');
  const word = ['--operator', 'rui', '--reason', canary('operator')];
  const { code, stderr } = await flow.cli('doubts', 'abandon', idOf('lost'), ...word);
  assert.equal(code, 0, stderr);
  assert.equal(await flow.outcomeOf(idOf('lost')), 'in-doubt');
  await (await flow.runOf(idOf('open'))).cancel();
  assert.equal(await flow.outcomeOf(idOf('open')), 'cancelled');
  // rejected, failed, in-doubt, cancelled, a conflict, and six that are no registrations
  await system.hasDepth(system.config.rabbit.failureQueue, 11);
});

test('no canary is in a log, a history, a search attribute, a workflow id or a metric', async () => {
  for (const [where, text] of await looksOf(system, flow)) {
    assert.ok(text.length > 50, where);
    assert.equal(findIn(text, mark), null, where);
  }
});

test('no canary is in the files of Temporal', async (t) => {
  const files = temporalFiles(system.config.temporalAddress);
  if (files.length === 0) return t.skip('the files of this Temporal are not known');
  assert.equal(await findInFiles(files, mark), null);
});

test('what we write beside a message in a failure record tells nothing of it but its id and the legacy system’s reason', async () => {
  for (const { content, properties: kept } of await flow.lookAtFailures()) {
    assert.ok(content.includes(mark), 'the bytes are there');
    const headers: Record<string, unknown> = { ...kept.headers };
    const reason = String(headers[HEADER.reason]).replaceAll(
      /CANARY-\w+-(legacy-(POST|GET)|operator)/g,
      '',
    );
    for (const own of ['x-person', 'x-more', HEADER.reason, HEADER.item]) delete headers[own];
    assert.equal(findIn(`${JSON.stringify(headers)} ${reason}`, mark), null);
  }
});

test('it is all there for those who may see it: in MongoDB, in the failure queue, and in Temporal with the key', async () => {
  const { claims, results } = system.store;
  assert.ok(await results.find(idOf('registered')));
  const held = await claims.collection.findOne({ item: idOf('garbled') });
  assert.ok(held?.message);
  const { workflowId } = await flow.claimed(idOf('garbled'));
  const { events } = await system.client.workflow.getHandle(workflowId).fetchHistory();
  const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  assert.ok(findIn(await textsOf(system.client, input), mark));
});

test('the search is good for something: without encryption it finds the message', async (t: TestContext) => {
  const plain = await startSystem(t, {
    legacyUrl: legacy.url,
    env: { ENCRYPTION_KEYS: '', DESPACHANTE_ENCRYPTION_MODE: 'off' },
  });
  const its = flowOf(plain);
  const other = `CANARY-${uniqueName().slice(5)}`;
  const id = uniqueName();
  await its.publish({ id, how: 'registered', notes: Array.from({ length: 30 }, () => other) });
  await its.settled(id);
  assert.ok(findIn(await histories(plain), other));
  const files = temporalFiles(plain.config.temporalAddress);
  if (files.length > 0) assert.ok(await findInFiles(files, other));
  assert.match(plain.log('worker'), /NOT ENCRYPTED/);
});

test('addresses that cannot be reached are told without their passwords', async (t) => {
  const password = canary('password');
  const folder = emptyFolder(t);
  const env = {
    ...system.env,
    MONGODB_URI: `mongodb://user:${password}@127.0.0.1:1/x?serverSelectionTimeoutMS=500`,
    AMQP_URL: `amqp://user:${password}@127.0.0.1:1`,
  };
  for (const args of [['worker', '--port', '0'], ['doctor'], ['audit'], ['config'], ['publish']]) {
    const { stdout, stderr } = await run(args, { cwd: folder, env, input: '{"id":"x"}\n' });
    assert.equal(findIn(stdout + stderr, mark), null, args.join(' '));
  }
  const broken = { ...env, MONGODB_URI: `mongodb://user:${password}@127.0.0.1/x?nonsense=${mark}` };
  const { code, stderr } = await run(['worker', '--port', '0'], { cwd: folder, env: broken });
  assert.equal(code, 1);
  assert.match(stderr, /Cannot connect to MongoDB at mongodb:\/\/\*\*\*@/);
  assert.ok(!stderr.includes(password));
});
