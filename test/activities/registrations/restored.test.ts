/** The script of docs/how-to/backup-and-restore.md, on claims of a database that is older than the truth. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { runInNewContext } from 'node:vm';
import type { Document, Filter, UpdateFilter, UpdateOptions } from 'mongodb';
import { call, claimRequest, testBed } from '../../helpers/activities.ts';

const bed = await testBed(
  { after },
  {
    replace: {
      runStates: (ids) => Promise.resolve(new Map(ids.map((id) => [id, 'closed'] as const))),
    },
  },
);
const { journal } = bed.store;

/** As mongosh has it, which waits for each call. */
async function runScript(): Promise<void> {
  const [, script] =
    /^ *```js\n([\s\S]*?)^ *```$/m.exec(
      readFileSync('docs/how-to/backup-and-restore.md', 'utf8'),
    ) ?? [];
  assert.ok(script);
  let done: Promise<unknown> = Promise.resolve();
  const next = (work: () => Promise<unknown>): void => void (done = done.then(work));
  const collectionOf = (name: string) => {
    const collection = bed.store.db.collection(name);
    return {
      find: (filter: Filter<Document>) => ({
        forEach: (each: (document: Document) => void) =>
          next(async () => {
            for (const document of await collection.find(filter).toArray()) each(document);
          }),
      }),
      updateOne: (
        filter: Filter<Document>,
        update: UpdateFilter<Document>,
        options?: UpdateOptions,
      ) => next(() => collection.updateOne(filter, update, options)),
    };
  };
  const db = new Proxy({}, { get: (_, name) => collectionOf(String(name)) });
  runInNewContext(script, { db, Date });
  for (let seen; seen !== done;) await (seen = done);
}

/** Claimed by a run that is closed by now, with this in the restored journal. */
async function claimedBefore(state: 'accepted' | 'not-accepted' | null): Promise<string> {
  const id = bed.id();
  await call(bed.claim, [claimRequest(id)], { workflowId: 'run-before' });
  const entry = `${id}~0#1`;
  if (state === null) return id;
  await journal.open([entry], new Map(), 'token');
  await journal.close([{ entry, state, requestId: 'R-1', reason: null }], 'token');
  return id;
}

const takenOver = async (id: string) =>
  (await call(bed.claim, [claimRequest(id, { index: 7 })], { workflowId: 'run-after' }))[0]?.kind;

test('after a restore a claim that may have been sent is a doubt, and not POSTed again', async () => {
  const unprotected = await claimedBefore(null);
  assert.equal(await takenOver(unprotected), 'claimed', 'without the script it would be sent');
  const never = await claimedBefore(null);
  const notAccepted = await claimedBefore('not-accepted');
  const accepted = await claimedBefore('accepted');
  await runScript();
  assert.deepEqual(
    [await takenOver(never), await takenOver(notAccepted), await takenOver(accepted)],
    ['in-doubt', 'in-doubt', 'resumed'],
  );
});
