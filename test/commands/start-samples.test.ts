/** Whom `start` may give its samples to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesFor, serversOf } from '../../src/commands/start-samples.ts';
import type { Wish } from '../../src/commands/start-samples.ts';
import { DEFAULTS } from '../../src/config/schema.ts';

const ONE_HOST = {
  ...DEFAULTS,
  amqpUrl: 'amqp://user:p@127.0.0.1:27117/v',
  mongodbUri: 'mongodb://user:p@127.0.0.1:27127/db',
  temporalAddress: '127.0.0.1:27122',
  legacyUrl: 'http://127.0.0.1:9997/api',
};
const STANDARD = {
  ...DEFAULTS,
  amqpUrl: 'amqps://user:p@rabbit.example/v',
  mongodbUri: 'mongodb://a.example,b.example:27017/db',
  temporalAddress: 'temporal.example:7233',
  legacyUrl: 'https://legacy.example/api',
};

const three = { count: 3, isTyped: true };
const others = (config: typeof DEFAULTS) => serversOf(config, new Set(), false);
const ask = (config: typeof DEFAULTS, wish: Partial<Wish>) =>
  samplesFor(others(config), { count: 1_000, isTyped: false, confirmed: [], ...wish });

test('a host that is named without a port is only the one server that has its standard port', async () => {
  await assert.rejects(ask(ONE_HOST, { ...three, confirmed: ['127.0.0.1'] }), (error: Error) =>
    ['27117', '27127', '27122', '9997'].every((port) =>
      error.message.includes(`--confirm-host 127.0.0.1:${port}`),
    ),
  );
  const confirmed = ['127.0.0.1:27117', '127.0.0.1:27127', '127.0.0.1:27122', '127.0.0.1:9997'];
  for (const missing of confirmed) {
    const some = confirmed.filter((each) => each !== missing);
    await assert.rejects(
      ask(ONE_HOST, { ...three, confirmed: [...some, '127.0.0.1'] }),
      (error: Error) => error.message.includes(`If it is meant, add --confirm-host ${missing}`),
    );
  }
  assert.deepEqual(await ask(ONE_HOST, { ...three, confirmed }), { count: 3, notPublished: null });
});

test('a standard port may be written or left out, in the address as in the name', async () => {
  const mongo = ['a.example:27017,B.example', 'a.example,b.example'];
  for (const confirmed of [
    ['rabbit.example', mongo[0] ?? '', 'temporal.example', 'legacy.example'],
    ['rabbit.example:5671', mongo[1] ?? '', 'temporal.example:7233', 'legacy.example:443'],
  ]) {
    const { count } = await ask(STANDARD, { ...three, confirmed });
    assert.equal(count, 3, confirmed.join(' '));
  }
  for (const wrong of ['rabbit.example:5672', 'rabbit.example:443']) {
    const confirmed = [wrong, mongo[1] ?? '', 'temporal.example', 'legacy.example'];
    await assert.rejects(ask(STANDARD, { ...three, confirmed }), /--confirm-host rabbit\.example/);
  }
});

test('the way to publish samples is shown to who did not type --count, and no one else', async () => {
  const untyped = await ask(ONE_HOST, {});
  assert.match(untyped.notPublished ?? '', /To publish some: --count <n> --confirm-host/);
  const none = await ask(ONE_HOST, { count: 0, isTyped: true });
  assert.deepEqual(none, { count: 0, notPublished: 'Nothing was published, as --count 0 says' });
});

test('where some servers are ours, the way without samples says that --count has to go when it was typed', async () => {
  const mixed = serversOf(ONE_HOST, new Set([ONE_HOST.amqpUrl]), false);
  await assert.rejects(
    samplesFor(mixed, { ...three, confirmed: [] }),
    /give all four addresses and leave --count out \(then nothing is published\)/,
  );
  await assert.rejects(
    samplesFor(mixed, { count: 1_000, isTyped: false, confirmed: [] }),
    /give all four addresses \(then nothing is published\)/,
  );
});
