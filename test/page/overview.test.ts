/** The verdict, of readings that a test gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS } from '../../src/config/schema.ts';
import { hasBroker, type WorkerCounts } from '../../src/operations/worker-counts.ts';
import { createCell } from '../../src/page/cell.ts';
import { overviewOf } from '../../src/page/overview.ts';

const control = {
  now: Date.now(),
  pause: null,
  pauses: {},
  limits: {},
  breakers: {},
  limitedAt: {},
};
const legacy = { p50: null, p99: null };
const idle: WorkerCounts = {
  ...{ worker: 'orders', processes: 1, waiting: { ok: true, value: 0 } },
  ...{ open: 0, running: 0, dead: 0, perSecond: 0, paused: null },
};

/** @param workers null where they were not read yet */
async function verdictOf(workers: Partial<WorkerCounts>[] | null) {
  const of = <T>(value: T) => createCell(() => Promise.resolve(value));
  const readings = {
    control: of({
      control: { ...control, encryption: null, processes: [] },
      ...{ limits: null, processes: [], inFlight: 0 },
    }),
    pulse: of({ open: 0, setAside: 0, perSecond: 0, lag: legacy }),
    workers: of((workers ?? []).map((each) => ({ ...idle, ...each }))),
    queues: of(0),
    doubts: of({ all: 0, oldest: [] }),
    failed: of(0),
    latency: of({ ...legacy, yesterday: null }),
    minutes: of([]),
  };
  for (const [name, cell] of Object.entries(readings))
    if (name !== 'workers' || workers !== null) await cell.refresh(2_000);
  const since = new Date();
  return overviewOf(DEFAULTS, readings, 2_000, { environment: null, since }).verdict;
}

test('nothing is idle before the workers were read, or while a broker does not say how many wait', async () => {
  assert.equal((await verdictOf([{}])).state, 'idle');
  assert.equal((await verdictOf(null)).state, 'unknown');
  const away: Partial<WorkerCounts> = { waiting: { ok: false, error: 'the broker is away' } };
  const verdict = await verdictOf([away]);
  assert.ok(verdict.state === 'unknown', verdict.state);
  assert.equal(verdict.reason, 'orders: the broker is away');
  assert.equal((await verdictOf([away, { open: 1 }])).state, 'working');
});

test('a run over a list that was left is no work, and one that goes on is', async () => {
  const left = { worker: 'etl.june', waiting: null, open: 3, processes: 0 };
  assert.equal((await verdictOf([left])).state, 'idle');
  assert.equal((await verdictOf([{ ...left, processes: 1 }])).state, 'working');
});

test('no broker is asked for what waits of a list or a folder', () => {
  const use = { ofFile: false, calls: 0, concurrency: 1 };
  const isAsked = (broker: string) => hasBroker({ ...use, from: { broker, name: 'june' } });
  assert.deepEqual(['url', 'folder', 'kafka', 'rabbitmq'].map(isAsked), [false, false, true, true]);
});
