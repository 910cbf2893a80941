/** What the page is given to show: a quiet day, a night, nothing known, very much, and texts that want to be code. */
import type { Sent } from '../../../src/page/kinds.ts';
import type * as actionViews from '../../../src/page/action-views.ts';
import type * as schemas from '../../../src/page/schemas.ts';
import type * as views from '../../../src/page/views.ts';
import {
  MINUTE_MS,
  actionOf,
  ago,
  auditOf,
  flowsOf,
  groupsOf,
  intake,
  limitsOf,
  minutesOf,
  processOf,
  tasks,
  unknown,
  value,
  type Scene,
} from './scene-parts.ts';

type Group = Sent<typeof views.group>;
type Doubt = Sent<typeof views.doubt>;

export const quiet = (): Scene => ({
  overview: {
    ...{ version: '0.1.0', environment: 'production', at: ago(0), verdict: { state: 'working' } },
    ...{ waiting: value(214), inFlight: value(1_402), inDoubt: value(0), failed: value(0) },
    ...{ setAside: value(0), perSecond: value(381.2), clearIn: value(38) },
    lag: value({ p50: 214, p99: 880 }),
    legacy: value({ p50: 14_100, p99: 19_600, yesterday: { p50: 13_900, p99: 19_500 } }),
    holds: value([]),
    breakers: value([]),
    minutes: value(minutesOf(0).map((minute) => ({ ...minute, failed: 0 }))),
  },
  flows: flowsOf(),
  groups: { groups: groupsOf([]) },
  doubts: { doubts: value({ all: 0, oldest: [] }) },
  processes: { processes: value([processOf({}, 0), processOf({}, 1), intake(2), tasks(3)]) },
  limits: limitsOf(false),
  operations: { operations: value([]) },
  audits: auditOf(),
  actions: {
    actions: value([
      actionOf(
        { what: 'limits set', on: 'maxSubmitsPerSecond=50', by: 'ana', reason: 'their month end' },
        1,
      ),
      actionOf({}, 2),
      actionOf({ what: 'resume', on: null, reason: 'core update is over' }, 3),
      actionOf({ what: 'pause', on: null, reason: 'core update until 14:00' }, 4),
    ]),
    next: null,
  },
});

export const groupOf = (part: Partial<Group>): Group => ({
  ...{
    flow: 'registrations',
    class: 'rejected',
    reason: 'nome ausente',
    waiting: 4_188,
    total: 4_188,
  },
  ...{
    firstAt: ago(130),
    lastAt: ago(14),
    lastHour: 3_902,
    redriven: 0,
    finishedLater: 0,
    letters: 0,
  },
  ...part,
});

export const doubtOf = (id: string, minutes: number, reason: string): Doubt => ({
  ...{ id, generation: 0, submission: 1, since: ago(minutes), reason },
  ...{ workflowId: 'registrations/9f3c', link: 'https://temporal.example/run' },
});

/** The night of the wireframe: the legacy system went down at two minutes to three. */
export function night(): Scene {
  const scene = quiet();
  const reason = 'HTTP 503, 61 % of 214 answers';
  return {
    ...scene,
    overview: {
      ...scene.overview,
      verdict: { state: 'held', by: 'breaker', reason, since: ago(14) },
      ...{
        waiting: value(12_400),
        inFlight: value(2_000),
        inDoubt: value(3),
        failed: value(4_231),
      },
      ...{ perSecond: value(0), clearIn: value(null), lag: value({ p50: null, p99: null }) },
      holds: value([
        ...[{ source: 'registrations', by: 'breaker' as const, reason, operator: null }].map(
          (hold) => ({
            ...{ ...hold, since: ago(14), endsByResume: false, isOfAll: false },
          }),
        ),
      ]),
      breakers: value([
        {
          ...{ endpoint: 'legacy', address: 'https://legacy.example', state: 'open', reason },
          ...{ trips: 4, since: ago(14), nextProbeAt: ago(-0.64) },
        },
      ]),
      minutes: value(minutesOf(14)),
    },
    groups: {
      groups: groupsOf([
        groupOf({}),
        groupOf({
          ...{ class: 'timed-out', reason: 'not done after # h', waiting: 31, lastHour: 4 },
          ...{ firstAt: ago(330), lastAt: ago(20), finishedLater: 12, total: 40, redriven: 9 },
        }),
        groupOf({
          ...{ class: 'failed', reason: 'documento # já cadastrado em outra agência', waiting: 10 },
          ...{ firstAt: ago(90), lastAt: ago(45), lastHour: 3 },
        }),
        groupOf({
          ...{ flow: 'invoices', class: 'failed', reason: 'TypeError: amount is not a number' },
          ...{ waiting: 2, lastHour: 0, firstAt: ago(2_900), lastAt: ago(1_600) },
        }),
      ]),
    },
    doubts: {
      doubts: value({
        all: 3,
        oldest: [
          doubtOf('order-1005', 14, 'socket closed before an answer'),
          doubtOf('order-1017', 9, 'its worker stopped while it was sent'),
          doubtOf('order-1020', 9, 'HTTP 500'),
        ],
      }),
    },
    processes: {
      processes: value([
        processOf({}, 0),
        processOf({ suffers: 'memory: 92 % of its limit' }, 1),
        processOf(
          { state: 'offline', silentMs: 6 * MINUTE_MS, host: 'host-b', pid: 4_711, endpoints: [] },
          4,
        ),
        intake(2),
        tasks(3),
      ]),
    },
    limits: limitsOf(true),
  };
}

/** MongoDB does not answer. */
export function away(): Scene {
  const scene = quiet();
  const gone = unknown('MongoDB does not answer since 02:58');
  return {
    ...scene,
    overview: {
      ...scene.overview,
      verdict: { state: 'unknown', reason: 'MongoDB does not answer', since: ago(12) },
      ...{ waiting: value(812), inFlight: gone, inDoubt: gone, failed: gone, setAside: gone },
      perSecond: { state: 'stale', value: 380, at: ago(12), reason: 'MongoDB does not answer' },
      ...{ clearIn: gone, lag: gone, legacy: gone, holds: gone, breakers: gone, minutes: gone },
    },
    flows: { workers: gone, folders: gone, etlRuns: gone, schedules: gone },
    groups: { groups: gone },
    doubts: { doubts: gone },
    processes: { processes: gone },
    limits: { limits: gone },
    operations: { operations: gone },
    audits: { audits: gone },
    actions: { actions: gone, next: null },
  };
}

/** As many groups, doubts, processes and actions as are asked for. */
export function many(count: number): Scene {
  const scene = night();
  const rows = Array.from({ length: count }, (_, n) => n);
  return {
    ...scene,
    groups: {
      groups: groupsOf(rows.map((n) => groupOf({ reason: `reason ${n}`, waiting: count - n }))),
    },
    doubts: {
      doubts: value({
        all: count,
        oldest: rows.slice(0, 200).map((n) => doubtOf(`order-${n}`, 90, 'HTTP 500')),
      }),
    },
    processes: { processes: value(rows.slice(0, 100).map((n) => processOf({}, n))) },
    actions: { actions: value(rows.slice(0, 20).map((n) => actionOf({}, n))), next: null },
  };
}

const HOSTILE = [
  '<img src=x onerror="document.title=1">',
  '<script>document.title=1</script>',
  '\u202Etxet desrever\u202C',
  '\u001b[31mred\u001b[0m',
  'javascript:document.title=1',
  `long ${'x'.repeat(1_000_000)}`,
];

/** Every text that others have written is one that wants to be code, or to break the page. */
export function hostile(): Scene {
  const scene = night();
  const first = HOSTILE[0] ?? '';
  return {
    ...scene,
    overview: {
      ...scene.overview,
      verdict: { state: 'paused', sources: HOSTILE, reason: first, by: first, since: ago(2) },
    },
    groups: { groups: groupsOf(HOSTILE.map((reason) => groupOf({ reason, class: first }))) },
    doubts: {
      doubts: value({
        all: HOSTILE.length,
        oldest: HOSTILE.map((text) => ({
          ...doubtOf(text, 3, text),
          link: 'javascript:document.title=1',
        })),
      }),
    },
    processes: {
      processes: value(HOSTILE.map((host, n) => processOf({ host, suffers: host }, n))),
    },
    actions: {
      actions: value(
        HOSTILE.map((text, n) => actionOf({ by: text, on: text, reason: text, what: text }, n)),
      ),
      next: null,
    },
  };
}

export const failuresOf = (count: number): Sent<typeof schemas.failure>[] =>
  Array.from({ length: count }, (_, n) => ({
    ...{ flow: 'registrations', id: `order-${1_007 + n * 3}`, record: `order-${n}/rejected` },
    ...{ class: 'rejected', reason: 'nome ausente', at: ago(130 - n), attempts: 1, generation: 0 },
    ...{ requestId: null, state: 'waiting' as const, goneAt: null, late: null },
  }));

export const hostileFailures = (): Sent<typeof schemas.failure>[] =>
  HOSTILE.map((text) => ({
    ...{ flow: 'registrations', id: text, record: text, class: text, reason: text, at: ago(3) },
    ...{ attempts: 1, generation: 0, requestId: text, state: 'waiting', goneAt: null, late: null },
  }));

/** Redrives, for pages that look already. */
export const sceneWith = (operations: Sent<typeof actionViews.operation>[]): Partial<Scene> => ({
  operations: { operations: value(operations) },
});
