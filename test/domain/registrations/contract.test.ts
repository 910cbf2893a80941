// How answers are read by a contract: shapes of systems that were met, and variants of each.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigError } from '../../../src/config/faults.ts';
import {
  readLookUp,
  readPoll,
  readResult,
  readSubmit,
} from '../../../src/domain/registrations/contract.ts';
import type { Answered } from '../../../src/domain/registrations/described.ts';
import { answer, contractIn, described } from '../../helpers/described.ts';

const submitted = (legacy: string, ...of: Parameters<typeof answer>) =>
  readSubmit(contractIn(legacy), answer(...of)).reading;
const polled = (legacy: string, ...of: Parameters<typeof answer>) =>
  readPoll(contractIn(legacy), answer(...of), '7').reading;
const idOf = (legacy: string, ...of: Parameters<typeof answer>): string | null => {
  const reading = submitted(legacy, ...of);
  if (reading.kind === 'accepted') return reading.requestId;
  assert.equal(reading.kind, 'unknown');
  return null;
};
const faultsOf = (legacy: string): string => {
  try {
    described(legacy);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return '';
};

test('a request id may be a number: it is the text of its digits', () => {
  assert.equal(idOf('{}', 201, { id: 12345 }), '12345');
  assert.equal(idOf('{}', 201, '{"id": 12345.0}'), '12345');
  assert.deepEqual(polled('{}', 200, { id: 7, status: 'done' }), { kind: 'done' });
  assert.equal(polled('{}', 200, { id: 8, status: 'done' }).kind, 'unreadable');
});

test('a number that JavaScript would round is read digit by digit, or not at all', () => {
  const large = '12345678901234567891';
  const read = idOf('{}', 201, `{"id": ${large}}`);
  // Node hands on the source of a number since version 22.
  assert.ok(read === large || read === null, String(read));
  for (const id of ['1e21', '1.5', 'true', 'null', '{}', '[7]', '1e400'])
    assert.equal(idOf('{}', 201, `{"id": ${id}}`), null, id);
});

const LOCATION = '{ preset: location-202 }';

test('a Location is the request id where it leads to where that is asked for, whole or in part', () => {
  const at = (Location: string, status = 202) => idOf(LOCATION, status, '', { location: Location });
  assert.equal(at('/api/registrations/7'), '7');
  assert.equal(at('http://office.example/api/registrations/7'), '7');
  assert.equal(at('registrations/7'), '7');
  assert.equal(at('/api/registrations/a%20b%2B7'), null, 'not what a request id looks like');
  assert.equal(at('/api/registrations/7?wait=5'), '7');
  for (const elsewhere of [
    '',
    '/login',
    '/api/registrations/',
    '/api/registrations/7/8',
    '/registrations/7',
    '//evil.example/api/registrations/7',
    'https://office.example/api/registrations/7',
    'http://office.example:81/api/registrations/7',
    'http://u:p@office.example/api/registrations/7',
    '/api/registrations/..',
    '/api/registrations/%2e%2e',
    '/api/x/../registrations/7',
    '\\\\evil.example\\api',
    'http://[',
  ])
    assert.equal(at(elsewhere), null, elsewhere);
  assert.equal(idOf(LOCATION, 202), null, 'none at all');
});

test('a redirect of a POST is in doubt, unless its status is declared and Location has its request id', () => {
  const location = { location: '/api/registrations/7' };
  for (const status of [301, 302, 303, 307, 308])
    assert.equal(submitted('{}', status, '', location).kind, 'unknown', String(status));
  for (const status of [302, 303])
    assert.equal(submitted(LOCATION, status, '', location).kind, 'unknown', 'not declared');
  const declared = `{ preset: location-202, submit: { statuses: { '303': accepted } } }`;
  assert.equal(idOf(declared, 303, '', location), '7');
  assert.equal(submitted(declared, 303, '', { location: '/login' }).kind, 'unknown');
});

test('a request id is taken out of a header or a value by a pattern with one group', () => {
  const within = `requestIdWithin: '^urn:protocol:(\\d+)$'`;
  const inBody = `{ submit: { requestId: /links/0/href, ${within} } }`;
  assert.equal(idOf(inBody, 201, { links: [{ href: 'urn:protocol:77' }] }), '77');
  assert.equal(idOf(inBody, 201, { links: [{ href: 'urn:protocol:77x' }] }), null);
  const inHeader = `{ submit: { requestIdHeader: X-Protocol, ${within} } }`;
  assert.equal(idOf(inHeader, 202, '', { 'x-protocol': 'urn:protocol:9' }), '9');
  const absolute = `{ submit: { requestIdHeader: Location, requestIdWithin: '^http://inside:8080/ops/([^/]+)$' } }`;
  assert.equal(idOf(absolute, 202, '', { location: 'http://inside:8080/ops/9' }), '9');
  const both = `{ submit: { ${within} }, poll: { requestId: /id } }`;
  assert.equal(polled(both, 200, { id: 'urn:protocol:7', status: 'done' }).kind, 'done');
  assert.equal(polled(both, 200, { id: 'urn:protocol:8', status: 'done' }).kind, 'unreadable');
});

test('states are nested, numbers, booleans or in other letters', () => {
  const nested =
    '{ poll: { requestId: null, state: /data/attributes/state, reason: /errors/0/title } }';
  const data = (state: string) => ({ data: { attributes: { state } }, errors: [{ title: 'no' }] });
  assert.equal(polled(nested, 200, data('processing')).kind, 'processing');
  assert.deepEqual(polled(nested, 200, data('failed')), { kind: 'failed', reason: 'no' });
  const numbers =
    '{ poll: { requestId: null, words: { processing: [0, 1], done: [2], failed: [-1] } } }';
  assert.equal(polled(numbers, 200, { status: 1 }).kind, 'processing');
  assert.equal(polled(numbers, 200, { status: 2.0 }).kind, 'done');
  assert.equal(polled(numbers, 200, { status: '2' }).kind, 'unreadable', 'text is no number');
  const flags =
    '{ poll: { requestId: null, state: /finished, words: { processing: [false], done: [true] } } }';
  assert.equal(polled(flags, 200, { finished: true }).kind, 'done');
  const letters = '{ ignoreCase: true, poll: { requestId: null } }';
  assert.equal(polled(letters, 200, { status: 'DONE' }).kind, 'done');
  assert.equal(polled('{}', 200, { status: 'DONE' }).kind, 'unreadable');
  const progress =
    '{ poll: { requestId: null, state: /percent, words: { done: [100] }, otherwise: processing } }';
  assert.equal(polled(progress, 200, { percent: 99.5 }).kind, 'processing');
  assert.equal(polled(progress, 200, { percent: 100 }).kind, 'done');
  assert.equal(polled(progress, 200, {}).kind, 'unreadable', 'it is not there');
  const absent =
    '{ poll: { requestId: null, state: /success, words: { processing: [null], done: [true], failed: [false] } } }';
  assert.equal(polled(absent, 200, {}).kind, 'processing');
  assert.equal(polled(absent, 200, '<html>').kind, 'unreadable', 'there is no JSON to miss it in');
});

test('an error within a 200 to a POST refuses, and what is neither yes nor no is in doubt', () => {
  const preset = '{ preset: error-in-200 }';
  const reason = 'CPF inválido';
  const no = submitted(preset, 200, { success: false, reason });
  assert.deepEqual([no.kind, no.kind === 'refused' && no.reason], ['refused', reason]);
  assert.equal(idOf(preset, 200, { success: true, id: 'A-1' }), 'A-1');
  assert.equal(idOf(preset, 200, { success: true }), null);
  for (const body of [{ id: 'A-1' }, { success: 'no', id: 'A-1' }, '', '<html></html>', 'null', []])
    assert.equal(submitted(preset, 200, body).kind, 'unknown', JSON.stringify(body));
  const errors = `{ submit: { state: /errors/0/code, words: { accepted: [null], not-accepted: [BUSY] }, otherwise: refused, reason: /errors/0/message } }`;
  assert.equal(idOf(errors, 200, { errors: [], id: 5 }), '5');
  assert.equal(submitted(errors, 200, { errors: [{ code: 'BUSY' }] }).kind, 'not-accepted');
  assert.equal(submitted(errors, 200, { errors: [{ code: 31 }] }).kind, 'refused');
  assert.equal(submitted(errors, 503, { errors: [{ code: 31 }] }).kind, 'not-accepted');
});

test('a request id that is not read says which setting it does not fit', () => {
  const reason = (legacy: string, body: unknown, headers = {}) => {
    const reading = submitted(legacy, 201, body, headers);
    return reading.kind === 'unknown' ? reading.reason : reading.kind;
  };
  assert.match(reason('{}', { protocol: 7 }), /no text and no whole number stands there/);
  assert.match(reason('{}', { id: '2026/7' }), /not as legacy\.requestIdPattern has it/);
  const within = `{ submit: { requestIdHeader: X-Id, requestIdWithin: '^urn:(.+)$' } }`;
  assert.match(
    reason(within, '', { 'x-id': '7' }),
    /not as legacy\.submit\.requestIdWithin has it/,
  );
  assert.match(reason('{}', '<html>'), /not JSON/);
  const slashes = `{ requestIdPattern: '^[0-9/]+$' }`;
  assert.equal(idOf(slashes, 201, { id: '2026/7' }), '2026/7');
});

test('an end that names no request is believed only of a system whose answers never do', () => {
  for (const status of ['done', 'failed'])
    for (const none of [{ id: null, status }, { status }])
      assert.equal(polled('{}', 200, none).kind, 'unreadable', status);
  assert.equal(polled('{}', 200, { status: 'processing' }).kind, 'processing');
  assert.equal(polled('{ poll: { requestId: null } }', 200, { status: 'done' }).kind, 'done');
  const other = { id: 'customer-3', status: 'done' };
  assert.equal(polled('{}', 200, other).kind, 'unreadable');
  assert.equal(polled('{ poll: { requestId: null } }', 200, other).kind, 'done');
});

test('Retry-After on "processing", and on an acceptance, comes along', () => {
  const later = { 'retry-after': '30' };
  const processing = { kind: 'processing', retryAfter: 30_000 };
  assert.deepEqual(polled('{}', 200, { status: 'processing' }, later), processing);
  assert.deepEqual(polled(LOCATION, 202, '', later), processing);
  const accepted = { kind: 'accepted', requestId: 'A', retryAfter: 30_000 };
  assert.deepEqual(submitted('{}', 201, { id: 'A' }, later), accepted);
});

test('Retry-After on "processing" is taken as it is, and on what was not done for five minutes at most', () => {
  const later = { 'retry-after': '7200' };
  const rest = (reading: object) => ('retryAfter' in reading ? reading.retryAfter : undefined);
  for (const read of [
    polled('{}', 200, { status: 'processing' }, later),
    polled(LOCATION, 202, '', later),
    submitted('{}', 201, { id: 'A' }, later),
  ])
    assert.equal(rest(read), 7_200_000, read.kind);
  for (const read of [polled('{}', 503, '', later), submitted('{}', 429, '', later)])
    assert.equal(rest(read), 300_000, read.kind);
});

test('a Retry-After that is a date counts from the Date of its answer, whose clock may be wrong, or which is a record', () => {
  const headers = {
    date: 'Tue, 01 Jan 2019 00:00:30 GMT',
    'retry-after': 'Tue, 01 Jan 2019 00:01:00 GMT',
  };
  const processing = { kind: 'processing', retryAfter: 30_000 };
  assert.deepEqual(polled(LOCATION, 202, '', headers), processing);
  const odd = { date: 'today', 'retry-after': new Date(Date.now() + 60_000).toUTCString() };
  const read = polled(LOCATION, 202, '', odd);
  assert.ok(read.kind === 'processing' && (read.retryAfter ?? 0) > 0);
});

test('"still running" and "done" may be statuses, with the result behind a Location of the same origin', () => {
  assert.equal(polled(LOCATION, 200).kind, 'processing');
  assert.equal(polled(LOCATION, 202, { progress: 10 }).kind, 'processing');
  assert.equal(polled(LOCATION, 200, '<html>Please log in</html>').kind, 'unreadable');
  const location = 'http://office.example/results/7?full=1';
  const result = { kind: 'result', path: '/results/7?full=1' };
  assert.deepEqual(polled(LOCATION, 303, '', { location }), result);
  for (const elsewhere of ['http://evil.example/results/7', '', '//evil.example', '/a/%2e%2e/b'])
    assert.equal(polled(LOCATION, 303, '', { location: elsewhere }).kind, 'unreadable', elsewhere);
  const read = (...of: Parameters<typeof answer>) =>
    readResult(contractIn(LOCATION), answer(...of), { requestId: null, status: 303 }).reading;
  assert.deepEqual(read(200, { name: 'Ana' }), { kind: 'done' });
  const reason = 'documento ilegível';
  assert.deepEqual(read(200, { status: 'failed', reason }), { kind: 'failed', reason });
  assert.equal(read(200, { status: 'archived' }).kind, 'unreadable');
  for (const status of [201, 202, 203, 301, 303, 404, 500])
    assert.equal(read(status, { name: 'Ana' }).kind, 'unreadable', String(status));
  for (const body of ['', '<html>Please log in</html>', 'null', '7', '"done"', '[]'])
    assert.equal(read(200, body).kind, 'unreadable', body);
});

test('a 303 to the POST accepts where that is described, and only with a Location of a request', () => {
  const form = `{ submit: { requestIdHeader: Location, statuses: { '303': accepted } } }`;
  assert.equal(idOf(form, 303, '', { location: '/api/registrations/7' }), '7');
  for (const location of ['/login', '/api/registrations/', 'http://evil.example/registrations/7'])
    assert.equal(submitted(form, 303, '', { location }).kind, 'unknown', location);
  const undescribed = submitted('{}', 303, '', { location: '/api/registrations/7' });
  assert.equal(undescribed.kind, 'unknown');
});

test('a redirect to a login, or to the address that was asked, is no result', () => {
  const at = (location: string, status = 303) => polled(LOCATION, status, '', { location }).kind;
  for (const status of [301, 302, 307, 308])
    assert.equal(at('/login', status), 'unreadable', String(status));
  for (const itself of ['/api/registrations/7', '7', '7/', '/api/registrations/7//', '#x'])
    assert.equal(at(itself), 'unreadable', itself);
  const sent = '{ preset: location-202, query: { tenant: acme } }';
  const withQuery = { location: '/api/registrations/7?tenant=acme' };
  assert.equal(polled(sent, 303, '', withQuery).kind, 'unreadable');
  const byQuery = '{ preset: location-202, poll: { path: "/status?protocol={id}" } }';
  for (const location of ['/api/status?protocol=7', '/api/status'])
    assert.equal(polled(byQuery, 303, '', { location }).kind, 'unreadable', location);
  const other = polled(byQuery, 303, '', { location: '/api/status?protocol=7&view=result' });
  assert.equal(other.kind, 'result');
});

test('a document is the result of a registration where it does not name another one', () => {
  const read = (body: object, status = 303) =>
    readResult(contractIn(LOCATION), answer(200, body), { requestId: '7', status }).reading.kind;
  assert.equal(read({ id: '8', status: 'done' }), 'unreadable');
  assert.equal(read({ id: '8' }), 'unreadable');
  assert.equal(read({ id: 7, status: 'done' }), 'done');
  assert.equal(read({ name: 'Ana' }), 'done');
  for (const status of [200, 301, 302, 307, 308]) {
    assert.equal(read({ error: 'log in first' }, status), 'unreadable', String(status));
    assert.equal(read({ status: 'done' }, status), 'done', String(status));
  }
});

test('a result must have what null under "processing" asks for, and the reading says when nothing in it was compared', () => {
  const from = { requestId: '7', status: 303 };
  const read = (yaml: string, body: object) =>
    readResult(contractIn(yaml), answer(200, body), from);
  const bare = read(LOCATION, { session: 'expired' });
  assert.equal(bare.reading.kind, 'done');
  assert.match(bare.because, /nothing in it was compared/);
  const named = read(LOCATION, { id: 7 });
  assert.equal(named.reading.kind, 'done');
  assert.match(named.because, /names this request/);
  const needs = `{ preset: location-202, poll: { requestId: null, state: /number, words: { processing: [null] }, otherwise: done } }`;
  assert.equal(read(needs, { session: 'expired' }).reading.kind, 'processing');
  assert.equal(read(needs, { number: 'R-7' }).reading.kind, 'done');
  assert.match(read(LOCATION, { id: 8 }).because, /legacy\.poll\.requestId \("\/id"\)/);
});

test('a Location is read from the address that answered, and says why nobody goes there', () => {
  const from = (location: string) => {
    const reading = polled(LOCATION, 303, '', { location });
    if (reading.kind === 'result') return reading.path;
    assert.ok(reading.kind === 'unreadable');
    return reading.reason;
  };
  assert.equal(from('?view=result'), '/api/registrations/7?view=result');
  assert.equal(from('7/result'), '/api/registrations/7/result');
  assert.equal(
    from('http://evil.example/7'),
    'Location leads to another origin than LEGACY_URL (http://office.example)',
  );
  const posted = (location: string) => {
    const reading = submitted(LOCATION, 202, '', { location });
    return reading.kind === 'unknown' ? reading.reason : reading.kind;
  };
  assert.match(posted('http://evil.example/7'), /another origin than LEGACY_URL/);
  assert.match(posted('/login'), /leads elsewhere than to legacy\.poll\.path$/);
});

test('several headers with a request id that differ are in doubt', () => {
  const twice = (...location: string[]) =>
    readSubmit(contractIn(LOCATION), { ...answer(202), headers: { location } }).reading.kind;
  assert.equal(twice('/api/registrations/7', '/api/registrations/8'), 'unknown');
  assert.equal(twice('/api/registrations/7', '/api/registrations/7'), 'accepted');
});

test('a word for "not filed" beside a request id is in doubt, and says both', () => {
  const legacy = `{ submit: { state: /ok, words: { accepted: [true], refused: [false], not-accepted: [BUSY], misconfigured: [X] } } }`;
  for (const ok of [false, 'BUSY', 'X']) {
    const reading = submitted(legacy, 200, { ok, id: 'A-1' });
    assert.ok(reading.kind === 'unknown', String(ok));
    assert.match(
      reading.reason,
      /a word of legacy\.submit\.words\..* a request id stands at "\/id"/,
    );
  }
  assert.equal(submitted(legacy, 200, { ok: false, id: null }).kind, 'refused');
});

test('what a status alone says to be over needs JSON, or 204: a page in its place ends nothing', () => {
  const done = `{ poll: { statuses: { '200': done, '204': done, '410': failed } } }`;
  assert.equal(polled(done, 200, { any: 1 }).kind, 'done');
  assert.equal(polled(done, 204).kind, 'done');
  assert.equal(polled(done, 410, { reason: 'expired' }).kind, 'failed');
  for (const status of [200, 410])
    for (const body of ['', '<html>Maintenance</html>', 'null'])
      assert.equal(polled(done, status, body).kind, 'unreadable', `${status} ${body}`);
});

test('what a status alone says to be over is about our request, and its words say more', () => {
  const done = `{ poll: { statuses: { '200': done, '410': failed } } }`;
  const kind = (...of: Parameters<typeof answer>) => polled(done, ...of).kind;
  for (const status of [200, 410]) {
    assert.equal(kind(status, { id: '8' }), 'unreadable');
    for (const body of ['"maintenance"', '7', '[]', 'true'])
      assert.equal(kind(status, body), 'unreadable', `${status} ${body}`);
  }
  assert.equal(kind(200, { id: '7', status: 'processing' }), 'processing');
  assert.equal(kind(200, { id: '7', status: 'failed' }), 'failed');
  assert.equal(kind(200, { id: '7', status: 'archived' }), 'done');
  assert.equal(kind(410, { status: null }), 'failed');
});

test('a look-up has statuses of its own, and numbers as ids', () => {
  const legacy = `{ lookup: { statuses: { '204': absent, '404': unreadable }, matches: /items } }`;
  const looked = (...of: Parameters<typeof answer>) =>
    readLookUp(contractIn(legacy), answer(...of), '31').reading.kind;
  const none = readLookUp(contractIn(legacy), answer(204), '31').reading;
  assert.deepEqual(none, { kind: 'absent', bareStatus: 204 });
  assert.equal(looked(404), 'unreadable');
  assert.equal(looked(200, { items: [{ id: 9, externalId: 31 }] }), 'found');
  assert.equal(looked(200, { success: false }), 'unreadable');
  assert.equal(looked(503, { items: [] }), 'unreadable');
});

test('what an application that is away answers, too, cannot be declared to end anything', () => {
  const refused: [string, string][] = [
    [`{ poll: { statuses: { '404': failed } } }`, 'legacy.poll.statuses.404'],
    [`{ poll: { statuses: { '5xx': done } } }`, 'legacy.poll.statuses.5xx'],
    [`{ poll: { statuses: { '303': done } } }`, 'legacy.poll.statuses.303'],
    [`{ poll: { statuses: { '404': result } } }`, 'legacy.poll.statuses.404'],
    [`{ poll: { path: /status } }`, 'legacy.poll.path'],
    [`{ poll: { method: POST, path: /status, body: '{"id":7}' } }`, 'legacy.poll.body'],
    [`{ poll: { method: POST, path: /status, body: '{"id":"{id}"' } }`, 'legacy.poll.body'],
    [`{ poll: { path: /status, body: '{"id":"{id}"}' } }`, 'legacy.poll.body'],
    [`{ lookup: { path: /find } }`, 'legacy.lookup.path'],
    [`{ lookup: { statuses: { '503': absent } } }`, 'legacy.lookup.statuses.503'],
    [`{ poll: { words: { failed: [null] } } }`, 'legacy.poll.words'],
    [`{ submit: { words: { refused: [null] } } }`, 'legacy.submit.words'],
    [`{ submit: { state: /ok } }`, 'legacy.submit.words.accepted'],
    [`{ submit: { requestIdWithin: '^x$' } }`, 'legacy.submit.requestIdWithin'],
    [`{ submit: { requestIdWithin: '^(a)(b)$' } }`, 'legacy.submit.requestIdWithin'],
    [`{ ignoreCase: true, poll: { words: { done: [Done, DONE] } } }`, 'legacy.poll.words'],
    [`{ preset: rest }`, 'legacy.preset'],
    [`{ submit: { words: { refused: [false] } } }`, 'legacy.submit.words'],
    [`{ submit: { otherwise: refused } }`, 'legacy.submit.otherwise'],
    [`{ preset: error-in-200, submit: { otherwise: not-accepted } }`, 'legacy.submit.otherwise'],
    [`{ preset: error-in-200, submit: { otherwise: misconfigured } }`, 'legacy.submit.otherwise'],
    [`{ lookup: { statuses: { '200': absent } } }`, 'legacy.lookup.statuses.200'],
    [`{ lookup: { statuses: { '2xx': absent } } }`, 'legacy.lookup.statuses.2xx'],
    ...['302', '401', '403', '503', '5xx', '4xx'].map((status): [string, string] => [
      `{ poll: { statuses: { '${status}': processing } } }`,
      `legacy.poll.statuses.${status}`,
    ]),
  ];
  for (const [legacy, path] of refused)
    assert.ok(faultsOf(legacy).includes(`${path}: expected`), `${legacy}: ${faultsOf(legacy)}`);
  assert.equal(faultsOf(`{ poll: { statuses: { '404': processing, '410': processing } } }`), '');
  const both = faultsOf(
    `{ poll: { statuses: { '404': failed } }, submit: { state: /ok }, timeout: 1 }`,
  );
  assert.equal(both.split('\n').length, 4, both);
});

test('a hundred of statuses in the file wins over each of them in the preset', () => {
  const states = `{ preset: location-202, poll: { statuses: { '2xx': state } } }`;
  for (const status of [200, 202])
    assert.equal(polled(states, status, { id: '7', status: 'done' }).kind, 'done', String(status));
  assert.equal(polled(states, 303, '', { location: '/results/7' }).kind, 'result');
});

test('whatever is answered, nothing but what the contract names ends a registration or accepts it', () => {
  const contracts = ['{}', LOCATION, '{ preset: error-in-200 }'].map(contractIn);
  const body = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
    fc
      .record({
        id: fc.constantFrom('7', 7, null, '..', 'a/b'),
        status: fc.constantFrom('done', 'failed', 'processing', 'DONE', true, null, 0),
        success: fc.constantFrom(true, false, 'true', null),
      })
      .map((value) => JSON.stringify(value)),
    fc.constantFrom('', '<html>', '{"id":'),
  );
  const answered = fc
    .tuple(
      fc.integer({ min: 100, max: 599 }),
      body,
      fc.constantFrom('/api/registrations/7', '/login', '//evil.example/', '/a/..'),
    )
    .map(([status, text, location]): Answered => answer(status, text, { location }));
  fc.assert(
    fc.property(fc.constantFrom(...contracts), answered, (contract, received) => {
      const { status } = received;
      const is2xx = status >= 200 && status < 300;
      const post = readSubmit(contract, received).reading;
      if (post.kind === 'accepted') {
        assert.ok(is2xx);
        assert.equal(post.requestId, '7');
      }
      if (status >= 300 && status < 400 && post.kind !== 'accepted')
        assert.equal(post.kind, 'unknown');
      if (is2xx && post.kind === 'refused') assert.equal(contract.submit.state, '/success');
      const get = readPoll(contract, received, '7').reading;
      if (get.kind === 'done' || get.kind === 'failed') assert.ok(is2xx && received.body !== null);
      if (get.kind === 'result') assert.ok(/^\/(?!\/)/.test(get.path) && !get.path.includes('..'));
      const { reading, because } = readResult(contract, received, { requestId: 'A', status: 303 });
      if (reading.kind === 'done' || reading.kind === 'failed') assert.ok(is2xx);
      assert.ok(because.length > 0);
    }),
    { numRuns: 3_000 },
  );
});
