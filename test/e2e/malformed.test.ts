/** Deliveries that are no registrations: told apart, kept as they came, and in nobody's way. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { bodyHashOf } from '../../src/broker/body-hash.ts';
import { malformedKey } from '../../src/domain/names.ts';
import { readFailure } from '../../src/broker/rabbitmq/dead-letter-queue.ts';
import { eventually } from '../helpers/eventually.ts';
import { flowOf } from '../helpers/flow.ts';
import { testPublisher, uniqueName } from '../helpers/servers.ts';
import { startSystem } from '../helpers/system.ts';
import { parseRules } from '../../src/registrations/delivery.ts';

const system = await startSystem({ after, afterEach });
const flow = flowOf(system);
const { pid } = system.child('intake');

const deep = '['.repeat(10_000) + ']'.repeat(10_000);
const id = (text: string): Buffer => Buffer.from(JSON.stringify({ id: text }));

const bodies: { what: string; body: Buffer; reason: RegExp }[] = [
  { what: 'text that is not JSON', body: Buffer.from('name=Ana'), reason: /^not JSON$/ },
  { what: 'half a JSON object', body: Buffer.from('{"id": "an'), reason: /^not JSON$/ },
  { what: 'an object without id', body: Buffer.from('{"name": "Ana"}'), reason: /^no "\/id"$/ },
  {
    what: 'half a number as id',
    body: Buffer.from('{"id": 7.5}'),
    reason: /got another number$/,
  },
  { what: 'null as id', body: Buffer.from('{"id": null}'), reason: /in digits, got null/ },
  { what: 'an object as id', body: Buffer.from('{"id": {}}'), reason: /in digits, got a/ },
  { what: 'an empty id', body: id(''), reason: /"\/id" is empty/ },
  { what: 'blanks as id', body: id('   '), reason: /"\/id" is empty/ },
  { what: 'an id of 300 bytes', body: id('x'.repeat(300)), reason: /too long: 300 bytes/ },
  { what: 'control characters in the id', body: id('a\u0000b\n'), reason: /not text/ },
  {
    what: 'half a surrogate pair in the id',
    body: Buffer.from('{"id": "\\ud800"}'),
    reason: /not text/,
  },
  { what: 'nothing at all', body: Buffer.alloc(0), reason: /^empty message$/ },
  { what: 'blanks', body: Buffer.from(' \n '), reason: /^not JSON$/ },
  {
    what: 'an array',
    body: Buffer.from('[{"id": "a"}]'),
    reason: /expected a JSON object, got an array/,
  },
  { what: 'a string', body: Buffer.from('"a"'), reason: /expected a JSON object, got a string/ },
  {
    what: '10,000 nested arrays',
    body: Buffer.from(`{"id":"a","x":${deep}}`),
    reason: /nested deeper/,
  },
  {
    what: 'invalid UTF-8',
    body: Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    reason: /UTF-8/,
  },
  { what: 'UTF-16', body: Buffer.from('{"id":"a"}', 'utf16le'), reason: /./ },
  {
    what: '5 MB of a well-formed object',
    body: Buffer.from(JSON.stringify({ id: 'a', x: 'y'.repeat(5 * 1024 * 1024) })),
    reason: /too large: 52\d{5} bytes/,
  },
];

const failureOfBody = (body: Buffer, what: string) =>
  flow.failureWhere(`the record of ${what}`, ({ content }) => content.equals(body));

const around = bodies.map(() => uniqueName());
before(async () => {
  for (const [at, { what, body }] of bodies.entries()) {
    await flow.publishBytes(body, { correlationId: what, headers: { tenant: 'north' } });
    await flow.publish({ id: around[at] ?? '' });
  }
});

for (const [at, { what, body, reason }] of bodies.entries()) {
  test(`${what} goes to the failure queue as malformed, and the registration behind it is registered`, async () => {
    const { content, properties } = await failureOfBody(body, what);
    assert.ok(content.equals(body), 'other bytes than were sent');
    const headers: Record<string, unknown> = { ...properties.headers };
    assert.equal(headers['x-despachante-class'], 'malformed');
    assert.match(String(headers['x-despachante-reason']), reason);
    assert.equal(headers['x-despachante-attempts'], 0);
    assert.equal(headers['tenant'], 'north');
    assert.equal(properties.correlationId, what);
    assert.equal(await flow.outcomeOf(around[at] ?? ''), 'registered');
    const noted = await system.store.malformed.all();
    const key = malformedKey(bodyHashOf(body));
    assert.match(noted.find(({ _id }) => _id === key)?.outcome.reason ?? 'not noted', reason);
  });
}

const nested = (depth: number): Record<string, unknown> =>
  depth === 0 ? {} : { deeper: nested(depth - 1) };

const hostile: { what: string; headers: Record<string, unknown> }[] = [
  { what: 'tables nested 1,000 deep', headers: { table: nested(1_000) } },
  { what: 'a header of 60,000 bytes', headers: { long: 'x'.repeat(60_000) } },
];

for (const { what, headers } of hostile) {
  test(`${what}: the message goes to the failure queue with its bytes and without its headers`, async () => {
    const body = id(uniqueName());
    await flow.publishBytes(body, { headers, correlationId: what });
    const { content, properties } = await failureOfBody(body, what);
    assert.deepEqual(content, body);
    assert.equal(properties.correlationId, what);
    const kept: Record<string, unknown> = { ...properties.headers };
    assert.match(String(kept['x-despachante-reason']), /headers that cannot be kept/);
  });
}

/** Tables in tables as they are on the wire, since amqplib could not write so many: no name, `F`, the length of the rest. */
function nestedOnWire(depth: number): Buffer {
  const fields = Buffer.alloc(depth * 6);
  for (let at = 0; at < fields.length; at += 6) {
    fields.write('F', at + 1);
    fields.writeUInt32BE(fields.length - at - 6, at + 2);
  }
  return fields;
}

test('headers nested 8,000 deep, more than amqplib can read, are in nobody’s way', async (t) => {
  const body = id(uniqueName());
  const behind = uniqueName();
  const broker = new URL(system.config.amqpUrl);
  // Sent as bytes (`x`), and made a table (`F`) on the way: both are a length and what follows.
  const server = createServer((client) => {
    const upstream = connect(Number(broker.port || 5672), broker.hostname);
    upstream.pipe(client);
    client.on('data', (chunk: Buffer) => {
      const at = chunk.indexOf('nested-x');
      if (at >= 0) chunk.write('F', at + 'nested-'.length);
      upstream.write(chunk);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const url = new URL(broker);
  url.host = `127.0.0.1:${address.port}`;
  t.after(() => server.close());
  const publisher = await testPublisher(t, url.toString());
  await publisher.publish(system.config.rabbit.intakeQueue, body, {
    correlationId: 'too deep',
    headers: { 'nested-': nestedOnWire(8_000) },
  });
  await flow.publish({ id: behind });
  const { content, properties } = await failureOfBody(body, 'headers nested 8,000 deep');
  assert.deepEqual(content, body);
  assert.equal(properties.correlationId, 'too deep');
  const kept: Record<string, unknown> = { ...properties.headers };
  assert.match(
    String(kept['x-despachante-reason']),
    /headers that cannot be kept: .*nested deeper than 64/,
  );
  assert.equal(await flow.outcomeOf(behind), 'registered');
});

/** What means something to somebody on the way: to BSON, to amqplib, to JavaScript, to us. */
const strange: Record<string, unknown>[] = [
  { $oid: 'abc', inner: { $oid: 'abc' }, date: { $date: 'never' }, binary: { $binary: 7 } },
  { bytes: Buffer.from([0, 255]), list: [Buffer.from([1]), { x: Buffer.from([2]) }, [[]]] },
  { large: 2 ** 60, fraction: 0.5, least: { '!': 'double', value: -1e300 } },
  {
    at: { '!': 'timestamp', value: 1_700_000_000 },
    sum: { '!': 'decimal', value: { digits: 5, places: 2 } },
  },
  { constructor: 'x', toString: { valueOf: 1 }, '': 'nameless', 'á\n': true, nothing: null },
  {
    'x-despachante-class': { a: 1 },
    'x-despachante-generation': Buffer.from([1]),
    'x-delivery-count': 'many',
  },
];

for (const [at, headers] of strange.entries()) {
  test(`strange headers, case ${at + 1}, harm neither a success nor a failure record, malformed or not`, async () => {
    const [good, bad] = [uniqueName(), uniqueName()];
    const malformed = Buffer.from(`no JSON, strange headers ${at}`);
    await flow.publish({ id: good }, { headers });
    await flow.publish({ id: bad, simulate: { refuse: 'CPF inválido' } }, { headers });
    await flow.publishBytes(malformed, { headers });
    assert.equal(await flow.outcomeOf(good), 'registered');
    const rejected = await flow.failureOf(`${bad}~0`, 'rejected');
    const { properties } = await failureOfBody(malformed, 'strange headers');
    for (const [name, value] of Object.entries(headers)) {
      if (name.startsWith('x-')) continue;
      for (const record of [rejected.properties, properties]) {
        const kept: Record<string, unknown> = { ...record.headers };
        // amqplib reads a double as a plain number, whoever wrote it.
        assert.deepEqual(kept[name], name === 'least' ? -1e300 : value, name);
      }
    }
  });
}

test('a header that has copies sent to the intake queue makes no delivery of a failure record', async () => {
  const { intakeQueue } = system.config.rabbit;
  const [bad, behind] = [uniqueName(), uniqueName()];
  const body = { id: bad, simulate: { refuse: 'CPF inválido' } };
  await flow.publish(body, { headers: { CC: [intakeQueue], tenant: 'north' } });
  await flow.failureOf(`${bad}~0`, 'rejected');
  await flow.publish({ id: behind });
  assert.equal(await flow.outcomeOf(behind), 'registered');
  const claims = await system.store.claims.ofItem(bad);
  assert.deepEqual(
    claims.map(({ _id }) => _id),
    [`${bad}~0`],
  );
  const records = (await flow.lookAtFailures()).filter(({ content }) => content.includes(bad));
  assert.equal(records.length, 1);
  const kept: Record<string, unknown> = { ...records[0]?.properties.headers };
  assert.equal(kept['tenant'], 'north');
  assert.equal('CC' in kept, false);
});

test('the same malformed message twice is one logical record in two copies', async () => {
  const body = Buffer.from('twice the same');
  await flow.publishBytes(body);
  await flow.publishBytes(body);
  await eventually('two copies of one record', async () => {
    const copies = (await flow.lookAtFailures()).filter(({ content }) => content.equals(body));
    assert.equal(copies.length, 2);
    const rules = parseRules(system.config);
    assert.equal(new Set(copies.map((copy) => readFailure(copy, rules).name)).size, 1);
  });
});

test('the same intake has taken all of this, holds nothing back, and has told of no message’s content', async () => {
  assert.equal(system.child('intake').pid, pid);
  assert.equal((await flow.ask('intake', '/ready')).status, 200);
  await eventually('nothing is held', async () => {
    assert.equal(
      await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
      0,
    );
  });
  // One with headers nested too deep, and two that are the same.
  const malformed = bodies.length + hostile.length + strange.length + 3;
  assert.equal(
    await flow.metric('intake', 'despachante_malformed_total{source="registrations"}'),
    malformed,
  );
  assert.ok(!system.log('intake').includes('Ana'));
  const report = await flow.audit();
  assert.ok(report.holds, JSON.stringify(report));
});
