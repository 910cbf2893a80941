import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskText, maskUrl } from '../../src/runtime/mask.ts';

const SECRET = 'hunter2';

test('a password is masked wherever an address may hold one', () => {
  for (const url of [
    `amqp://user:${SECRET}`,
    `amqps://user:${SECRET}/vhost`,
    `mongodb://user:${SECRET}`,
    `mongodb://a:27017,user:${SECRET}/db`,
    `amqp://user:a/${SECRET}`,
    `amqp://user:${SECRET}@broker`,
    `amqp://user:a@${SECRET}@broker`,
    `https://host/path#${SECRET}`,
    ...[
      'pwd',
      'auth',
      'sig',
      'token',
      'key',
      'password',
      'secret',
      'access_token',
      'SIG',
      'p%77d',
      'X-Amz-Signature',
      'authMechanismProperties',
      'proxyPassword',
      'whatever',
    ].flatMap((name) => [
      `https://host/?${name}=${SECRET}`,
      `mongodb://host/db?tls=true&${name}=${SECRET}`,
      `mongodb://host/db?tls=true;${name}=${SECRET}&w=1`,
    ]),
    `https://host/?${SECRET}`,
  ]) {
    assert.ok(!maskUrl(url).includes(SECRET), maskUrl(url));
    const sentence = `connect failed at "${url}", and (${url}): ${url}.`;
    assert.ok(!maskText(sentence).includes(SECRET), maskText(sentence));
  }
});

test('what is needed to recognize an address stays', () => {
  for (const url of [
    'amqp://broker',
    'amqp://broker:5672/v',
    'amqp://[::1]:5672',
    'mongodb://a:1,b:2/db?replicaSet=rs0&directConnection=true&authSource=admin&W=majority',
    'http://localhost:8233/namespaces/default',
  ]) {
    assert.equal(maskUrl(url), url);
    assert.equal(maskText(`look at "${url}", then (${url}).`), `look at "${url}", then (${url}).`);
  }
});

test('secrets that a library quotes in its own words are masked', () => {
  const key = Buffer.alloc(32, 3).toString('base64');
  for (const text of [
    `401 for Authorization: Bearer ${SECRET}${SECRET}`,
    `password=${SECRET} was refused`,
    `{"client_secret": "${SECRET}"}`,
    `getaddrinfo ENOTFOUND user:${SECRET}@broker`.replace('user:', 'amqp://user:'),
    `k1:${key.replace(/^.{7}/, SECRET)}`,
  ]) {
    assert.ok(!maskText(text).includes(SECRET), maskText(text));
  }
  const plain = 'the token is missing: set CODEC_TOKEN; 3 of 4 keys are known, password or not';
  assert.equal(maskText(plain), plain);
});

test('a long foreign text is masked in steps that grow with its length', () => {
  const long = (part: string) => part.repeat(Math.ceil(1_000_000 / part.length));
  for (const text of [
    long('a-'),
    long('a+'),
    long('a'),
    long('password'),
    long('token" '),
    `http://${long('!')}x`,
    `http://${long('.')} `,
    long('Bearer '),
  ]) {
    assert.ok(maskText(text).length > 0);
  }
  const name = long('very-long-').slice(0, 100);
  assert.equal(maskText(`${name}password=${SECRET}`), `${name}password=***`);
  assert.equal(maskText(`see (amqp://u:${SECRET}@h/v).`), 'see (amqp://***@h/v).');
  assert.ok(!maskText(`${'x'.repeat(99)}amqp://u:${SECRET}@h`).includes(SECRET));
});
