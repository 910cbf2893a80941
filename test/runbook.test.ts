/** The runbook: whoever is on call comes from an alert, a log line or a symptom, and finds one short page in each language. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { PAGES } from '../src/runtime/log.ts';
import { createMetrics } from '../src/runtime/metrics.ts';
import { createTaskMetrics, createWorkerCounter } from '../src/tasks/metrics.ts';

const FOLDER = 'docs/runbook';
const LANGUAGES = {
  '': ['What you see', 'What it means', 'Check', 'Do', 'Do not'],
  '.pt-BR': ['O que você vê', 'O que significa', 'Verifique', 'Faça', 'Não faça'],
};
const LONGEST = 40;

const read = (page: string, ending: string) =>
  readFileSync(`${FOLDER}/${page}${ending}.md`, 'utf8');
/** Commands without their comments, which are in the language of the page. */
const commandsOf = (text: string): string[] =>
  [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, body = '']) =>
    body.split('\n').map((line) => line.replace(/\s+#.*$|<.*$/, '')),
  );

const alerts = z
  .object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({
            alert: z.string(),
            expr: z.string(),
            annotations: z.strictObject({ summary: z.string(), runbook_url: z.url() }),
          }),
        ),
      }),
    ),
  })
  .parse(parse(readFileSync('docs/reference/alerts.yaml', 'utf8')))
  .groups.flatMap(({ rules }) => rules);

/** The page that an alert leads to, with its ending. */
const pageOf = ({ annotations }: (typeof alerts)[number]): string =>
  new URL(annotations.runbook_url).pathname.slice(1);

test('each page that a log line can name is there in both languages, and no other', () => {
  const expected = [...PAGES, 'README'].flatMap((page) => [`${page}.md`, `${page}.pt-BR.md`]);
  assert.deepEqual(readdirSync(FOLDER).sort(), expected.sort());
});

test('each page is short, in the same order, with the same commands in both languages', () => {
  for (const page of PAGES) {
    const texts = Object.entries(LANGUAGES).map(([ending, headings]) => {
      const text = read(page, ending);
      const found = [...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
      assert.deepEqual(found, headings, `${page}${ending}`);
      assert.ok(text.split('\n').length <= LONGEST + 1, `${page}${ending} is too long`);
      return text;
    });
    assert.deepEqual(commandsOf(texts[1] ?? ''), commandsOf(texts[0] ?? ''), page);
  }
});

test('the index of each language leads to every page', () => {
  for (const ending of Object.keys(LANGUAGES))
    for (const page of PAGES)
      assert.match(
        read('README', ending),
        new RegExp(`\\(${page}${ending.replaceAll('.', '\\.')}\\.md\\)`),
      );
});

test('each alert leads to a page, and stands in both indexes; a page names no alert that is not there', () => {
  const names = alerts.map(({ alert }) => alert);
  for (const rule of alerts) {
    const { alert } = rule;
    const page = PAGES.find((each) => `${each}.md` === pageOf(rule));
    assert.ok(page, `${alert} leads to ${rule.annotations.runbook_url}`);
    for (const ending of Object.keys(LANGUAGES)) {
      const row = read('README', ending)
        .split('\n')
        .find((line) => line.includes(`\`${alert}\``));
      assert.match(row ?? '', new RegExp(`\\(${page}\\b`), alert);
    }
  }
  const told = PAGES.flatMap((page) => read(page, '').match(/\bDespachante[A-Z]\w+/g) ?? []);
  assert.deepEqual(
    told.filter((name) => !names.includes(name)),
    [],
  );
});

const metricsOf = () => {
  const { registry } = createMetrics();
  createTaskMetrics(registry);
  createWorkerCounter(registry);
  return registry.getMetricsAsJSON();
};

test('no line of a log that leads to a page is empty', () => {
  const lines = readFileSync('docs/reference/errors.md', 'utf8').match(/^\| (?:warn|error) \|.*/gm);
  assert.ok(lines !== null && lines.length > 80);
  assert.deepEqual(
    lines.filter((line) => /\|\s+\|$/.test(line)),
    [],
  );
});

test('an alert on a counter that is not there before its first event fires for the first one, too', async () => {
  const absent = (await metricsOf())
    .filter(({ type, values }) => String(type) === 'counter' && values.length === 0)
    .map(({ name }) => name);
  assert.ok(absent.length > 10);
  const asked = alerts.flatMap(({ alert, expr }) =>
    [...expr.matchAll(/\bincrease\((\w+)/g)].map(([, name = '']) => ({ alert, expr, name })),
  );
  assert.ok(asked.length > 4);
  assert.deepEqual(
    asked
      .filter(({ name }) => absent.includes(name))
      .filter(({ expr, name }) => !new RegExp(`\\b${name}\\S* unless ${name} offset`).test(expr))
      .map(({ alert }) => alert),
    [],
  );
});

test('alerts and the dashboard ask for metrics that there are', async () => {
  const metrics = await metricsOf();
  const known = new Set(
    metrics.flatMap(({ name }) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]),
  );
  const asked = [
    ...alerts.map(({ expr }) => expr),
    readFileSync('docs/reference/grafana.json', 'utf8'),
  ].flatMap((text) => text.match(/\b(?:despachante|nodejs|process)_\w+/g) ?? []);
  assert.ok(asked.length > 20);
  assert.deepEqual(
    asked.filter((name) => !known.has(name)),
    [],
  );
});

const datasource = z.strictObject({
  type: z.literal('prometheus'),
  uid: z.literal('${datasource}'),
});
const target = z.object({ expr: z.string(), refId: z.string(), datasource });
const dashboard = z.object({
  templating: z.object({
    list: z.tuple([
      z.object({
        name: z.literal('datasource'),
        type: z.literal('datasource'),
        query: z.literal('prometheus'),
      }),
    ]),
  }),
  panels: z.array(
    z.object({
      id: z.int(),
      gridPos: z.strictObject({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
      datasource,
      targets: z.array(target).min(1),
      fieldConfig: z.object({
        defaults: z.object({ unit: z.enum(['short', 'ops', 's', 'bytes']) }),
      }),
    }),
  ),
});

test('the dashboard asks the data source that is chosen, and each panel has an id, a unit and a place of its own', () => {
  const { panels } = dashboard.parse(
    JSON.parse(readFileSync('docs/reference/grafana.json', 'utf8')),
  );
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { targets } of panels)
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, n) => [x + (n % w), y + Math.floor(n / w)].join()),
  );
  assert.equal(new Set(cells).size, cells.length, 'two panels overlap');
  assert.ok(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
});
