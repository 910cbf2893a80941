/** Reads what an audit adds up, from the queue downstream: what moves meanwhile is seen twice rather than not at all. */
import type { RabbitConnection } from '../broker/rabbitmq/connection.ts';
import type { Client } from '@temporalio/client';
import { bodyHashOf } from '../broker/body-hash.ts';
import type { Config } from '../config/schema.ts';
import type { AuditClaim, AuditEntry, AuditInput } from '../domain/audit/audit-account.ts';
import { LOOK_UP, WORKFLOW_TYPE } from '../domain/names.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { isDead } from '../domain/run-life.ts';
import { findDoubts } from '../registrations/doubts.ts';
import { idempotencyKey } from '../registrations/journal.ts';
import { chunks } from '../runtime/chunks.ts';
import type { OpenClaim } from '../registrations/open-claims.ts';
import { openFailureQueue } from '../broker/rabbitmq/dead-letter-queue.ts';
import type { PublishedEntry } from './published-ledger.ts';
import { parseRules } from '../registrations/delivery.ts';
import { fieldsRead, placesOf, type Stored } from '../registrations/own-documents.ts';
import { storedId } from '../registrations/stored-id.ts';
import { mapLimit } from '../runtime/map-limit.ts';
import { queueDepths } from '../broker/rabbitmq/queues.ts';
import { broughtRegistrations, openRuns, runStates } from '../temporal/runs.ts';
import type { Store } from '../registrations/store.ts';

interface AuditNeeds extends Pick<AuditInput, 'filings'> {
  config: Config;
  rabbit: RabbitConnection;
  client: Client;
  store: Store;
  published: PublishedEntry[] | null;
}

/** @throws what a neighbour throws: an audit of a part would prove nothing */
export async function readAudit(needs: AuditNeeds): Promise<AuditInput> {
  const { config, rabbit, client, store, published, filings } = needs;
  const plain = (id: string) => plainId(id, config.mongodb.matchType);
  const { intakeQueue, returnedQueue, failureQueue } = config.rabbit;
  const depths = await queueDepths(rabbit, [intakeQueue, returnedQueue, failureQueue]);
  const running = await openRuns(client, WORKFLOW_TYPE, config.temporal.taskQueue);
  const claims = await readClaims(store);
  const doubts = await findDoubts(store, config.legacy.timeout);
  const aside = store.setAside.collection.find({}, { projection: { _id: 1 } });
  const setAside = new Set(await Array.fromAsync(aside, ({ _id }) => _id));
  const { unclaimed, unreadable } = await unclaimedIn(client, running, claims);
  const open = claims.filter(({ key, settled }) => !settled && !setAside.has(key));
  return {
    published:
      published?.map(({ id, sha256 }) => ({ id: id === null ? null : plain(id), hash: sha256 })) ??
      null,
    claims,
    doubts: new Set(doubts.map(({ claim }) => claim._id)),
    setAside,
    malformed: await readMalformed(store),
    unclaimed,
    unreadable,
    closedRuns: await closedRuns(client, running, open, store),
    registered: await readRegistered(store, claims, config),
    failures: depths[failureQueue] === null ? [] : await readFailures(rabbit, config),
    waiting: (depths[intakeQueue]?.messages ?? 0) + (depths[returnedQueue]?.messages ?? 0),
    filings:
      filings?.map(({ registration, key }) => ({ registration: plain(registration), key })) ?? null,
    entries: filings === null ? [] : await readEntries(store),
    uniqueRequestIds: config.legacy.uniqueRequestIds,
    resubmits: config.legacy.onUnknown === 'resubmit',
  };
}

async function readClaims({ claims }: Store): Promise<AuditClaim[]> {
  const found: AuditClaim[] = [];
  const all = claims.collection.find({}).project<OpenClaim>({ message: 0 });
  for await (const some of chunks(all)) found.push(...claims.sound(some).map(auditClaimOf));
  return found;
}

function auditClaimOf(claim: OpenClaim): AuditClaim {
  const { _id, item: registration, generation, conflict, token } = claim;
  const { bodyHash, workflowId, outcome } = claim;
  return {
    key: _id,
    registration,
    generation,
    conflict,
    token,
    bodyHash,
    workflowId,
    claimedAt: claim.claimedAt.getTime(),
    outcome,
    settled: claim.settledAt !== null,
    settledAt: claim.settledAt?.getTime() ?? null,
    isDropped: claim.gone?.as === 'dropped',
  };
}

async function readMalformed({ malformed }: Store): Promise<AuditInput['malformed']> {
  const notes = await malformed.all();
  return new Map(notes.map(({ _id, gone }) => [_id, { isDropped: gone?.as === 'dropped' }]));
}

/** A run that has no claim at all has not come to it: its input says what it brings. */
async function unclaimedIn(client: Client, running: ReadonlySet<string>, claims: AuditClaim[]) {
  const claiming = new Set(claims.map(({ workflowId }) => workflowId));
  const yet = [...running].filter((workflowId) => !claiming.has(workflowId));
  const unreadable: AuditInput['unreadable'] = [];
  // Thousands of questions at once would be refused by Temporal's rate limits.
  const inputs = await mapLimit(yet, 20, async (workflowId) => {
    const brought = await broughtRegistrations(client, workflowId);
    if (brought.unreadable === undefined) return brought.items;
    unreadable.push({ id: workflowId, what: brought.unreadable });
    return [];
  });
  const unclaimed = inputs.flat().map(({ id, bodyHash }) => ({ id, hash: bodyHash }));
  return { unclaimed, unreadable };
}

/** Visibility lags, so that each run it does not list is asked for, and the claim read again: it may have been settled. */
async function closedRuns(
  client: Client,
  running: ReadonlySet<string>,
  unsettledClaims: AuditClaim[],
  store: Store,
): Promise<Set<string>> {
  const suspects = unsettledClaims
    .map(({ workflowId }) => workflowId)
    .filter((id) => !running.has(id));
  const states = await runStates(client, suspects);
  const closed = suspects.filter((workflowId) => isDead(states.get(workflowId) ?? 'running'));
  const unsettled = await store.claims.collection.distinct('workflowId', {
    workflowId: { $in: closed },
    settledAt: null,
  });
  return new Set(unsettled);
}

async function readRegistered(store: Store, claims: AuditClaim[], { mongodb }: Config) {
  const { match, matchType, statusField, registeredWord, registeredAtField } = mongodb;
  const collection = store.theirs.collection<Stored>(mongodb.collection);
  const projection = fieldsRead(mongodb);
  const registered = new Map<string, number | null>();
  for await (const some of chunks(claims)) {
    const asked = some.map(({ registration, outcome }) => {
      return { id: registration, requestId: outcome?.requestId ?? null };
    });
    const ids = asked.map(({ id }) => storedId(id, matchType));
    const wanted = { [match]: { $in: ids }, [statusField]: registeredWord };
    const found = await collection.find(wanted, { projection }).toArray();
    const times = new Map(found.map((each) => [each._id, timeIn(each[registeredAtField ?? ''])]));
    for (const [at, place] of placesOf(asked, found, mongodb).entries()) {
      const id = asked[at]?.id;
      if (id === undefined || !Array.isArray(place)) continue;
      for (const _id of place) registered.set(id, times.get(_id) ?? null);
    }
  }
  return registered;
}

const timeIn = (at: unknown): number | null => (at instanceof Date ? at.getTime() : null);

async function readFailures(rabbit: RabbitConnection, config: Config) {
  const queue = await openFailureQueue(rabbit, config.rabbit.failureQueue, parseRules(config));
  const found = await Array.fromAsync(
    queue.messages(),
    ({ name: messageId, failureClass, token, body }) => {
      return { messageId, failureClass, token, hash: bodyHashOf(body) };
    },
  );
  await queue.close();
  return found;
}

function readEntries(store: Store): Promise<AuditEntry[]> {
  const all = store.journal.collection.find({}, { projection: { state: 1, operator: 1 } });
  return Array.fromAsync(all, ({ _id, state, operator }) => {
    const isReplaced = state === 'superseded' && operator === LOOK_UP;
    const key = idempotencyKey(_id);
    return { entry: _id, key, state, isDecided: operator !== null, isReplaced };
  });
}
