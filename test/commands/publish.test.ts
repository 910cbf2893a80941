import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { isMapping } from '../../src/config/tree.ts';
import { publishAll } from '../../src/broker/rabbitmq/publish-all.ts';
import type { Outgoing } from '../../src/broker/rabbitmq/publish-all.ts';
import { readPublishedLedger } from '../../src/audit/published-ledger.ts';
import { sampleRegistrations } from '../../src/simulator/samples.ts';
import { emptyFolder, run, testPlace } from './cli.ts';

const sha256 = (body: Buffer | string): string => createHash('sha256').update(body).digest('hex');
const messages = (count: number): Outgoing[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `m-${n}`,
    body: Buffer.from(String(n)),
    properties: {},
  }));

test('generated registrations are published with their id as messageId, and the ledger has what was confirmed', async (t) => {
  const place = await testPlace(t);
  const ledger = join(place.folder, 'published.jsonl');
  const args = ['publish', '--count', '25', '--seed', '7', '--ledger', ledger];
  const report = await place.json(args);
  assert.ok(isMapping(report));
  assert.equal(report['confirmed'], 25);
  assert.equal(report['failed'], 0);
  await place.hasDepth(place.rabbit.intakeQueue, 25);
  const first = await place.take(place.rabbit.intakeQueue);
  const [sample] = sampleRegistrations({ count: 25, seed: 7 });
  assert.deepEqual(first.content, sample?.body);
  assert.equal(first.properties.messageId, sample?.id);
  assert.equal(first.properties.deliveryMode, 2);
  const { entries, systems } = await readPublishedLedger(ledger);
  assert.deepEqual(
    systems.map(({ queue }) => queue),
    [place.rabbit.intakeQueue],
  );
  assert.equal(entries.length, 25);
  assert.deepEqual(entries[0], { id: sample?.id, sha256: sha256(sample?.body ?? '') });
});

test('a ledger is appended to, and its torn last line is left out', async (t) => {
  const file = join(emptyFolder(t), 'published.jsonl');
  const entry = { id: null, sha256: sha256('x') };
  writeFileSync(file, `${JSON.stringify(entry)}\n{"id":"reg-`);
  assert.deepEqual(await readPublishedLedger(file), { systems: [], entries: [entry] });
  writeFileSync(file, `${JSON.stringify(entry)}\n{"id":"reg-\n${JSON.stringify(entry)}\n`);
  await assert.rejects(readPublishedLedger(file), /published\.jsonl:2: not an entry/);
});

test('the lines of a file and of standard input are published byte for byte', async (t) => {
  const place = await testPlace(t);
  const lines = ['{"id": "a",  "name":"José"}', '', '{"id":"b"}'];
  const file = join(place.folder, 'registrations.jsonl');
  writeFileSync(file, lines.join('\r\n'));
  assert.equal((await place.run(['publish', file])).code, 0);
  assert.equal((await place.run(['publish', '-'], lines.join('\n'))).code, 0);
  await place.hasDepth(place.rabbit.intakeQueue, 4);
  const bodies = [];
  for (let n = 0; n < 4; n++)
    bodies.push((await place.take(place.rabbit.intakeQueue)).content.toString());
  assert.deepEqual(bodies, [lines[0], lines[2], lines[0], lines[2]]);
});

test('a line that is no registration is named, and nothing of its file is published', async (t) => {
  const place = await testPlace(t);
  const file = join(place.folder, 'registrations.jsonl');
  writeFileSync(file, '{"id":"a"}\n\n{"id":5.5}\n');
  const { code, stderr } = await place.run(['publish', file]);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /registrations\.jsonl:3: "\/id": expected a text or a whole number in digits, got another number\. Nothing was published.*--raw/,
  );
  const piped = await place.run(['publish', '-'], 'garbage\n');
  assert.match(piped.stderr, /^standard input:1: not JSON/);
  assert.equal(await place.depth(place.rabbit.intakeQueue), 0);
});

test('with --raw every line is published as it is, and without an id where it has none', async (t) => {
  const place = await testPlace(t);
  const ledger = join(place.folder, 'published.jsonl');
  const bytes = Buffer.from([0xff, 0xfe, 0x0a, ...Buffer.from('{"id":"a"}')]);
  const { code } = await place.run(['publish', '-', '--raw', '--ledger', ledger], bytes);
  assert.equal(code, 0);
  const first = await place.take(place.rabbit.intakeQueue);
  assert.deepEqual(first.content, Buffer.from([0xff, 0xfe]));
  assert.equal(first.properties.messageId, undefined);
  assert.deepEqual(
    readFileSync(ledger, 'utf8').trim().split('\n').slice(1),
    [
      { id: null, sha256: sha256(Buffer.from([0xff, 0xfe])) },
      { id: 'a', sha256: sha256('{"id":"a"}') },
    ].map((entry) => JSON.stringify(entry)),
  );
});

test('to a broker that was not brought up here nothing is generated unless its number is said', async (t) => {
  const place = await testPlace(t);
  const { code, stderr } = await place.run(['publish']);
  assert.equal(code, 2);
  assert.match(stderr, /Nothing was published: .*Name a file, or say --count/s);
  assert.equal(await place.depth(place.rabbit.intakeQueue), 0);
  const { stdout } = await place.run(['publish', '--count', '2']);
  assert.match(stdout, /Published 2 to ".*" at [\w.]+:\d+ in/);
});

test('nor where the legacy system is somebody else’s, though the broker was brought up here', async (t) => {
  const place = await testPlace(t);
  const engines = { rabbitmq: { addresses: { AMQP_URL: process.env['AMQP_URL'] ?? '' } } };
  writeFileSync(join(place.folder, 'state.json'), JSON.stringify({ engines }));
  const env = { ...place.env, DESPACHANTE_INSTANCE: place.folder };
  const theirs = await run(['publish'], { cwd: place.folder, env });
  assert.equal(theirs.code, 2, theirs.stdout);
  assert.match(theirs.stderr, /Nothing was published: .*127\.0\.0\.1:9.*LEGACY_URL/s);
  assert.equal(await place.depth(place.rabbit.intakeQueue), 0);
  const ours = await run(['publish'], { cwd: place.folder, env: { ...env, LEGACY_URL: '' } });
  assert.match(ours.stdout, /Published 1,000 to/);
});

test('a file that is not there is told, and what to name instead', async (t) => {
  const place = await testPlace(t);
  const { code, stderr } = await place.run(['publish', 'none.jsonl']);
  assert.equal(code, 1);
  assert.match(stderr, /Cannot read none\.jsonl .* - for standard input/);
});

test('never more than a window of messages waits for its confirm', async () => {
  let waiting = 0;
  let most = 0;
  const publisher = {
    async publish() {
      most = Math.max(most, ++waiting);
      await new Promise(setImmediate);
      waiting -= 1;
    },
  };
  const result = await publishAll({ publisher, queue: 'q', messages: messages(100), window: 7 });
  assert.deepEqual(result, { confirmed: 100, failed: 0, reason: null });
  assert.equal(most, 7);
});

test('after a message that is not confirmed no more are sent, and what is on its way is waited for', async () => {
  const sent: string[] = [];
  const confirmed: (string | null)[] = [];
  const publisher = {
    async publish(_: string, body: Buffer) {
      sent.push(body.toString());
      await new Promise(setImmediate);
      if (body.toString() === '3') throw new Error('the queue is full');
    },
  };
  const result = await publishAll({
    publisher,
    queue: 'q',
    messages: messages(100),
    window: 4,
    onConfirmed: ({ id }) => confirmed.push(id),
  });
  assert.equal(result.failed, 1);
  assert.equal(result.reason, 'the queue is full');
  assert.equal(result.confirmed, confirmed.length);
  assert.equal(sent.length, result.confirmed + 1);
  assert.ok(sent.length < 12);
});

test('what breaks while messages are made is thrown, after what is on its way was waited for', async () => {
  let confirmed = 0;
  function* broken(): Generator<Outgoing> {
    yield* messages(3);
    throw new Error('the disk is gone');
  }
  const publishing = publishAll({
    publisher: { publish: () => new Promise<void>((resolve) => setImmediate(resolve)) },
    queue: 'q',
    messages: broken(),
    onConfirmed: () => (confirmed += 1),
  });
  await assert.rejects(publishing, /the disk is gone/);
  assert.equal(confirmed, 3);
});

test('samples are the same for the same seed, others for another, and distinct', () => {
  const bodies = (seed: number) =>
    [...sampleRegistrations({ count: 50, seed })].map(({ body }) => body.toString());
  assert.deepEqual(bodies(1), bodies(1));
  assert.equal(new Set([...bodies(1), ...bodies(2)]).size, 100);
  const [first = ''] = bodies(1);
  const registration: unknown = JSON.parse(first);
  assert.ok(isMapping(registration));
  assert.deepEqual(Object.keys(registration), ['id', 'name', 'city', 'email']);
  assert.match(String(registration['id']), /^reg-1-00001$/);
  assert.match(String(registration['email']), /^[a-z]+\.[a-z]+\.1@example\.com$/);
});
