/** Processes under a supervisor, and how they end: teardown waits for none for ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startChild } from '../../src/runtime/child.ts';
import { supervise } from './supervised.ts';
import { eventually } from '../helpers/eventually.ts';
import { atEnd } from '../helpers/servers.ts';
import type { Ending } from '../helpers/servers.ts';

/** A program of its own in the place of ours; it writes its pid first. */
function placeFor(t: Ending, program: string) {
  const folder = mkdtempSync(join(tmpdir(), 'despachante-supervised-'));
  const [cli, pidFile] = [join(folder, 'cli.mjs'), join(folder, 'pid')];
  const head = `import { writeFileSync } from 'node:fs';\nwriteFileSync(${JSON.stringify(pidFile)}, String(process.pid));\n`;
  writeFileSync(cli, head + program);
  const pid = () => Number(readFileSync(pidFile, 'utf8'));
  atEnd(t, () => {
    if (isThere(pid())) process.kill(pid(), 'SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const options = { args: ['worker'], env: {}, logFile: join(folder, 'log'), cli };
  return { options, pid };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const STAYS = 'setInterval(() => {}, 1_000);\n';
const IS_UP = 'process.send({});\n';
const LEAVES = "process.on('SIGTERM', () => process.exit(0));\n";

test(
  'one that is not up yet, and may never be, is killed when it is to be over',
  { timeout: 20_000 },
  async (t) => {
    const { options, pid } = placeFor(t, STAYS);
    const supervised = supervise((giveUp) => startChild({ ...options, giveUp }));
    await eventually('it runs', () => Promise.resolve(assert.ok(isThere(pid()))));
    await supervised.stop();
    assert.equal(isThere(pid()), false);
    assert.equal(supervised.starts(), 1);
  },
);

test('one that was paused hears that it is asked to leave', { timeout: 20_000 }, async (t) => {
  const { options, pid } = placeFor(t, LEAVES + IS_UP + STAYS);
  const child = await startChild(options);
  process.kill(pid(), 'SIGSTOP');
  await child.stop();
  assert.equal(await child.exited, 0);
});

test(
  'one that does not leave is killed after a time, and is not started again',
  { timeout: 20_000 },
  async (t) => {
    const { options, pid } = placeFor(t, `process.on('SIGTERM', () => {});\n${IS_UP}${STAYS}`);
    let isUp = false;
    const supervised = supervise(async (giveUp) => {
      const child = await startChild({ ...options, stopMs: 300, giveUp });
      isUp = true;
      return child;
    });
    await eventually('it is up', () => Promise.resolve(assert.ok(isUp)));
    await supervised.stop();
    assert.equal(isThere(pid()), false);
    assert.equal(supervised.starts(), 1);
  },
);
