/** Plain words: readers are on call and read in a second language. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultsIn, faultsOf, faultsOfLines, sentencesIn } from './words.ts';

const ALL = readdirSync('docs', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => join('docs', name));
const isPortuguese = (name: string) => name.endsWith('.pt-BR.md');
const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'],
  ...ALL.filter((name) => !isPortuguese(name)),
];
const IN_PORTUGUESE = ['README.pt-BR.md', ...ALL.filter(isPortuguese)];

test('a fault of each kind is found, and questions and plain sentences have none', () => {
  const kinds = (text: string) => faultsOf(text).map(({ kind }) => kind);
  assert.deepEqual(kinds('What was sent is never sent again.'), ['what']);
  assert.deepEqual(kinds('It tells what became of it.'), ['what']);
  assert.deepEqual(kinds('What is promised?'), []);
  assert.deepEqual(kinds('See what to do.'), []);
  assert.deepEqual(kinds('It goes on likewise.'), ['word']);
  assert.deepEqual(kinds(`It ${'and so on '.repeat(10)}.`), ['long']);
  assert.deepEqual(faultsIn('| What was sent | `x` |\n\n```\nWhat was sent\n```\n'), []);
  assert.deepEqual(
    faultsIn('One.\nIt tells what became\nof it.').map(({ line }) => line),
    [1],
  );
});

test('pages speak plainly', () => {
  for (const page of PAGES) {
    const faults = faultsIn(readFileSync(page, 'utf8'));
    const told = faults.map(({ line, kind, text }) => `${page}:${line} ${kind}: ${text}`);
    assert.deepEqual(told, []);
  }
});

test('one sentence in ten of a page is long, at most, in both languages', () => {
  for (const page of [...PAGES, ...IN_PORTUGUESE]) {
    const { all, long } = sentencesIn(readFileSync(page, 'utf8'));
    assert.ok(long.length <= Math.max(1, all / 10), [page, ...long].join('\n'));
  }
});

test('logs and help texts speak plainly', () => {
  const told = ['src', 'activities'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name))
      .flatMap((file) =>
        faultsOfLines(readFileSync(file, 'utf8')).map(
          ({ line, kind, text }) => `${file}:${line} ${kind}: ${text}`,
        ),
      ),
  );
  assert.deepEqual(told, []);
});
