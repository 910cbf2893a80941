/** A legacy system that echoes the secrets that were sent to it: in no reason, and in nothing that a person is shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, textOf } from '../../src/commands/contract-text.ts';
import { createLegacy, type Exchanged } from '../../src/registrations/legacy.ts';
import { described } from '../helpers/described.ts';
import { atEnd } from '../helpers/servers.ts';
import { http, socketSystem } from '../helpers/socket-system.ts';

const PASSWORD = 'pa ss!w\'or"d';
const KEY = 's3cret+key';
const LEGACY = `{
  headers: { X-Api-Key: { env: OFFICE_KEY } }, query: { pwd: { env: OFFICE_PASSWORD } },
  lookup: { path: "/by/{id}" } }`.replaceAll('\n', ' ');

for (const [authorization, parts] of [
  ['Bearer tok-4711-abc', ['tok-4711-abc']],
  ['Basic b2ZmaWNlOmg3bnRlcjI=', ['b2ZmaWNlOmg3bnRlcjI=', 'h7nter2', 'b2ZmaWNlOmg3bnRlcjI%3d']],
  ['bare-token-815', ['bare-token-815']],
] as const) {
  const forms = [
    ...[authorization, ...parts, KEY, 's3cret%2Bkey', 's3cret%2bkey', PASSWORD],
    ...[encodeURIComponent(PASSWORD), 'pa+ss%21w%27or%22d'],
  ];
  test(`no form of a secret is in a reason or shown: ${authorization.slice(0, 6)}`, async (t) => {
    let echoed = '';
    const system = await socketSystem(t, ({ method }) =>
      http(
        method === 'POST' ? 422 : 200,
        { id: method === 'POST' ? null : 'A-1', status: 'failed', reason: `who is <${echoed}>?` },
        { 'Set-Cookie': 'sid=cookie-of-ours', 'X-Echo': encodeURIComponent(echoed) },
      ),
    );
    const shown: Exchanged[] = [];
    const heard: string[] = [];
    const config = described(LEGACY, {
      ...{ LEGACY_URL: `${system.url}/api`, LEGACY_AUTHORIZATION: authorization },
      ...{ OFFICE_KEY: KEY, OFFICE_PASSWORD: PASSWORD },
    });
    const client = createLegacy(config, {
      trace: (each) => shown.push(each),
      observe: (_, reason) => heard.push(reason),
    });
    atEnd(t, () => client.close());
    for (echoed of forms) {
      const reason = 'who is <***>?';
      const refused = await client.submit(Buffer.from('{"id":"ana"}'), 'k');
      assert.deepEqual(refused, { kind: 'refused', reason }, echoed);
      const failed = await client.status('A-1');
      assert.deepEqual(failed, { kind: 'failed', reason }, echoed);
    }
    const texts = [
      ...heard,
      ...shown.map((each) => textOf(each, config)),
      ...shown.map((each) => JSON.stringify(factsOf(each, config))),
    ].join('\n');
    for (const form of [...forms, 'cookie-of-ours', JSON.stringify(PASSWORD).slice(1, -1)])
      assert.ok(!texts.includes(form), form);
    assert.match(texts, /> POST \/api\/registrations\?pwd=\*\*\*/, 'the whole path');
    assert.equal(
      new URL(system.heard[0]?.target ?? '', system.url).searchParams.get('pwd'),
      PASSWORD,
    );
  });
}
