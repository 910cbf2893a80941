import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text as textOf } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import fc from 'fast-check';
import { columns } from '../../src/commands/table.ts';
import { inCell, inHtml, jsonText, onOneLine, onScreen } from '../../src/runtime/foreign-text.ts';

/** Each may steer a terminal, turn a line around, or hide. */
const HOSTILE = [
  '\u001b[2J',
  '\u001b]0;title\u0007',
  '\r',
  '\b',
  '\u007f',
  '\u0085',
  '\u009b31m',
  '\u061c',
  '\u200b\u200c\u200d\u200e\u200f',
  '\u2028\u2029',
  '\u202a\u202b\u202c\u202d\u202e',
  '\u2060\u2061\u2062\u2063\u2064',
  '\u2066\u2067\u2068\u2069',
  '\ufeff\u00ad',
  '\u{e0041}',
  '\ud800',
];
const STEERS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

test('nothing that steers a terminal is left of foreign text, wherever it is shown', () => {
  for (const each of HOSTILE) {
    for (const shown of [
      onOneLine(`a${each}b`),
      inCell(`a${each}b`, true),
      inCell(`a${each}b`, false),
      onScreen(`a${each}b`, true),
      onScreen(`a${each}b`, false),
      columns([[`a${each}b`]]),
    ]) {
      assert.doesNotMatch(shown, STEERS, JSON.stringify(each));
      assert.match(shown, /^a.*b$/u);
    }
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(onOneLine(text), STEERS);
      assert.doesNotMatch(onScreen(text, false).replace(/[\n\t]/g, ''), STEERS);
    }),
  );
});

test('our own colours stay on a terminal, and lines and tabs do everywhere', () => {
  assert.equal(onScreen('\u001b[31mred\u001b[39m\n\tx', true), '\u001b[31mred\u001b[39m\n\tx');
  for (const style of ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const) {
    const styled = styleText(style, 'x', { validateStream: false });
    assert.equal(onScreen(styled, true), styled, style);
  }
  assert.equal(onScreen('a\n\tx', false), 'a\n\tx');
  assert.doesNotMatch(onScreen('\u001b[8mhidden', true), /\u001b/);
  assert.equal(onOneLine('José ☂ 日本 a'), 'José ☂ 日本 a');
});

test('JSON shows nothing of it either, and reads as the very same value', () => {
  for (const each of HOSTILE) {
    const json = jsonText(JSON.stringify({ [each]: each }));
    assert.doesNotMatch(json, STEERS);
    assert.deepEqual(JSON.parse(json), { [each]: each });
  }
});

test('a page holds neither markup nor marks of direction of foreign text', () => {
  const shown = inHtml(`<b title="'">&${HOSTILE.join('')}`);
  assert.doesNotMatch(shown, STEERS);
  assert.match(shown, /^&#60;b title=&#34;&#39;&#34;&#62;&#38;/);
});

for (const format of ['json', 'pretty'] as const) {
  test(`a log line (${format}) steers no terminal and tells no secret`, async () => {
    const script = `
      import { createLog } from ${JSON.stringify(fileURLToPath(new URL('../../src/runtime/create-log.js', import.meta.url)))};
      const [each, url] = JSON.parse(process.argv[1]);
      const log = createLog('test', { level: 'info', format: '${format}' });
      log.info({ id: each, deep: { reason: [each, url] }, [each]: 1 }, 'said: ' + each + ' of ' + url);
    `;
    const given = JSON.stringify([HOSTILE.join('x'), 'amqp://user:hunter2@broker/?sig=hunter2']);
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, given]);
    const logged = await textOf(child.stderr);
    assert.match(logged, /said: /);
    assert.doesNotMatch(logged.replaceAll('\n', ''), STEERS);
    assert.doesNotMatch(logged, /hunter2/);
  });
}
