import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { defineWorker, getResult, send } from 'despachante';
import { configureTest } from '../helpers/door.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd } from '../helpers/servers.ts';
import { emptyFolder, start } from './cli.ts';

/** To send to: the code that runs is that of the folder. */
const greet = defineWorker({ name: 'Greet', handle: () => '' });

const codeOf = (body: string, more = '') => `import { defineWorker } from 'despachante';
export default defineWorker({
  name: 'Greet',${more}
  async handle(message, { log, attempt }) {
    ${body}
  },
});
`;

test('dev puts a changed file in force, lets what runs begin anew, and keeps the old one where the new one is broken', async (t) => {
  const { env } = configureTest(t, { DESPACHANTE_LOG_LEVEL: 'info' });
  // Where the package is found by its name.
  const folder = mkdtempSync(join(import.meta.dirname, 'dev-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const write = (text: string) => writeFileSync(join(folder, 'greet.ts'), text);
  write(
    codeOf(`if (message === 'wait') {
      log.info('It has begun');
      await new Promise(() => {});
    }
    return 'one';`),
  );

  const child = start(['tasks', 'dev', '--workers', folder, '--port', '0'], emptyFolder(t), env);
  atEnd(t, async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
  });
  child.stdout.resume();
  const lines: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line));
  const told = (words: RegExp) =>
    eventually(`a line of ${words}`, () => assert.ok(lines.some((line) => words.test(line))));
  const resultOf = async (message: string) => {
    const { id } = await send(greet, message);
    return (await getResult(greet, id, { wait: '60s' }))?.result;
  };

  assert.equal(await resultOf('hi'), 'one');
  const { id } = await send(greet, 'wait');
  await told(/It has begun/);

  write(codeOf('return `two ${attempt}`;'));
  await told(/Handlers run anew: greet\.ts has changed"/);
  assert.equal((await getResult(greet, id, { wait: '60s' }))?.result, 'two 1');

  write(codeOf('return three };\n'));
  await told(/Handlers stay as they were before the change: .*greet\.ts.*:\d+: SyntaxError/);
  assert.equal(await resultOf('hi'), 'two 1');

  write(codeOf("return 'four';", ' concurrency: 8,'));
  await told(/greet\.ts has changed\. Sources, options, .* wait for a restart/);
  assert.equal(await resultOf('hi'), 'four');
});
