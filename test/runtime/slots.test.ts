import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { createSlots } from '../../src/runtime/slots.ts';

/** The count that was granted, or null while it is waited for. */
function asking(slots: ReturnType<typeof createSlots>, wanted: number) {
  const asked: { granted: number | null } = { granted: null };
  void slots.take(wanted).then((count) => (asked.granted = count));
  return asked;
}

/** Slots of which none is free. */
async function allTaken(total: number): Promise<ReturnType<typeof createSlots>> {
  const slots = createSlots(total);
  for (let out = 0; out < total;) out += await slots.take(total - out);
  return slots;
}

test('as many as are wanted are granted at once while they are free', async () => {
  const slots = createSlots(16);
  assert.equal(await slots.take(3), 3);
  assert.equal(await slots.take(4), 4);
});

test('who wants more than a quarter gets a quarter, so that several chunks are under way', async () => {
  const slots = createSlots(16);
  assert.equal(await slots.take(100), 4);
  assert.equal(await slots.take(100), 4);
});

/** What is waited for a while is waited for until a test says that it is over. */
const standStill = (t: TestContext): void => t.mock.timers.enable({ apis: ['setTimeout'] });

test('with none free it waits, and gets a handful and not one by one', async (t) => {
  standStill(t);
  const slots = await allTaken(8); // a handful is 2
  const asked = asking(slots, 100);
  slots.release(1);
  await turn();
  assert.equal(asked.granted, null);
  slots.release(1);
  await turn();
  assert.equal(asked.granted, 2);
});

test('who has begun is served before those who came later, also when it asks again', async () => {
  const slots = await allTaken(8);
  const mine = slots.turn();
  const later = asking(slots, 2);
  let again = 0;
  void slots.take(2, mine).then((count) => (again = count));
  slots.release(2);
  await turn();
  assert.deepEqual([again, later.granted], [2, null]);
  slots.release(2);
  await turn();
  assert.equal(later.granted, 2);
});

test('who wants less than a handful waits only for that', async () => {
  const slots = await allTaken(80);
  const asked = asking(slots, 1);
  slots.release(1);
  await turn();
  assert.equal(asked.granted, 1);
});

test('who came first is served first, and a small wish does not overtake a large one', async (t) => {
  standStill(t);
  const slots = await allTaken(8);
  const large = asking(slots, 50);
  const small = asking(slots, 1);
  slots.release(1);
  await turn();
  assert.deepEqual([large.granted, small.granted], [null, null]);
  slots.release(1);
  await turn();
  assert.deepEqual([large.granted, small.granted], [2, null]);
  slots.release(1);
  await turn();
  assert.equal(small.granted, 1);
});

test('one slot alone serves everybody, one after the other', async () => {
  const slots = createSlots(1);
  assert.equal(await slots.take(5), 1);
  const next = asking(slots, 5);
  slots.release(1);
  await turn();
  assert.equal(next.granted, 1);
});

test('never are more out than there are, nobody gets none, and in the end everybody was served', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 300 }),
      fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 30 }),
      fc.scheduler(),
      async (total, wishes, scheduler) => {
        const slots = createSlots(total);
        let out = 0;
        const served = wishes.map(async (wanted) => {
          await scheduler.schedule(Promise.resolve());
          const count = await slots.take(wanted);
          out += count;
          assert.ok(count >= 1 && count <= wanted, `${count} of ${wanted}`);
          assert.ok(out <= total, `${out} of ${total}`);
          await scheduler.schedule(Promise.resolve());
          out -= count;
          slots.release(count);
        });
        await scheduler.waitFor(Promise.all(served));
        assert.equal(out, 0);
      },
    ),
  );
});

test('when several of those that are out are slow, the others are handed out without waiting for a handful', async () => {
  const slots = createSlots(16);
  for (let n = 0; n < 4; n++) await slots.take(4);
  slots.release(3);
  assert.equal(await slots.take(10), 3, 'a handful is four');
});

test('the fewer a handful is, the shorter it is waited for', async (t) => {
  standStill(t);
  const [few, many] = [await allTaken(8), await allTaken(256)];
  const [ofFew, ofMany] = [asking(few, 100), asking(many, 100)];
  few.release(1);
  many.release(1);
  t.mock.timers.tick(10);
  await turn();
  assert.deepEqual([ofFew.granted, ofMany.granted], [1, null]);
  t.mock.timers.tick(250);
  await turn();
  assert.equal(ofMany.granted, 1);
});

test('who leaves the line gets none, and holds up nobody behind', async (t) => {
  standStill(t);
  const slots = await allTaken(8);
  const mine = slots.turn();
  const left = slots.take(100, mine);
  const behind = asking(slots, 1);
  slots.release(1);
  await turn();
  assert.equal(behind.granted, null);
  slots.leave(mine);
  assert.equal(await left, 0);
  await turn();
  assert.equal(behind.granted, 1);
});

test('who has waited for long behind another line is served in turn with it', async (t) => {
  t.mock.method(performance, 'now', () => now);
  let now = 0;
  const slots = await allTaken(4); // a handful is 1
  const served: string[] = [];
  for (const line of ['submits', 'submits', 'submits', 'gets', 'gets'])
    void slots.take(1, slots.turn(), line).then(() => served.push(line));
  const serveOne = async () => {
    slots.release(1);
    await turn();
  };
  await serveOne();
  assert.deepEqual(served, ['submits']);
  now = 60_000;
  for (let n = 0; n < 4; n++) await serveOne();
  assert.deepEqual(served, ['submits', 'gets', 'submits', 'gets', 'submits']);
});
