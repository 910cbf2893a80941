import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createNotFounds } from '../../src/registrations/not-founds.ts';

const MINUTE = 60_000;
const ROUTE = 'no Route matched with those values';

/** The rule, and a clock that stands still until it is moved; each call is a little later than the one before. */
function rule() {
  const clock = { now: 0 };
  const notFounds = createNotFounds(() => (clock.now += 0.01));
  return {
    clock,
    notFounds,
    accept: (key: string) => notFounds.accepted(key, notFounds.begin()),
    turnAway: (key: string, reason = ROUTE) => notFounds.read(key, reason, notFounds.begin()),
  };
}

test('of a worker that has just begun the first 404 is not believed, and no other until another one is accepted', () => {
  const { accept, turnAway } = rule();
  assert.equal(turnAway('ana'), 'seen first');
  assert.equal(turnAway('ana'), 'seen again');
  assert.equal(turnAway('rui'), 'seen first');
  accept('eva');
  assert.equal(turnAway('ana'), 'refused');
  assert.equal(turnAway('rui'), 'refused');
});

test('the next registration begins anew: no 404 is believed for what was said of another', () => {
  const { accept, turnAway } = rule();
  turnAway('ana', 'unknown municipality');
  accept('eva');
  assert.equal(turnAway('ana', 'unknown municipality'), 'refused');
  assert.equal(turnAway('rui', 'unknown municipality'), 'seen first');
});

test('what was sent before the first 404 and accepted after it proves nothing: it is what a deploy lets end', () => {
  const { notFounds, turnAway } = rule();
  const begun = notFounds.begin();
  turnAway('ana');
  notFounds.accepted('eva', begun);
  assert.equal(turnAway('ana'), 'seen again');
});

test('nor does what was accepted only after the second was sent', () => {
  const { notFounds, accept, turnAway } = rule();
  turnAway('ana');
  const begun = notFounds.begin();
  accept('eva');
  assert.equal(notFounds.read('ana', ROUTE, begun), 'seen again');
  assert.equal(turnAway('ana'), 'seen again', 'in between nobody was accepted');
});

test('where one instance in two is away, a reason whose registration was accepted after all is not believed for ten minutes', () => {
  const { clock, accept, turnAway } = rule();
  turnAway('ana');
  turnAway('rui');
  accept('ana');
  for (clock.now = 0; clock.now < 9 * MINUTE; clock.now += MINUTE) {
    assert.equal(turnAway('rui'), 'seen again');
    accept('eva');
  }
  clock.now = 11 * MINUTE;
  assert.equal(turnAway('rui'), 'refused');
});

test('another reason is believed meanwhile', () => {
  const { accept, turnAway } = rule();
  turnAway('ana');
  accept('ana');
  turnAway('rui', 'unknown municipality');
  accept('eva');
  assert.equal(turnAway('rui', 'unknown municipality'), 'refused');
});

test('however requests overlap, a time in which everything is answered 404 refuses nobody', () => {
  const request = fc.record({
    key: fc.integer({ min: 0, max: 5 }).map(String),
    begins: fc.integer({ min: 0, max: 300 }),
    lasts: fc.integer({ min: 1, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
      const clock = { now: 0 };
      const notFounds = createNotFounds(() => clock.now);
      // From 100 to 200 it is away: who arrives then, halfway, is answered 404.
      const isAway = ({ begins, lasts }: { begins: number; lasts: number }) =>
        begins + lasts / 2 >= 100 && begins + lasts / 2 <= 200;
      const isAccepted = new Set<string>();
      const events = requests.flatMap((each) => {
        const wire = { moment: { at: 0, acceptedBegan: 0 }, isSent: false };
        const begin = () => {
          // A registration has one request at a time, and none once it is accepted.
          if (isAccepted.has(each.key) || underWay.has(each.key)) return;
          underWay.add(each.key);
          wire.isSent = true;
          wire.moment = notFounds.begin();
        };
        const end = () => {
          if (!wire.isSent) return;
          underWay.delete(each.key);
          if (isAway(each))
            assert.notEqual(notFounds.read(each.key, ROUTE, wire.moment), 'refused');
          else {
            isAccepted.add(each.key);
            notFounds.accepted(each.key, wire.moment);
          }
        };
        return [
          { at: each.begins, act: begin },
          { at: each.begins + each.lasts, act: end },
        ];
      });
      const underWay = new Set<string>();
      for (const { at, act } of events.sort((a, b) => a.at - b.at)) {
        clock.now = at;
        act();
      }
    }),
  );
});

test('what it remembers is bounded, and what is forgotten begins anew', () => {
  const { accept, turnAway } = rule();
  for (let n = 0; n < 10_001; n++) turnAway(`k-${n}`, `reason ${n}`);
  accept('eva');
  assert.equal(turnAway('k-0'), 'seen first');
  assert.equal(turnAway('k-10000'), 'refused');
});
