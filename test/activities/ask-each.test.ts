/** The common part of all steps that ask the legacy system: no server, a gate of its own, calls that the test ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askEach } from '../../activities/ask-each.ts';
import type { Asked, Asking } from '../../activities/ask-each.ts';
import { createUnderWay } from '../../activities/under-way.ts';
import type { Call } from '../../activities/under-way.ts';
import { alwaysOpen } from '../helpers/gate.ts';
import { createSlots } from '../../src/runtime/slots.ts';
import { attemptOf } from '../helpers/activities.ts';
import { eventually } from '../helpers/eventually.ts';

interface Request {
  index: number;
}
type Answer = { index: number; text: string };

/** Calls that a process has, in front of so many slots; each is answered when the test says so. */
function processWith(slots: number) {
  const line = createSlots(slots);
  const gate = alwaysOpen(line);
  const underWay = createUnderWay();
  const calls = underWay.calls<Answer>();
  const begun: number[] = [];
  const ends = new Map<number, { answer: (text: string) => void; fail: (why: Error) => void }>();
  const begin = (chunk: Request[]): Call<Answer>[] =>
    chunk.map(({ index }) => {
      begun.push(index);
      const answer = new Promise<Answer>((resolve, fail) =>
        ends.set(index, { answer: (text) => resolve({ index, text }), fail }),
      );
      return { answer, end: answer.then(() => {}) };
    });
  let isWanted = true;
  const cancelled = new AbortController();
  const ask = (
    count: number,
    {
      workflowId = 'run-1',
      ...more
    }: Partial<Asking<Request, Answer>> & { workflowId?: string } = {},
  ): Promise<Asked<Request, Answer>> =>
    attemptOf({ workflowId }).run(() =>
      askEach<Request, Answer>(
        { gate, underWay },
        {
          lane: 'gets',
          requests: Array.from({ length: count }, (_, index) => ({ index })),
          subjectOf: ({ index }) => `REQ-${index}`,
          calls,
          begin,
          liveness: {
            maySend: () => isWanted,
            isCurrent: () => true,
            throwIfCancelled: () => Promise.resolve(),
            signal: cancelled.signal,
          },
          ...more,
        },
      ),
    );
  const end = async (index: number, text = 'done'): Promise<void> => {
    await eventually(`call ${index} has begun`, () => assert.ok(ends.has(index)));
    ends.get(index)?.answer(text);
  };
  const fail = async (index: number): Promise<void> => {
    await eventually(`call ${index} has begun`, () => assert.ok(ends.has(index)));
    ends.get(index)?.fail(new Error('no primary'));
  };
  return { ask, begun, end, fail, line, underWay, cancel: () => (isWanted = false) };
}

const indexes = (of: readonly { index: number }[]): number[] => of.map(({ index }) => index);

test('all that are answered together come together, in their order', async () => {
  const { ask, end } = processWith(8);
  const asking = ask(3);
  for (const index of [2, 0, 1]) await end(index);
  const { answers, open, waiting, turnedAway } = await asking;
  assert.deepEqual(indexes(answers), [0, 1, 2]);
  assert.deepEqual([open, waiting, turnedAway], [[], [], []]);
});

test('a slow one is named as on the wire, and the answers of the others are there without it', async () => {
  const { ask, end, line } = processWith(8);
  const asking = ask(3);
  await end(0);
  await end(2);
  const { answers, open } = await asking;
  assert.deepEqual([indexes(answers), indexes(open)], [[0, 2], [1]]);
  assert.equal(line.onTheWire(), 1, 'it keeps its slot');
  await end(1);
  await eventually('the slot is free', () => assert.equal(line.onTheWire(), 0));
});

test('who asks again joins the call that is under way, and begins no other', async () => {
  const { ask, begun, end } = processWith(8);
  const first = ask(2);
  await end(0);
  assert.deepEqual(indexes((await first).open), [1]);
  const again = ask(2, { requests: [{ index: 1 }] });
  await end(1, 'late');
  assert.deepEqual((await again).answers, [{ index: 1, text: 'late' }]);
  assert.deepEqual(begun, [0, 1]);
});

test('another run does not join it: what a run is answered says whose the claim is', async () => {
  const { ask, begun, end } = processWith(8);
  const first = ask(2);
  await end(0);
  await first;
  const other = ask(2, { requests: [{ index: 1 }], workflowId: 'run-2' });
  await eventually('it has begun its own', () => assert.deepEqual(begun, [0, 1, 1]));
  await end(1);
  assert.deepEqual(indexes((await other).answers), [1]);
});

test('those that wait for a slot are left when others are answered, and never begun by whoever has returned', async () => {
  const { ask, begun, end, line } = processWith(1);
  const asking = ask(3);
  await end(0);
  const { answers, open, waiting } = await asking;
  assert.deepEqual([indexes(answers), indexes(open), indexes(waiting)], [[0], [1], [2]]);
  await end(1);
  await eventually('the slot is free', () => assert.equal(line.onTheWire(), 0));
  assert.deepEqual(begun, [0, 1]);
});

test('what comes again keeps its place before those that came later', async () => {
  const { ask, begun, end } = processWith(1);
  const first = ask(3);
  await end(0);
  assert.deepEqual(indexes((await first).waiting), [2]);
  const later = ask(1, { requests: [{ index: 7 }], workflowId: 'run-2' });
  const again = ask(1, { requests: [{ index: 2 }] });
  await end(1);
  await eventually('the next has begun', () => assert.equal(begun.length, 3));
  assert.deepEqual(begun, [0, 1, 2]);
  await end(2);
  await end(7);
  await Promise.all([later, again]);
});

test('several slow ones leave the other slots to the others', async () => {
  const { ask, end } = processWith(8);
  const slow = ask(7, { workflowId: 'run-1' });
  await eventually('seven are on the wire', () => end(6));
  assert.equal(indexes((await slow).open).length, 6);
  const others = ask(9, {
    requests: [{ index: 7 }, { index: 8 }, { index: 9 }],
    workflowId: 'run-2',
  });
  for (const index of [7, 8, 9]) await end(index);
  assert.deepEqual(indexes((await others).answers), [7, 8, 9]);
});

test('an answer that was there before does not wait for a slow one', async () => {
  const { ask } = processWith(8);
  const { answers, open } = await ask(2, { hasAnswers: true });
  assert.deepEqual([indexes(answers), indexes(open)], [[], [0, 1]]);
});

test('after an attempt is over nothing is begun, though the gate lets it through', async () => {
  const { ask, begun, line, cancel } = processWith(1);
  await line.take(1);
  const asking = ask(2);
  cancel();
  line.release(1);
  const { turnedAway, waiting } = await asking;
  assert.deepEqual([indexes(turnedAway), waiting, begun], [[0, 1], [], []]);
  assert.equal(line.onTheWire(), 0);
});

test('who turns a whole handful away is not asked to take the next', async () => {
  const { ask, begun, end } = processWith(1);
  const asking = ask(3, { turnsAway: ({ text }) => text === 'no' });
  await end(0, 'no');
  assert.deepEqual(indexes((await asking).turnedAway), [1, 2]);
  assert.deepEqual(begun, [0]);
});

test('one that fails is named beside the answers of the others', async () => {
  const { ask, end, fail } = processWith(8);
  const asking = ask(2);
  await fail(1);
  await end(0);
  const { answers, failed, failures } = await asking;
  assert.deepEqual([indexes(answers), indexes(failed), failures.length], [[0], [1], 1]);
});

test('who has little patience returns without any answer, and the calls go on', async () => {
  const { ask, end, underWay } = processWith(8);
  const { answers, open } = await ask(2, { patience: { inAll: 30_000, forOne: 10 } });
  assert.deepEqual([answers, indexes(open)], [[], [0, 1]]);
  const idle = underWay.idle();
  await end(0);
  await end(1);
  await idle;
});
