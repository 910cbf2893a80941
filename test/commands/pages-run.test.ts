/** Commands that pages show: those marked "sh run" are run, of all others the options exist. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { runCommandLine } from '../../src/command-line.ts';
import { CLI, emptyFolder } from './cli.ts';

const pages = [
  ...['README.md', 'README.pt-BR.md'],
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('decisions'))
    .map((name) => join('docs', name)),
].map((name) => ({ name, text: readFileSync(name, 'utf8') }));

const fencesOf = (text: string, kind: string): string[] =>
  [...text.matchAll(/^( *)```(.*)\n([\s\S]*?)^ *```$/gm)].flatMap(([, , found, body = '']) =>
    found === kind ? [body] : [],
  );

for (const { name, text } of pages) {
  const scripts = fencesOf(text, 'sh run');
  if (scripts.length === 0) continue;
  test(`the commands of ${name} that are marked so run`, async (t) => {
    const script = `set -eu; despachante() { "${process.execPath}" "${CLI}" "$@"; }\n${scripts.join('\n')}`;
    const env = { PATH: process.env['PATH'], DESPACHANTE_INSTANCE: '' };
    await promisify(execFile)('bash', ['-c', script], { cwd: emptyFolder(t), env });
  });
}

const helps = new Map<string, Promise<string>>();
/** The help of a command, by its words. */
function helpOf(words: readonly string[]): Promise<string> {
  const key = words.join(' ');
  const known = helps.get(key);
  if (known !== undefined) return known;
  let help = '';
  const output = { writeOut: (text: string) => void (help += text), writeErr: () => {} };
  const asked = runCommandLine([...words, '--help'], output).then(() => help);
  helps.set(key, asked);
  return asked;
}

/** The help that a command line is about: that of its command, or of the one below it; "run" is below where none is named. */
async function helpFor(words: readonly string[], depth = 1): Promise<string> {
  const command = words.slice(0, depth);
  const help = await helpOf(command);
  const has = (word: string) =>
    new RegExp(`^  ${word}\\b`, 'm').test(help.split('Commands:')[1] ?? '');
  const below = words[depth];
  if (below !== undefined && has(below)) return helpFor(words, depth + 1);
  return has('run') ? helpOf([...command, 'run']) : help;
}

test('every option that a page shows is one of its command', async () => {
  const wrong: string[] = [];
  let count = 0;
  for (const { name, text } of pages) {
    const lines = [
      ...['sh', 'sh run']
        .flatMap((kind) => fencesOf(text, kind))
        .flatMap((body) => body.split('\n')),
      ...[...text.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code),
    ];
    for (const line of lines) {
      const [, rest] =
        /(?:^|[|&;({]\s*|^\s+)(?:npm run (?:-s )?despachante -- |(?:\.\/)?despachante )([a-z].*)$/.exec(
          line,
        ) ?? [];
      if (rest === undefined) continue;
      const words = rest
        .replace(/\s#.*$/, '')
        // Behind it stands a command line of another command.
        .replace(/ -- .*$/, '')
        .replace(/"[^"]*"|'[^']*'/g, 'TEXT')
        .split(/\s+/);
      const flags = words.filter((word) => word.startsWith('--'));
      const help = await helpFor(words.filter((word) => /^[a-z][a-z-]*$/.test(word)));
      count += flags.length;
      for (const flag of flags)
        if (!new RegExp(`${flag.split('=')[0] ?? ''}\\b`).test(help))
          wrong.push(`${name}: ${flag} in ${line.trim()}`);
    }
  }
  assert.ok(count > 50, String(count));
  assert.deepEqual(wrong, []);
});
