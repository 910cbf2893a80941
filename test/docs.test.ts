/** The documents against the code: what they name exists. What they say of it only a reader can check. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { COMMAND_NAMES } from '../src/command-line.ts';
import { OWN } from '../src/mongo/collections.ts';
import { DEFAULTS, STANDARD } from '../src/config/schema.ts';
import { isMapping, valueAt } from '../src/config/tree.ts';
import { environmentNames } from '../src/config/environment.ts';
import { OUTCOMES } from '../src/domain/registrations/outcome.ts';
import { createTaskMetrics, createWorkerCounter } from '../src/tasks/metrics.ts';
import { createMetrics } from '../src/runtime/metrics.ts';

const documents = [
  'README.md',
  'README.pt-BR.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const read = (file: string): string => readFileSync(file, 'utf8');
const withoutFences = (text: string): string => text.replace(/^ *```[\s\S]*?^ *```$/gm, '');

/** Targets of links and images, as they are written. */
const linksIn = (file: string): string[] =>
  [...withoutFences(read(file)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target ?? '');

/** What stands in backticks, and each line of the fenced blocks. */
const codeIn = (file: string): string[] => {
  const text = read(file);
  const fences = [...text.matchAll(/^ *```[a-z ]*\n([\s\S]*?)^ *```$/gm)];
  const spans = [...withoutFences(text).matchAll(/`([^`\n]+)`/g)];
  return [
    ...fences.flatMap(([, body]) => (body ?? '').split('\n')),
    ...spans.map((s) => s[1] ?? ''),
  ];
};

/** As GitHub makes an anchor of a heading. */
const anchorsIn = (file: string): string[] =>
  [...withoutFences(read(file)).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    (heading ?? '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

const mentions = (pattern: RegExp): { file: string; word: string }[] =>
  documents.flatMap((file) =>
    codeIn(file).flatMap((code) =>
      [...code.matchAll(pattern)].map(([, word]) => ({ file, word: word ?? '' })),
    ),
  );

const show = ({ file, word }: { file: string; word: string }) => `${file}: ${word}`;

test('every relative link leads to a file, and every anchor to a heading', () => {
  const links = documents.flatMap((file) => linksIn(file).map((target) => ({ file, target })));
  const relative = links.filter(({ target }) => !/^[a-z]+:/.test(target));
  assert.ok(relative.length > 50);
  const broken = relative.filter(({ file, target }) => {
    const [path = '', anchor] = target.split('#');
    const to = path === '' ? file : normalize(join(dirname(file), path));
    return !existsSync(to) || (anchor !== undefined && !anchorsIn(to).includes(anchor));
  });
  assert.deepEqual(
    broken.map(({ file, target }) => `${file}: ${target}`),
    [],
  );
});

test('a Portuguese page says which of its links lead to English', () => {
  // Both READMEs of the top are maps: the first is short of words, the second marks rows.
  const pages = documents.filter((file) => /^docs\/.+\/.+\.pt-BR\.md$/.test(file));
  assert.ok(pages.length > 30);
  const unsaid = pages.flatMap((file) =>
    withoutFences(read(file))
      .split('\n')
      .filter((line) => !/inglês|English|\(en\)/.test(line))
      .flatMap((line) => [...line.matchAll(/\]\(([^)\s#]+\.md)/g)].map(([, to = '']) => to))
      .filter((to) => !to.endsWith('.pt-BR.md'))
      .map((to) => `${file}: ${to}`),
  );
  assert.deepEqual(unsaid, []);
});

test('every file of the source that is named in code exists', () => {
  const named = mentions(
    /^((?:src|workflows|activities|engines|bench|test)\/[\w./-]+\.(?:ts|mjs|json))/g,
  );
  assert.ok(named.length > 30);
  assert.deepEqual(named.filter(({ word }) => !existsSync(word)).map(show), []);
});

test('every image is linked from a document, and is small enough for one', () => {
  const linked = new Set(
    documents.flatMap((file) =>
      linksIn(file).map((target) => normalize(join(dirname(file), target))),
    ),
  );
  for (const name of readdirSync('docs/images')) {
    const file = join('docs/images', name);
    assert.ok(linked.has(file), `${file} is linked from nowhere`);
    assert.ok(readFileSync(file).length <= 300 * 1024, `${file} is larger than 300 KB`);
  }
});

test('every npm script that is named is one of package.json', () => {
  const scripts = valueAt(JSON.parse(read('package.json')), ['scripts']);
  assert.ok(isMapping(scripts));
  const named = mentions(/\bnpm (?:run (?:-s |--silent )?)?([a-z-]+)/g);
  assert.ok(named.length > 10);
  const own = new Set(['ci', 'audit', ...Object.keys(scripts)]);
  assert.deepEqual(named.filter(({ word }) => !own.has(word)).map(show), []);
});

test('every page is reached from the map of its language', () => {
  const linked = (file: string, seen = new Set<string>()): Set<string> => {
    if (seen.has(file) || !file.endsWith('.md') || !existsSync(file)) return seen;
    seen.add(file);
    for (const target of linksIn(file)) {
      const to = normalize(join(dirname(file), target.split('#')[0] ?? ''));
      if (!/^[a-z]+:/.test(target)) linked(to, seen);
    }
    return seen;
  };
  const reached = linked('docs/README.md');
  const pages = documents.filter((file) => /^docs\/(?!decisions)/.test(file));
  assert.deepEqual(
    pages.filter((file) => !reached.has(file)),
    [],
  );
});

test('both READMEs have at most 900 words', () => {
  for (const file of ['README.md', 'README.pt-BR.md']) {
    const prose = withoutFences(read(file)).replace(/\]\([^)]*\)|<!--[^>]*-->/g, ' ');
    const words = prose.match(/[\p{L}\p{N}][^\s|]*/gu) ?? [];
    assert.ok(words.length <= 900, `${file} has ${words.length} words`);
  }
});

test('every command that is named exists', () => {
  const named = mentions(/(?:^|[\s"/])despachante (?:-- )?([a-z]+)\b/g);
  assert.deepEqual(named.filter(({ word }) => !COMMAND_NAMES.includes(word)).map(show), []);
});

test('every subcommand that is named exists', () => {
  for (const command of ['failures', 'doubts']) {
    const source = read(`src/commands/${command}.ts`);
    const named = mentions(new RegExp(`despachante (?:-- )?${command} ([a-z]+)\\b`, 'g'));
    assert.ok(named.length > 2);
    const unknown = named.filter(({ word }) => !source.includes(`'${word}'`));
    assert.deepEqual(unknown.map(show), []);
  }
});

test('the pages of metrics and collections have every one of ours, and none that is not there', async () => {
  const { registry } = createMetrics();
  createTaskMetrics(registry);
  createWorkerCounter(registry);
  const metrics = await registry.getMetricsAsJSON();
  const ours = metrics.map(({ name }) => name).filter((name) => name.startsWith('despachante_'));
  assert.ok(ours.length > 10);
  const named = new Set(
    ['metrics', 'collections'].flatMap((page) =>
      [...read(`docs/reference/${page}.md`).matchAll(/\b(despachante_[a-z_]+)/g)].map(
        ([, name]) => name,
      ),
    ),
  );
  assert.deepEqual([...named].sort(), [...ours, ...Object.values(OWN)].sort());
});

test('every setting that is named exists', () => {
  const sections = Object.entries(DEFAULTS)
    .filter(([, value]) => isMapping(value))
    .map(([key]) => key);
  const named = mentions(new RegExp(`^((?:${sections.join('|')})\\.[A-Za-z.]+)(?::|$)`, 'g'));
  const settings = named.filter(({ word }) => !/\.(ts|json)$/.test(word));
  assert.ok(settings.length > 20);
  const unknown = settings.filter(({ word }) => valueAt(STANDARD, word.split('.')) === undefined);
  assert.deepEqual(unknown.map(show), []);
});

test('every environment variable that is named is one that is read', () => {
  const named = mentions(
    /\b((?:AMQP|MONGODB|TEMPORAL|LEGACY|RABBITMQ|REGISTRATION|DESPACHANTE)_[A-Z_]*[A-Z])\b/g,
  );
  assert.ok(named.length > 8);
  assert.deepEqual(named.filter(({ word }) => !environmentNames.includes(word)).map(show), []);
});

test('docs/explain/lifecycle.md tells of every outcome', () => {
  const told = codeIn('docs/explain/lifecycle.md');
  assert.deepEqual(
    OUTCOMES.filter((kind) => !told.includes(kind)),
    [],
  );
});

test('the two READMEs link to the same things and show the same commands', () => {
  const [english, portuguese] = ['README.md', 'README.pt-BR.md'].map((file) => ({
    links: linksIn(file)
      .filter((target) => !target.startsWith('README'))
      .map((target) => target.replace('.pt-BR.md', '.md'))
      .sort(),
    commands: codeIn(file)
      .filter((line) => /^(npm|eval|export) /.test(line))
      .map((line) => line.replace(/\s+#.*$|<.*>/g, '')),
  }));
  assert.ok((english?.links.length ?? 0) > 20);
  assert.deepEqual(portuguese, english);
});

test('no document holds the path of somebody’s machine', () => {
  const found = documents.filter((file) =>
    /(^|[\s`'"(=])\/(root|home|Users|work|tmp)\b/m.test(read(file)),
  );
  assert.deepEqual(found, []);
});
