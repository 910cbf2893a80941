/** What a command prints into a pipe, which takes 64 KiB at once, or some 200 KiB where it is one that Node has made. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { binary } from '../../src/claims.ts';
import { claimKey, entryKey } from '../../src/domain/names.ts';
import type { Entry } from '../../src/journal.ts';
import { start, testPlace } from './cli.ts';

const COUNT = 3_000;
const PIPE_BYTES = 256 * 1024;
const AT = new Date();
const ids = Array.from({ length: COUNT }, (_, n) => `reg-${n}`);

/** A place with so many doubts that their list is longer than a pipe. */
async function placeInDoubt(t: TestContext) {
  const place = await testPlace(t);
  const { claims, journal } = place.store;
  await claims.insert(
    ids.map((id, index) => ({
      _id: claimKey(id, 0),
      registration: id,
      generation: 0,
      conflict: false,
      workflowId: `registrations/reg-0+${COUNT - 1}/4f1c`,
      index,
      bodyHash: 'a'.repeat(64),
      message: { body: binary(''), properties: '' },
      receivedAt: AT,
      claimedAt: AT,
      outcome: null,
      settledAt: null,
    })),
  );
  await journal.collection.insertMany(
    ids.map((id): Entry => ({
      _id: entryKey(claimKey(id, 0), 1),
      state: 'unknown',
      token: 't',
      at: AT,
      tries: 1,
      requestId: null,
      reason: 'no answer within 30000 ms',
      answeredAt: AT,
      operator: null,
    })),
  );
  return place;
}

const listOf = z.array(z.object({ id: z.string() }));

test('what is longer than a pipe arrives whole, also when its reader is slow to begin', async (t) => {
  const { folder, env } = await placeInDoubt(t);
  const child = start(['doubts', 'list', '--json'], folder, env);
  const gone = once(child, 'close');
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end();
  // Nothing is read until there is something in the pipe.
  await once(child.stdout, 'readable');
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await gone;
  const printed = Buffer.concat(chunks);
  assert.equal(child.exitCode, 0, errors);
  assert.ok(printed.length > 2 * PIPE_BYTES, `only ${printed.length} bytes`);
  const listed = listOf.parse(JSON.parse(printed.toString()));
  assert.deepEqual(listed.map(({ id }) => id).sort(), [...ids].sort());
});

test('a reader that leaves early is no fault of the command', async (t) => {
  const { folder, env } = await placeInDoubt(t);
  const child = start(['doubts', 'list', '--json'], folder, env);
  const gone = once(child, 'close');
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  child.stdin.end();
  child.stdout.once('data', () => child.stdout.destroy());
  await gone;
  assert.deepEqual([child.exitCode, child.signalCode, errors], [0, null, '']);
});
