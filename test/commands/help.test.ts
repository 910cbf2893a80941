import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommandLine } from '../../src/command-line.ts';
import { emptyFolder, run } from './cli.ts';
import type { Result } from './cli.ts';

const COMMANDS = [
  'actions',
  'audit',
  'config',
  'contract explain',
  'contract try',
  'doctor',
  'doubts',
  'doubts abandon',
  'doubts confirm',
  'doubts list',
  'doubts resubmit',
  'failures',
  'failures compare',
  'failures drop',
  'failures groups',
  'failures list',
  'failures redrive',
  'failures show',
  'intake',
  'latency',
  'limits',
  'limits set',
  'limits show',
  'limits unset',
  'pause',
  'publish',
  'redrive',
  'redrive status',
  'redrive stop',
  'resume',
  'simulate',
  'start',
  'status',
  'tasks',
  'tasks dev',
  'tasks list',
  'tasks result',
  'tasks run',
  'tasks send',
  'tasks setup',
  'worker',
];

/** Runs a command line that ends before it does anything, in this process. */
async function say(words: string[]): Promise<Result> {
  const result: Result = { code: null, stdout: '', stderr: '' };
  result.code = await runCommandLine(words, {
    writeOut: (text) => (result.stdout += text),
    writeErr: (text) => (result.stderr += text),
  });
  return result;
}

for (const command of COMMANDS) {
  test(`"${command} --help" explains itself, tells of --json and gives an example that can be read`, async () => {
    const { code, stdout } = await say([...command.split(' '), '--help']);
    assert.equal(code, 0);
    assert.match(stdout, new RegExp(`^Usage: despachante ${command} `));
    assert.match(stdout, /--json/);
    const [, example = ''] = /^Example: (?:despachante|npm) (.*)$/m.exec(stdout) ?? [];
    const words = [...example.matchAll(/"([^"]*)"|(\S+)/g)]
      .map(([, quoted, bare]) => quoted ?? bare ?? '')
      .filter((word) => word !== '--');
    assert.ok(words.join(' ').startsWith(command.split(' ')[0] ?? '?'), example);
    assert.equal((await say([...words, '--help'])).code, 0);
  });
}

test('without a command the help tells all of them, and the exit codes', async () => {
  const { stdout } = await say(['--help']);
  for (const command of COMMANDS) {
    assert.match(stdout, new RegExp(`^  ${command.split(' ')[0]}\\b`, 'm'));
  }
  assert.match(stdout, /Exit codes:/);
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

test('a neighbour that is not there is told in one sentence with its masked address: exit code 1', async (t) => {
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
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^Cannot connect to RabbitMQ at amqp:\/\/\*\*\*@127\.0\.0\.1:1: [^\n]+\n$/,
    );
  }
});
