import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Breaker } from '../../src/outbound/breaker.ts';
import { createGate } from '../../src/outbound/gate.ts';
import type { Bound } from '../../src/outbound/gate.ts';
import { silent } from '../../src/runtime/log.ts';
import { createSlots } from '../../src/runtime/slots.ts';
import { eventually } from '../helpers/eventually.ts';

const shut: Breaker = {
  wait: () => null,
  takeProbe: () => Promise.resolve(false),
  observe() {},
  giveBack() {},
  opening: () => 1,
};

/** A gate with a limit of POSTs a second, whose time line is the test's. */
function limited(breaker = shut, bound?: Bound) {
  const slots = createSlots(8);
  const reserved: number[] = [];
  const heldBack: string[] = [];
  let wait = 0;
  let failure: Error | null = null;
  const gate = createGate({
    slots,
    breaker,
    limits: {
      submits: {
        setting: 'maxSubmitsPerSecond',
        perSecond: () => (bound === undefined ? 2 : null),
        ...(bound === undefined ? {} : { bound }),
      },
      gets: { setting: 'maxGetsPerSecond', perSecond: () => null },
    },
    rates: {
      reserve(_, count) {
        if (failure !== null) return Promise.reject(failure);
        reserved.push(count);
        return Promise.resolve(wait);
      },
      noteLimited: (lane) => Promise.resolve(void heldBack.push(lane)),
    },
    log: silent,
  });
  return {
    gate,
    slots,
    reserved,
    heldBack,
    waits: (ms: number) => void (wait = ms),
    fails: (error: Error) => void (failure = error),
  };
}

test('room under a limit whose asker has gone meanwhile is for the next one, who reserves none', async () => {
  const { gate, slots, reserved, waits } = limited();
  waits(50);
  let isThere = true;
  const gone = gate.take('submits', 10, gate.turn(), () => isThere);
  await eventually('it waits for its room', () => assert.deepEqual(reserved, [1]));
  const next = gate.take('submits', 10, gate.turn());
  isThere = false;
  assert.equal((await gone).count, 0);
  assert.equal((await next).count, 1);
  assert.deepEqual(reserved, [1]);
  assert.equal(slots.onTheWire(), 1);
});

test('one more request of somebody who has a slot waits for its own room, and takes no second slot', async () => {
  const { gate, slots, reserved } = limited();
  assert.equal((await gate.take('submits', 1, gate.turn())).count, 1);
  assert.equal(await gate.another('submits'), null);
  assert.deepEqual(reserved, [1, 1]);
  assert.equal(slots.onTheWire(), 1);
  assert.equal(await gate.another('gets'), null, 'without a limit');
  assert.deepEqual(reserved, [1, 1]);
});

test('one more request is not sent where the limit cannot be kept', async () => {
  const { gate, fails } = limited();
  fails(new Error('MongoDB is away'));
  assert.match((await gate.another('submits'))?.reason ?? '', /MongoDB/);
});

test('who was granted nothing gives back no probe: it is another who asks', async () => {
  let given = 0;
  const { gate } = limited({ ...shut, giveBack: () => (given += 1) });
  gate.release('submits', 0);
  assert.equal(given, 0);
  assert.equal((await gate.take('submits', 1, gate.turn())).count, 1);
  gate.release('submits', 1);
  assert.equal(given, 1);
});

test('who has gone before its turn in the line reserves nothing', async () => {
  const { gate, reserved, waits } = limited();
  waits(50);
  const first = gate.take('submits', 10, gate.turn());
  const gone = gate.take('submits', 10, gate.turn(), () => false);
  assert.equal((await first).count, 1);
  assert.equal((await gone).count, 0);
  assert.deepEqual(reserved, [1]);
});

test('no more goes through than the bound has room for, intake is told when it has none, and it hears of what is answered', async () => {
  let room = 1;
  const released: number[] = [];
  const { gate, slots, heldBack } = limited(shut, {
    setting: 'legacy.maxInFlight',
    isSet: () => true,
    take(wanted) {
      const granted = Math.min(wanted, room);
      room -= granted;
      return Promise.resolve(granted);
    },
    release: (count) => void released.push(count),
  });
  assert.equal((await gate.take('submits', 2, gate.turn())).count, 1);
  assert.deepEqual(heldBack, []);
  const { count, wait } = await gate.take('submits', 2, gate.turn());
  assert.deepEqual([count, wait?.reason], [0, 'legacy.maxInFlight is reached']);
  assert.deepEqual(heldBack, ['submits']);
  assert.equal(slots.onTheWire(), 1);
  assert.equal((await gate.take('gets', 2, gate.turn())).count, 2, 'it is of the other lane');
  gate.release('gets', 2);
  gate.release('submits', 1);
  assert.deepEqual(released, [1]);
});
