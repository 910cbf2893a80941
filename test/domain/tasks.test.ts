// What holds for every run of tasks, whatever is answered in whatever order, and wherever it is cancelled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  answersTo,
  applied,
  began,
  cancelled,
  dueSteps,
  newRun,
  unanswered,
  wakeAt,
  type Answered,
  type Run,
  type Step,
} from '../../src/domain/run.ts';
import {
  afterHandle,
  afterTaskClaim,
  newTasks,
  taskFlow,
  type HandleAnswer,
  type NewTask,
  type TaskClaimAnswer,
  type TaskItem,
  type TaskRules,
  type TaskSettleAnswer,
} from '../../src/domain/tasks.ts';

const rules: TaskRules = {
  worker: 'Sample',
  retry: { max: 3, kind: 'exponential', initial: 1_000 },
  pause: 1_000,
  localFirst: false,
  handlesLocally: false,
  maxHistoryEvents: 2_000,
};
const flow = taskFlow(rules);
const stepOf = (item: TaskItem): TaskItem['phase'] => item.phase;

const taskOf = (index: number): NewTask => ({
  ...{ id: `t-${index}`, label: `t-${index}`, key: null, bodyHash: 'h', receivedAt: 0 },
  message: { body: '', properties: '' },
  failedGeneration: null,
  origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
});

interface Told {
  index: number;
  attempt: number;
  at: number;
  isSuspect: boolean;
}

interface Finished {
  run: Run<TaskItem>;
  handled: Told[];
  /** By index: the steps whose answers were applied. */
  story: Map<number, string[]>;
}

/** A world whose answers are drawn from a tape; when it is at its end, all goes well. */
function world(tape: readonly number[], count: number, cancelAfter: number | null): Finished {
  let at = 0;
  let run = newRun<TaskItem>(
    newTasks(
      Array.from({ length: count }, (_, n) => taskOf(n)),
      at,
    ),
  );
  const handled: Told[] = [];
  const story = new Map<number, string[]>();
  const rest = [...tape];
  const draw = (): number => rest.shift() ?? 0;
  const claimed = (index: number): TaskClaimAnswer => {
    const claim = `Sample/t-${index}~0`;
    const all: TaskClaimAnswer[] = [
      { index, kind: 'claimed', claim, attempts: 0 },
      { index, kind: 'duplicate' },
      { index, kind: 'handled', claim },
      { index, kind: 'failed', claim, failure: 'id-conflict', attempts: 0 },
      { index, kind: 'claimed', claim, attempts: 4 },
    ];
    return all[draw() % all.length] ?? { index, kind: 'duplicate' };
  };
  const ended = (index: number): HandleAnswer => {
    const all: HandleAnswer[] = [
      { index, kind: 'done' },
      { index, kind: 'again', failure: 'exhausted', retryAfter: null },
      { index, kind: 'again', failure: 'timeout', retryAfter: 5 },
      { index, kind: 'recorded' },
      { index, kind: 'failed', failure: 'permanent' },
      { index, kind: 'interrupted' },
      { index, kind: 'running', process: 'p' },
    ];
    return all[draw() % all.length] ?? { index, kind: 'done' };
  };
  const answer = ({ kind, items }: Step<TaskItem, TaskItem['phase']>): Answered<TaskItem>[] => {
    if (draw() % 7 === 6) return unanswered({ kind, items }, 'timeout', flow, at);
    return items.flatMap((item): Answered<TaskItem>[] => {
      switch (item.phase) {
        case 'claim':
          return answersTo([item], [claimed(item.index)], (each, a) =>
            afterTaskClaim(each, a, rules, at),
          );
        case 'handle':
          handled.push({ index: item.index, attempt: item.attempt, at, isSuspect: item.isSuspect });
          return answersTo([item], [ended(item.index)], (each, a) =>
            afterHandle(each, a, rules, at, 1),
          );
        case 'publish':
        case 'bury':
          return answersTo<TaskItem, TaskItem, TaskSettleAnswer>(
            [item],
            [{ index: item.index, kind: 'settled' }],
            () => null,
          );
      }
    });
  };
  for (let turns = 0; run.items.length > 0 && turns < 10_000; turns += 1) {
    if (turns === cancelAfter) run = cancelled(run, flow, at);
    const [step] = dueSteps(run, stepOf, flow, at);
    if (step === undefined) {
      at = wakeAt(run) ?? assert.fail('it sleeps for ever');
      continue;
    }
    run = began(run, step);
    const answered = answer(step);
    for (const { before, answer: kind } of answered)
      story.set(before.index, [
        ...(story.get(before.index) ?? []),
        `${before.phase}: ${kind ?? 'none'}`,
      ]);
    run = applied(run, answered, flow, at);
  }
  return { run, handled, story };
}

const forEveryWorld = (check: (finished: Finished, count: number) => void): void =>
  fc.assert(
    fc.property(
      fc.array(fc.nat(999), { maxLength: 300 }),
      fc.integer({ min: 1, max: 5 }),
      fc.option(fc.nat(40), { freq: 3 }),
      (tape, count, cancelAfter) => check(world(tape, count, cancelAfter), count),
    ),
    { numRuns: 500 },
  );

test('every task ends, and exactly once', () => {
  forEveryWorld(({ run }, count) => {
    assert.deepEqual(run.items, []);
    assert.equal(
      Object.values(run.settled).reduce((a, b) => a + b, 0),
      count,
    );
  });
});

test('a task with a result is never handled again', () => {
  forEveryWorld(({ story }) => {
    for (const steps of story.values()) {
      const recorded = steps.findIndex(
        (step) => step === 'handle: recorded' || step === 'claim: handled',
      );
      if (recorded < 0) continue;
      assert.ok(
        steps.slice(recorded + 1).every((step) => step.startsWith('publish')),
        steps.join(),
      );
    }
  });
});

test('attempts are counted from 1 to one more than the retries, and none is left out', () => {
  forEveryWorld(({ handled }) => {
    const last = new Map<number, number>();
    for (const { index, attempt } of handled) {
      const before = last.get(index) ?? attempt - 1;
      assert.ok(attempt === before || attempt === before + 1);
      assert.ok(attempt <= rules.retry.max + 1);
      last.set(index, attempt);
    }
  });
});

test('whoever was in a process that vanished is a suspect from then on', () => {
  forEveryWorld(({ handled, story }) => {
    for (const [index, steps] of story) {
      const vanished = steps
        .filter((step) => step.startsWith('handle'))
        .findIndex((step) => step === 'handle: none');
      if (vanished < 0) continue;
      const after = handled.filter((each) => each.index === index).slice(vanished + 1);
      assert.ok(after.every(({ isSuspect }) => isSuspect));
    }
  });
});

/** The times and attempts of a task whose every attempt fails. */
function exhausted(retry: TaskRules['retry'], answers: (attempt: number) => HandleAnswer) {
  const given = { ...rules, retry };
  const [first] = newTasks([taskOf(0)], 0);
  assert.ok(first);
  let item = afterTaskClaim(
    first,
    { index: 0, kind: 'claimed', claim: 'c', attempts: 0 },
    given,
    0,
  );
  const times: number[] = [];
  while (item?.phase === 'handle') {
    times.push(item.dueAt ?? -1);
    item = afterHandle(item, answers(item.attempt), given, item.dueAt ?? 0, 1);
  }
  return { times, end: item };
}

const failing = (): HandleAnswer => ({
  index: 0,
  kind: 'again',
  failure: 'exhausted',
  retryAfter: null,
});

test('a message that was sent for later is claimed at once, and handled when it is due', () => {
  const [item] = newTasks([{ ...taskOf(0), notBefore: 5_000 }], 1_000);
  assert.ok(item);
  assert.equal(item.dueAt, 1_000);
  const answer = { index: 0, kind: 'claimed', claim: 'c', attempts: 0 } as const;
  assert.equal(afterTaskClaim(item, answer, rules, 1_100)?.dueAt, 5_000);
  assert.equal(afterTaskClaim(item, answer, rules, 6_000)?.dueAt, 6_000);
});

test('tasks that are due within a moment go together, and none before its rest is over', () => {
  const resting = [1_010, 1_049, 1_051].map((retryAfter, index) => {
    const [item] = newTasks([taskOf(index)], 0, index);
    assert.ok(item);
    const claimed = { index, kind: 'claimed', claim: 'c', attempts: 0 } as const;
    const handling = afterTaskClaim(item, claimed, rules, 0);
    assert.equal(handling?.phase, 'handle');
    if (handling?.phase !== 'handle') throw new Error('it is not handled');
    const again = { index, kind: 'again', failure: 'exhausted', retryAfter } as const;
    return afterHandle(handling, again, rules, 0, 1);
  });
  const run = newRun<TaskItem>(resting.flatMap((item) => item ?? []));
  const indexes = (now: number) =>
    dueSteps(run, stepOf, flow, now).flatMap(({ items }) => items.map(({ index }) => index));
  assert.deepEqual(indexes(1_049), []);
  assert.deepEqual(indexes(wakeAt(run) ?? 0), [0, 1]);
  assert.deepEqual(indexes(1_100), [0, 1, 2]);
});

test('rests are those of the curve: 1, 2, 4 s where it is exponential, and then it is buried', () => {
  const { times, end } = exhausted({ max: 3, kind: 'exponential', initial: 1_000 }, failing);
  assert.deepEqual(times, [0, 1_000, 3_000, 7_000]);
  assert.deepEqual(end?.phase === 'bury' && [end.failure, end.attempts], ['exhausted', 4]);
  assert.deepEqual(
    exhausted({ max: 2, kind: 'fixed', initial: 500 }, failing).times,
    [0, 500, 1_000],
  );
  assert.deepEqual(
    exhausted({ max: 2, kind: 'linear', initial: 500 }, failing).times,
    [0, 500, 1_500],
  );
});

test('a rest that the handler asks for wins over the curve, and a timeout is told as what it is', () => {
  const asked = exhausted({ max: 1, kind: 'fixed', initial: 500 }, () => ({
    ...{ index: 0, kind: 'again', failure: 'timeout', retryAfter: 9_000 },
  }));
  assert.deepEqual(asked.times, [0, 9_000]);
  assert.equal(asked.end?.phase === 'bury' && asked.end.failure, 'timeout');
});

test('an interrupted call uses up no attempt', () => {
  let calls = 0;
  const { times } = exhausted({ max: 0, kind: 'fixed', initial: 1 }, () =>
    (calls += 1) < 5 ? { index: 0, kind: 'interrupted' } : failing(),
  );
  assert.equal(times.length, 5);
});

test('without retries the first failure is the last', () => {
  const { times } = exhausted({ max: 0, kind: 'fixed', initial: 1 }, failing);
  assert.deepEqual(times, [0]);
});
