import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import type { LookUpRequest } from '../../../activities/registrations/look-up.ts';
import type { LookUpAnswer, SubmitAnswer } from '../../../src/domain/registrations/answers.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  createTimeSkipping,
  durationOf,
  newCalls,
  rules,
  willing,
  withRun,
} from '../../helpers/workflow-env.ts';
import type { Run } from '../../helpers/workflow-env.ts';
import type { RunView } from '../../../src/domain/registrations/run-input.ts';

let env: TestWorkflowEnvironment;
before(async () => {
  env = await createTimeSkipping();
});
after(async () => {
  await env.teardown();
});

type Submit = (items: { index: number; entry: string }[]) => Promise<SubmitAnswer[]>;

/** The answer to each first submission is lost; later ones are accepted. */
const losing = (calls: ReturnType<typeof newCalls>): Submit => {
  const { submit } = willing(calls);
  return async (items) =>
    (await submit(items.map((item) => ({ ...item, claim: '' })))).map((answer, at) =>
      items[at]?.entry.endsWith('#1')
        ? { index: answer.index, kind: 'unknown', reason: 'the answer was lost' }
        : answer,
    );
};

const lookingUp = { ...rules, onUnknown: 'lookup', lookUpAfter: 60_000 } as const;

const inDoubt = (run: Run) =>
  eventually('the registration is in doubt', async () => {
    const view = await run.query<RunView>('registrations');
    assert.equal(view.open[0]?.state, 'doubt');
  });

const word = { id: 'r-0', operator: 'rui', reason: 'asked the legacy team' };

test('a lost answer is held in doubt and never submitted again by itself', async () => {
  const calls = newCalls();
  await withRun(env, { ...willing(calls), submit: losing(calls) }, {}, async (run) => {
    await inDoubt(run);
    await env.sleep('2 days');
    await inDoubt(run);
    assert.deepEqual(calls.submitted, ['r-0~0#1']);
    await run.terminate();
  });
});

test('confirm brings a doubt back to polling with the request id that the operator gave', async () => {
  const calls = newCalls();
  const result = await withRun(
    env,
    { ...willing(calls), submit: losing(calls) },
    {},
    async (run) => {
      await inDoubt(run);
      const answer = await run.executeUpdate('confirm', {
        args: [{ ...word, requestId: 'AB583C-X' }],
      });
      assert.equal(answer, 'accepted');
      return run.result();
    },
  );
  assert.deepEqual(result, { registered: 1 });
  assert.deepEqual(calls.submitted, ['r-0~0#1']);
});

test('resubmit files a doubt again under the next journal entry', async () => {
  const calls = newCalls();
  const result = await withRun(
    env,
    { ...willing(calls), submit: losing(calls) },
    {},
    async (run) => {
      await inDoubt(run);
      assert.equal(await run.executeUpdate('resubmit', { args: [word] }), 'resubmit');
      return run.result();
    },
  );
  assert.deepEqual(result, { registered: 1 });
  assert.deepEqual(calls.submitted, ['r-0~0#1', 'r-0~0#2']);
});

test('abandon sends a doubt to the failure queue as in-doubt, with the reason', async () => {
  const calls = newCalls();
  const result = await withRun(
    env,
    { ...willing(calls), submit: losing(calls) },
    {},
    async (run) => {
      await inDoubt(run);
      assert.equal(await run.executeUpdate('abandon', { args: [word] }), 'abandoned');
      return run.result();
    },
  );
  assert.deepEqual(result, { 'in-doubt': 1 });
  assert.equal(calls.routed[0]?.reason, word.reason);
  assert.equal(calls.routed[0]?.doubt, true);
});

test('an acceptance that the journal learns of late resolves the doubt by itself', async () => {
  const calls = newCalls();
  const activities = {
    ...willing(calls),
    submit: losing(calls),
    recheck: (items: { index: number }[]): Promise<SubmitAnswer[]> =>
      Promise.resolve(
        items.map(({ index }) => ({ index, kind: 'accepted', requestId: 'LATE-1', at: 0 })),
      ),
  };
  const result = await withRun(env, activities, {}, (run) => run.result());
  assert.deepEqual(result, { registered: 1 });
  assert.deepEqual(calls.submitted, ['r-0~0#1']);
});

test('onUnknown: resubmit files it again without asking', async () => {
  const calls = newCalls();
  const result = await withRun(
    env,
    { ...willing(calls), submit: losing(calls) },
    { rules: { ...rules, onUnknown: 'resubmit' } },
    (run) => run.result(),
  );
  assert.deepEqual(result, { registered: 1 });
  assert.deepEqual(calls.submitted, ['r-0~0#1', 'r-0~0#2']);
});

test('onUnknown: lookup asks the legacy system and polls on what it finds, without a second submission', async () => {
  const calls = newCalls();
  const activities = {
    ...willing(calls),
    submit: losing(calls),
    lookUp: (items: LookUpRequest[]): Promise<LookUpAnswer[]> =>
      Promise.resolve(
        items.map(({ index }) => ({ index, kind: 'accepted', requestId: 'FOUND-1', at: 0 })),
      ),
  };
  const result = await withRun(env, activities, { rules: lookingUp }, (run) => run.result());
  assert.deepEqual(result, { registered: 1 });
  assert.deepEqual(calls.submitted, ['r-0~0#1']);
});

test('onUnknown: lookup submits again what is not found, when it can no longer arrive', async () => {
  const calls = newCalls();
  const looked: LookUpRequest[] = [];
  const activities = {
    ...willing(calls),
    submit: losing(calls),
    lookUp: (items: LookUpRequest[]): Promise<LookUpAnswer[]> => {
      looked.push(...items);
      const answers = items.map(({ index }): LookUpAnswer =>
        looked.length === 1 ? { index, kind: 'absent', rest: 60_000 } : { index, kind: 'resubmit' },
      );
      return Promise.resolve(answers);
    },
  };
  const result = await withRun(env, activities, { rules: lookingUp }, async (run) => {
    const settled = await run.result();
    assert.ok((await durationOf(run)) >= 60_000);
    return settled;
  });
  assert.deepEqual(result, { registered: 1 });
  assert.deepEqual(calls.submitted, ['r-0~0#1', 'r-0~0#2']);
  const asked = { index: 0, id: 'r-0', entry: 'r-0~0#1', settleTime: 60_000 };
  assert.deepEqual(looked, [asked, asked]);
});

test('an operator decides a doubt that no look-up can read', async () => {
  const calls = newCalls();
  const activities = {
    ...willing(calls),
    submit: losing(calls),
    lookUp: () => Promise.reject(new Error('HTTP 500')),
  };
  const result = await withRun(env, activities, { rules: lookingUp }, async (run) => {
    await inDoubt(run);
    const update = await run.startUpdate('abandon', { args: [word], waitForStage: 'ACCEPTED' });
    // Time is skipped only while somebody waits for the run, and the look-up under way is tried for 45 s more.
    const end = await run.result();
    assert.equal(await update.result(), 'abandoned');
    return end;
  });
  assert.deepEqual(result, { 'in-doubt': 1 });
});

test('an update that names no doubt, or no reason, is refused with what was expected', async () => {
  const calls = newCalls();
  await withRun(env, { ...willing(calls), submit: losing(calls) }, {}, async (run) => {
    await inDoubt(run);
    const refused = async (name: string, args: object, expected: RegExp) => {
      await assert.rejects(run.executeUpdate(name, { args: [args] }), (error: Error) => {
        assert.match(String(error.cause instanceof Error ? error.cause.message : error), expected);
        return true;
      });
    };
    await refused('resubmit', { ...word, id: 'r-99' }, /No registration "r-99" is in doubt/);
    await refused('abandon', { ...word, reason: '' }, /Expected "reason"/);
    await refused('confirm', word, /Expected "requestId"/);
    await run.terminate();
  });
});

test('a run that is cancelled while its submission goes without an answer reads the journal first: what may have been sent is in doubt', async () => {
  const calls = newCalls();
  let tries = 0;
  let read = 0;
  const activities = {
    ...willing(calls),
    submit: () => {
      tries += 1;
      return Promise.reject(ApplicationFailure.create({ message: 'no primary' }));
    },
    recheck: (items: { index: number }[]): Promise<SubmitAnswer[]> => {
      read += 1;
      return Promise.resolve(
        items.map(({ index }) =>
          index === 0
            ? { index, kind: 'unknown', reason: 'the worker stopped' }
            : { index, kind: 'not-accepted', reason: 'never sent', retryAfter: null },
        ),
      );
    },
  };
  const result = await withRun(env, activities, { count: 2 }, async (run) => {
    await eventually('it was tried', () => assert.ok(tries > 0));
    await run.cancel();
    return run.result();
  });
  assert.deepEqual(result, { cancelled: 2 });
  assert.equal(read, 1);
  const routed = calls.routed.sort((a, b) => a.id.localeCompare(b.id));
  assert.deepEqual(
    routed.map(({ doubt }) => doubt),
    [true, false],
  );
});

test('an operator whose word could not be written when the run was cancelled leaves no registration behind', async () => {
  const calls = newCalls();
  let written = 0;
  const activities = {
    ...willing(calls),
    submit: losing(calls),
    resolve: ({ index }: { index: number }): Promise<SubmitAnswer> => {
      written += 1;
      return written < 3
        ? Promise.reject(ApplicationFailure.create({ message: 'no primary' }))
        : Promise.resolve({ index, kind: 'abandoned', reason: 'gone' });
    },
  };
  const result = await withRun(env, activities, {}, async (run) => {
    await inDoubt(run);
    const said = run.executeUpdate('abandon', { args: [word] });
    await eventually('it is being written', () => assert.ok(written > 0));
    await run.cancel();
    assert.equal(await said, 'abandoned');
    return run.result();
  });
  assert.deepEqual(result, { 'in-doubt': 1 });
});

test('cancelling a run settles all it carries as cancelled, with request ids, and reads the journal of what may have been sent', async () => {
  const calls = newCalls();
  let polls = 0;
  const accepted = await env.currentTimeMs();
  const activities = {
    ...willing(calls),
    submit: async (items: { index: number; entry: string; claim: string }[]) =>
      (await willing(calls).submit(items)).map((answer, at): SubmitAnswer =>
        answer.index === 0 || answer.kind !== 'accepted'
          ? { index: items[at]?.index ?? 0, kind: 'unknown', reason: 'lost' }
          : { ...answer, at: accepted },
      ),
    poll: (items: { index: number }[]) => {
      polls += 1;
      return Promise.resolve(items.map(({ index }) => ({ index, kind: 'processing' as const })));
    },
  };
  const result = await withRun(env, activities, { count: 3 }, async (run) => {
    await eventually('polling has begun', async () => {
      await env.sleep('5s');
      assert.ok(polls > 0);
    });
    await run.cancel();
    return run.result();
  });
  assert.deepEqual(result, { cancelled: 3 });
  const routed = calls.routed.sort((a, b) => a.id.localeCompare(b.id));
  assert.deepEqual(
    routed.map(({ requestId, doubt }) => ({ requestId, doubt })),
    [
      { requestId: null, doubt: true },
      { requestId: 'REQ-1', doubt: false },
      { requestId: 'REQ-2', doubt: false },
    ],
  );
});
