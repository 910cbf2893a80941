/** Messages that are no registrations, as many as there are good ones beside them. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { flowOf } from '../helpers/flow.ts';
import type { Flow } from '../helpers/flow.ts';
import { startSystem } from '../helpers/system.ts';
import type { System } from '../helpers/system.ts';
import { accept, done } from './answers.ts';
import { conclude } from './conclude.ts';
import { hostileSystem } from './hostile.ts';
import type { Hostile } from './hostile.ts';
import { depths, encodings, ids, registration, shapes, sizes, syntax } from './poison-bodies.ts';
import type { Poison, Random } from './poison-bodies.ts';
import type { Scenario, World } from './scenario.ts';

const nested = (depth: number): Record<string, unknown> =>
  depth === 0 ? {} : { deeper: nested(depth - 1) };

const hostileHeaders: [string, Record<string, unknown>][] = [
  ...[65, 100, 500, 1_000].map((depth): [string, Record<string, unknown>] => [
    `headers ${depth} tables deep`,
    { table: nested(depth) },
  ]),
  ...[57_400, 58_000, 60_000].map((size): [string, Record<string, unknown>] => [
    `a header of ${size} bytes`,
    { long: 'x'.repeat(size) },
  ]),
  [
    'six thousand headers',
    Object.fromEntries(Array.from({ length: 6_000 }, (_, n) => [`x-${n}`, n])),
  ],
];

const headers = (random: Random): Poison[] =>
  hostileHeaders.map(([what, given]) => ({
    what,
    body: Buffer.from(registration(random, `headers-${random()}`)),
    headers: given,
    reason: /^headers that cannot be kept: /,
  }));

const allPoison = (random: Random): Poison[] => [
  ...encodings(random),
  ...syntax(random, 9),
  ...depths(random),
  ...sizes(random),
  ...shapes(random),
  ...ids(random),
  ...headers(random),
];

/** What looks like poison and is none: it must reach the legacy system byte for byte. */
function strange(random: Random, id: (n: number) => string): Buffer[] {
  const fill = (text: string, size: number): string =>
    text.replace('@', 'x'.repeat(size - Buffer.byteLength(text) + 1));
  const texts = [
    '"x":"\\u0000"',
    '"x":"\\ud800"',
    '"x":1e400',
    '"x":123456789012345678901234567890',
    '"x":1,"x":2',
    '"__proto__":{"id":"b","polluted":true}',
    '"constructor":{"prototype":{"polluted":true}}',
    '"$where":"1","a.b":{"$set":1}',
    `"x":${'['.repeat(63)}${']'.repeat(63)}`,
    '"x":"\u202e\u0007"'.replace('\u0007', ''),
    ' \r\n\t "x" \n : [ ]',
  ].map((more, n) => `{"id":${JSON.stringify(id(n))},${more}}`);
  return [
    ...texts,
    `\ufeff${registration(random, id(20))}`,
    registration(random, `${id(21)}${'é'.repeat((200 - id(21).length) / 2)}`),
    fill(registration(random, id(22), { x: '@' }), 256 * 1024),
  ].map((text) => Buffer.from(text));
}

const hashOf = (body: Buffer): string => createHash('sha256').update(body).digest('hex');

async function poisoned(world: World) {
  const random = (): number => world.random();
  const legacy = await hostileSystem(world, { post: () => accept, get: () => done });
  const system = await startSystem(world, { legacyUrl: legacy.url });
  const flow = flowOf(system);
  // What is drawn may be drawn twice, and one body twice would be one failure record.
  const poisons = [
    ...new Map(allPoison(random).map((poison) => [hashOf(poison.body), poison])).values(),
  ];
  assert.ok(poisons.length >= 300);
  const odd = strange(random, (n) => `strange-${n}-`);

  if (!world.isQuick) await secondsFor(system, flow, 'warm', 50, async () => {});
  const alone = world.isQuick
    ? NaN
    : await secondsFor(system, flow, 'alone', poisons.length, async () => {});
  const mixed = await secondsFor(system, flow, 'mixed', poisons.length, async () => {
    await Promise.all([
      ...poisons.map(({ body, headers }) => flow.publishBytes(body, headers ? { headers } : {})),
      ...odd.map((body) => flow.publishBytes(body, {}, idOf(body))),
    ]);
  });
  const trial = await conclude(flow, { maxInDoubt: 0, faultEndedAt: null });
  await assertFailures(flow, poisons);
  assertUnchanged(legacy, odd);
  // Of the last intake: each of these was delivered once.
  const delivered = 2 * poisons.length + odd.length;
  assert.equal(
    await flow.metric('intake', 'despachante_deliveries_total{source="registrations"}'),
    delivered,
  );
  assert.equal(
    await flow.metric('intake', 'despachante_unacknowledged{source="registrations"}'),
    0,
  );
  assert.equal((await flow.ask('intake', '/ready')).status, 200);
  const share = Math.round((100 * alone) / mixed);
  const note = world.isQuick ? {} : { note: `good ones at ${share} % of their own speed` };
  return { ...trial, times: poisons.length, ...note };
}

/** How long good registrations take from a full queue to MongoDB, with what `more` publishes among them. */
async function secondsFor(
  system: System,
  flow: Flow,
  prefix: string,
  count: number,
  more: () => Promise<void>,
): Promise<number> {
  await system.stop('intake');
  await Promise.all([flow.publishMany(prefix, count), more()]);
  const begun = performance.now();
  await system.start('intake');
  await flow.allRegistered(`${prefix}-`, count);
  return (performance.now() - begun) / 1_000;
}

async function assertFailures(flow: Flow, poisons: Poison[]): Promise<void> {
  const records = await flow.lookAtFailures();
  const byHash = new Map(records.map((record) => [hashOf(record.content), record]));
  const wrong: string[] = [];
  for (const { what, body, reason } of poisons) {
    const record = byHash.get(hashOf(body));
    const told: unknown = record?.properties.headers?.['x-despachante-reason'];
    if (record === undefined) wrong.push(`${what}: no record`);
    else if (!record.content.equals(body)) wrong.push(`${what}: other bytes`);
    else if (!reason.test(String(told))) wrong.push(`${what}: ${String(told)}`);
  }
  assert.deepEqual(wrong, []);
  assert.equal(records.length, poisons.length);
}

function assertUnchanged(legacy: Hostile, bodies: Buffer[]): void {
  for (const body of bodies) {
    const posts = legacy.posts(idOf(body));
    assert.equal(posts.length, 1, body.toString().slice(0, 200));
    assert.ok(posts[0]?.body.equals(body), body.toString().slice(0, 200));
  }
}

const idOf = (body: Buffer): string => String(/"id":"([^"]*)"/.exec(body.toString())?.[1] ?? '');

export const poison: Scenario[] = [
  {
    name: 'poison/malformed-among-good',
    fault:
      'Hundreds of messages that are no registrations, drawn from a seed and mixed with as many good ones: encodings, syntax, depth, sizes, ids, headers',
    isQuick: true,
    run: poisoned,
  },
];
