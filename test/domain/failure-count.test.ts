import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  corrections,
  countedAs,
  groupId,
  lastHourOf,
  move,
  trimmed,
  type Counted,
  type GroupCount,
} from '../../src/domain/failure-count.ts';

const NOW = Date.UTC(2026, 0, 2, 12);
const MINUTE = 60_000;
const before = (minutes: number) => new Date(NOW - minutes * MINUTE);

const failed = (minutes: number, as: Counted['as'] = 'waiting', reason = 'no name'): Counted => ({
  ...{ class: 'rejected', reason, as, at: before(minutes) },
});

function grouped(...moves: [from: Counted | null, to: Counted | null][]): Map<string, GroupCount> {
  const groups = new Map<string, GroupCount>();
  for (const [from, to] of moves) move(groups, 'registrations', from, to);
  return groups;
}

const countsOf = (groups: Map<string, GroupCount>) =>
  [...groups.values()].map(({ reason, waiting, total, redriven, finishedLater }) => {
    return [reason, waiting, total, redriven, finishedLater];
  });

test('a claim counts once it is settled as a failure, by how its record has left', () => {
  const settledAt = before(1);
  const outcome = { kind: 'rejected', group: 'no name', at: before(2) };
  const as = (more: object) => countedAs({ settledAt, outcome, ...more })?.as;
  assert.equal(as({}), 'waiting');
  assert.equal(as({ lateResult: { status: 'done' } }), 'later');
  assert.equal(as({ lateResult: { status: 'failed' } }), 'waiting');
  assert.equal(as({ gone: { as: 'redriven' }, lateResult: { status: 'done' } }), 'redriven');
  assert.equal(as({ gone: { as: 'dropped' } }), 'gone');
  assert.equal(as({ worker: 'Mail' }), 'letter', 'it was no task');
  assert.equal(as({ worker: 'Mail', item: 'Mail/1' }), 'waiting');
  assert.equal(as({ worker: 'Mail', gone: { as: 'dropped' } }), 'gone');
  assert.equal(as({ settledAt: null }), undefined);
  assert.equal(as({ outcome: null }), undefined);
  assert.equal(as({ outcome: { kind: 'registered', at: before(2) } }), undefined);
  assert.equal(as({ outcome: { ...outcome, at: 'yesterday' } }), undefined);
});

test('a failure that leaves, or fails otherwise, is taken from where it was', () => {
  const [waits, other] = [failed(5), failed(1, 'waiting', 'no street')];
  assert.deepEqual(countsOf(grouped([null, waits], [waits, failed(5, 'redriven')])), [
    ['no name', 0, 1, 1, 0],
  ]);
  assert.deepEqual(countsOf(grouped([null, waits], [waits, failed(5, 'later')])), [
    ['no name', 1, 1, 0, 1],
  ]);
  assert.deepEqual(countsOf(grouped([null, waits], [waits, other])), [
    ['no name', 0, 0, 0, 0],
    ['no street', 1, 1, 0, 0],
  ]);
});

test('a group knows its first and its last, and anew when all of it had left', () => {
  const [group] = grouped([null, failed(50)], [null, failed(90)], [null, failed(3)]).values();
  assert.deepEqual([group?.firstAt, group?.lastAt], [before(90), before(3)]);
  const [again] = grouped([null, failed(90)], [failed(90), null], [null, failed(3)]).values();
  assert.deepEqual([again?.firstAt, again?.lastAt], [before(3), before(3)]);
});

test('those of the last hour are forgotten when it is over, and count once however they leave', () => {
  const [group] = grouped(
    [null, failed(1)],
    [null, failed(59)],
    [null, failed(66)],
    [failed(1), failed(1, 'redriven')],
    // Old when it leaves: no slot is made for it.
    [failed(5_000), failed(5_000, 'gone')],
  ).values();
  assert.ok(group !== undefined);
  assert.equal(lastHourOf(group, NOW), 2);
  assert.equal(Object.keys(trimmed(group, NOW).recent).length, 2);
  assert.equal(lastHourOf(group, NOW + 30 * MINUTE), 1);
  assert.equal(lastHourOf(group, NOW + 90 * MINUTE), 0);
});

test('a count that is wrong is put right, and one that moved while all was read is left alone', () => {
  const id = groupId('registrations', failed(1));
  const found = grouped([null, failed(9)], [null, failed(8)]);
  const right = found.get(id);
  assert.ok(right !== undefined);
  const wrong = new Map([[id, { ...right, waiting: 7, moves: 40 }]]);
  const none = new Map<string, number>();
  const [one] = corrections(found, wrong, wrong, none);
  assert.deepEqual([one?.to.waiting, one?.to.total, one?.to.moves], [2, 2, 40]);
  const earlier = new Map([[id, { ...right, waiting: 2, moves: 35 }]]);
  assert.deepEqual(corrections(found, earlier, wrong, none), []);
  assert.deepEqual(corrections(found, wrong, wrong, new Map([[id, 5]])), []);
  assert.equal(corrections(found, wrong, wrong, new Map([[id, 4]])).length, 1);
});

test('a group that is nowhere is emptied, and one that was never counted is made', () => {
  const [only] = grouped([null, failed(1)]).values();
  assert.ok(only !== undefined);
  const counted = new Map([[only._id, only]]);
  const [emptied] = corrections(new Map(), counted, counted, new Map());
  assert.deepEqual([emptied?.to.waiting, emptied?.to.total], [0, 0]);
  const [made] = corrections(counted, new Map(), new Map(), new Map());
  assert.deepEqual([made?.from, made?.to.total, made?.to.moves], [undefined, 1, 0]);
});
