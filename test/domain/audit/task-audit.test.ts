import assert from 'node:assert/strict';
import { test } from 'node:test';
import { malformedKey } from '../../../src/domain/names.ts';
import {
  auditTasks,
  type AuditedTask,
  type TaskAuditInput,
} from '../../../src/domain/audit/task-audit.ts';

const hash = (id: string): string => id.padEnd(64, '0');
const task = (id: string, end: string | null, more: Partial<AuditedTask> = {}): AuditedTask => {
  const { generation = 0 } = more;
  return {
    ...{ key: `W/${id}~${generation}`, item: `W/${id}`, generation, conflict: false },
    ...{ bodyHash: hash(id), end, gone: null, isStranded: false },
    ...more,
  };
};
const audited = (claims: AuditedTask[], more: Partial<TaskAuditInput> = {}) =>
  auditTasks({ worker: 'W', claims, malformed: new Map(), published: null, waiting: 0, ...more });
const published = (...ids: string[]) => ids.map((id) => ({ id, hash: hash(id) }));

test('each task counts once, where its last generation has got to', () => {
  const report = audited(
    [
      task('a', 'done'),
      task('b', 'exhausted', { gone: 'redriven' }),
      task('b', 'done', { generation: 1 }),
      task('c', 'permanent'),
      task('d', 'timeout', { gone: 'dropped' }),
      task('e', null),
      task('f', 'exhausted', { gone: 'redriven' }),
      task('a', 'id-conflict', { key: 'W/a~0!1', conflict: true, bodyHash: hash('other') }),
    ],
    { malformed: new Map([[malformedKey(hash('x')), { isDropped: false }]]) },
  );
  const { done, dead, dropped, open, tasks, holds } = report;
  assert.deepEqual({ done, dead, dropped, open }, { done: 2, dead: 3, dropped: 1, open: 2 });
  assert.deepEqual([tasks, holds], [8, true]);
});

test('what was published and is nowhere is lost, unless it may be among what waits', () => {
  const claims = [task('a', 'done')];
  const ledger = { published: published('a', 'b') };
  assert.deepEqual(audited(claims, ledger).lost, ['b']);
  assert.equal(audited(claims, ledger).holds, false);
  assert.equal(audited(claims, { ...ledger, waiting: 1 }).holds, true);
  assert.equal(audited(claims, { ...ledger, waiting: null }).holds, false);
});

test('of a message the body counts, too, and one without an id is known by it', () => {
  const other = [{ id: 'a', hash: hash('other') }];
  assert.deepEqual(audited([task('a', 'done')], { published: other }).lost, ['a']);
  const nameless = [{ id: null, hash: hash('a') }];
  assert.equal(
    audited([task('random', 'done', { bodyHash: hash('a') })], { published: nameless }).holds,
    true,
  );
});

test('a task that is done in two generations, or whose run has ended, breaks the sum', () => {
  const twice = audited([task('a', 'done'), task('a', 'done', { generation: 1 })]);
  assert.deepEqual([twice.doneTwice, twice.holds], [['a'], false]);
  // Its file was gone, and has come again.
  const again = audited([
    task('a', 'done', { gone: 'redriven' }),
    task('a', 'done', { generation: 1 }),
  ]);
  assert.deepEqual([again.doneTwice, again.holds], [[], true]);
  const stranded = audited([task('a', null, { isStranded: true })]);
  assert.deepEqual([stranded.stranded, stranded.holds], [['a'], false]);
});
