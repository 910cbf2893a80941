import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createFramer, NoList, type Framed } from '../../src/etl/framer.ts';

function frame(
  text: string | Buffer,
  {
    way = [],
    mostBytes = 10_000,
    cuts = [],
  }: { way?: string[]; mostBytes?: number; cuts?: number[] } = {},
) {
  const bytes = Buffer.from(text);
  const framer = createFramer({ way, mostBytes });
  const found: Framed[] = [];
  let from = 0;
  const ends = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  for (const to of [...ends, bytes.length]) {
    found.push(...framer.push(bytes.subarray(from, to)));
    from = to;
  }
  found.push(...framer.finish());
  const values = () => found.map(({ bytes: each }) => JSON.parse(String(each)) as unknown);
  return { found, values, texts: found.map((each) => String(each.bytes)), framer };
}

const blank = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const cuts = fc.array(fc.nat(5_000), { maxLength: 6 });
const json = fc.jsonValue({ maxDepth: 4 });

test('a list is cut into the elements that JSON.parse finds in it, in whatever pieces it comes', () => {
  const world = fc.record({
    all: fc.array(json, { maxLength: 8 }),
    blank,
    cuts,
    indent: fc.nat(2),
  });
  fc.assert(
    fc.property(world, ({ all, blank: b, cuts: at, indent }) => {
      const elements = all.map((each) => `${b}${JSON.stringify(each, null, indent)}${b}`);
      const text = `${b}[${elements.join(',')}${b}]${b}`;
      const { found, values } = frame(text, { cuts: at });
      assert.deepEqual(values(), JSON.parse(text));
      assert.deepEqual(
        found.map(({ index }) => index),
        all.map((_, n) => n),
      );
      for (const { offset, bytes } of found)
        assert.deepEqual(Buffer.from(text).subarray(offset, offset + (bytes?.length ?? 0)), bytes);
    }),
  );
});

test('lines are elements, with any ends of lines, and blank ones are none', () => {
  const world = fc.record({
    all: fc.array(json, { minLength: 1, maxLength: 8 }),
    cuts,
    crlf: fc.boolean(),
  });
  fc.assert(
    fc.property(world, ({ all, cuts: at, crlf }) => {
      // A list in the first line would be the list.
      const lines = [{ first: true }, ...all].map((each) => JSON.stringify(each));
      const text = lines.join(crlf ? '\r\n\r\n' : '\n');
      const known = lines.map((each) => JSON.parse(each) as unknown);
      assert.deepEqual(frame(text, { cuts: at }).values(), known);
    }),
  );
});

test('a list is found at its pointer, whatever stands around it', () => {
  const name = fc.constantFrom('a', 'data', 'a/b', 'x"y', 'ü', '0');
  const world = fc.record({
    all: fc.array(json, { maxLength: 4 }),
    names: fc.array(name, { minLength: 1, maxLength: 3 }),
    around: json,
    cuts,
  });
  fc.assert(
    fc.property(world, ({ all, names, around, cuts: at }) => {
      const document = names.reduceRight<unknown>(
        (inner, each) => ({ before: around, [each]: inner, 'be:hind': [around, { [each]: 1 }] }),
        all,
      );
      const { values } = frame(JSON.stringify(document, null, 1), { way: names, cuts: at });
      assert.deepEqual(values(), JSON.parse(JSON.stringify(all)));
    }),
  );
});

test('a pointer leads into lists by their places', () => {
  assert.deepEqual(frame('[1, {"a": [2]}, {"a": [[3], 4]}]', { way: ['2', 'a'] }).values(), [
    [3],
    4,
  ]);
});

test('a text can be read on from the beginning of any element', () => {
  const text = '[ {"a":1} , {"b":"x,]"},\n3 ]';
  const all = frame(text).found;
  const [, second] = all;
  assert.ok(second);
  const framer = createFramer({ way: [], mostBytes: 100, from: { ...second, format: 'array' } });
  const rest = [...framer.push(Buffer.from(text).subarray(second.offset)), ...framer.finish()];
  assert.deepEqual(rest, all.slice(1));
});

for (const [what, text, texts] of [
  ['a broken value', '[{"a": tru}, {"b":1}]', ['{"a": tru}', '{"b":1}']],
  ['a list that is not closed', '[{"a":[1}, {"b":1}]', ['{"a":[1}', '{"b":1}']],
  ['a bracket too many', '[{"a":1}}, {"b":1}]', ['{"a":1}}', '{"b":1}']],
  ['a text that ends with its line', '[{"a":"x},\n{"b":1}]', ['{"a":"x},\n{"b":1}']],
  ['a missing comma', '[{"a":1} {"b":1}, 2]', ['{"a":1} {"b":1}', '2']],
] as const)
  test(`${what} stays with its element`, () => {
    assert.deepEqual(frame(text).texts, texts);
  });

test('a byte order mark is no part of the list', () => {
  assert.deepEqual(frame(Buffer.from('\ufeff[1,2]')).texts, ['1', '2']);
});

test('of commas that nothing follows, however many, the first ones are told', () => {
  const { framer } = frame(`[1${','.repeat(100_000)}]`);
  assert.equal(framer.strayCommas().length, 3);
});

test('commas that nothing follows are told with their offsets', () => {
  const { texts, framer } = frame('[1,,2,]');
  assert.deepEqual(
    [texts, framer.strayCommas()],
    [
      ['1', '2'],
      [3, 5],
    ],
  );
});

test('an element that is too large has no bytes, and the next one is whole', () => {
  const { found } = frame(`["${'x'.repeat(50)}", "y"]`, { mostBytes: 20, cuts: [10, 30] });
  assert.deepEqual(
    found.map(({ bytes, size }) => [bytes?.toString() ?? null, size]),
    [
      [null, 52],
      ['"y"', 3],
    ],
  );
});

test('what is nested deeper than 64 is told, and ends where it ends', () => {
  const deep = '['.repeat(70) + ']'.repeat(70);
  const { found } = frame(`[${deep},{"b":1}]`);
  assert.deepEqual(
    found.map(({ isTooDeep, size }) => [isTooDeep, size]),
    [
      [true, 140],
      [false, 7],
    ],
  );
});

for (const [what, text, why, way] of [
  ['nothing', '  ', /it is empty/, []],
  [
    'a list that is cut off',
    '[{"a":1},{"b"',
    /in the middle of the element that begins at offset 9/,
    [],
  ],
  ['a list without its end', '[1, 2 ,', /ends at offset 7 before its list does/, []],
  ['two lists', '[1] [2]', /the list ends before offset 4/, []],
  ['a page', '<html>', /HTML or XML/, []],
  ['no list at the pointer', '{"a": 1}', /there is no list at \/data/, ['data']],
  ['a value at the pointer', '{"data": {"x": [1]}}', /there is no list at \/data/, ['data']],
] as const)
  test(`${what} is no list, and the reason is told`, () => {
    assert.throws(
      () => frame(text, { way: [...way] }),
      (error: unknown) => {
        assert.ok(error instanceof NoList);
        assert.match(error.message, why);
        return true;
      },
    );
  });

test('an empty list has no elements', () => {
  assert.deepEqual(frame('[ ]').found, []);
});
