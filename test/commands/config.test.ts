import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyFolder, run } from './cli.ts';

const env = {
  AMQP_URL: 'amqp://user:geheim@broker:5672',
  LEGACY_AUTHORIZATION: 'Bearer geheim',
  REGISTRATION_ID_KEY: 'geheim-geheim-geheim',
};

test('the configuration is told with where each value is from, and without secrets', async (t) => {
  const cwd = emptyFolder(t);
  writeFileSync(join(cwd, 'despachante.yaml'), 'intake:\n  batchSize: 7\n');
  const { code, stdout } = await run(['config'], { cwd, env });
  assert.equal(code, 0);
  assert.match(stdout, /^intake\.batchSize +7 +despachante\.yaml:2$/m);
  assert.match(stdout, /^amqpUrl +amqp:\/\/\*\*\*@broker:5672 +environment AMQP_URL$/m);
  assert.doesNotMatch(stdout, /geheim/);
  assert.ok(!stdout.includes('\u001b'), 'colours are for terminals');
});

test('what a preset says is told as such, and what is written over it as written', async (t) => {
  const cwd = emptyFolder(t);
  const yaml = "legacy:\n  preset: location-202\n  poll:\n    statuses: { '202': state }\n";
  writeFileSync(join(cwd, 'despachante.yaml'), yaml);
  const { stdout } = await run(['config'], { cwd });
  for (const line of [
    /^legacy\.submit\.requestIdHeader +Location +preset location-202$/m,
    /^legacy\.poll\.statuses\.303 +result +preset location-202$/m,
    /^legacy\.poll\.statuses\.202 +state +despachante\.yaml:4$/m,
    /^legacy\.submit\.method +POST +default$/m,
  ])
    assert.match(stdout, line);
});

test('with --json, before or after the command, it is one document, without secrets', async (t) => {
  const cwd = emptyFolder(t);
  const after = await run(['config', '--json'], { cwd, env });
  const before = await run(['--json', 'config'], { cwd, env });
  assert.equal(after.stdout, before.stdout);
  assert.doesNotMatch(after.stdout, /geheim/);
  const document: unknown = JSON.parse(after.stdout);
  assert.ok(typeof document === 'object' && document !== null && 'settings' in document);
});

test('--config names another file, and one that is not there is told', async (t) => {
  const cwd = emptyFolder(t);
  writeFileSync(join(cwd, 'other.yaml'), 'intake: { batchSize: 9 }\n');
  const { stdout } = await run(['--config', 'other.yaml', 'config'], { cwd });
  assert.match(stdout, /^intake\.batchSize +9 +other\.yaml:1$/m);
  const { code, stderr } = await run(['--config', 'none.yaml', 'config'], { cwd });
  assert.equal(code, 2);
  assert.match(stderr, /none\.yaml/);
});
