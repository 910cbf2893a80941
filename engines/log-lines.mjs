// The log lines that name a page of the runbook, read from the source: for docs/reference/errors.md.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './paths.mjs';

const nameOf = (property) => (ts.isIdentifier(property?.name ?? {}) ? property.name.text : '');
const valueOf = (object, name) =>
  object.properties.find((each) => nameOf(each) === name && ts.isPropertyAssignment(each))
    ?.initializer;

/** Every text that an expression can be, with "…" for its values. None where it comes from elsewhere. */
function textsOf(node) {
  if (node === undefined) return [];
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isTemplateExpression(node))
    return [node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join('')];
  if (ts.isConditionalExpression(node))
    return [...textsOf(node.whenTrue), ...textsOf(node.whenFalse)];
  return [];
}

/** `log.warn({ runbook: 'page', … }, 'sentence')`, `{ runbook: 'page', failed: 'sentence', … }` and `keepTrying('page', 'sentence', …)`. */
function linesAt(node, pages) {
  if (ts.isObjectLiteralExpression(node)) {
    const page = textsOf(valueOf(node, 'runbook'))[0];
    if (page === undefined) return [];
    const call = node.parent;
    const isCall = ts.isCallExpression(call) && call.arguments[0] === node;
    const level = isCall && call.expression.name?.text === 'error' ? 'error' : 'warn';
    const sentence = isCall ? call.arguments[1] : valueOf(node, 'failed');
    return [{ page, level, sentences: textsOf(sentence) }];
  }
  if (!ts.isCallExpression(node)) return [];
  return node.arguments.flatMap((argument, at) =>
    ts.isStringLiteral(argument) && pages.includes(argument.text)
      ? [{ page: argument.text, level: 'warn', sentences: textsOf(node.arguments[at + 1]) }]
      : [],
  );
}

/** By page, each line as `level | sentence`, without the empty ones, which a silent log gets; a page that no line names is left out. */
export function logLines(pages) {
  const found = [];
  const visit = (node) => {
    found.push(...linesAt(node, pages));
    ts.forEachChild(node, visit);
  };
  for (const folder of ['src', 'activities'])
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort())
      if (name.endsWith('.ts')) {
        const text = readFileSync(join(root, folder, name), 'utf8');
        visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true));
      }
  return pages.flatMap((page) => {
    const here = found.filter((each) => each.page === page);
    const lines = here.flatMap(({ level, sentences }) =>
      sentences.filter(Boolean).map((sentence) => `${level} | ${sentence}`),
    );
    return here.length === 0 ? [] : [{ page, lines: [...new Set(lines)].sort() }];
  });
}
