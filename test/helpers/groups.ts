/** Groups of failures as they are counted beside the claims, and as the claims have them. */
import assert from 'node:assert/strict';
import type { Document } from 'mongodb';
import { openGroupCounts } from '../../src/claims/group-counts.ts';
import { claimKey } from '../../src/domain/names.ts';
import type { FailureClass } from '../../src/domain/registrations/outcome.ts';
import type { OwnCollection, OwnDatabase } from '../../src/mongo/collections.ts';
import { registrationFailures } from '../../src/operations/registration-failures.ts';
import { failureGroups } from '../../src/operations/stored-failures.ts';
import { taskFailures } from '../../src/operations/task-failures.ts';
import type { Store } from '../../src/registrations/store.ts';
import { silent } from '../../src/runtime/log.ts';
import { testConfig } from './configuration.ts';
import { testDatabase, uniqueName, type Ending } from './servers.ts';
import { storedClaim } from './stored.ts';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const WORKER = 'Mail';
export const RUN = 'run-1';
const config = testConfig();

type Way = Parameters<typeof openGroupCounts>[1];

export const countsOf = (own: OwnDatabase, needs: Partial<Way> = {}) =>
  openGroupCounts(own, { retention: 90 * DAY, log: silent, ...needs });

/** In a database of its own, counted for the first time. */
export async function place(t: Ending) {
  const store = await testDatabase(t);
  const counts = countsOf(store.own);
  await counts.recountIfDue(Date.now());
  return { store, counts };
}

/** All that wait, as the claims have them. */
export async function inClaims({ own, ...store }: Store): Promise<unknown[]> {
  const flows = [
    registrationFailures(config, { own, ...store }),
    taskFailures(config, own, WORKER),
  ];
  const found = (await Promise.all(flows.map((flow) => failureGroups(flow)))).flat();
  return rowsOf(found.filter(({ waiting }) => waiting > 0));
}

export async function counted(counts: ReturnType<typeof countsOf>): Promise<unknown[]> {
  assert.equal(await counts.catchUp(Date.now()), null);
  const { all, waiting, largest } = await counts.read(Date.now(), 1_000);
  assert.equal(all, largest.length);
  assert.equal(
    waiting,
    largest.reduce((sum, each) => sum + each.waiting, 0),
  );
  return rowsOf(largest);
}

interface Row {
  class: string;
  reason: string;
  waiting: number;
  total: number;
  redriven: number;
  finishedLater: number;
  lastHour: number;
}

const rowsOf = (groups: readonly Row[]): unknown[] =>
  groups
    .map(({ reason, ...each }) => {
      const { waiting, total, redriven, finishedLater, lastHour } = each;
      return [reason, each.class, waiting, total, redriven, finishedLater, lastHour];
    })
    .sort((a, b) => (String(a) < String(b) ? -1 : 1));

/** So many registrations that were rejected, or have failed otherwise, by their claims. */
export async function rejected(
  { claims }: Pick<Store, 'claims'>,
  count: number,
  reason: string,
  kind: FailureClass = 'rejected',
) {
  const ids = Array.from({ length: count }, uniqueName);
  await claims.insert(ids.map((id) => storedClaim(id, { workflowId: RUN })));
  const end = { requestId: 'REQ-1', acceptedAt: null, doubt: false, polls: 0, at: new Date() };
  await claims.settled(
    ids.map((id) => ({
      claim: claimKey(id, 0),
      outcome: { ...end, kind, reason, entry: '' },
    })),
    RUN,
  );
  return ids.map((id) => claimKey(id, 0));
}

export const seen = (claims: readonly string[]) =>
  claims.map((claim) => ({ claim, at: new Date().toISOString() }));

const WRITES = ['insertMany', 'updateOne', 'updateMany', 'deleteMany'];

/** The same collections; `before` is waited for before each write. */
export function watched(own: OwnDatabase, before: (n: number) => Promise<void>): OwnDatabase {
  let writes = 0;
  return {
    collection: <T extends Document>(name: OwnCollection) =>
      new Proxy(own.collection<T>(name), {
        get(target, key) {
          const value: unknown = Reflect.get(target, key);
          if (typeof value !== 'function') return value;
          return (...args: unknown[]): unknown => {
            if (!WRITES.includes(String(key))) return Reflect.apply(value, target, args);
            return before(writes++).then((): unknown => Reflect.apply(value, target, args));
          };
        },
      }),
  };
}
