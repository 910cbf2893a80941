// What a configuration tells of itself never holds a secret, wherever somebody has put one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import { httpEndpoint } from '../../src/config/endpoint.ts';
import { ConfigError } from '../../src/config/faults.ts';
import { httpHandler } from '../../src/config/http-handler.ts';
import { configTable } from '../../src/commands/config.ts';
import { configJson } from '../../src/config/report.ts';
import { DEFAULTS, STANDARD } from '../../src/config/schema.ts';
import { leaves } from '../../src/config/tree.ts';
import { loadConfig } from '../../src/config/load.ts';
import { isOpenSetting } from '../../src/config/units.ts';
import { ENVIRONMENT_ONLY } from '../../src/config/environment.ts';
import type { Environment } from '../../src/config/tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'despachante-secrets-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'despachante.yaml');

/** All that a person is told of it, by a fault or by `despachante config`. */
function told(tree: unknown, env: Environment = {}): string {
  writeFileSync(file, stringify(tree));
  try {
    const loaded = loadConfig({ env, file });
    return configTable(loaded) + JSON.stringify(configJson(loaded));
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message + JSON.stringify(error.faults);
  }
}

const KEY = Buffer.alloc(32, 7).toString('base64');

test('an encryption key in any place of the file is not repeated', () => {
  const paths = [...leaves(DEFAULTS).map(([path]) => path), ...Object.keys(DEFAULTS)];
  for (const path of [...paths, 'encryption.keys', 'encryption.k1', 'legacy.submit.statuses.429']) {
    const tree = (text: string) =>
      path.split('.').reduceRight<unknown>((below, key) => ({ [key]: below }), text);
    assert.ok(!told(tree(`k1:${KEY}`)).includes(KEY.slice(0, 12)), path);
    // Without its id it may be the name of a queue, where there is one.
    if (/^(encryption|log)\b/.test(path)) {
      assert.ok(!told(tree(KEY)).includes(KEY.slice(0, 12)), path);
    }
  }
  assert.ok(!told({ encryption: { [`k1:${KEY}`]: null } }).includes(KEY.slice(0, 12)));
  assert.ok(!told({ [KEY]: 1 }).includes(KEY.slice(0, 12)));
  assert.ok(!told({}, { DESPACHANTE_ENCRYPTION_KEY_FILE: `k1:${KEY}` }).includes(KEY.slice(0, 12)));
});

test('no fault repeats what stands in the place of a secret, an address, a section or a name', () => {
  const secret = 'hunter2';
  for (const tree of [
    { rabbit: secret },
    { rabbit: [secret] },
    { temporal: { apiKey: secret } },
    { mongodb: { password: secret } },
    { rabbit: { intakeQueue: `${secret}\n` } },
    { rabbit: { intakeQueue: `amq.amqp://u:${secret}@h` } },
    { rabbit: { tls: { caFile: [secret] } } },
    { legacy: { submit: { path: secret } } },
    { legacy: { poll: { path: secret } } },
    { legacy: { lookup: { path: secret } } },
    { legacy: { submit: { statuses: secret } } },
    { legacy: { headers: secret } },
    { legacy: { headers: { 'X-Api-Key': secret } } },
    { legacy: { query: { q: [secret] } } },
    { encryption: { keyFile: `${secret}\n` } },
    { encryption: { mode: `k1:${secret}${'x'.repeat(30)}` } },
    { encryptionKeys: secret },
    secret,
  ]) {
    assert.ok(!told(tree).includes(secret), JSON.stringify(tree));
  }
  for (const [name, value] of [
    ['AMQP_URL', `amqp://user:${secret}`],
    ['AMQP_URL', `amqp://user:${secret}/vhost`],
    ['AMQP_URL', `amqp:${secret}`],
    ['MONGODB_URI', `mongodb://user:${secret}`],
    ['MONGODB_URI', `mongodb://user:${secret}/db?replicaSet=rs0`],
    ['MONGODB_URI', `mongodb://user:se/${secret}`],
    ['MONGODB_URI', `mongodb://store/db?pwd=${secret}`],
    ['LEGACY_URL', `http://user:${secret}`],
    ['LEGACY_URL', `http://legacy/?sig=${secret}`],
    ['TEMPORAL_WEB_URL', `http://user:${secret}@web`],
    ['TEMPORAL_WEB_URL', `localhost:${secret}`],
    ['TEMPORAL_CODEC_URL', `http://127.0.0.1:1/${secret}${secret}${secret}`],
    ['TEMPORAL_ADDRESS', `user:${secret}`],
  ] as const) {
    assert.ok(!told({}, { [name]: value }).includes(secret), value);
  }
});

const SECRET = 'hunter2';

/** What a person is told of a file with this text in it, in the place of a value of a few kinds. */
function toldOf(written: string): string[] {
  return [
    written,
    `temporal: ${written}`,
    `temporal: { apiKey: ${written} }`,
    `mongodb:\n  collection: ${written}\n  match: x`,
    `legacy:\n  poll: { words: [${written}] }`,
    `legacy:\n  headers: { X-Api-Key: ${written} }`,
    `legacy: { submit: { statuses: ${written} } }`,
    `${written}: 1`,
    `? ${written}\n: 1`,
    `%YAML 1.1\n---\nrabbit: ${written}`,
    `a: &a [x]\n${written}`,
    `log: { ${written}: *${SECRET} }`,
    `log:\n  <<: ${written}`,
  ].map((yaml) => {
    writeFileSync(file, yaml);
    try {
      return configTable(loadConfig({ env: {}, file }));
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${String(error)} of ${yaml}`);
      return error.message + JSON.stringify(error.faults);
    }
  });
}

test('a secret that YAML reads as a sign, a tag, an alias or the beginning of a list is not repeated', () => {
  // Where it is the value of a setting that can hold it, it is that value and no fault.
  const signs = [
    '*',
    '!',
    '!!',
    '&',
    '&a &',
    '*a *',
    '!a!',
    '!<',
    '!<!>',
    '!a !',
    '&a *',
    '|',
    '>',
    '|2',
  ];
  const more = [
    '%',
    '@',
    '`',
    '[',
    '{',
    '"',
    "'",
    '"\\',
    '"\\x',
    '? ',
    '- ',
    ', ',
    '] ',
    '} ',
    '%TAG ',
    '!e!%',
  ];
  for (const sign of [...signs, ...more]) {
    for (const written of [`${sign}${SECRET}`, `${sign}${SECRET}:`, `${sign}${SECRET} x`]) {
      for (const told of toldOf(written)) {
        const faults = told.split('\n').filter((line) => !/^mongodb\.collection +/.test(line));
        assert.ok(!faults.join('\n').includes(SECRET), `${written}\n${told}`);
      }
    }
  }
});

test('a value with a sign before it is refused at its place, with the way to write it', () => {
  for (const sign of ['*', '!', '@', '%', '`']) {
    const told = toldOf(`${sign}${SECRET}`).at(3) ?? '';
    assert.match(told, /yaml:[23]:\d+: expected valid YAML, got .*between single quotes/, sign);
  }
});

test('what is wrong and can be no secret is repeated: a reader sees what stands there', () => {
  for (const [tree, text] of [
    [{ intake: { batchSize: 'many' } }, '"many"'],
    [{ intake: { batchSize: 501 } }, '501'],
    [{ legacy: { deadline: '1y' } }, '"1y"'],
    [{ log: { level: 'loud' } }, '"loud"'],
    [{ mongodb: { statusField: '_id' } }, '"_id"'],
    [{ mongodb: { match: 'status', statusField: 'status' } }, '"status"'],
    [{ mongodb: { statusField: 'registration.statusWord' } }, '"registration.statusWord"'],
    [{ mongodb: { collection: 'system.views' } }, '"system.views"'],
    [{ mongodb: { database: 'admin' } }, '"admin"'],
    [{ rabbit: { intakeQueue: 'amq.registrations.of.people' } }, '"amq.registrations.of.people"'],
    [{ rabbit: { failureQueue: 'registrations' } }, '"registrations"'],
    [{ temporal: { namespace: 'a b' } }, '"a b"'],
    [{ temporal: { namespace: 7 } }, '7'],
    [{ legacy: { requestIdPattern: '^[A-Z]{2}-[0-9]{4,10}' } }, '"^[A-Z]{2}-[0-9]{4,10}"'],
    [{ legacy: { poll: { words: { done: [[7]] } } } }, 'a list'],
    [{ legacy: { submit: { statuses: { 429: 'wait' } } } }, '"wait"'],
    [{ health: { host: 'my host' } }, '"my host"'],
  ] as const) {
    assert.ok(told(tree).includes(`got ${text}`), `${told(tree)} of ${text}`);
  }
});

test('every setting is one whose values are repeated, or the address, secret, path or file that is told here', () => {
  const shut = leaves(STANDARD).flatMap(([path]) => (isOpenSetting(path.split('.')) ? [] : [path]));
  const others = shut.filter((path) => !Object.values(ENVIRONMENT_ONLY).includes(path));
  const [files, paths] = [
    others.filter((path) => /File$/.test(path)),
    others.filter((path) => !/File$/.test(path)),
  ];
  assert.deepEqual(paths, [
    'legacy.headers',
    'legacy.query',
    'legacy.submit.path',
    'legacy.submit.statuses',
    'legacy.submit.words',
    'legacy.poll.path',
    'legacy.poll.statuses',
    'legacy.lookup.path',
    'legacy.lookup.statuses',
  ]);
  assert.equal(files.length, 5 * 3 + 1, String(files));
  for (const path of Object.values(ENVIRONMENT_ONLY)) assert.ok(shut.includes(path), path);
});

test('an address of Temporal Web without a scheme is refused, with an example', () => {
  assert.match(
    told({}, { TEMPORAL_WEB_URL: 'localhost:8233' }),
    /TEMPORAL_WEB_URL.*expected an address such as http:\/\/localhost:8233/,
  );
});

test('certificates that are not checked are seen in whatever letters the driver would read', () => {
  for (const parameter of [
    'tls%49nsecure=true',
    'TLSINSECURE=true',
    '%74lsInsecure=1',
    'tlsinsecure=yes',
    'tlsInsecure=%74rue',
    'tlsAllowInvalidCertificates=t',
    'tlsAllowInvalid%48ostnames=true',
    'x=1&tlsInsecure=false&tlsInsecure=true',
  ]) {
    const env = { MONGODB_URI: `mongodb://store/db?tls=true&${parameter}` };
    const { warnings } = loadConfig({ env });
    assert.match(warnings.join(), /MONGODB_URI.*INSECURE/, parameter);
    const production = { ...env, NODE_ENV: 'production', ENCRYPTION_KEYS: `k1:${KEY}` };
    assert.throws(() => loadConfig({ env: production }), /INSECURE/, parameter);
  }
  const env = { MONGODB_URI: 'mongodb://store/db?tlsInsecure=false&appName=tlsInsecure' };
  assert.deepEqual(loadConfig({ env }).warnings, []);
});

test('a token in the address of an endpoint is not in what its breaker writes down', () => {
  const http = httpHandler().parse({ url: 'https://erp.example.com/orders?token=geheim' });
  assert.equal(httpEndpoint('orders', http).address, 'https://erp.example.com/orders?token=***');
});
