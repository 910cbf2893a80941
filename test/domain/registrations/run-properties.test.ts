// What holds for every run, whatever is answered in whatever order, however long it takes and wherever it is cancelled.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { registrationFlow } from '../../../src/domain/registrations/flow.ts';
import type { Rules } from '../../../src/domain/registrations/rules.ts';
import { dueSteps, wakeAt } from '../../../src/domain/run.ts';
import { nextEntry } from '../../../src/domain/names.ts';
import { HOUR, rules as usual, seen } from '../../helpers/items.ts';
import { pureRun, stepOf } from '../../helpers/pure-run.ts';
import type { Finished, Happening, Script } from '../../helpers/pure-run.ts';

const script: fc.Arbitrary<Script> = fc.record({
  tape: fc.noBias(fc.array(fc.nat(999), { maxLength: 400, size: 'max' })),
  count: fc.integer({ min: 1, max: 6 }),
  cancelAfter: fc.option(fc.nat(60), { freq: 3 }),
  operator: fc.boolean(),
});
/** With a deadline that a tape comes to without an outage, which it leaves out. */
const rules: Rules = { ...usual, deadline: 13_000 };

function forEveryRun(
  check: (run: Finished, given: Script) => void,
  {
    from = script,
    with: given = rules,
    seed,
  }: { from?: typeof script; with?: Rules; seed?: number } = {},
): void {
  fc.assert(
    fc.property(from, (one) => check(pureRun(given, one), one)),
    seed === undefined ? { numRuns: 400 } : { numRuns: 2_000, seed },
  );
}

type Answered = Extract<Happening, { kind: 'answered' }>;
type Began = Extract<Happening, { kind: 'began' }>;
const answered = (run: Finished): Answered[] =>
  run.story.filter((happening) => happening.kind === 'answered');
const begun = (run: Finished): Began[] =>
  run.story.filter((happening) => happening.kind === 'began');
const endedBy = (run: Finished, kind: string): Answered[] =>
  answered(run).filter(
    ({ before, after }) => before.phase !== 'settle' && after?.outcome?.kind === kind,
  );

test('no registration is ever lost: each leaves exactly once, or is still there', () => {
  forEveryRun((run, { count }) => {
    const all = [...run.left, ...run.run.items.map(({ index }) => index)];
    assert.deepEqual(
      all.sort((a, b) => a - b),
      Array.from({ length: count }, (_, index) => index),
    );
  });
});

test('a run comes to rest only with nothing left, or with doubts that wait for an operator', () => {
  forEveryRun(({ run }) => {
    for (const { phase, dueAt } of run.items) assert.deepEqual([phase, dueAt], ['doubt', null]);
  });
});

test('nothing sleeps without a time to wake unless an activity has it or an operator must come', () => {
  forEveryRun((run) => {
    for (const { after } of answered(run)) {
      if (after === null || after.busy) continue;
      assert.ok(after.dueAt !== null || after.phase === 'doubt', JSON.stringify(after));
    }
    for (const { run: then } of begun(run)) {
      const open = then.items.filter(({ busy, phase }) => !busy && phase !== 'doubt');
      assert.ok(open.length === 0 || wakeAt(then) !== null);
    }
  });
});

const flow = registrationFlow(() => rules);

test('no step holds an item that an activity has, and none holds an item twice', () => {
  forEveryRun((run) => {
    for (const { run: then, at } of begun(run)) {
      const indexes = dueSteps(then, stepOf(rules), flow, at).flatMap(({ items }) => {
        for (const item of items) assert.equal(item.busy, false);
        return items.map(({ index }) => index);
      });
      assert.equal(new Set(indexes).size, indexes.length);
    }
  });
});

test('what is to be settled never goes back to any other phase', () => {
  forEveryRun((run) => {
    for (const { before, after } of answered(run)) {
      if (before.phase === 'settle' && after !== null) assert.equal(after.phase, 'settle');
    }
  });
});

test('what left was settled, a duplicate or set aside, by an answer that said so', () => {
  forEveryRun((run) => {
    for (const { answer, after } of answered(run)) {
      if (after !== null) continue;
      assert.ok(['settled', 'setAside', 'duplicate'].includes(answer?.kind ?? ''), answer?.kind);
    }
  });
});

/** Submit steps for an entry after the journal has told that it is, or may be, filed. */
function submittedAgain(run: Finished): string[] {
  const closed = new Set<string>();
  const again: string[] = [];
  for (const happening of run.story) {
    if (happening.kind === 'began' && happening.step.kind === 'submit') {
      again.push(
        ...happening.step.items
          .map((item) => seen(item).entry ?? '')
          .filter((entry) => closed.has(entry)),
      );
    }
    if (happening.kind !== 'answered') continue;
    const { answer, before, after } = happening;
    const kind = answer?.kind ?? '';
    if (['accepted', 'unknown', 'refused'].includes(kind)) closed.add(before.entry ?? '');
    if (['resumed', 'in-doubt'].includes(kind) && after !== null) closed.add(after.entry ?? '');
  }
  return again;
}

test('nothing is submitted again under an entry that is accepted, refused or in doubt', () => {
  forEveryRun((run) => assert.deepEqual(submittedAgain(run), []));
});

test('where doubts are resubmitted by configuration, that is under another entry, too', () => {
  forEveryRun((run) => assert.deepEqual(submittedAgain(run), []), {
    with: { ...rules, onUnknown: 'resubmit' },
  });
});

const lookingUp: Rules = { ...rules, onUnknown: 'lookup', lookUpAfter: 60_000 };

test('where doubts are looked up, nothing is lost or submitted again under the same entry, and only what is found twice or open too long waits for a person', () => {
  forEveryRun(
    (run, { count }) => {
      const all = [...run.left, ...run.run.items.map(({ index }) => index)];
      assert.equal(new Set(all).size, count);
      assert.equal(all.length, count);
      assert.deepEqual(submittedAgain(run), []);
      const ambiguous = new Set(
        answered(run)
          .filter(({ answer }) => answer?.kind === 'ambiguous')
          .map(({ before }) => before.index),
      );
      for (const { index, phase, dueAt, receivedAt } of run.run.items) {
        assert.deepEqual([phase, dueAt], ['doubt', null]);
        assert.ok(ambiguous.has(index) || run.now - receivedAt >= rules.maxOpen);
      }
    },
    { with: lookingUp },
  );
});

test('where doubts are looked up, another entry is submitted only after a look-up has not found the one before', () => {
  forEveryRun(
    (run) => {
      const absent = new Set<string>();
      for (const happening of run.story) {
        if (happening.kind === 'answered' && happening.answer?.kind === 'resubmit')
          absent.add(nextEntry(happening.before.entry ?? ''));
        if (happening.kind !== 'began' || happening.step.kind !== 'submit') continue;
        for (const { entry } of happening.step.items.map(seen))
          assert.ok(entry?.endsWith('#1') === true || absent.has(entry ?? ''), String(entry));
      }
    },
    { with: lookingUp, from: script.map((given) => ({ ...given, operator: false })) },
  );
});

test('a run that is cancelled looks nothing up any more', () => {
  forEveryRun(
    (run) => {
      const cancelledAt = run.story.findIndex(({ kind }) => kind === 'cancelled');
      if (cancelledAt < 0) return;
      const after = run.story.slice(cancelledAt);
      assert.ok(!after.some((each) => each.kind === 'began' && each.step.kind === 'lookUp'));
      assert.deepEqual(run.run.items, []);
    },
    { with: lookingUp, from: script.filter(({ cancelAfter }) => cancelAfter !== null) },
  );
});

test('without an operator a doubt that is held is never submitted under any entry', () => {
  forEveryRun(
    (run) => {
      const entries = begun(run)
        .filter(({ step }) => step.kind === 'submit')
        .flatMap(({ step }) => step.items.map((item) => seen(item).entry ?? ''));
      for (const entry of entries) assert.match(entry, /#1$/);
    },
    { from: script.map((given) => ({ ...given, operator: false })) },
  );
});

/** Of a poll that could not be read, was not made, or is not answered yet. */
const isUnread = (answer: { kind: string } | null): boolean =>
  ['unreadable', 'deferred', 'on the wire', 'waiting'].includes(answer?.kind ?? '');

test('timed-out comes only from a readable "processing" past the deadline, or from maxOpen', () => {
  forEveryRun((run) => {
    for (const { before, answer, at } of endedBy(run, 'timed-out')) {
      const open = at - (before.acceptedAt ?? at);
      if (answer?.kind === 'processing') assert.ok(open >= rules.deadline, `${open}`);
      else if (isUnread(answer)) assert.ok(open >= rules.maxOpen, `${open}`);
      // Temporal's own limit on the activity, which is what is left of maxOpen.
      else assert.equal(answer, null);
    }
  });
});

test('a poll that could not be read, or was not made, ends nothing before maxOpen', () => {
  forEveryRun((run) => {
    for (const { step, before, answer, after, at } of answered(run)) {
      if (
        step.kind !== 'poll' ||
        !isUnread(answer) ||
        at - (before.acceptedAt ?? at) >= rules.maxOpen
      )
        continue;
      assert.ok(after?.phase === 'poll' || after?.outcome?.kind === 'cancelled', after?.phase);
    }
  });
});

test('a request id, once known, is never forgotten', () => {
  forEveryRun((run) => {
    for (const { before, after } of answered(run)) {
      if (before.requestId !== null && after !== null) assert.ok(after.requestId !== null);
    }
  });
});

test('what may be filed is told as in doubt when it ends as anything but registered', () => {
  forEveryRun(
    (run) => {
      const doubtful = new Map<string, boolean>();
      for (const { before, answer, after } of answered(run)) {
        if (answer?.kind === 'unknown' || answer?.kind === 'in-doubt')
          doubtful.set(after?.entry ?? before.entry ?? '', true);
        else if (answer?.kind === 'accepted' || answer?.kind === 'refused')
          doubtful.set(before.entry ?? '', false);
        const ended = before.phase !== 'settle' && after?.phase === 'settle' ? after : null;
        if (ended !== null && doubtful.get(ended.entry ?? '') === true)
          assert.equal(ended.doubt, true);
      }
    },
    // Whose word on a doubt is no answer of an activity.
    { from: script.map((given) => ({ ...given, operator: false })) },
  );
});

test('a cancelled run ends every registration, soon, and keeps the request ids of the accepted ones', () => {
  forEveryRun(
    (run) => {
      if (!run.story.some(({ kind }) => kind === 'cancelled')) return;
      assert.deepEqual(run.run.items, []);
      for (const { before, after } of endedBy(run, 'cancelled')) {
        if (before.requestId !== null) assert.equal(after?.requestId, before.requestId);
      }
    },
    { from: script.filter(({ cancelAfter }) => cancelAfter !== null) },
  );
});

test('what may be on the wire is never ended by a run that is cancelled before the journal knows what became of it', () => {
  forEveryRun(
    (run) => {
      for (const { answer, before, after } of answered(run)) {
        if (answer?.kind !== 'pending' || before.phase === 'settle') continue;
        assert.equal(after?.outcome ?? null, null, JSON.stringify(after));
      }
    },
    { from: script.filter(({ cancelAfter }) => cancelAfter !== null) },
  );
});

test('who waits for an answer, or for its turn, is asked for again without a rest', () => {
  forEveryRun((run) => {
    for (const { answer, at, after } of answered(run)) {
      if (answer?.kind !== 'waiting' && answer?.kind !== 'on the wire') continue;
      assert.ok(after?.dueAt === at, JSON.stringify(after));
    }
  });
});

test('a run that is cancelled gives up no registration as known before the journal was read after its last attempt', () => {
  forEveryRun((run) => {
    const unread = new Set<number>();
    for (const { step, before, answer, after } of answered(run)) {
      if (step.kind === 'submit' && answer === null) unread.add(before.index);
      else if (answer !== null) unread.delete(before.index);
      if (after?.outcome?.kind === 'cancelled' && before.phase !== 'settle') {
        assert.ok(!unread.has(before.index) || after.doubt, JSON.stringify(after));
      }
    }
  });
});

for (const onUnknown of ['resubmit', 'lookup'] as const) {
  test(`what was in doubt under any entry is in doubt when it ends without a request id as cancelled or never accepted (${onUnknown})`, () => {
    forEveryRun(
      (run) => {
        const doubtful = new Set<number>();
        for (const { before, answer, after } of answered(run)) {
          if (answer?.kind === 'unknown') doubtful.add(before.index);
          const ended = before.phase !== 'settle' && after?.phase === 'settle' ? after : null;
          const kind = ended?.outcome?.kind;
          if (ended?.requestId !== null || !doubtful.has(before.index)) continue;
          if (kind === 'cancelled' || kind === 'failed')
            assert.ok(ended.doubt, JSON.stringify(ended));
        }
      },
      {
        with: { ...rules, onUnknown, lookUpAfter: 60_000 },
        from: script.map((given) => ({ ...given, operator: false })),
      },
    );
  });
}

test('in a kind world everything is registered, in about the time the plan takes', () => {
  const run = pureRun(rules, { tape: [], count: 100, cancelAfter: null, operator: false });
  assert.deepEqual(run.run.items, []);
  assert.equal(endedBy(run, 'registered').length, 100);
  assert.ok(run.now - (run.story[0]?.at ?? 0) < HOUR);
  assert.equal(
    begun(run).length,
    4,
    'claim, submit, poll and persist: one step each for all hundred',
  );
});

test('the tapes of these properties lead to every outcome, every step and every accident', () => {
  const seen = new Set<string>();
  forEveryRun(
    (run) => {
      for (const { kind } of run.story) seen.add(kind);
      for (const { step } of begun(run)) seen.add(step.kind);
      for (const { answer, after } of answered(run)) {
        seen.add(answer?.kind ?? 'no answer');
        if (after?.outcome) seen.add(`${after.outcome.kind}: ${after.outcome.reason ?? ''}`);
      }
      if (run.run.items.length > 0) seen.add('held in doubt');
    },
    { seed: 1 },
  );
  const expected = [
    ...['claim', 'submit', 'poll', 'recheck', 'persist', 'route', 'cancelled', 'held in doubt'],
    ...['claimed', 'resumed', 'in-doubt', 'duplicate', 'conflict'],
    ...['accepted', 'refused', 'not-accepted', 'unknown', 'pending', 'waiting'],
    ...['undecided', 'on the wire'],
    ...['processing', 'done', 'failed', 'unreadable', 'no answer'],
    ...['settled', 'missing', 'setAside', 'leftover'],
    ...['registered: ', 'rejected: no', 'conflict: taken', 'failed: internal error'],
    'in-doubt: by the operator',
    'timed-out: still processing at the deadline',
    'timed-out: no readable answer within legacy.maxOpen',
    'cancelled: the run was cancelled',
    'failed: no document to update, and mongodb.upsert is off',
    'failed: never accepted: HTTP 503',
  ];
  assert.deepEqual(
    expected.filter((one) => !seen.has(one)),
    [],
  );
});
