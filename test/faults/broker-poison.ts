/** Messages and rights that make the broker, or the client, close what carries all others. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Options } from 'amqplib';
import { declareQueues } from '../../src/broker/rabbitmq/queues.ts';
import { HEADER } from '../../src/domain/names.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf, type Flow } from '../helpers/flow.ts';
import { field, publishRaw, sized } from '../helpers/raw-frames.ts';
import { atEnd, testPublisher, uniqueName, type Ending } from '../helpers/servers.ts';
import { startSystem, type System } from '../helpers/system.ts';
import { conclude } from './conclude.ts';
import { publishMixed } from './load.ts';
import { management } from './management.ts';
import type { Scenario, Trial, World } from './scenario.ts';

const count = ({ isQuick }: World): number => (isQuick ? 10 : 50);

const isWell = async (flow: Flow): Promise<void> => {
  assert.equal((await flow.ask('intake', '/ready')).status, 200);
  await eventually('nothing is held', async () => {
    assert.equal(
      await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
      0,
    );
  });
};

const bytes = (length: number, first = 0): Buffer => Buffer.alloc(length, first);

/** A field of each type of RabbitMQ and of AMQP 0-9-1, and some in tables and arrays. */
const oddFields: [what: string, header: Buffer][] = [
  ...[...'tbBsuUiIlLfdTD'].map((tag): [string, Buffer] => [
    `the type ${tag}`,
    field(
      'odd',
      tag,
      bytes({ t: 1, b: 1, B: 1, s: 2, u: 2, U: 2, i: 4, I: 4, f: 4, D: 5 }[tag] ?? 8, 0xff),
    ),
  ]),
  ['void', field('odd', 'V')],
  ['bytes', field('odd', 'x', sized(bytes(3, 0xff)))],
  ['a text that is no UTF-8', field('odd', 'S', sized(bytes(3, 0xff)))],
  ['an empty table', field('odd', 'F', sized(bytes(0)))],
  ['L in a table', field('odd', 'F', sized(field('in', 'L', bytes(8, 1))))],
  ['L in an array', field('odd', 'A', sized(Buffer.concat([Buffer.from('L'), bytes(8, 1)])))],
  ['no name', field('', 't', [1])],
  ['our own class as a number', field(HEADER.class, 'I', bytes(4, 1))],
  ['90 KiB', field('odd', 'S', sized(bytes(90 * 1024, 0x78)))],
];

async function oddHeaders(world: World): Promise<Trial> {
  const env = { DESPACHANTE_RABBIT_EXISTING_QUEUES: 'adopt' };
  const system = await startSystem(world, { env, roles: ['worker'] });
  const flow = flowOf(system);
  const { intakeQueue } = system.rabbit;
  // A quorum queue would read the headers, and a classic one hands them on.
  await system.channel.assertQueue(intakeQueue, { durable: true });
  await system.start('intake');
  let taken = 0;
  for (const [what, header] of oddFields) {
    for (const body of [JSON.stringify({ id: `odd-${taken}` }), `no JSON, with ${what}`]) {
      const message = {
        body: Buffer.from(body),
        headers: Buffer.concat([field('tenant', 'S', sized(Buffer.from('sp'))), header]),
      };
      const isIn = await publishRaw(system.config.amqpUrl, intakeQueue, [message]).then(
        () => true,
        () => false, // this broker does not let it in
      );
      if (isIn) flow.countIn(message.body, body.startsWith('{') ? `odd-${taken}` : null);
      taken += isIn ? 1 : 0;
    }
  }
  assert.ok(taken >= oddFields.length, `${taken} were let in`);
  await publishMixed(flow, count(world));
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now() });
  await isWell(flow);
  assert.doesNotMatch(system.log('intake'), /RabbitMQ \(.*\) was lost/);
  for (const { content, properties } of await flow.lookAtFailures()) {
    if (content.includes('no JSON, with')) assert.equal(properties.headers?.['tenant'], 'sp');
  }
  return { ...trial, times: taken };
}

const POISON = 'amq.rabbitmq.reply-to';
const HARMLESS = 'amq.rabbitmq.reply-tX';

/** Hands on what the broker sends with one text in place of another of its length: what another protocol lets in. */
async function rewritingProxy(t: Ending, target: string): Promise<string> {
  const url = new URL(target);
  const server = createServer((near) => {
    const far = connect(Number(url.port === '' ? 5672 : url.port), url.hostname);
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(HARMLESS); at >= 0; at = chunk.indexOf(HARMLESS, at + 1)) {
        chunk.write(POISON, at);
      }
      near.write(chunk);
    });
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    for (const socket of [near, far]) socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(t, () => void server.close());
  const bound = server.address();
  const through = new URL(target);
  through.host = `127.0.0.1:${typeof bound === 'object' ? bound?.port : ''}`;
  return through.toString();
}

async function refusedByChannel(world: World): Promise<Trial> {
  const system = await startSystem(world, { roles: ['worker'] });
  await declareQueues(system.connection, system.rabbit);
  await system.start('intake', { AMQP_URL: await rewritingProxy(world, system.config.amqpUrl) });
  return refusedRecords(world, system, { replyTo: HARMLESS, headers: { tenant: 'sp' } });
}

/** The publisher's headers fit into a frame, and beside a record's own they do not. */
async function refusedByConnection(world: World): Promise<Trial> {
  const system = await startSystem(world, { roles: [] });
  const url = new URL(system.config.amqpUrl);
  url.searchParams.set('frameMax', '4096');
  for (const role of ['worker', 'intake'] as const)
    await system.start(role, { AMQP_URL: url.href });
  return refusedRecords(world, system, { headers: { long: 'x'.repeat(3_900) } });
}

async function refusedRecords(
  world: World,
  system: System,
  poison: Options.Publish,
): Promise<Trial> {
  const flow = flowOf(system);
  for (let n = 0; n < 3; n++) {
    await flow.publishBytes(Buffer.from(`no JSON, refused ${n}`), poison);
    await flow.publish({ id: `refused-${n}`, simulate: { refuse: 'CPF inválido' } }, poison);
    await publishMixed(flow, count(world));
  }
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: Date.now(), alsoEnds: 'any' });
  await isWell(flow);
  const bare = (await flow.lookAtFailures()).filter(({ content }) => content.includes('refused'));
  assert.equal(bare.length, 6);
  for (const { properties } of bare) {
    assert.match(
      String(properties.headers?.[HEADER.dropped]),
      /^all properties and headers, since/,
    );
  }
  return { ...trial, times: bare.length };
}

/** A doubt that an operator has abandoned, and what a publisher then writes. */
async function forgedRedrives(world: World): Promise<Trial> {
  const system = await startSystem(world);
  const flow = flowOf(system);
  const body = { id: uniqueName(), simulate: { loseAnswer: true } };
  await flow.publish(body);
  await eventually('it is in doubt', async () => {
    assert.equal((await flow.tally(body.id)).inDoubt, 1);
  });
  await flow.json('doubts', 'abandon', body.id, '--operator', 'rui', '--reason', 'seen there');
  const record = await flow.failureOf(`${body.id}~0`, 'in-doubt');
  const rejected = { id: uniqueName(), simulate: { refuse: 'CPF inválido' } };
  await flow.publish(rejected);
  await flow.failureOf(`${rejected.id}~0`, 'rejected');
  const story = { ...record.properties.headers };
  const before = await flow.metric('worker', 'despachante_duplicates_total');
  let times = 0;
  for (const each of [body, rejected]) {
    for (const token of [undefined, '', 'x'.repeat(22), String(story[HEADER.token]).slice(1)]) {
      const headers = { ...story, [HEADER.item]: `${each.id}~0`, [HEADER.token]: token };
      await flow.publish(each, { headers });
      times += 1;
    }
  }
  await eventually('all are duplicates', async () => {
    assert.equal(await flow.metric('worker', 'despachante_duplicates_total'), before + times);
  });
  for (const { id } of [body, rejected]) {
    assert.deepEqual(
      (await system.store.claims.ofItem(id)).map(({ _id }) => _id),
      [`${id}~0`],
    );
    assert.equal(flow.postsOf(id).length, 1);
  }
  const entry = await system.store.journal.collection.findOne({ _id: `${body.id}~0#1` });
  assert.equal(entry?.state, 'abandoned');
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null, alsoEnds: 'any' });
  // Their own records go on being redrives, who ever moves them.
  await moveByHand(system);
  await eventually('the next generation is there', async () => {
    assert.equal((await system.store.claims.ofItem(body.id)).length, 2);
  });
  return { ...trial, times };
}

async function moveByHand({ channel, rabbit }: System): Promise<void> {
  const message = await channel.get(rabbit.failureQueue, { noAck: false });
  assert.ok(message !== false);
  channel.sendToQueue(rabbit.intakeQueue, message.content, message.properties);
  channel.ack(message);
}

/** Queues declared by somebody else; ours may use them, and nothing more. */
async function leastPrivilege(world: World): Promise<Trial> {
  const name = uniqueName();
  const system = await startSystem(world, { roles: [] });
  const flow = flowOf(system);
  const { intakeQueue, returnedQueue } = system.rabbit;
  await declareQueues(system.connection, system.rabbit);
  const read = `^(${intakeQueue}|${returnedQueue})$`.replaceAll('.', '\\.');
  const rights = { configure: '^$', write: '^amq\\.default$', read };
  const AMQP_URL = await management.addUser(world, name, 'sénha+%40', rights);
  for (const role of ['worker', 'intake'] as const) await system.start(role, { AMQP_URL });
  const publisher = await testPublisher(world, AMQP_URL);
  const body = Buffer.from(JSON.stringify({ id: 'published-by-it' }));
  await publisher.publish(intakeQueue, body, {});
  flow.countIn(body, 'published-by-it');
  await publishMixed(flow, count(world));
  await flow.publishBytes(Buffer.from('no JSON'));
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null });
  await isWell(flow);
  return trial;
}

export const brokerPoison: Scenario[] = [
  {
    name: 'broker/odd-headers',
    fault:
      'Messages with a header of each type there is, from a classic queue: some of them the client library cannot read',
    isQuick: true,
    run: oddHeaders,
  },
  {
    name: 'broker/refused-records',
    fault:
      'Failure records for whose properties the broker closes the channel that carries all others',
    isQuick: true,
    run: refusedByChannel,
  },
  {
    name: 'broker/refused-frames',
    fault:
      'Failure records that do not fit into one frame: the broker closes the whole connection for each',
    isQuick: true,
    run: refusedByConnection,
  },
  {
    name: 'broker/forged-redrives',
    fault:
      'A publisher writes the headers of failure records itself, of what an operator has abandoned, and of what was refused',
    isQuick: true,
    run: forgedRedrives,
  },
  {
    name: 'broker/least-privilege',
    fault:
      'The user of RabbitMQ may read the two queues that intake takes from and write to the default exchange, and nothing more',
    isQuick: false,
    run: leastPrivilege,
  },
];
