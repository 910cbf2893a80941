/** The run that carries tasks from claim to settlement: its table of steps, for the driver of all runs (run.ts). */
import {
  ApplicationFailure,
  continueAsNew,
  defineQuery,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setHandler,
  workflowInfo,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { HandleRequest } from '../activities/tasks/handle.ts';
import type { TaskActivities } from '../activities/tasks/create.ts';
import { hasRoom, inTurn } from '../src/domain/lanes.ts';
import { QUERY_TASKS, UPDATE_MORE, handleQueue } from '../src/domain/names.ts';
import { countTaken, newRun, type Run } from '../src/domain/run.ts';
import {
  MOST_HANDLED_LOCALLY,
  afterHandle,
  afterTaskClaim,
  newTasks,
  taskFlow,
  type Burying,
  type Claiming,
  type Handling,
  type Publishing,
  type TaskItem,
  type TaskRules,
  type TaskRunInput,
} from '../src/domain/tasks.ts';
import type { TasksView } from '../src/domain/tasks-view.ts';
import { FOLLOW_MS, HANDLED_MS, LOCAL_ATTEMPT_MS, LOCAL_PATIENCE } from '../src/domain/timing.ts';
import { describeAs, iso } from './describe.ts';
import { HEARTBEATING, OWN, drive, rowsOf } from './run.ts';

const own = proxyActivities<Pick<TaskActivities, 'claimTasks' | 'publishTasks' | 'buryTasks'>>(OWN);

/**
 * A process that falls silent has perhaps died of a task, so its tasks come back to the run instead of being handled again all
 * together (the type names are the server's: common/retrypolicy). Where our own servers refuse something, it is tried again.
 */
const handling = {
  ...HEARTBEATING,
  startToCloseTimeout: HANDLED_MS,
  retry: {
    ...OWN.retry,
    nonRetryableErrorTypes: ['TemporalTimeout:Heartbeat', 'TemporalTimeout:StartToClose'],
  },
} satisfies ActivityOptions;

/** Where the worker's code is. */
const handlers = () =>
  proxyActivities<Pick<TaskActivities, 'handleTasks'>>({
    ...handling,
    taskQueue: handleQueue(workflowInfo().taskQueue),
  });

/** In the one process that runs them; one that is gone does not begin. One that was silent and lives is asked again. */
const followers = (process: string) =>
  proxyActivities<Pick<TaskActivities, 'followTasks'>>({
    ...OWN,
    startToCloseTimeout: HANDLED_MS,
    taskQueue: process,
    scheduleToStartTimeout: FOLLOW_MS,
  });

/** One quick try inside the workflow task: an idle worker begins so much sooner (docs/decisions/0008-local-first.md). */
const local = proxyLocalActivities<Pick<TaskActivities, 'claimTasks' | 'handleTasks'>>({
  scheduleToCloseTimeout: LOCAL_ATTEMPT_MS,
  retry: { maximumAttempts: 1 },
});

const row = rowsOf<TaskItem>();

const taskSteps = (rules: TaskRules) => {
  const handleRequest = ({ index, claim, attempt, isSuspect }: Handling) => ({
    ...{ index, claim, attempt, isSuspect },
    isLastAttempt: attempt > rules.retry.max,
  });
  return {
    claim: row({
      takes: (item): item is Claiming => item.phase === 'claim',
      group: 'own',
      request: ({ index, task }) => ({ index, ...task }),
      activity: (options, requests) => own.claimTasks.executeWithOptions(options, [requests]),
      local: (requests) => local.claimTasks(requests),
      after: (item, answer, now) => afterTaskClaim(item, answer, rules, now),
    }),
    handle: row({
      takes: (item): item is Handling => item.phase === 'handle' && item.process === null,
      group: 'outbound',
      request: handleRequest,
      activity: (options, requests) =>
        handlers().handleTasks.executeWithOptions(options, [requests]),
      ...(rules.handlesLocally
        ? { local: (requests: HandleRequest[]) => local.handleTasks(requests, LOCAL_PATIENCE) }
        : {}),
      localAtMost: MOST_HANDLED_LOCALLY,
      after: (item, answer, now) => afterHandle(item, answer, rules, now, Math.random()),
    }),
    follow: row({
      takes: (item): item is Handling => item.phase === 'handle' && item.process !== null,
      group: 'outbound',
      request: (item) => ({ ...handleRequest(item), process: item.process ?? '' }),
      activity: (options, requests) =>
        followers(requests[0]?.process ?? '').followTasks.executeWithOptions(options, [requests]),
      after: (item, answer, now) => afterHandle(item, answer, rules, now, Math.random()),
    }),
    publish: row({
      takes: (item): item is Publishing => item.phase === 'publish',
      group: 'own',
      request: ({ index, claim }) => ({ index, claim }),
      activity: (options, requests) => own.publishTasks.executeWithOptions(options, [requests]),
      after: () => null,
    }),
    bury: row({
      takes: (item): item is Burying => item.phase === 'bury',
      group: 'own',
      request: ({ index, claim, failure, attempts }) => ({ index, claim, failure, attempts }),
      activity: (options, requests) => own.buryTasks.executeWithOptions(options, [requests]),
      after: () => null,
    }),
  };
};

const describeTasks = describeAs<TaskItem>({
  noun: 'tasks',
  usual: 'done',
  notable: (item) => (item.phase === 'bury' ? item.failure : null),
});

const queryTasks = defineQuery<TasksView>(QUERY_TASKS);

const viewOf = ({ items, settled }: Run<TaskItem>): TasksView => {
  const ready = new Set<TaskItem>(inTurn(items));
  return {
    open: items.map((item) => ({
      id: item.label,
      state: item.phase,
      attempt: item.phase === 'handle' ? item.attempt : null,
      nextStepAt: item.busy ? 'now' : ready.has(item) ? iso(item.dueAt) : null,
    })),
    settled,
  };
};

const more = defineUpdate<void, [TaskRunInput]>(UPDATE_MORE);

const refuseWithoutRoom = (run: Run<TaskItem>, { items }: TaskRunInput): void => {
  if (!hasRoom(run, items.length))
    throw ApplicationFailure.nonRetryable('It takes no more for now', 'NoRoom');
};

/** A run that has completed is looked at by nobody: a sweep begins anew those that have no claim (src/claims/left.ts). */
function refuseUnclaimed({ unclaimed = 0 }: Run<TaskItem>['settled']): void {
  if (unclaimed > 0)
    throw ApplicationFailure.nonRetryable(
      `The claims of ${unclaimed} tasks are gone: a sweep begins these tasks anew`,
      'Unclaimed',
    );
}

/**
 * Brings every task that it is given to its end, and returns how many ended in which way.
 * @throws ApplicationFailure at its end, where claims are gone
 */
export async function tasks({
  rules,
  items,
  carried,
}: TaskRunInput): Promise<Run<TaskItem>['settled']> {
  let latest = rules;
  const settled = await drive({
    run: carried ?? newRun<TaskItem>(newTasks(items, Date.now())),
    flow: taskFlow(rules),
    table: taskSteps(rules),
    noun: 'tasks',
    localFirst: rules.localFirst,
    maxHistoryEvents: rules.maxHistoryEvents,
    handle(run, _change, add) {
      setHandler(queryTasks, () => viewOf(run()));
      const take = (given: TaskRunInput): void => {
        latest = given.rules;
        add(newTasks(given.items, Date.now(), countTaken(run())));
      };
      setHandler(more, take, {
        validator: (given: TaskRunInput) => refuseWithoutRoom(run(), given),
      });
    },
    describe: describeTasks,
    continueAsNew(run) {
      // The messages of what is gone are in this history, and not in the next.
      refuseUnclaimed(run.settled);
      return continueAsNew<typeof tasks>({ rules: latest, items: [], carried: run });
    },
  });
  refuseUnclaimed(settled);
  return settled;
}
