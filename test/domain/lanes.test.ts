// Order by key: chains within a run, and two intakes that hand over the same messages to one lane.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hasRoom, laneId, laneOf } from '../../src/domain/lanes.ts';
import {
  answersTo,
  applied,
  began,
  cancelled,
  countTaken,
  dueSteps,
  newRun,
  unanswered,
  wakeAt,
  withMore,
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
} from '../../src/domain/tasks.ts';

const rules: TaskRules = {
  ...{ worker: 'Sample', retry: { max: 3, kind: 'exponential', initial: 1_000 }, pause: 1_000 },
  ...{ localFirst: false, handlesLocally: false, maxHistoryEvents: 2_000 },
};
const flow = taskFlow(rules);
type Phase = TaskItem['phase'];
const stepOf = ({ phase }: TaskItem): Phase => phase;

const taskOf = (id: string, chain?: string): NewTask => ({
  ...{ id, label: id, key: chain ?? null, bodyHash: 'h', receivedAt: 0 },
  ...(chain === undefined ? {} : { chain }),
  message: { body: '', properties: '' },
  failedGeneration: null,
  origin: { broker: 'rabbitmq', queue: 'q', exchange: '', routingKey: 'q' },
});

/** A run whose tasks are claimed: `a1` is of the chain `a`, and `-1` of none. */
function claimedRun(...ids: string[]): Run<TaskItem> {
  const tasks = ids.map((id) => taskOf(id, id.startsWith('-') ? undefined : id.slice(0, 1)));
  const run = newRun<TaskItem>(newTasks(tasks, 0));
  return ended(run, stepsOf(run, 0)[0], (item) => claimed(item));
}

const stepsOf = (run: Run<TaskItem>, now: number) => dueSteps(run, stepOf, flow, now);
const dueAt = (run: Run<TaskItem>, now: number): string[] =>
  stepsOf(run, now).map(({ kind, items }) => `${kind} ${items.map(({ label }) => label).join()}`);

function ended(
  run: Run<TaskItem>,
  step: Step<TaskItem, Phase> | undefined,
  after: (item: TaskItem) => Answered<TaskItem>,
  now = 0,
): Run<TaskItem> {
  assert.ok(step);
  return applied(began(run, step), step.items.map(after), flow, now);
}

function claimed(item: TaskItem): Answered<TaskItem> {
  assert.equal(item.phase, 'claim');
  if (item.phase !== 'claim') throw new Error('it is claimed already');
  const answer: TaskClaimAnswer = {
    index: item.index,
    kind: 'claimed',
    claim: item.label,
    attempts: 0,
  };
  return { before: item, after: afterTaskClaim(item, answer, rules, 0), answer: 'claimed' };
}

const handled =
  (answers: Record<string, HandleAnswer['kind']>, now = 0) =>
  (item: TaskItem): Answered<TaskItem> => {
    if (item.phase !== 'handle') throw new Error(`it is in ${item.phase}`);
    const kind = answers[item.label] ?? 'done';
    const { index } = item;
    const answer: HandleAnswer =
      kind === 'again'
        ? { index, kind, failure: 'exhausted', retryAfter: null }
        : kind === 'failed'
          ? { index, kind, failure: 'permanent' }
          : { index, kind: 'done' };
    return { before: item, after: afterHandle(item, answer, rules, now, 1), answer: kind };
  };

test('of each key the first is handled, and what has no key waits for nobody', () => {
  const run = claimedRun('a1', 'a2', 'b1', '-1', 'a3', '-2', 'b2');
  assert.deepEqual(dueAt(run, 0), ['handle a1,b1,-1,-2']);
  const then = ended(run, stepsOf(run, 0)[0], handled({}));
  assert.deepEqual(dueAt(then, 0), ['handle a2,b2']);
});

test('one that rests before its next attempt holds back its key alone, and nobody wakes for those behind it', () => {
  const run = claimedRun('a1', 'a2', 'b1', 'b2');
  const then = ended(run, stepsOf(run, 0)[0], handled({ a1: 'again' }));
  assert.deepEqual(dueAt(then, 0), ['handle b2']);
  const later = ended(then, stepsOf(then, 0)[0], handled({}));
  assert.deepEqual(dueAt(later, 0), []);
  assert.equal(wakeAt(later, flow), 1_000);
  assert.deepEqual(dueAt(later, 1_000), ['handle a1']);
});

test('after its last attempt it is buried, and its key goes on meanwhile', () => {
  const run = claimedRun('a1', 'a2');
  const then = ended(run, stepsOf(run, 0)[0], handled({ a1: 'failed' }));
  assert.deepEqual(dueAt(then, 0), ['bury a1', 'handle a2']);
});

test('while one is being handled, whatever comes behind it waits', () => {
  const run = claimedRun('a1', 'b1');
  const [step] = stepsOf(run, 0);
  assert.ok(step);
  const more = withMore(
    began(run, step),
    newTasks([taskOf('a2', 'a'), taskOf('c1', 'c')], 0, countTaken(run)),
  );
  const [claims] = stepsOf(more, 0);
  assert.deepEqual(dueAt(ended(more, claims, claimed), 0), ['handle c1']);
});

test('a copy waits until the first is settled, be it that this is buried', () => {
  const run = claimedRun('a1', 'a1', 'a2');
  assert.deepEqual(dueAt(run, 0), ['handle a1']);
  const then = ended(run, stepsOf(run, 0)[0], handled({ a1: 'failed' }));
  assert.deepEqual(dueAt(then, 0), ['bury a1']);
});

test('what came later is not handled before an earlier one is claimed', () => {
  const run = newRun<TaskItem>(
    newTasks([taskOf('a1', 'a'), taskOf('a2', 'a'), taskOf('b1', 'b')], 0),
  );
  const [step] = stepsOf(run, 0);
  const then = ended(run, step, (item) =>
    item.label === 'a1'
      ? { before: item, after: { ...item, busy: false, sick: true, dueAt: 500 }, answer: null }
      : claimed(item),
  );
  assert.deepEqual(dueAt(then, 0), ['handle b1']);
  assert.deepEqual(dueAt(then, 500), ['claim a1', 'handle b1']);
});

test('when its run is cancelled, whatever no handler has is buried at once', () => {
  const run = cancelled(claimedRun('a1', 'a2', 'a3'), flow, 0);
  assert.deepEqual(dueAt(run, 0), ['bury a1,a2,a3']);
});

test('a lane takes one batch after the other, never too many, and none while it is cancelled', () => {
  const run = claimedRun('a1', 'a2');
  assert.equal(hasRoom(run, 998), true);
  assert.equal(hasRoom(withMore(run, newTasks([taskOf('b1', 'b')], 0, countTaken(run))), 1), false);
  assert.equal(hasRoom(cancelled(run, flow, 0), 1), false);
  assert.equal(hasRoom(run, 999), false);
});

test('a task has an index that no other of its lane has had', () => {
  const run = claimedRun('a1', 'b1', 'b2');
  const then = ended(run, stepsOf(run, 0)[0], handled({}));
  const [next] = newTasks([taskOf('c1', 'c')], 0, countTaken(then));
  assert.deepEqual([then.items.map(({ index }) => index), next?.index], [[2], 3]);
});

test('keys are spread over the lanes, and a lane has one id', () => {
  const lanes = new Set(
    Array.from({ length: 256 }, (_, n) => laneOf(`${n.toString(16).padStart(8, '0')}00000000`)),
  );
  assert.deepEqual(
    [...lanes].sort((a, b) => a - b),
    Array.from({ length: 16 }, (_, n) => n),
  );
  assert.equal(laneId('despachante/EmailWorker', 3), 'tasks/despachante/EmailWorker/lane-3');
});

/** One partition: the key of each offset. */
type Topic = readonly string[];

interface Lane {
  /** Calls of handlers. */
  handled: { offset: number; key: string }[];
  ended: number[];
}

/** An intake that hands over a part of the topic in the order of the offsets, batch after batch, each until it is taken. */
interface Sender {
  next: number;
  end: number;
}

/**
 * The old intake begins; at some moment the new one begins at or before the end of what the old one has delivered, since an offset is
 * committed only then. The old one, a zombie now, goes on for as long as it likes. What is drawn: who acts, how many it hands over,
 * whether it hears that they were taken, whether the lane forgets what it has claimed, how steps end, and when it goes on as a new run.
 */
function lane(topic: Topic, tape: readonly number[], end: number): Lane {
  const rest = [...tape];
  const draw = (below: number): number => (rest.shift() ?? 0) % below;
  const old: Sender = { next: 0, end };
  let fresh: Sender | null = null;
  let delivered = 0;
  let now = 0;
  let run = newRun<TaskItem>([]);
  const claims = new Map<string, 'open' | 'failed' | 'settled'>();
  const inFlight: Step<TaskItem, Phase>[] = [];
  const story: Lane = { handled: [], ended: [] };

  const send = (sender: Sender): void => {
    const last = Math.min(sender.next + 1 + draw(4), sender.end);
    const batch = topic
      .slice(sender.next, last)
      .map((key, n) => taskOf(String(sender.next + n), key));
    if (batch.length === 0) return;
    if (run.items.length === 0) run = newRun<TaskItem>([]);
    if (!hasRoom(run, batch.length)) return;
    // The process died with it before it was in the history, and after it was claimed.
    if (draw(6) === 5) return batch.forEach(({ id }) => void claimOf({ index: 0, label: id }));
    run = withMore(run, newTasks(batch, now, countTaken(run)));
    delivered = Math.max(delivered, last);
    // Else its answer is lost, and the same is handed over again.
    if (draw(5) !== 4) sender.next = last;
  };

  /** As the activity answers for a lane (activities/tasks/claim.ts). */
  const claimOf = ({ index, label }: Pick<TaskItem, 'index' | 'label'>): TaskClaimAnswer => {
    const known = claims.get(label);
    if (known === 'settled') return { index, kind: 'duplicate' };
    if (known === 'failed')
      return { index, kind: 'failed', claim: label, failure: 'permanent', attempts: 1 };
    claims.set(label, 'open');
    return { index, kind: 'claimed', claim: label, attempts: 0 };
  };

  /** As the claim answers, or else the handler (activities/tasks/recorded.ts). */
  const handleOf = ({ index, label, chain: key = '' }: TaskItem): HandleAnswer => {
    const known = claims.get(label);
    if (known === 'settled') return { index, kind: 'done' };
    if (known === 'failed') return { index, kind: 'failed', failure: 'permanent' };
    story.handled.push({ offset: Number(label), key });
    const answers: HandleAnswer[] = [
      { index, kind: 'done' },
      { index, kind: 'again', failure: 'exhausted', retryAfter: null },
      { index, kind: 'interrupted' },
      { index, kind: 'running', process: 'p' },
      { index, kind: 'failed', failure: 'permanent' },
      { index, kind: 'recorded' },
    ];
    const answer = answers[draw(answers.length)] ?? { index, kind: 'done' };
    if (answer.kind === 'failed') claims.set(label, 'failed');
    return answer;
  };

  const begin = (): void => {
    for (const step of dueSteps(run, stepOf, flow, now)) {
      for (const { chain } of step.items)
        if (step.kind === 'handle')
          assert.ok(
            !run.items.some((each) => each.phase === 'handle' && each.busy && each.chain === chain),
            `two of ${chain} are handled at once`,
          );
      run = began(run, step);
      inFlight.push(step);
    }
  };

  const endOne = (): void => {
    const [step] = inFlight.splice(draw(inFlight.length), 1);
    if (step === undefined) return;
    const answered =
      step.kind !== 'handle' && draw(6) === 5
        ? unanswered(step, 'timeout', flow, now)
        : step.items.flatMap((item): Answered<TaskItem>[] => {
            if (item.phase === 'claim')
              return answersTo([item], [claimOf(item)], (each, a) =>
                afterTaskClaim(each, a, rules, now),
              );
            if (item.phase === 'handle')
              return answersTo([item], [handleOf(item)], (each, a) =>
                afterHandle(each, a, rules, now, 1),
              );
            return [{ before: item, after: null, answer: 'settled' }];
          });
    for (const { before, after } of answered) {
      if (after !== null || claims.get(before.label) === 'settled') continue;
      claims.set(before.label, 'settled');
      story.ended.push(Number(before.label));
    }
    run = applied(run, answered, flow, now);
  };

  for (let turn = 0; turn < 20_000; turn += 1) {
    begin();
    const what = draw(5);
    if (what === 1) send(old);
    else if (what === 2 && fresh !== null) send(fresh);
    else if (what === 2) fresh = { next: draw(delivered + 1), end: topic.length };
    else if (what === 3 && inFlight.length === 0) run = structuredClone(run);
    else if (inFlight.length > 0) endOne();
    else now = Math.max(now, wakeAt(run, flow) ?? now);
    if (rest.length > 0) continue;
    fresh ??= { next: delivered, end: topic.length };
    if (inFlight.length === 0) send(fresh);
    if (fresh.next === fresh.end && run.items.length === 0) return story;
  }
  throw new Error('it does not come to an end');
}

test('an old and a new intake send the same sequence, the new one from or before the end of what the old delivered: each key is handled in the order of its offsets, and each message ends once', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(999), { maxLength: 300, size: 'max' }),
      fc.nat(20),
      (topic, tape, end) => {
        const { handled: all, ended: out } = lane(topic, tape, Math.min(end, topic.length));
        for (const key of new Set(topic)) {
          const calls = all.filter((each) => each.key === key).map(({ offset }) => offset);
          assert.deepEqual(
            calls,
            calls.toSorted((a, b) => a - b),
            `${key} is out of order`,
          );
          assert.deepEqual(
            [...new Set(calls)],
            topic.flatMap((each, offset) => (each === key ? [offset] : [])),
          );
        }
        assert.deepEqual(
          out.toSorted((a, b) => a - b),
          [...topic.keys()],
        );
      },
    ),
    { numRuns: 1_000 },
  );
});
