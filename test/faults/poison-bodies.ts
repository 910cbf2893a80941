/** Bodies that are no registrations, each with the reason that intake must give. Drawn from a seed. */

export interface Poison {
  what: string;
  body: Buffer;
  headers?: Record<string, unknown>;
  reason: RegExp;
}

/** As the configuration has them by default. */
const MOST_BYTES = 256 * 1024;
const MOST_ID_BYTES = 200;
const MOST_DEPTH = 64;

export type Random = () => number;

export const pick = <T>(random: Random, list: readonly T[]): T | undefined =>
  list[Math.floor(random() * list.length)];

/** A registration like any other, so that only what is done to it makes it poison. */
export const registration = (random: Random, id: unknown, more: object = {}): string =>
  JSON.stringify({ id, nome: pick(random, ['Ana', 'João', '漢字']), n: random(), ...more });

const poison = (what: string, body: string | Buffer, reason: RegExp): Poison => ({
  what,
  body: Buffer.from(body),
  reason,
});

const NOT_UTF8 = /^not valid UTF-8$/;
const NOT_JSON = /^not JSON$/;
const NOT_TEXT = /^"\/id" has characters that are not text$/;

/** A good body with these bytes in a name. */
function withBytes(random: Random, bytes: number[]): Buffer {
  const [before = '', after = ''] = registration(random, 'utf8', { apelido: '@' }).split('@');
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
}

const badBytes: [string, number[]][] = [
  ['a lone continuation byte', [0x80]],
  ['Latin-1', [0x4a, 0x6f, 0xe3, 0x6f]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an overlong NUL', [0xc0, 0x80]],
  ['half a surrogate pair in UTF-8', [0xed, 0xa0, 0x80]],
  ['a pair of surrogates in UTF-8', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['a cut sequence', [0xe6, 0xbc]],
  ['0xFF', [0xff]],
  ['0xFE', [0xfe]],
];

export function encodings(random: Random): Poison[] {
  const text = () => registration(random, `encoding-${random()}`);
  return [
    ...badBytes.flatMap(([what, bytes]) =>
      [1, 2, 3].map((n) => poison(`${what}, ${n}`, withBytes(random, bytes), NOT_UTF8)),
    ),
    poison('UTF-16, little end first', Buffer.from(text(), 'utf16le'), /^not (JSON|valid UTF-8)$/),
    poison('UTF-16 with its mark', Buffer.from(`\ufeff${text()}`, 'utf16le'), NOT_UTF8),
    poison('UTF-16, big end first', Buffer.from(`\ufeff${text()}`, 'utf16le').swap16(), NOT_UTF8),
    poison('two byte order marks', `\ufeff\ufeff${text()}`, NOT_JSON),
    poison('base64', Buffer.from(text()).toString('base64'), NOT_JSON),
  ];
}

/** What is wrong with the text, given a good one. */
const spoilings: [string, (text: string, random: Random) => string][] = [
  ['cut off', (text, random) => text.slice(0, 1 + Math.floor(random() * (text.length - 1)))],
  ['a comma too many', (text) => text.replace(/}$/, ',}')],
  ['single quotes', (text) => text.replaceAll('"', "'")],
  ['a comment', (text) => `${text} // um comentário`],
  ['two texts', (text) => text + text],
  ['NaN', (text) => text.replace('"n":', '"m":NaN,"n":')],
  ['Infinity', (text) => text.replace('"n":', '"m":-Infinity,"n":')],
  ['a leading zero', (text) => text.replace('"n":', '"m":007,"n":')],
  ['a hexadecimal number', (text) => text.replace('"n":', '"m":0xff,"n":')],
  ['a bare key', (text) => text.replace('"n":', 'n:')],
  ['a raw line feed in a text', (text) => text.replace('"nome":"', '"nome":"\n')],
  ['a raw NUL in a text', (text) => text.replace('"nome":"', '"nome":"\u0000')],
  ['an unknown escape', (text) => text.replace('"nome":"', '"nome":"\\x41')],
  ['half an escape', (text) => text.replace('"nome":"', '"nome":"\\u12')],
  ['a NUL behind it', (text) => `${text}\u0000`],
  ['a no-break space before it', (text) => `\u00a0${text}`],
];

export const syntax = (random: Random, times: number): Poison[] =>
  spoilings.flatMap(([what, spoil]) =>
    Array.from({ length: times }, (_, n) =>
      poison(`${what}, ${n}`, spoil(registration(random, `syntax-${random()}`), random), NOT_JSON),
    ),
  );

const bracketed = (depth: number, [open = '', close = '']: [string, string]): string =>
  open.repeat(depth) + (open === '[' ? '' : '1') + close.repeat(depth);

export const depths = (random: Random): Poison[] =>
  [MOST_DEPTH, MOST_DEPTH + 1, 1_000, 10_000, 40_000].flatMap((depth) =>
    (
      [
        ['[', ']'],
        ['{"a":', '}'],
        ['[{"a":', '}]'],
      ] satisfies [string, string][]
    )
      .filter(([open]) => open.length * depth < MOST_BYTES / 2)
      .map((pair) => {
        const text = registration(random, `deep-${random()}`).replace('"n":', '"m":@,"n":');
        const body = text.replace('@', bracketed(depth, pair));
        return poison(`${depth} × ${pair[0]}`, body, /^nested deeper than 64$/);
      }),
  );

export const sizes = (random: Random): Poison[] =>
  [1, 2, 1_000, MOST_BYTES, 15 * MOST_BYTES].map((over) => {
    const text = registration(random, `large-${random()}`, { x: '' });
    const fill = 'x'.repeat(MOST_BYTES + over - Buffer.byteLength(text));
    const body = text.replace('"x":""', `"x":"${fill}"`);
    return poison(`${over} bytes over the limit`, body, /^too large: \d+ bytes, at most 262144$/);
  });

const values: [string, string, RegExp][] = [
  ['null', 'null', /got null$/],
  ['true', 'true', /got a boolean$/],
  ['a number', '1e400', /got (a|another) number$/],
  ['an array', '["a"]', /got an array$/],
];

export const shapes = (random: Random): Poison[] => [
  ...values.map(([what, text, reason]) => poison(`${what} instead of an object`, text, reason)),
  ...values.map(([what, text, reason]) =>
    poison(`${what} as the id`, `{"n":${random()},"id":${text}}`, reason),
  ),
  poison('a text instead of an object', `"${random()}"`, /got a string$/),
  poison('an array of registrations', `[${registration(random, 'a')}]`, /got an array$/),
  poison('nothing at all', '', /^empty message$/),
  ...[' ', '\n', '\t\r\n ', ' '.repeat(1_000)].map((blank) =>
    poison(`${blank.length} blanks`, blank, NOT_JSON),
  ),
];

const escapedUnit = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`;

export function ids(random: Random): Poison[] {
  const withId = (id: string): string => registration(random, '@').replace('@', id);
  const controls = Array.from({ length: 0xa0 }, (_, code) => code).filter(
    (code) => code < 0x20 || code >= 0x7f,
  );
  const halves = Array.from({ length: 16 }, () => 0xd800 + Math.floor(random() * 0x800));
  return [
    ...controls.map((code) =>
      poison(`U+${code.toString(16)} in the id`, withId(`a${escapedUnit(code)}b`), NOT_TEXT),
    ),
    ...halves.map((code) =>
      poison(`half a pair in the id, ${code}`, withId(`a${escapedUnit(code)}b`), NOT_TEXT),
    ),
    ...[1, 2, 56, 1_000].map((over) =>
      poison(
        `an id ${over} bytes too long`,
        withId('x'.repeat(MOST_ID_BYTES + over)),
        /^"\/id" is too long: \d+ bytes, at most 200$/,
      ),
    ),
    poison('an id too long in bytes only', withId('é'.repeat(101)), /too long: 202 bytes/),
    ...['', ' ', '\u00a0', '\u2003', '\u3000', '\ufeff'].map((id) =>
      poison(`an empty id of ${id.length}`, withId(id), /^"\/id" is empty$/),
    ),
    ...[
      '"__proto__":{"id":"a"}',
      '"constructor":{"prototype":{"id":"a"}}',
      '"ID":"a"',
      '"Id":"a"',
    ].map((instead) => poison(instead, `{${instead},"n":${random()}}`, /^no "\/id"$/)),
    ...['"id":"b"', '"\\u0069d":"b"', '"id" \n:null', '"i\\u0064":{"id":"b"}'].map((again) =>
      poison(again, `{"id":"a","n":${random()},${again}}`, /^"\/id" is given twice$/),
    ),
  ];
}
