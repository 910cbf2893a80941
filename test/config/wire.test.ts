/** What is refused in the configuration, since it would go wrong on the wire, and which proxy is taken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyFor } from '../../src/config/proxy.ts';
import { readBody } from '../../src/net/body.ts';
import { described } from '../helpers/described.ts';

test('a user or password of the proxy that is not percent-encoded is a fault of the configuration', () => {
  for (const variable of ['LEGACY_PROXY', 'HTTP_PROXY'])
    assert.throws(
      () => described('{}', { [variable]: 'http://us%er:p@proxy:3128' }),
      (error: Error) => error.message.includes(variable) && !error.message.includes('us%er'),
    );
});

test('NO_PROXY takes networks, and names with a full stop at their end on either side', () => {
  const isDirect = (url: string, NO_PROXY: string): boolean =>
    proxyFor(url, { HTTP_PROXY: 'http://proxy', NO_PROXY }) === null;
  for (const [host, exception, expected] of [
    ['10.1.2.3', '10.0.0.0/8', true],
    ['11.1.2.3', '10.0.0.0/8', false],
    ['[2001:db8::7]', '2001:db8::/32', true],
    ['[2001:db9::7]', '2001:db8::/32', false],
    ['[2001:db8::7]', '2001:db8::7', true],
    ['10.1.2.3', '10.0.0.0/99', false],
    ['office.example', '10.0.0.0/8', false],
    ['office.example.', 'office.example', true],
    ['office.example', 'example.', true],
  ] as const)
    assert.equal(isDirect(`http://${host}`, exception), expected, `${host} ${exception}`);
});

test('headers that say how a body is packed are ours', () => {
  for (const name of ['Accept-Encoding', 'content-encoding'])
    assert.throws(() => described(`{ headers: { ${name}: gzip } }`), /the name of a header/, name);
});

test('a look-up by POST cannot have the path of legacy.submit: it would file', () => {
  const withLookUp = (path: string, method = 'POST') =>
    described(`{ lookup: { method: ${method}, path: "${path}" } }`);
  assert.throws(() => withLookUp('/registrations?by={id}'), /legacy\.lookup\.path/);
  withLookUp('/registrations?by={id}', 'GET');
  withLookUp('/search?by={id}');
});

test('a charset in single quotes is read', () => {
  const body = Buffer.from('{"reason":"São João"}', 'latin1');
  const headers = { 'content-type': "application/json; charset='iso-8859-1'" };
  assert.deepEqual(readBody(headers, body, 1_000).json, { reason: 'São João' });
});
