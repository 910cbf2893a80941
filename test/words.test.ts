/** Plain words: readers are on call and read in a second language. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultsIn, faultsOf, faultsOfLines, wordsIn } from './words.ts';

/** Pages for users. Decisions and proof are for those who doubt, and stay as they were written. */
const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/README.md'],
  ...['learn', 'how-to', 'runbook', 'reference', 'explain'].flatMap((room) =>
    readdirSync(join('docs', room))
      .filter((name) => name.endsWith('.md') && !name.endsWith('.pt-BR.md'))
      .map((name) => join('docs', room, name)),
  ),
];

/** Faults that older texts still have: a number may only fall. */
const LEFT: Readonly<Record<string, number>> = {
  'docs/explain/architecture.md': 20,
  // Made from the comments of despachante.example.yaml and .env.example.
  'docs/reference/settings.md': 18,
};
const LEFT_IN_CODE = 0;

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

test('pages for users speak plainly', () => {
  for (const page of PAGES) {
    const faults = faultsIn(readFileSync(page, 'utf8'));
    const told = faults.map(({ line, kind, text }) => `${page}:${line} ${kind}: ${text}`);
    assert.ok(faults.length <= (LEFT[page] ?? 0), told.join('\n'));
  }
});

test('hardly one in a thousand words is a headless "what"', () => {
  const texts = PAGES.map((page) => readFileSync(page, 'utf8')).filter(
    (text) => !text.includes('This page is made from the code'),
  );
  const words = texts.reduce((sum, text) => sum + wordsIn(text), 0);
  const found = texts.flatMap(faultsIn).filter(({ kind }) => kind === 'what');
  assert.ok(words > 10_000);
  assert.ok(found.length <= (2 * words) / 1_000, `${found.length} in ${words} words`);
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
  assert.ok(told.length <= LEFT_IN_CODE, `${told.length}\n${told.join('\n')}`);
});
