import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPublishedLedger, readPublishedLedger } from '../../src/audit/published-ledger.ts';
import { emptyFolder } from '../commands/cli.ts';

const line = (id: string): string => JSON.stringify({ id, sha256: 'a'.repeat(64) });

/** A ledger with this at its end, to which `c` is added; the ids in it then. */
async function afterOneMore(file: string, end: string): Promise<(string | null)[]> {
  writeFileSync(file, end);
  const ledger = await openPublishedLedger(file);
  ledger.add({ id: 'c', body: Buffer.from('{}') });
  await ledger.close();
  return (await readPublishedLedger(file)).entries.map(({ id }) => id);
}

test('a ledger whose writer was killed within a line can be written on, and read', async (t) => {
  const file = join(emptyFolder(t), 'published.jsonl');
  const torn = line('b').slice(0, -10);
  assert.deepEqual(await afterOneMore(file, `${line('a')}\n${torn}`), ['a', 'c']);
  assert.ok(!readFileSync(file, 'utf8').includes(torn));
  assert.deepEqual(await afterOneMore(file, torn), ['c']);
  assert.deepEqual(await afterOneMore(file, `${line('a')}\n`), ['a', 'c']);
});

test('a last line that is whole stays, though nothing ends it', async (t) => {
  const file = join(emptyFolder(t), 'published.jsonl');
  assert.deepEqual(await afterOneMore(file, `${line('a')}\n${line('b')}`), ['a', 'b', 'c']);
});
