import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { plainId } from '../../../src/domain/registrations/id-type.ts';
import { valueAtPointer } from '../../../src/domain/registrations/json-values.ts';
import { readMatches } from '../../../src/domain/registrations/look-up.ts';
import type { Looked, LookUpFields } from '../../../src/domain/registrations/look-up.ts';

const fields: LookUpFields = {
  matches: '',
  key: '/externalId',
  requestId: '/id',
  plain: (id) => id,
};
const isRequestId = (text: string) => /^[A-Z0-9-]{1,20}$/.test(text);
const read = (body: unknown, more: Partial<LookUpFields> = {}) =>
  readMatches(body, 'ana-1', { ...fields, ...more }, isRequestId);
const match = (id: string, externalId: string | number = 'ana-1') => ({ id, externalId });
const found = { kind: 'found', requestId: 'AB583C-X', inList: true };

const cases: [name: string, body: unknown, more: Partial<LookUpFields>, looked: Looked['kind']][] =
  [
    ['one in a list', [match('AB583C-X')], {}, 'found'],
    ['one object', match('AB583C-X'), {}, 'found'],
    ['the same request id twice', [match('AB583C-X'), match('AB583C-X')], {}, 'found'],
    ['one beside others', [match('KRB4X2-A', 'eva-2'), match('AB583C-X')], {}, 'found'],
    [
      'in a list within',
      { page: { items: [match('AB583C-X')] } },
      { matches: '/page/items' },
      'found',
    ],
    [
      'a request id within',
      [{ externalId: 'ana-1', a: { b: 'AB583C-X' } }],
      { requestId: '/a/b' },
      'found',
    ],
    ['no key is asked for', [{ id: 'AB583C-X' }], { key: null }, 'found'],
    ['an empty list', [], {}, 'absent'],
    ['two', [match('AB583C-X'), match('KRB4X2-A')], {}, 'ambiguous'],
    [
      'others only: perhaps there is no such filter',
      [match('KRB4X2-A', 'eva-2')],
      {},
      'unreadable',
    ],
    ['no key in a match', [{ id: 'AB583C-X' }], {}, 'unreadable'],
    ['no request id in the match', [{ externalId: 'ana-1' }], {}, 'unreadable'],
    ['a request id that looks like none', [match('../../x')], {}, 'unreadable'],
    ['nothing where the list should be', { items: [] }, { matches: '/list' }, 'unreadable'],
    ['null where the list should be', { items: null }, { matches: '/items' }, 'unreadable'],
    ['no JSON', null, {}, 'unreadable'],
    ['an empty object', {}, {}, 'unreadable'],
  ];
for (const [name, body, more, looked] of cases) {
  test(`look-up: ${name} is ${looked}`, () => {
    const result = read(body, more);
    assert.equal(result.kind, looked, JSON.stringify(result));
    if (result.kind === 'found')
      assert.deepEqual(result, { ...found, inList: name !== 'one object' });
  });
}

test('a registration id that is all digits is found where the legacy system has a number', () => {
  const body = [{ id: 'AB583C-X', externalId: 42 }];
  assert.deepEqual(readMatches(body, '42', fields, isRequestId), found);
});

test('whatever is answered, only an empty list means absent, and only a request id under our own key is found', () => {
  const value = fc.jsonValue({ maxDepth: 3 });
  const near = fc.array(
    fc.record(
      {
        id: fc.constantFrom('AB583C-X', 'KRB4X2-A', '', 7),
        externalId: fc.constantFrom('ana-1', 'eva-2', null),
      },
      { requiredKeys: [] },
    ),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.oneof(value, near), (body) => {
      const looked = read(body);
      if (looked.kind === 'absent') assert.deepEqual(body, []);
      if (looked.kind !== 'found') return;
      const all: unknown[] = Array.isArray(body) ? body : [body];
      const ours = all.filter((each) => valueAtPointer(each, '/externalId') === 'ana-1');
      assert.ok(ours.length > 0);
      for (const each of ours) assert.equal(String(valueAtPointer(each, '/id')), looked.requestId);
    }),
    { numRuns: 1_000 },
  );
});

test('a JSON pointer leads where RFC 6901 says, and nowhere else', () => {
  const document = { foo: ['bar', 'baz'], '': 0, 'a/b': 1, 'm~n': 8, ' ': 7 };
  const leads: [string, unknown][] = [
    ['', document],
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/m~0n', 8],
    ['/ ', 7],
    ['/foo/2', undefined],
    ['/foo/01', undefined],
    ['/foo/length', undefined],
    ['/constructor', undefined],
    ['/nothing/at/all', undefined],
  ];
  for (const [pointer, value] of leads)
    assert.deepEqual(valueAtPointer(document, pointer), value, pointer);
});

test('an id of hexadecimal digits is found in whatever letters it is answered', () => {
  const plain = (id: string) => plainId(id, 'uuid');
  const body = [match('AB583C-X', 'ANA-1'), match('OTHER-1', 'ana-2')];
  assert.deepEqual(read(body, { plain }), found);
  assert.equal(read([match('AB583C-X', 'ANA-1')]).kind, 'unreadable');
});
