import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRegistration } from '../../../src/domain/registrations/registration.ts';
import { ID_TYPES } from '../../../src/domain/registrations/id-type.ts';
import type { ParseRules } from '../../../src/domain/registrations/registration.ts';

const rules: ParseRules = {
  id: '/id',
  matchType: 'string',
  maxIdBytes: 200,
  maxMessageBytes: 256 * 1024,
  maxDepth: 64,
};
const parse = (body: string | Buffer, changes: Partial<ParseRules> = {}) =>
  parseRegistration(typeof body === 'string' ? Buffer.from(body) : body, { ...rules, ...changes });

type Malformed = [name: string, body: string | Buffer, reason: RegExp];
const malformed: Malformed[] = [
  ['nothing', '', /^empty message$/],
  [
    '5 MB',
    `{"id":"a","x":"${'x'.repeat(5_000_000)}"}`,
    /^too large: 5000\d+ bytes, at most 262144$/,
  ],
  ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /^not valid UTF-8$/],
  ['a UTF-8 sequence cut in half', Buffer.from('{"id":"é"}').subarray(0, 8), /^not valid UTF-8$/],
  ['UTF-16', Buffer.from('{"id":"a"}', 'utf16le'), /^not JSON$/],
  [
    '10,000 nested arrays',
    `{"id":"a","x":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
    /^nested deeper than 64$/,
  ],
  ['a million opening brackets', '['.repeat(200_000), /^nested deeper than 64$/],
  ['not JSON', 'id=ana', /^not JSON$/],
  ['JSON cut off', '{"id":"ana"', /^not JSON$/],
  ['two JSON texts', '{"id":"a"}{"id":"b"}', /^not JSON$/],
  ['NaN', '{"id":"a","n":NaN}', /^not JSON$/],
  ['null', 'null', /^expected a JSON object, got null$/],
  ['an array', '[{"id":"a"}]', /^expected a JSON object, got an array$/],
  ['a string', '"ana"', /^expected a JSON object, got a string$/],
  ['no id', '{"name":"Ana"}', /^no "\/id"$/],
  ['an id in the prototype only', '{"__proto__":{"id":"ana"}}', /^no "\/id"$/],
  ...['7.0', '1.5', '7e0', '1E400', '-0', '-0.0', '0.1e1'].map((number): Malformed => [
    `the number ${number} as the id, which other readers take for another one`,
    `{"id":${number}}`,
    /^"\/id": expected a text or a whole number in digits, got another number$/,
  ]),
  ['a number of 201 digits', `{"id":1${'0'.repeat(200)}}`, /^"\/id" is too long: 201 bytes/],
  [
    'null as the id',
    '{"id":null}',
    /^"\/id": expected a text or a whole number in digits, got null$/,
  ],
  [
    'an object as the id',
    '{"id":{"a":1}}',
    /^"\/id": expected a text or a whole number in digits, got a object$/,
  ],
  [
    'an array as the id',
    '{"id":["a"]}',
    /^"\/id": expected a text or a whole number in digits, got an array$/,
  ],
  [
    'a boolean as the id',
    '{"id":true}',
    /^"\/id": expected a text or a whole number in digits, got a boolean$/,
  ],
  ['an empty id', '{"id":""}', /^"\/id" is empty$/],
  ['an id of spaces', '{"id":"  \\t "}', /^"\/id" is empty$/],
  [
    'an id that is too long',
    `{"id":"${'x'.repeat(201)}"}`,
    /^"\/id" is too long: 201 bytes, at most 200$/,
  ],
  ['an id too long in bytes only', `{"id":"${'é'.repeat(101)}"}`, /^"\/id" is too long: 202 bytes/],
  ['NUL in the id', '{"id":"a\\u0000b"}', /^"\/id" has characters that are not text$/],
  ['a line feed in the id', '{"id":"a\\nb"}', /^"\/id" has characters that are not text$/],
  ['DEL in the id', '{"id":"a\\u007fb"}', /^"\/id" has characters that are not text$/],
  ['a C1 control in the id', '{"id":"a\\u0085b"}', /^"\/id" has characters that are not text$/],
  [
    'half a surrogate pair in the id',
    '{"id":"a\\ud800b"}',
    /^"\/id" has characters that are not text$/,
  ],
  ['an id that is given twice', '{"id":"a","x":1,"id":"b"}', /^"\/id" is given twice$/],
  ['the same id twice', '{"id":"a","id" \n : "a"}', /^"\/id" is given twice$/],
  ['an id that is given again in escapes', '{"id":"a","\\u0069d":"b"}', /^"\/id" is given twice$/],
  ['the other half', '{"id":"a\\udc00"}', /^"\/id" has characters that are not text$/],
];
for (const [name, body, reason] of malformed) {
  test(`${name} is malformed, and the reason says so without the content`, () => {
    const parsed = parse(body);
    assert.equal(parsed.ok, false);
    assert.match(parsed.ok ? '' : parsed.reason, reason);
  });
}

const good: [name: string, body: string, id: string][] = [
  ['a number, by its digits', '{"id":7}', '7'],
  ['a number of two and more digits below zero', '{"id":-120}', '-120'],
  ['a number that no float can hold', '{"id":12345678901234567890}', '12345678901234567890'],
  [
    'the number after it',
    '{"x":[1,{"id":3}], "id" : 12345678901234567891 }',
    '12345678901234567891',
  ],
  ['a plain id', '{"id":"ana-1","name":"Ana"}', 'ana-1'],
  ['an id that is not the first field', '{"name":"Ana","id":"ana-1"}', 'ana-1'],
  ['an id of the characters that our keys are made of', '{"id":"a~1#2!3:4/5"}', 'a~1#2!3:4/5'],
  ['accents, Chinese and a pair of surrogates', '{"id":"João-漢字-😀"}', 'João-漢字-😀'],
  ['escapes', '{"id":"\\u00e9\\ud83d\\ude00"}', 'é😀'],
  ['spaces inside and around, which stay', '{"id":" ana 1 "}', ' ana 1 '],
  ['"__proto__" as an id', '{"id":"__proto__"}', '__proto__'],
  ['"__proto__" as a key beside it', '{"__proto__":{"id":"no"},"id":"yes"}', 'yes'],
  ['another field twice', '{"x":1,"id":"a","x":2}', 'a'],
  ['an id in an object beside it', '{"x":{"id":"no"},"y":["id"],"id":"a","z":"id"}', 'a'],
  ['"id" as a text before a colon in a text', '{"id":"a","x":"\\"id\\":\\"b\\"","y":":id"}', 'a'],
  ['brackets in strings, which nest nothing', `{"id":"a","x":"${'['.repeat(5_000)}\\"{"}`, 'a'],
  ['a byte order mark, which belongs to the encoding', '\ufeff{"id":"a"}', 'a'],
  ['an id of just the longest length', `{"id":"${'x'.repeat(200)}"}`, 'x'.repeat(200)],
];
for (const [name, body, id] of good) {
  test(`${name} is read`, () => assert.deepEqual(parse(body), { ok: true, id }));
}

test('the id is taken from the field that the configuration names, "__proto__" and dots included', () => {
  assert.deepEqual(parse('{"id":"no","numero":"sim"}', { id: '/numero' }), {
    ok: true,
    id: 'sim',
  });
  assert.deepEqual(parse('{"__proto__":"p"}', { id: '/__proto__' }), { ok: true, id: 'p' });
  assert.deepEqual(parse('{"a.b":"d"}', { id: '/a.b' }), { ok: true, id: 'd' });
  assert.equal(parse('{"a":{"b":"d"}}', { id: '/a.b' }).ok, false);
  assert.equal(parse('{}', { id: '/toString' }).ok, false);
});

test('an id is found where the pointer leads, through objects and lists', () => {
  const body =
    '{"id":"no","data":{"x":"}","a/b":[{"id":"no"},{"n~m" : 9007199254740993}],"id":{"id":"deep"}}}';
  const ids = ['/data/a~1b/1/n~0m', '/data/id/id', '/id', '/data/a~1b/0/id'];
  assert.deepEqual(
    ids.map((id) => parse(body, { id })),
    ['9007199254740993', 'deep', 'no', 'no'].map((id) => ({ ok: true, id })),
  );
  for (const id of ['/data/a~1b/2/id', '/data/a~1b/01', '/data/x/id', '/data/id', '/x', '/data/'])
    assert.equal(parse(body, { id }).ok, false, id);
});

test('what is given twice on the way to the id is malformed, and beside it is not', () => {
  const id = '/data/id';
  assert.deepEqual(parse('{"data":{"id":"a"},"d\\u0061ta":{"id":"a"}}', { id }), {
    ok: false,
    reason: '"/data" is given twice',
  });
  assert.deepEqual(parse('{"data":{"id":1,"x":2,"id":2}}', { id }), {
    ok: false,
    reason: '"/data/id" is given twice',
  });
  assert.deepEqual(parse('{"x":1,"data":{"y":1,"id":"a","y":2},"x":2}', { id }), {
    ok: true,
    id: 'a',
  });
});

test('an id that cannot be of the type of the collection is malformed, and the reason says which it is', () => {
  const fits = {
    string: ['a', '7'],
    objectId: ['665f1c2e9b1e8a3d4c5b6a79'],
    int: ['0', '-2147483648', '2147483647'],
    long: ['-9223372036854775808', '9223372036854775807', '7'],
    uuid: ['01234567-89ab-cdef-0123-456789abcdef'],
  } as const;
  const others = {
    string: [],
    objectId: ['665f1c2e9b1e8a3d4c5b6a7', '665f1c2e9b1e8a3d4c5b6a7g', '123456789012'],
    int: ['2147483648', '-2147483649', '007', '1.0', 'a', ' 7', '+7', '-0', '0x7'],
    long: ['9223372036854775808', '-9223372036854775809', '1'.repeat(150), '1e3'],
    uuid: ['0123456789abcdef0123456789abcdef', '{01234567-89ab-cdef-0123-456789abcdef}'],
  } as const;
  for (const matchType of ID_TYPES) {
    for (const id of fits[matchType])
      assert.deepEqual(parse(JSON.stringify({ id }), { matchType }), { ok: true, id });
    for (const id of others[matchType]) {
      const parsed = parse(JSON.stringify({ id }), { matchType });
      assert.match(parsed.ok ? id : parsed.reason, new RegExp(`mongodb.matchType: ${matchType}`));
    }
  }
});

test('an id of hexadecimal digits is one id in either case, and only where they are digits', () => {
  for (const [matchType, id] of [
    ['objectId', '665f1c2e9b1e8a3d4c5b6a79'],
    ['uuid', '01234567-89ab-cdef-0123-456789abcdef'],
  ] as const) {
    const body = JSON.stringify({ id: id.toUpperCase() });
    const writtenId = id.toUpperCase();
    assert.deepEqual(parse(body, { matchType }), { ok: true, id, writtenId });
    assert.deepEqual(parse(body), { ok: true, id: writtenId });
  }
});

test('nesting is allowed to the limit and not beyond', () => {
  const nested = (depth: number) =>
    `{"id":"a","x":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
  assert.equal(parse(nested(64)).ok, true);
  assert.equal(parse(nested(65)).ok, false);
});

test('the size limit counts bytes and includes its last one', () => {
  const body = '{"id":"é"}';
  assert.equal(parse(body, { maxMessageBytes: 11 }).ok, true);
  assert.equal(parse(body, { maxMessageBytes: 10 }).ok, false);
});

test('no bytes whatever make it throw, and a reason never holds the content', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const parsed = parseRegistration(bytes, rules);
      assert.ok(parsed.ok || parsed.reason.length < 100);
    }),
    { numRuns: 1_000 },
  );
});

test('any JSON object with a text as its id is read with exactly that id', () => {
  const id = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
    .filter((text) => text.trim() !== '' && Buffer.byteLength(text) <= 200)
    .filter((text) => !/[\u0000-\u001f\u007f-\u009f]/u.test(text));
  fc.assert(
    fc.property(id, fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (name, others) => {
      const body = JSON.stringify(Object.fromEntries([...Object.entries(others), ['id', name]]));
      assert.deepEqual(parse(body), { ok: true, id: name });
    }),
  );
});

test('any whole number is read digit by digit, wherever it stands', () => {
  fc.assert(
    fc.property(fc.bigInt(), fc.jsonValue({ maxDepth: 4 }), (number, other) => {
      const body = `{"x": ${JSON.stringify(other)} ,"data":[{},{"id":${number}\n}]}`;
      assert.deepEqual(parse(body, { id: '/data/1/id' }), { ok: true, id: String(number) });
    }),
  );
});
