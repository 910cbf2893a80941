/** What a command prints into a pipe, which takes 64 KiB at once, or some 200 KiB where it is one that Node has made. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { z } from 'zod';
import { claimKey } from '../../src/domain/names.ts';
import { storedClaim, storedEntry } from '../helpers/stored.ts';
import { start, testPlace } from './cli.ts';

const COUNT = 3_000;
const PIPE_BYTES = 256 * 1024;
const ids = Array.from({ length: COUNT }, (_, n) => `reg-${n}`);

/** A command under way that lists so many doubts that they are longer than a pipe. */
async function listing(t: TestContext) {
  const place = await testPlace(t);
  const { claims, journal } = place.store;
  await claims.insert(ids.map((id) => storedClaim(id)));
  const reason = 'no answer within 30000 ms';
  await journal.collection.insertMany(
    ids.map((id) => storedEntry(claimKey(id, 0), 'unknown', 1, { reason })),
  );
  const child = start(['doubts', 'list', '--json'], place.folder, place.env);
  const gone = once(child, 'close');
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  child.stdin.end();
  return { child, gone, errors };
}

const listOf = z.array(z.object({ id: z.string() }));

test('what is longer than a pipe arrives whole, also when its reader is slow to begin', async (t) => {
  const { child, gone, errors } = await listing(t);
  // Nothing is read until there is something in the pipe.
  await once(child.stdout, 'readable');
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await gone;
  const printed = Buffer.concat(chunks);
  assert.equal(child.exitCode, 0, errors.join(''));
  assert.ok(printed.length > 2 * PIPE_BYTES, `only ${printed.length} bytes`);
  const listed = listOf.parse(JSON.parse(printed.toString()));
  assert.deepEqual(listed.map(({ id }) => id).sort(), [...ids].sort());
});

test('a reader that leaves early is no fault of the command', async (t) => {
  const { child, gone, errors } = await listing(t);
  child.stdout.once('data', () => child.stdout.destroy());
  await gone;
  assert.deepEqual([child.exitCode, child.signalCode, errors], [0, null, []]);
});
