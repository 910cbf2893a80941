/** The activities over the real store and a legacy system, each call in an activity context of its own. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities } from '../../activities/registrations/create.ts';
import { createUnderWay } from '../../activities/under-way.ts';
import type { ClaimRequest } from '../../activities/registrations/wanted.ts';
import type { Settlement } from '../../activities/registrations/settle.ts';
import { claimKey, conflictKey } from '../../src/domain/names.ts';
import type { OutcomeKind } from '../../src/domain/registrations/outcome.ts';
import type { Config } from '../../src/config/schema.ts';
import type { FailureRecord, Failures } from '../../src/broker/rabbitmq/dead-letters.ts';
import { alwaysOpen } from './gate.ts';
import { createLegacy } from '../../src/registrations/legacy.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { createSlots } from '../../src/runtime/slots.ts';
import type { Store } from '../../src/registrations/store.ts';
import { testConfig } from './configuration.ts';
import { atEnd, testDatabase, uniqueName } from './servers.ts';
import type { Ending } from './servers.ts';
import type { Dependencies } from '../../activities/registrations/dependencies.ts';

/** What an activity knows of its attempt. */
export interface Attempt {
  workflowId: string;
  attempt: number;
  /** Cancelled before it begins. */
  cancelled: boolean;
  /** Tried inside the workflow task, where there is no heartbeat. */
  isLocal: boolean;
  heartbeatTimeoutMs: number;
}

const quiet = new DefaultLogger('ERROR');

/** An activity context. */
export function attemptOf({
  workflowId = 'run-1',
  attempt = 1,
  cancelled = false,
  isLocal = false,
  heartbeatTimeoutMs = 8_000,
}: Partial<Attempt>) {
  const environment = new MockActivityEnvironment(
    {
      attempt,
      isLocal,
      ...(isLocal ? {} : { heartbeatTimeoutMs }),
      workflowExecution: { workflowId, runId: '00000000-0000-0000-0000-000000000000' },
    },
    { logger: quiet },
  );
  if (cancelled) environment.cancel();
  return environment;
}

/** Calls an activity within a context that the test cancels. */
export const callWithin = <A, R>(
  environment: MockActivityEnvironment,
  activity: (argument: A) => Promise<R>,
  argument: A,
): Promise<R> => environment.run<[A], R, (argument: A) => Promise<R>>(activity, argument);

/** Calls an activity as one attempt. */
export const call = <A, R>(
  activity: (argument: A) => Promise<R>,
  argument: A,
  attempt: Partial<Attempt> = {},
): Promise<R> => callWithin(attemptOf(attempt), activity, argument);

/** Epoch ms at which what `settlementOf` makes has ended. */
export const ENDED_AT = 1_700_000_000_000;

/** How a registration of generation 0 ends, accepted 12 s before. */
export function settlementOf(
  id: string,
  kind: OutcomeKind,
  { reason, ...more }: Partial<Settlement> & { reason?: string } = {},
): Settlement {
  return {
    index: 0,
    id,
    claim: `${id}~0`,
    entry: `${id}~0#1`,
    requestId: `REQ-${id}`,
    acceptedAt: ENDED_AT - 12_000,
    polls: 2,
    doubt: false,
    outcome: { kind, at: ENDED_AT, ...(reason === undefined ? {} : { reason }) },
    ...more,
  };
}

/** For `assert.rejects`: a failure of this type, which Temporal's retry policy tries again. */
export const triedLater =
  (type: string) =>
  (error: unknown): true => {
    assert.ok(error instanceof ApplicationFailure, String(error));
    assert.equal(error.type, type);
    assert.notEqual(error.nonRetryable, true);
    return true;
  };

/** A failure queue that keeps its records for a test to look at, or refuses them. */
export interface RecordedFailures extends Failures {
  records: FailureRecord[];
  /** Thrown for each record that it names. */
  refuse: (record: FailureRecord) => Error | null;
}

export function recordedFailures(): RecordedFailures {
  const recorded: RecordedFailures = {
    records: [],
    refuse: () => null,
    publish(record) {
      const error = recorded.refuse(record);
      if (error !== null) return Promise.reject(error);
      recorded.records.push(record);
      return Promise.resolve();
    },
  };
  return recorded;
}

export interface TestBed extends ReturnType<typeof createActivities> {
  dependencies: Dependencies;
  failures: RecordedFailures;
  store: Store;
  /** A registration id that no other test has. */
  id: () => string;
}

/** Answers are waited for this long; a test that lets one wait does not want to wait long. */
export const TIMEOUT_MS = 400;

export interface BedOptions {
  legacyUrl?: string;
  legacy?: Partial<Config['legacy']>;
  mongodb?: Partial<Config['mongodb']>;
  /** Requests on the wire at once. */
  slots?: number;
  /** Shared by the tests of a file, since a database is slow to make. */
  store?: Store;
  replace?: Partial<Dependencies>;
}

/** Activities whose legacy system is at `legacyUrl`, nobody by default. */
export async function testBed(t: Ending, options: BedOptions = {}): Promise<TestBed> {
  const config = testConfig({
    legacyUrl: options.legacyUrl ?? NOBODY,
    // Servers that a test writes itself give the same request id to all.
    legacy: { timeout: TIMEOUT_MS, uniqueRequestIds: false, ...options.legacy },
    mongodb: options.mongodb ?? {},
  });
  const store = options.store ?? (await testDatabase(t, options.mongodb));
  const legacy = createLegacy(config);
  atEnd(t, () => legacy.close());
  const failures = recordedFailures();
  const dependencies: Dependencies = {
    ...store,
    legacy,
    failures,
    runStates: (ids) => Promise.resolve(new Map(ids.map((id) => [id, 'running']))),
    learner: { observe() {}, hasten() {} },
    plans: { replan: () => null },
    inFlight: { noteSent: () => Promise.resolve(), noteAnswered: () => Promise.resolve() },
    gate: alwaysOpen(createSlots(options.slots ?? 64)),
    underWay: createUnderWay(),
    metrics: createMetrics(),
    log: silent,
    legacyTimeoutMs: config.legacy.timeout,
    uniqueRequestIds: config.legacy.uniqueRequestIds,
    ...options.replace,
  };
  const { claim, ...others } = createActivities(dependencies);
  return {
    ...others,
    claim: async (requests) =>
      claim(await Promise.all(requests.map((request) => withToken(store, request)))),
    dependencies,
    failures,
    store,
    id: uniqueName,
  };
}

/** A redrive with the token that its record has, unless it has one of its own. */
export async function withToken<
  T extends Pick<ClaimRequest, 'id' | 'bodyHash' | 'failedGeneration' | 'token'>,
>({ claims }: Pick<Store, 'claims'>, delivery: T): Promise<T> {
  const { id, bodyHash, failedGeneration: redrive, token } = delivery;
  if (redrive === null || token !== undefined) return delivery;
  const [own, conflict] = [claimKey(id, redrive), conflictKey(id, redrive, bodyHash)];
  const found = await claims.find([own, conflict]);
  const known = found.get(conflict) ?? found.get(own);
  return known === undefined ? delivery : { ...delivery, token: known.token };
}

/** Port 9 is "discard": reserved, and nothing listens on it. */
export const NOBODY = 'http://127.0.0.1:9';

export const hashOf = (body: string): string => createHash('sha256').update(body).digest('hex');

/** What a run asks of `claim` for a body. */
export function claimRequest(
  id: string,
  { body = JSON.stringify({ id }), ...more }: Partial<ClaimRequest> & { body?: string } = {},
): ClaimRequest {
  return {
    index: 0,
    id,
    bodyHash: hashOf(body),
    message: { body: Buffer.from(body).toString('base64'), properties: '' },
    receivedAt: Date.now(),
    failedGeneration: null,
    ...more,
  };
}

/** Claims each body as the next index of one run, and gives what `submit` is asked. */
export async function claimed(
  { claim }: Pick<TestBed, 'claim'>,
  bodies: ({ id: string } & Record<string, unknown>)[],
  workflowId?: string,
): Promise<{ index: number; claim: string; entry: string }[]> {
  const requests = bodies.map((body, index) =>
    claimRequest(body.id, { index, body: JSON.stringify(body) }),
  );
  const answers = await call(claim, requests, workflowId === undefined ? {} : { workflowId });
  return answers.map((answer) => {
    if (answer.kind !== 'claimed') throw new Error(`expected a claim, got ${answer.kind}`);
    return { index: answer.index, claim: answer.claim, entry: answer.entry };
  });
}
