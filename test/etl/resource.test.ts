import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isoDate, unixDate } from '../../src/etl/dates.ts';
import { errorLine, readElement } from '../../src/etl/element.ts';

const sound = {
  id: '924c8c',
  source: 'MessagingSystem',
  title: 'Rock',
  creation_date: '2020-01-01T17:16:52.228009',
  message: 'text',
  tags: ['music'],
  author: 'Ana',
};
const read = (value: unknown, strict = false) =>
  readElement(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), strict, null);

test('a resource keeps its keys in the order of the contract, and loses all others', () => {
  const { tags, ...others } = sound;
  const found = read({ retries: 5, tags, ...others, more: 1 });
  assert.ok(found.ok);
  assert.equal(JSON.stringify(found.resource), JSON.stringify({ ...sound }));
  assert.deepEqual(found.coerced, []);
});

for (const [date, expected] of [
  ['2020-01-01T17:16:52.228009', '2020-01-01T17:16:52.228009'],
  ['2020-01-01 17:16', '2020-01-01T17:16:00'],
  ['2020-1-1T7:6:5.5Z', '2020-01-01T07:06:05.500000+00:00'],
  ['2020-02-29T00:00:00-0330', '2020-02-29T00:00:00-03:30'],
  ['2020-02-29T00:00:00+02', '2020-02-29T00:00:00+02:00'],
  ['0001-01-01T00:00:00.1234567', '0001-01-01T00:00:00.123456'],
  ['2021-02-29T00:00:00', null],
  ['2020-13-01T00:00:00', null],
  ['2020-01-01T24:00:00', null],
  ['2020-01-01T00:00:60', null],
  ['2020-01-01T00:00:00+24:00', null],
  ['2020-01-01', null],
  ['yesterday', null],
] as const)
  test(`the date ${date} is ${expected ?? 'refused'}`, () => {
    assert.equal(isoDate(date), expected);
  });

test('a number is a date in seconds, or in milliseconds where it is too large for that', () => {
  assert.equal(unixDate(1_577_898_000), '2020-01-01T17:00:00+00:00');
  assert.equal(unixDate(1_577_898_000_500), '2020-01-01T17:00:00.500000+00:00');
  assert.equal(unixDate(-1.5), '1969-12-31T23:59:58.500000+00:00');
  assert.equal(unixDate(Infinity), null);
});

test('numbers are texts as Python writes them, however many digits they have', () => {
  const numbers = '[12345678901234567890, 1.50, 1e3, 1e16, 0.00001, -0.0, true]';
  const text = JSON.stringify({ ...sound, tags: 0 }).replace('"tags":0', `"tags":${numbers}`);
  const found = read(text);
  assert.ok(found.ok);
  assert.deepEqual(found.resource.tags, [
    ...['12345678901234567890', '1.5', '1000.0', '1e+16', '1e-05', '-0.0', 'True'],
  ]);
  assert.equal(found.coerced.length, 7);
});

test('a list that is as long as an element may be is read in no time, and told in a few words', () => {
  const many = (tag: string) =>
    JSON.stringify({ ...sound, tags: [] }).replace('[]', `[${`${tag},`.repeat(100_000)}${tag}]`);
  const numbers = read(many('1'));
  assert.ok(numbers.ok);
  assert.deepEqual(new Set(numbers.resource.tags), new Set(['1']));
  assert.equal(numbers.coerced.at(-1), 'and 99981 more');
  const faults = read(many('1'), true);
  assert.ok(!faults.ok);
  assert.deepEqual(
    [faults.errors.length, faults.errors[0], faults.errors.at(-1)],
    [21, '/tags/0: expected a text, got a number', 'and 99981 more'],
  );
});

test('every fault of a resource is told with its pointer, and no value that may be personal', () => {
  const found = read({
    ...sound,
    id: null,
    creation_date: '2021-02-30T00:00:00',
    tags: 'a',
    author: ['Ana'],
    title: undefined,
  });
  assert.ok(!found.ok);
  assert.deepEqual(found.errors, [
    '/id: expected a text, got null',
    '/title: expected a text, got nothing',
    '/creation_date: expected a date with a time such as 2020-01-01T17:16:52, got "2021-02-30T00:00:00"',
    '/tags: expected a list, got a text',
    '/author: expected a text, got a list',
  ]);
});

test('strictly, nothing is taken for what it is not', () => {
  const found = read({ ...sound, id: 7, creation_date: 1_577_898_000 }, true);
  assert.ok(!found.ok);
  assert.equal(found.errors.length, 2);
  assert.ok(read(sound, true).ok);
});

for (const [what, text, why] of [
  ['no object', '[1]', 'expected an object, got a list'],
  ['no JSON', '{"author": Ana', 'it is not JSON: it ends too early, or a sign is missing'],
] as const)
  test(`${what} is told without its text`, () => {
    assert.deepEqual(read(text), { ok: false, errors: [why] });
  });

test('a name like __proto__ is a key like any other', () => {
  const found = read(`{"__proto__": {"id": "x"}, "constructor": 1}`);
  assert.ok(!found.ok);
  assert.match(found.errors.join(), /\/id: expected a text, got nothing/);
});

test('a line of errors.ndjson is an element, and reads as what failed', () => {
  const bytes = Buffer.from(JSON.stringify(sound, null, 2));
  const failed = { index: 3, offset: 17, class: 'exhausted', errors: ['no'], attempts: 3, bytes };
  const line = errorLine(failed);
  assert.ok(!line.includes('\n'));
  assert.equal((JSON.parse(line) as { id: string }).id, sound.id);
  const again = read(line);
  assert.ok(again.ok);
  assert.deepEqual(again.resource, sound);
  // And once more, after it has failed again.
  assert.deepEqual(read(errorLine({ ...failed, bytes: Buffer.from(line) })), again);
});
