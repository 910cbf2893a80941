import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { PollAnswer, SubmitAnswer } from '../../../src/domain/registrations/answers.ts';
import {
  createTimeSkipping,
  durationOf,
  historyOf,
  newCalls,
  rules,
  willing,
  withRun,
} from '../../helpers/workflow-env.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
let env: TestWorkflowEnvironment;

before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env.teardown();
});

/** Accepted at the time of the server, which skips: activities themselves run in real time. */
const acceptedNow = async (items: { index: number }[]): Promise<SubmitAnswer[]> => {
  const at = await env.currentTimeMs();
  return items.map(({ index }) => ({ index, kind: 'accepted', requestId: `REQ-${index}`, at }));
};

test('what another run has taken over leaves the run, whichever step finds it so, and the others go on', async () => {
  const calls = newCalls();
  const taken = (index: number) => ({ index, kind: 'taken' as const });
  const { persist, route } = willing(calls);
  const result = await withRun(
    env,
    {
      ...willing(calls),
      submit: async (items) =>
        (await acceptedNow(items)).map((answer) => (answer.index === 0 ? taken(0) : answer)),
      poll: (items) =>
        Promise.resolve(
          items.map(({ index }): PollAnswer =>
            index === 2 ? { index, kind: 'failed', reason: 'no' } : { index, kind: 'done' },
          ),
        ),
      persist: async (items) =>
        (await persist(items)).map((answer) => (answer.index === 1 ? taken(1) : answer)),
      route: async (items) => (await route(items)).map(({ index }) => taken(index)),
    },
    { count: 4 },
    (run) => run.result(),
  );
  assert.deepEqual(result, { taken: 3, registered: 1 });
});

for (const count of [1, 100]) {
  test(`${count} accepted and done ends registered, each claimed, submitted and persisted once`, async () => {
    const calls = newCalls();
    const result = await withRun(
      env,
      { ...willing(calls), submit: acceptedNow },
      { count },
      (run) => run.result(),
    );
    assert.deepEqual(result, { registered: count });
    assert.deepEqual(calls.claimed, [count]);
    assert.equal(calls.persisted.length, count);
    assert.equal(new Set(calls.persisted).size, count);
    assert.deepEqual(calls.routed, []);
  });

  test(`${count} refused goes to the failure queue with the reason and is never polled`, async () => {
    const calls = newCalls();
    const refusing = (items: { index: number }[]): Promise<SubmitAnswer[]> =>
      Promise.resolve(
        items.map(({ index }) => ({ index, kind: 'refused', reason: 'CPF inválido' })),
      );
    const result = await withRun(env, { ...willing(calls), submit: refusing }, { count }, (run) =>
      run.result(),
    );
    assert.deepEqual(result, { rejected: count });
    assert.equal(calls.routed.length, count);
    assert.equal(calls.routed[0]?.reason, 'CPF inválido');
    assert.deepEqual(calls.polled, []);
  });
}

test('a batch of every fate sends each to its own destination', async () => {
  const calls = newCalls();
  const activities = {
    ...willing(calls),
    submit: async (items: { index: number }[]): Promise<SubmitAnswer[]> =>
      (await acceptedNow(items)).map((answer) =>
        answer.index === 1 ? { index: 1, kind: 'refused', reason: 'no' } : answer,
      ),
    poll: (items: { index: number }[]): Promise<PollAnswer[]> =>
      Promise.resolve(
        items.map(({ index }) =>
          index === 2 ? { index, kind: 'failed', reason: 'core said no' } : { index, kind: 'done' },
        ),
      ),
    claim: async (items: Parameters<ReturnType<typeof willing>['claim']>[0]) =>
      (await willing(calls).claim(items)).map((answer) =>
        answer.index === 3
          ? ({ index: 3, kind: 'duplicate' } as const)
          : answer.index === 4
            ? ({ index: 4, kind: 'conflict', claim: 'r-4~0!x', reason: 'other body' } as const)
            : answer,
      ),
  };
  const result = await withRun(env, activities, { count: 6 }, (run) => run.result());
  assert.deepEqual(result, { registered: 2, rejected: 1, failed: 1, duplicate: 1, conflict: 1 });
  assert.deepEqual(calls.persisted.sort(), ['r-0', 'r-5']);
  assert.deepEqual(calls.routed.map(({ id, kind }) => `${id} ${kind}`).sort(), [
    'r-1 rejected',
    'r-2 failed',
    'r-4 conflict',
  ]);
});

test('a registration that is still processing at the deadline ends timed-out with its request id', async () => {
  const calls = newCalls();
  const activities = {
    ...willing(calls),
    submit: acceptedNow,
    poll: (items: { index: number }[]): Promise<PollAnswer[]> => {
      calls.polled.push(items.length);
      return Promise.resolve(items.map(({ index }) => ({ index, kind: 'processing' })));
    },
  };
  const { result, took } = await withRun(env, activities, {}, async (run) => ({
    result: await run.result(),
    took: await durationOf(run),
  }));
  assert.deepEqual(result, { 'timed-out': 1 });
  assert.equal(calls.routed[0]?.requestId, 'REQ-0');
  assert.ok(took >= HOUR && took < 2 * HOUR, `${took} ms`);
  assert.ok(calls.polled.length < 90, `${calls.polled.length} polls in an hour`);
});

test('a legacy system that is down for two days fails nobody and grows no history', async () => {
  const calls = newCalls();
  const back = (await env.currentTimeMs()) + 2 * DAY;
  const activities = {
    ...willing(calls),
    submit: acceptedNow,
    poll: async (items: { index: number }[]): Promise<PollAnswer[]> => {
      if ((await env.currentTimeMs()) < back) {
        throw ApplicationFailure.create({ message: 'HTTP 503', nextRetryDelay: '15m' });
      }
      return items.map(({ index }) => ({ index, kind: 'done' }));
    },
  };
  const { result, events } = await withRun(env, activities, { count: 100 }, async (run) => ({
    result: await run.result(),
    events: (await historyOf(run)).length,
  }));
  assert.deepEqual(result, { registered: 100 });
  assert.ok((await env.currentTimeMs()) >= back);
  assert.ok(events < 150, `${events} events`);
});

test('what nobody can read for maxOpen ends timed-out, and not before', async () => {
  const calls = newCalls();
  let polls = 0;
  const activities = {
    ...willing(calls),
    submit: acceptedNow,
    poll: (): Promise<PollAnswer[]> => {
      polls += 1;
      // The first asks for a rest that ends just before maxOpen is over.
      const nextRetryDelay = polls === 1 ? 7 * DAY - 20_000 : '1h';
      throw ApplicationFailure.create({ message: 'HTTP 500', nextRetryDelay });
    },
  };
  const { result, took } = await withRun(env, activities, {}, async (run) => ({
    result: await run.result(),
    took: await durationOf(run),
  }));
  assert.deepEqual(result, { 'timed-out': 1 });
  assert.match(calls.routed[0]?.reason ?? '', /maxOpen/);
  assert.ok(took >= 6.9 * DAY && took < 8 * DAY, `${took} ms`);
});

test('an id that never finishes continues as new with a short history, and is seen when it does finish', async () => {
  const calls = newCalls();
  let polls = 0;
  const activities = {
    ...willing(calls),
    submit: acceptedNow,
    poll: (items: { index: number }[]): Promise<PollAnswer[]> => {
      polls += 1;
      const kind = polls < 120 ? 'processing' : 'done';
      return Promise.resolve(items.map(({ index }) => ({ index, kind })));
    },
  };
  const long = { ...rules, deadline: 6 * DAY, maxHistoryEvents: 150 };
  const { result, first, last } = await withRun(env, activities, { rules: long }, async (run) => {
    const { runId } = await run.describe();
    const ended = await run.result();
    const latest = await env.client.workflow.getHandle(run.workflowId).describe();
    return { result: ended, first: runId, last: latest };
  });
  assert.deepEqual(result, { registered: 1 });
  assert.notEqual(last.runId, first);
  assert.ok(last.historyLength < 250, `${last.historyLength} events`);
});

test('one sick registration does not hold back ninety-nine well ones', async () => {
  const calls = newCalls();
  let sickPolls = 0;
  let settledBefore = 0;
  const activities = {
    ...willing(calls),
    submit: acceptedNow,
    poll: (items: { index: number }[]): Promise<PollAnswer[]> => {
      const isAlone = items.length === 1 && items[0]?.index === 7;
      if (isAlone) {
        sickPolls += 1;
        if (sickPolls < 10) throw new Error('HTTP 500');
        settledBefore = calls.persisted.length;
      }
      return Promise.resolve(
        items.map(({ index }) =>
          index === 7 && !isAlone
            ? { index, kind: 'unreadable', reason: 'HTTP 500', retryAfter: null }
            : { index, kind: 'done' },
        ),
      );
    },
  };
  const result = await withRun(env, activities, { count: 100 }, (run) => run.result());
  assert.deepEqual(result, { registered: 100 });
  assert.equal(settledBefore, 99);
});

test('what was not accepted goes on in an activity of its own, after the rest that Retry-After asks for', async () => {
  const calls = newCalls();
  const times: number[] = [];
  const activities = {
    ...willing(calls),
    submit: async (items: { index: number }[]): Promise<SubmitAnswer[]> => {
      times.push(await env.currentTimeMs());
      const accepted = await acceptedNow(items);
      if (times.length > 1) return accepted;
      return accepted.map((answer) =>
        answer.index < 2
          ? { index: answer.index, kind: 'not-accepted', reason: 'HTTP 429', retryAfter: 40_000 }
          : answer,
      );
    },
  };
  const result = await withRun(env, activities, { count: 5 }, (run) => run.result());
  assert.deepEqual(result, { registered: 5 });
  assert.equal(times.length, 2);
  assert.ok((times[1] ?? 0) - (times[0] ?? 0) >= 40_000);
});

test('a failure queue that is full for an hour holds no success back', async () => {
  const calls = newCalls();
  const open = (await env.currentTimeMs()) + HOUR;
  let persistedWhenOpened = 0;
  const base = willing(calls);
  const activities = {
    ...base,
    submit: async (items: { index: number }[]): Promise<SubmitAnswer[]> =>
      (await acceptedNow(items)).map((answer) =>
        answer.index === 0 ? { index: 0, kind: 'refused', reason: 'no' } : answer,
      ),
    route: async (items: Parameters<typeof base.route>[0]) => {
      if ((await env.currentTimeMs()) < open) throw new Error('the queue is full');
      persistedWhenOpened = calls.persisted.length;
      return base.route(items);
    },
  };
  const result = await withRun(env, activities, { count: 10 }, (run) => run.result());
  assert.deepEqual(result, { registered: 9, rejected: 1 });
  assert.equal(persistedWhenOpened, 9);
});

test('a plan that comes with the answers of a poll is the plan from then on, also after continuing as new', async () => {
  const polledAt: number[] = [];
  const activities = {
    ...willing(newCalls()),
    submit: acceptedNow,
    poll: async (items: { index: number }[]) => {
      polledAt.push(await env.currentTimeMs());
      const kind = polledAt.length < 6 ? ('processing' as const) : ('done' as const);
      const answers = items.map(({ index }): PollAnswer => ({ index, kind }));
      if (polledAt.length > 1) return answers;
      const plan = { offsets: [40_000, 50_000], tail: 20_000, longest: 20_000 };
      return [...answers, { kind: 'plan' as const, plan }];
    },
  };
  const short = { ...rules, maxHistoryEvents: 30 };
  const result = await withRun(env, activities, { rules: short }, (run) => run.result());
  assert.deepEqual(result, { registered: 1 });
  const pauses = polledAt.slice(1).map((at, n) => Math.round((at - (polledAt[n] ?? 0)) / 1_000));
  // The first by the plan it began with, 11.25 s after acceptance; then at 40 and 50 s, and every 20 s.
  assert.deepEqual(pauses.slice(1), [10, 20, 20, 20]);
  assert.ok((pauses[0] ?? 0) >= 27 && (pauses[0] ?? 0) <= 29, pauses.join());
});

test('what the first of a run bring from an early poll reaches the others at once: none waits for its old time', async () => {
  const polled: { at: number; indices: number[] }[] = [];
  let acceptedAt = 0;
  const activities = {
    ...willing(newCalls()),
    submit: async (items: Parameters<typeof acceptedNow>[0]) => {
      acceptedAt = await env.currentTimeMs();
      return acceptedNow(items);
    },
    poll: async (items: { index: number }[]) => {
      const at = Math.round(((await env.currentTimeMs()) - acceptedAt) / 1_000);
      polled.push({ at, indices: items.map(({ index }) => index) });
      const answers = items.map(({ index }): PollAnswer => ({ index, kind: 'done' }));
      if (polled.length > 1) return answers;
      const plan = { offsets: [4_000, 6_000], tail: 1_000, longest: 20_000 };
      return [...answers, { kind: 'plan' as const, plan }];
    },
  };
  const exploring = { count: 2, offsets: [3_000, 15_000] };
  const cold = { ...rules, plan: { ...rules.plan, exploring } };
  const result = await withRun(env, activities, { count: 5, rules: cold }, (run) => run.result());
  assert.deepEqual(result, { registered: 5 });
  assert.deepEqual(
    polled.map(({ indices }) => indices),
    [
      [0, 1],
      [2, 3, 4],
    ],
  );
  const [first, second] = polled.map(({ at }) => at);
  assert.ok(first === 3 && (second === 4 || second === 5), `${first} s, ${second} s`);
});
