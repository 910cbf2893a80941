import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import type { Command } from 'commander';
import { VERSION } from '../../src/domain/names.ts';
import { COMMAND_NAMES, createProgram, runCommandLine } from '../../src/command-line.ts';
import { CLI, emptyFolder, run } from './cli.ts';
import type { Result } from './cli.ts';

/** Runs a command line that ends before it does anything, in this process. */
async function say(words: string[]): Promise<Result> {
  const result: Result = { code: null, stdout: '', stderr: '' };
  result.code = await runCommandLine(words, {
    writeOut: (text) => (result.stdout += text),
    writeErr: (text) => (result.stderr += text),
  });
  return result;
}

interface Each {
  path: string[];
  command: Command;
}

const below = (command: Command, path: string[] = []): Each[] =>
  command.commands.flatMap((each) => {
    const here = [...path, each.name()];
    return [{ path: here, command: each }, ...below(each, here)];
  });

const program = await createProgram(COMMAND_NAMES);
const ALL = below(program);
/** Reads a command line as it is, and does nothing. */
const reader = await createProgram(COMMAND_NAMES, { writeOut() {}, writeErr() {} });
for (const { command } of below(reader)) command.action(() => {});

/** The words after "despachante", as a shell would hand them over; up to the end of a substitution or the next pipe. */
function wordsIn(example: string): string[] {
  const [, isNpm, rest = ''] = /(?:(npm start --)|despachante) (.*)$/.exec(example) ?? [];
  const [own = ''] = /^(?:"[^"]*"|'[^']*'|[^"'|>)])*/.exec(rest) ?? [];
  const words = [...own.matchAll(/"([^"]*)"|'([^']*)'|([^\s"']+)/g)];
  const plain = words.map(([, one, other, bare]) => one ?? other ?? bare ?? '');
  return isNpm === undefined ? plain : ['start', ...plain];
}

const pairs = (help: string): [purpose: string, line: string][] =>
  [...help.matchAll(/^  # (.*)\n  (\S.*)$/gm)].map(([, purpose = '', line = '']) => [
    purpose,
    line,
  ]);

for (const { path } of ALL) {
  const name = path.join(' ');
  test(`"${name} --help" explains itself and has examples that can be read, each with its purpose`, async () => {
    const { code, stdout } = await say([...path, '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: despachante ${name}\\b.*\\n\\n\\S`));
    assert.match(stdout, /--json/);
    const examples = pairs(stdout);
    assert.ok(examples.length >= 2 && examples.length <= 4, `${examples.length} examples`);
    // "kafka worker" is "tasks run" in other words.
    const first = path.join(' ') === 'kafka worker' ? 'tasks' : path[0];
    assert.ok(examples.some(([, line]) => wordsIn(line)[0] === first));
    for (const [purpose, line] of examples) {
      assert.match(purpose, /^[A-Z0-9].{3,}[^.]$/);
      await assert.doesNotReject(reader.parseAsync(wordsIn(line), { from: 'user' }), line);
    }
  });
}

test('a default is shown as a person would write it, with its unit', () => {
  for (const { path, command } of ALL)
    for (const each of [...command.options, ...command.registeredArguments]) {
      if (each.defaultValue === undefined) continue;
      const name = `${path.join(' ')} ${'flags' in each ? each.flags : each.name()}`;
      const shown = each.defaultValueDescription ?? JSON.stringify(each.defaultValue);
      assert.doesNotMatch(shown, /^[[{]/, name);
      if (/<(time|duration|range|age)>/.test(name)) assert.match(shown, /^\d+(ms|s|m|h|d)/, name);
      assert.ok(!/bytes/.test(name) || /B$/.test(shown), name);
    }
});

test('without a command the help tells all of them in groups, and where more is said', async () => {
  const { stdout } = await say(['--help']);
  for (const name of COMMAND_NAMES) assert.match(stdout, new RegExp(`^  ${name}\\b`, 'm'));
  for (const group of ['Try', 'Run', 'Watch', 'Act on', 'Check'])
    assert.match(stdout, new RegExp(`^${group} it:$`, 'm'));
  for (const [, line] of pairs(stdout).filter(([, each]) => each.includes('despachante')))
    await reader.parseAsync(wordsIn(line), { from: 'user' });
});

const WRONG: [string[], RegExp][] = [
  [[], /Usage: despachante/],
  [['nonsense'], /unknown command 'nonsense'/],
  [['statsu'], /Did you mean status/],
  [['failures'], /Usage: despachante failures/],
  [['publish', '--count', '0'], /whole number from 1/],
  [['publish', '--rate', '-1'], /number above 0/],
  [['publish', 'some.jsonl', '--count', '3'], /--count is for generated registrations/],
  [['simulate', '--latency', '20s..10s'], /smaller one first/],
  [['simulate', '--latency', '20'], /duration with its unit/],
  [['simulate', '--refuse', '2'], /share from 0 to 1/],
  [['failures', 'list', '--class', 'nonsense'], /one of rejected, failed/],
  [['failures', 'redrive'], /Name one registration, or say --all/],
  [['failures', 'redrive', 'reg-1', '--all'], /Name one registration, or say --all/],
  [['failures', 'drop'], /Name one registration, or say --all/],
  [['failures', 'redrive', '--limit', '3'], /Name one registration, or say --all/],
  [['failures', 'redrive', '--older-than', '2'], /duration with its unit/],
  [['failures', 'drop', '--reason', '/(/'], /Invalid regular expression/],
  [['failures', 'show'], /missing required argument 'id'/],
  [['doubts', 'confirm', 'reg-1', '--reason', 'x'], /--request-id/],
  [['doubts', 'abandon', 'reg-1'], /--reason/],
];
for (const [words, message] of WRONG) {
  test(`"${words.join(' ')}" is wrong usage: exit code 2, and what is wrong`, async () => {
    const { code, stderr, stdout } = await say(words);
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.equal(stdout, '');
  });
}

test('a fault of the configuration is wrong usage too, for every command that reads it', async (t) => {
  const env = { DESPACHANTE_INTAKE_BATCH_SIZE: 'many' };
  for (const command of ['config', 'status', 'doctor', 'audit']) {
    const { code, stderr } = await run([command], { cwd: emptyFolder(t), env });
    assert.equal(code, 2, command);
    assert.match(stderr, /intake\.batchSize: expected a whole number/);
  }
});

test('a neighbour that is not there is told in one sentence with its masked address: exit code 5, try again', async (t) => {
  const env = {
    AMQP_URL: 'amqp://user:secret@127.0.0.1:1',
    MONGODB_URI: 'mongodb://user:secret@127.0.0.1:1/x',
  };
  const cwd = emptyFolder(t);
  for (const args of [
    ['failures', 'show', 'a', '--body'],
    ['publish', '--count', '1'],
  ]) {
    const { code, stderr } = await run(args, { cwd, env });
    assert.equal(code, 5);
    assert.match(
      stderr,
      /^Cannot connect to RabbitMQ at amqp:\/\/\*\*\*@127\.0\.0\.1:1: [^\n]+\n$/,
    );
  }
});

test('with --json an error is one line of JSON with a code and a fix, whatever went wrong', async (t) => {
  const read = (stderr: string): unknown => JSON.parse(stderr);
  const usage = await say(['status', '--nonsense', '--json']);
  assert.equal(usage.code, 2);
  assert.partialDeepStrictEqual(read(usage.stderr), {
    error: { code: 'usage', message: "error: unknown option '--nonsense'" },
  });
  const env = { AMQP_URL: 'amqp://user:secret@127.0.0.1:1' };
  const away = await run(['publish', '--count', '1', '--json'], { cwd: emptyFolder(t), env });
  assert.equal(away.code, 5);
  assert.match(away.stderr, /^\{"error":\{"code":"unavailable",.*"fix":"Try again in a minute/);
  assert.doesNotMatch(away.stderr, /secret/);
  const settings = await run(['help', 'settings', 'legacy.deadlin', '--json'], {
    cwd: emptyFolder(t),
  });
  assert.equal(settings.code, 4);
  assert.match(settings.stderr, /"not-found".*did you mean legacy\.deadline/);
});

test('topics of the help: exit codes, environment, messages, and a setting with its range', async (t) => {
  const cwd = emptyFolder(t);
  const help = async (...words: string[]) => {
    const { code, stdout, stderr } = await run(['help', ...words], { cwd });
    assert.equal(code, 0, stderr);
    return stdout;
  };
  assert.match(await help('exit-codes'), /^5 {2}RabbitMQ, .* cannot be reached/m);
  assert.match(await help('environment'), /^LEGACY_URL +http:\/\/localhost:9997 /m);
  assert.match(await help('messages'), /^unavailable +5 /m);
  assert.match(await help('settings'), /^legacy\.deadline$/m);
  const one = await help('settings', 'intake.batchSize');
  assert.match(one, /expected {2}a whole number from 1 to 500/);
  assert.match(one, /default {3}250/);
  assert.match(one, /variable {2}DESPACHANTE_INTAKE_BATCH_SIZE/);
  assert.match(one, /Registrations that one run carries at most/);
  assert.match(await help('failures', 'redrive'), /^Usage: despachante failures redrive /);
});

test('.env sets what the environment does not have, and "config" says where it comes from', async (t) => {
  const cwd = emptyFolder(t);
  writeFileSync(
    join(cwd, '.env'),
    'LEGACY_URL=http://legacy.example\nDESPACHANTE_LOG_LEVEL=warn\n',
  );
  const { stdout } = await run(['config', '--json'], {
    cwd,
    env: { DESPACHANTE_LOG_LEVEL: 'error' },
  });
  const { settings } = z
    .object({
      settings: z.record(z.string(), z.object({ value: z.unknown(), origin: z.string() })),
    })
    .parse(JSON.parse(stdout));
  assert.deepEqual(settings['legacyUrl'], {
    value: 'http://legacy.example',
    origin: '.env LEGACY_URL',
  });
  assert.deepEqual(settings['log.level'], {
    value: 'error',
    origin: 'environment DESPACHANTE_LOG_LEVEL',
  });
});

test('colours are for terminals, or where --color asks for them', async (t) => {
  const cwd = emptyFolder(t);
  const isColoured = async (...words: string[]) =>
    (await run(['config', ...words], { cwd })).stdout.includes('\u{1b}[');
  assert.equal(await isColoured(), false);
  assert.equal(await isColoured('--color'), true);
  assert.equal(await isColoured('--no-color'), false);
});

/** What bash offers behind what was typed. */
async function completer(cwd: string): Promise<(typed: string) => string> {
  const { stdout } = await run(['completion', 'bash'], { cwd });
  return (typed) => {
    const words = typed.split(' ');
    const array = words.map((word) => `'${word}'`).join(' ');
    const command = `despachante() { "${process.execPath}" "${CLI}" "$@"; }`;
    const script = `${command}\n${stdout}\nCOMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _despachante; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', script], { cwd }).toString().trim();
  };
}

test('a completion script leads from the words that were typed to those that may follow', async (t) => {
  const complete = await completer(emptyFolder(t));
  assert.equal(complete('despachante st'), 'start status');
  assert.equal(complete('despachante --json failures re'), 'redrive');
  assert.equal(complete('despachante failures redrive reg-1 --can'), '--canary --canary-timeout');
  for (const shell of ['zsh', 'fish'])
    assert.match((await run(['completion', shell])).stdout, /failures redrive/);
  // Without -- an option that was typed is one of the command "string" of fish.
  assert.match((await run(['completion', 'fish'])).stdout, /string join -- ' ' \$place \$word/);
});

test('a completion script asks for the names of workers, folders and settings', async (t) => {
  const cwd = emptyFolder(t);
  const url = 'http://127.0.0.1:9';
  const queue = { name: 'orders', broker_url: 'amqp://here', handler: { type: 'http', url } };
  writeFileSync(join(cwd, 'queues.yaml'), JSON.stringify({ queues: [queue] }));
  const folder = { name: 'invoices', path: 'inbox', send: { url } };
  writeFileSync(join(cwd, 'folders.yaml'), JSON.stringify({ folders: [folder] }));
  const complete = await completer(cwd);
  assert.equal(complete('despachante tasks run o'), 'orders');
  assert.equal(complete('despachante failures list --from '), 'orders invoices');
  assert.equal(complete('despachante help settings legacy.onU'), 'legacy.onUnknown');
  assert.equal(complete('despachante help se'), 'settings');
});

test('a completion says nothing of a server that is away, or of a file with faults', async (t) => {
  const cwd = emptyFolder(t);
  const env = { MONGODB_URI: 'mongodb://127.0.0.1:1/' };
  const nothing = { code: 0, stdout: '', stderr: '' };
  assert.deepEqual(await run(['completion', 'doubts'], { cwd, env }), nothing);
  writeFileSync(join(cwd, 'folders.yaml'), 'folders: 7');
  assert.deepEqual(await run(['completion', 'sources'], { cwd, env }), nothing);
});

test('in a clone ./despachante is the command', () => {
  assert.equal(execFileSync('./despachante', ['--version']).toString(), `${VERSION}\n`);
});
