import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { address, atEnd } from '../helpers/servers.ts';
import { testPlace } from '../helpers/workers.ts';

const BRIEF = fileURLToPath(new URL('../helpers/brief-workers.js', import.meta.url));
/** A process that holds on to something would never end. */
const ENDS_MS = 180_000;

/** Starts a worker and stops it after so many ms, one after the other; resolves with how the process has ended. */
async function brief(t: TestContext, name: string, amqpUrl: string, stops: number[]) {
  const child = spawn(process.execPath, [BRIEF, name, amqpUrl, ...stops.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: ENDS_MS,
  });
  const exit = once(child, 'exit');
  atEnd(t, () => void child.kill('SIGKILL'));
  const printed = await text(child.stdout);
  await exit;
  const { exitCode, signalCode } = child;
  return { printed, exitCode, signalCode };
}
const all = (stops: number[]) => ({
  printed: stops.map((ms) => `stopped after ${ms}\n`).join(''),
  exitCode: 0,
  signalCode: null,
});

test('workers that are stopped while they start leave nothing behind, wherever they are', async (t) => {
  const { name } = await testPlace(t);
  const stops = [0, 20, 60, 150, 300, 600];
  assert.deepEqual(await brief(t, name, address('AMQP_URL'), stops), all(stops));
});

test('workers whose broker is away are stopped without it, and leave nothing behind', async (t) => {
  const { name } = await testPlace(t);
  assert.deepEqual(await brief(t, name, 'amqp://127.0.0.1:1', [0, 300]), all([0, 300]));
});
