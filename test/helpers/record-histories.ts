/**
 * Records what test/workflows/replay.test.ts replays: `node dist/test/helpers/record-histories.js`, on a real Temporal
 * (TEMPORAL_ADDRESS). Only for paths that are new: a recorded history is a promise to the runs that are open, and is
 * never recorded anew because the workflow changed (docs/decisions/0015-deploys.md names the one exception). The activities are scripted, so that there is no personal data in it.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import type { Activities } from '../../activities/registrations/create.ts';
import type { PollAnswer, SubmitAnswer } from '../../src/domain/registrations/answers.ts';
import type { PollPlan } from '../../src/domain/registrations/poll-plan.ts';
import { WORKFLOW_TYPE } from '../../src/domain/names.ts';
import { WORKFLOW_BUNDLE } from '../../src/temporal/bundle-workflows.ts';
import { registerSearchAttributes } from '../../src/temporal/client.ts';
import { acceptedApart, newCalls, registrationsOf, rules, willing } from './workflow-env.ts';

const FOLDER = 'test/histories';
const address = process.env['TEMPORAL_ADDRESS'] ?? 'localhost:7233';

interface Recording {
  name: string;
  count: number;
  localFirst: boolean;
  activities?: Partial<Activities>;
  rules?: Partial<typeof rules>;
  during?: (run: WorkflowHandle) => Promise<unknown>;
}

type Numbered = { index: number }[];
const answers = (items: Numbered, of: (index: number) => PollAnswer): Promise<PollAnswer[]> =>
  Promise.resolve(items.map(({ index }) => of(index)));
const accepted = (index: number): SubmitAnswer => ({
  index,
  kind: 'accepted',
  requestId: `REQ-${index}`,
  at: Date.now(),
});
/** The first two hours ago. */
const acceptedBefore = (index: number): SubmitAnswer => ({
  ...accepted(index),
  ...(index === 0 ? { at: Date.now() - 7_200_000 } : {}),
});
const soon = { offsets: [100, 200, 300, 400], tail: 100, longest: 300 };
const lost = (items: { index: number; entry: string }[]): Promise<SubmitAnswer[]> =>
  Promise.resolve(
    items.map(({ index, entry }) =>
      entry.endsWith('#1')
        ? { index, kind: 'unknown', reason: 'the answer was lost' }
        : accepted(index),
    ),
  );
/** A person's, whatever is done about doubts: the next entry is opened by a word only. */
const needsPerson = async (items: Parameters<typeof lost>[0]): Promise<SubmitAnswer[]> =>
  (await lost(items)).map((answer) =>
    answer.kind === 'unknown' ? { ...answer, needsPerson: true } : answer,
  );
const word = { id: 'r-0', operator: 'operator', reason: 'recorded' };
const whenInDoubt = (name: string, args: object) => async (run: WorkflowHandle) => {
  for (;;) {
    const view: { open: { state: string }[] } = await run.query('registrations');
    if (view.open[0]?.state === 'doubt') break;
  }
  return run.executeUpdate(name, { args: [args] });
};

/** Half of the polls say "processing", by turns; the last digit of the index decides how it ends. */
function mixed(): Partial<Activities> {
  const polls = new Map<number, number>();
  const throttled = new Set<number>();
  return {
    submit: (items) =>
      Promise.resolve(
        items.map(({ index }): SubmitAnswer =>
          index % 10 === 1
            ? { index, kind: 'refused', reason: 'no' }
            : index % 10 === 2 && throttled.size < 10 && throttled.add(index)
              ? { index, kind: 'not-accepted', reason: 'HTTP 429', retryAfter: 10 }
              : accepted(index),
        ),
      ),
    poll: (items) =>
      answers(items, (index) => {
        const n = (polls.get(index) ?? 0) + 1;
        polls.set(index, n);
        if (n <= index % 4) return { index, kind: 'processing' };
        if (n === 3 && index % 10 === 5)
          return { index, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null };
        return index % 10 === 3 ? { index, kind: 'failed', reason: 'no' } : { index, kind: 'done' };
      }),
  };
}

/** Done at a poll of its own for each index, the first being 1. */
function doneAt(last: (index: number) => number): Activities['poll'] {
  const polls = new Map<number, number>();
  return (items) =>
    answers(items, (index) => {
      const n = (polls.get(index) ?? 0) + 1;
      polls.set(index, n);
      return { index, kind: n < last(index) ? 'processing' : 'done' };
    });
}

/** The first answers bring a plan. */
function withPlan(plan: PollPlan, poll: Activities['poll']): Activities['poll'] {
  let isFirst = true;
  return async (...args) => {
    const more = isFirst ? [{ kind: 'plan' as const, plan }] : [];
    isFirst = false;
    return [...(await poll(...args)), ...more];
  };
}

const slowly =
  <A extends unknown[], T>(ms: number, activity: (...args: A) => Promise<T>) =>
  (...args: A): Promise<T> =>
    delay(ms).then(() => activity(...args));

/** Each is looked up in vain, then too early to believe it, then surely not there. */
function absentAtFirst(): Activities['lookUp'] {
  let looked = 0;
  return (items) => {
    looked += 1;
    if (looked === 1) throw ApplicationFailure.create({ message: 'HTTP 503' });
    return Promise.resolve(
      items.map(({ index }) =>
        looked === 2 ? { index, kind: 'absent', rest: 1_000 } : { index, kind: 'resubmit' },
      ),
    );
  };
}

/** Those that are tried as local activities first; the first attempt of each is what is given. */
function onceEach(first: () => Promise<never>): Partial<Activities> {
  const { claim, persist } = willing(newCalls());
  const tried = new Set<string>();
  const isFirst = (name: string) => !tried.has(name) && tried.add(name);
  return {
    claim: (...args) => (isFirst('claim') ? first() : claim(...args)),
    poll: (items) =>
      isFirst('poll') ? first() : answers(items, (index) => ({ index, kind: 'done' })),
    persist: (...args) => (isFirst('persist') ? first() : persist(...args)),
  };
}

const recordings: Recording[] = [
  { name: 'one-registered', count: 1, localFirst: true },
  { name: 'one-registered-by-activities', count: 1, localFirst: false },
  { name: 'hundred-mixed', count: 100, localFirst: true, activities: mixed() },
  {
    name: 'plan-brought',
    count: 1,
    localFirst: true,
    // One that is slower.
    activities: {
      poll: withPlan(
        { offsets: [700, 1_400], tail: 700, longest: 700 },
        doneAt(() => 4),
      ),
    },
  },
  {
    // The first two ask early, and the plan that comes of it brings the others forward.
    name: 'plan-brought-sooner',
    count: 10,
    localFirst: true,
    rules: {
      plan: {
        offsets: [3_000, 4_000],
        tail: 1_000,
        longest: 1_000,
        exploring: { count: 2, offsets: [300, 3_000] },
      },
    },
    activities: {
      poll: withPlan(
        { offsets: [600, 900], tail: 300, longest: 300 },
        doneAt((index) => (index % 2) + 1),
      ),
    },
  },
  { name: 'hundred-mixed-by-activities', count: 100, localFirst: false, activities: mixed() },
  {
    name: 'one-rejected',
    count: 1,
    localFirst: true,
    activities: {
      submit: (items) =>
        Promise.resolve(items.map(({ index }) => ({ index, kind: 'refused', reason: 'no' }))),
    },
  },
  {
    name: 'one-timed-out',
    count: 1,
    localFirst: true,
    rules: { deadline: 500 },
    activities: { poll: (items) => answers(items, (index) => ({ index, kind: 'processing' })) },
  },
  {
    // Each is tried inside the workflow task first, and fails there.
    name: 'local-attempts-failed',
    count: 2,
    localFirst: true,
    activities: onceEach(() => {
      throw ApplicationFailure.create({ message: 'HTTP 503' });
    }),
  },
  {
    // Likewise, and nobody answers there.
    name: 'local-attempts-timed-out',
    count: 2,
    localFirst: true,
    activities: onceEach(() => delay(6_000).then(() => Promise.reject(new Error('too late')))),
  },
  {
    // Polls take longer than the time within which they go together, so that writes and the next polls fall due at once.
    name: 'polls-and-writes-overlapping',
    count: 40,
    localFirst: true,
    rules: { plan: { offsets: [300, 600, 900, 1_200], tail: 300, longest: 300 } },
    activities: {
      submit: acceptedApart(20),
      poll: slowly(
        250,
        doneAt((index) => (index % 3) + 1),
      ),
      persist: slowly(150, willing(newCalls()).persist),
    },
  },
  {
    name: 'continued-as-new',
    count: 2,
    localFirst: true,
    rules: { maxHistoryEvents: 25, deadline: 8_000 },
    activities: { poll: (items) => answers(items, (index) => ({ index, kind: 'processing' })) },
  },
  {
    name: 'doubt-confirmed',
    count: 1,
    localFirst: true,
    activities: { submit: lost },
    during: whenInDoubt('confirm', { ...word, requestId: 'REQ-0' }),
  },
  {
    name: 'doubt-resubmitted',
    count: 1,
    localFirst: true,
    activities: { submit: lost },
    during: whenInDoubt('resubmit', word),
  },
  {
    name: 'doubt-abandoned',
    count: 1,
    localFirst: true,
    activities: { submit: lost },
    during: whenInDoubt('abandon', word),
  },
  {
    name: 'doubt-resubmitted-by-itself',
    count: 1,
    localFirst: true,
    rules: { onUnknown: 'resubmit' },
    activities: { submit: lost },
  },
  {
    // A minute: no poll has less time.
    name: 'poll-out-of-time-for-one',
    count: 2,
    localFirst: true,
    rules: { maxOpen: 3_600_000, deadline: 24 * 3_600_000 },
    activities: {
      submit: (items) => Promise.resolve(items.map(({ index }) => acceptedBefore(index))),
      poll: (items) =>
        items.length > 1
          ? Promise.reject(ApplicationFailure.create({ message: 'nobody answers' }))
          : answers(items, (index) => ({ index, kind: 'done' })),
    },
  },
  {
    name: 'doubt-held',
    count: 1,
    localFirst: true,
    rules: { onUnknown: 'resubmit' },
    activities: { submit: needsPerson },
    during: whenInDoubt('resubmit', word),
  },
  {
    name: 'doubt-found',
    count: 2,
    localFirst: true,
    rules: { onUnknown: 'lookup', lookUpAfter: 1_000 },
    activities: {
      submit: lost,
      lookUp: (items) => Promise.resolve(items.map(({ index }) => accepted(index))),
    },
  },
  {
    name: 'doubt-not-found',
    count: 2,
    localFirst: true,
    rules: { onUnknown: 'lookup', lookUpAfter: 1_000 },
    activities: { submit: lost, lookUp: absentAtFirst() },
  },
  {
    name: 'doubt-found-twice',
    count: 1,
    localFirst: true,
    rules: { onUnknown: 'lookup', lookUpAfter: 1_000, rechecks: [100] },
    activities: {
      submit: lost,
      lookUp: (items) =>
        Promise.resolve(
          items.map(({ index }) => ({ index, kind: 'ambiguous', reason: 'found twice' })),
        ),
      recheck: (items) => Promise.resolve(items.map(({ index }) => accepted(index))),
    },
  },
  {
    name: 'taken-over',
    count: 2,
    localFirst: true,
    activities: {
      submit: (items) =>
        Promise.resolve(
          items.map(({ index }) => (index === 0 ? { index, kind: 'taken' } : accepted(index))),
        ),
    },
  },
  {
    // Accepted over 400 ms and coalesced within 250: some are polled before their time, which then counts as theirs.
    name: 'polled-early',
    count: 40,
    localFirst: true,
    rules: { plan: { offsets: [1_000, 1_700, 2_400], tail: 500, longest: 1_000 } },
    activities: {
      submit: acceptedApart(10),
      poll: doneAt(() => 3),
    },
  },
  {
    // The second half of each round is not asked, as when a limit is reached or the circuit breaker opens meanwhile.
    name: 'polls-deferred',
    count: 10,
    localFirst: true,
    activities: {
      poll: (items) =>
        answers(items, (index) =>
          items.findIndex((item) => item.index === index) < items.length / 2
            ? { index, kind: 'done' }
            : {
                index,
                kind: 'deferred',
                reason: 'legacy.maxGetsPerSecond is reached',
                retryAfter: 50,
              },
        ),
    },
  },
  {
    name: 'cancelled',
    count: 3,
    localFirst: true,
    activities: { poll: (items) => answers(items, (index) => ({ index, kind: 'processing' })) },
    during: async (run) => {
      for (;;) {
        const view: { open: { polls: number }[] } = await run.query('registrations');
        if ((view.open[0]?.polls ?? 0) > 1) break;
      }
      await run.cancel();
    },
  },
];

const connection = await NativeConnection.connect({ address });
const client = new Client({ connection: await Connection.connect({ address }) });
await registerSearchAttributes(client);
// The server believes for a while that there are none.
await delay(2_000);
mkdirSync(FOLDER, { recursive: true });
for (const recording of recordings) {
  const file = `${FOLDER}/${recording.name}.json`;
  if (existsSync(file)) continue;
  const taskQueue = randomUUID();
  const worker = await Worker.create({
    connection,
    taskQueue,
    workflowBundle: { code: readFileSync(WORKFLOW_BUNDLE, 'utf8') },
    activities: {
      ...willing(newCalls()),
      submit: acceptedApart(0),
      ...recording.activities,
    },
  });
  await worker.runUntil(async () => {
    const now = Date.now();
    const run = await client.workflow.start(WORKFLOW_TYPE, {
      args: [
        {
          rules: { ...rules, plan: soon, ...recording.rules, localFirst: recording.localFirst },
          registrations: registrationsOf(recording.count).map((each) => ({
            ...each,
            receivedAt: now,
          })),
          carried: null,
        },
      ],
      taskQueue,
      workflowId: `recorded/${recording.name}/${taskQueue}`,
    });
    await recording.during?.(run);
    await run.result();
    const first = client.workflow.getHandle(run.workflowId, run.firstExecutionRunId);
    const recorded = await first.fetchHistory();
    if (recorded.events?.some((event) => event.workflowTaskFailedEventAttributes))
      throw new Error(`A workflow task of ${recording.name} failed: look at its history`);
    const history = historyToJSON(recorded);
    // A stack names folders of the machine that recorded it, and is no part of what is replayed.
    const bare = history.replace(/"stackTrace": "(?:[^"\\]|\\.)*"/g, '"stackTrace": ""');
    writeFileSync(file, `${bare}\n`);
    process.stdout.write(`${file}\n`);
  });
}
process.exit();
