/** Parts of which scenes.ts makes what the page is given to show. */
import type { Sent } from '../../../src/page/kinds.ts';
import type * as actionViews from '../../../src/page/action-views.ts';
import type * as schemas from '../../../src/page/schemas.ts';
import type * as views from '../../../src/page/views.ts';
import { ROUTES, isAllowed, type Role, type ViewName } from '../../../src/page/routes.ts';

type Schemas = typeof views & typeof actionViews;
export type Scene = { [Name in ViewName]: Sent<Schemas[Name]> };
type Minute = Sent<typeof views.minute>;
type OneProcess = Sent<typeof views.oneProcess>;
type Action = Sent<typeof actionViews.action>;
type Operation = Sent<typeof actionViews.operation>;
type ItemEvent = Sent<typeof schemas.event>;

export const MINUTE_MS = 60_000;

export const ago = (minutes: number): string =>
  new Date(Date.now() - minutes * MINUTE_MS).toISOString();
export const value = <T>(of: T) => ({ state: 'value' as const, value: of, at: ago(0) });
export const unknown = (reason: string) => ({ state: 'unknown' as const, reason });

export const groupsOf = (largest: Sent<typeof views.group>[]) =>
  value({
    ...{ all: largest.length, largest },
    waiting: largest.reduce((sum, { waiting }) => sum + waiting, 0),
  });

export function meOf(role: Role, mayReveal = false): Sent<typeof schemas.me> {
  const allowed = Object.entries(ROUTES).flatMap(([name, { right }]) =>
    isAllowed(right, role, mayReveal) ? [name] : [],
  );
  return {
    ...{ name: 'rui', role, allowed, environment: 'production', version: '0.1.0' },
    ...{ areIdsHashed: false, temporalWeb: null },
  };
}

/** @param broken since so many minutes nothing was settled */
export const minutesOf = (broken: number): Minute[] =>
  Array.from({ length: 60 }, (_, n) => {
    const left = 60 - n;
    const wave = Math.sin(n / 6) * 40 + Math.cos(n / 2.3) * 18;
    const isBroken = left <= broken;
    return {
      at: ago(left),
      perSecond: isBroken ? 0 : Math.round(380 + wave),
      waiting: isBroken ? 400 + (broken - left) * 860 : Math.max(0, Math.round(180 + wave * 2)),
      inFlight: isBroken ? 2_000 : Math.round(1_400 + wave * 3),
      inDoubt: isBroken ? Math.min(3, broken - left) : 0,
      failed: isBroken ? 4_231 : 29 + n * 55,
      lagP50: isBroken ? null : 210 + wave,
      lagP99: isBroken ? null : 800 + wave * 4,
      legacyP50: isBroken ? null : 14_000 + wave * 20,
      legacyP99: isBroken ? null : 19_500 + wave * 30,
    };
  });

export const processOf = (part: Partial<OneProcess>, n: number): OneProcess => ({
  id: `process/${n}`,
  ...{ role: 'worker', host: `host-${'abc'[n % 3]}`, pid: 4_700 + n, version: '0.1.0' },
  ...{ since: ago(300), beatAt: ago(0), state: 'alive', silentMs: 1_400, suffers: null },
  ...{ rssBytes: 180e6, loopDelayMs: 2, sources: [] },
  endpoints: [{ name: 'legacy', share: 128, onTheWire: 61 + n, waitReason: null }],
  ...part,
});

export const intake = (n: number) =>
  processOf(
    {
      role: 'intake',
      sources: [
        { name: 'registrations', deliveries: 12, closedBy: null, calls: null, concurrency: null },
      ],
      endpoints: [],
    },
    n,
  );
export const tasks = (n: number) =>
  processOf(
    {
      role: 'tasks',
      sources: [{ name: 'emails', deliveries: 3, closedBy: null, calls: 4, concurrency: 10 }],
      endpoints: [],
    },
    n,
  );

export const actionOf = (part: Partial<Action>, n: number): Action => ({
  ...{ id: `action-${n}`, at: ago(n * 7 + 2), by: 'rui', via: 'page', role: 'operator' },
  ...{ what: 'doubts resubmit', on: 'order-0999', reason: 'not there after the nightly run' },
  result: { at: ago(n * 7), isDone: true, text: 'became resubmit' },
  ...part,
});

export const limitsOf = (isSet: boolean): Scene['limits'] => ({
  limits: value({
    version: '7',
    limits: [
      { limit: 'maxConcurrent', inForce: 256, configured: 256, isSet: false },
      { limit: 'maxSubmitsPerSecond', inForce: isSet ? 50 : null, configured: null, isSet },
      { limit: 'maxGetsPerSecond', inForce: null, configured: null, isSet: false },
      { limit: 'maxInFlight', inForce: 20_000, configured: 20_000, isSet: false },
    ],
    set: isSet ? { by: 'ana', at: ago(300) } : null,
    workers: [{ host: 'host-a', pid: 4_711, share: 128, onTheWire: 61 }],
    inFlight: 1_402,
  }),
});

export const flowsOf = (): Scene['flows'] => ({
  workers: value([
    {
      ...{ worker: 'emails', processes: 1, waiting: value(18), open: 44, running: 4, dead: 0 },
      ...{ perSecond: 9.4, paused: null },
    },
    {
      ...{ worker: 'invoices', processes: 1, waiting: value(0), open: 0, running: 0, dead: 2 },
      ...{ perSecond: 0, paused: null },
    },
  ]),
  folders: value([
    {
      ...{ name: 'notas', path: '/srv/notas/out', isCollected: true, closedBy: null, open: 8 },
      seen: { at: ago(0), waiting: 120, ready: 14, underWay: 8, passed: 31_004 },
      ...{ again: [], failed: 0, isPaused: false },
    },
  ]),
  etlRuns: value([
    {
      ...{ run: 'etl.records', input: 'https://data.example/records.json', output: 'output.json' },
      ...{ host: 'host-a', state: 'done', items: 1_000, counts: { processed: 998, invalid: 2 } },
      ...{ startedAt: ago(180), seenAt: ago(170) },
    },
  ]),
  schedules: value([
    {
      ...{ id: 'etl-nightly', isPaused: false, note: '', lastAt: ago(240), nextAt: ago(-300) },
      missed: 0,
    },
  ]),
});

export const auditOf = (): Scene['audits'] => ({
  audits: value([
    {
      ...actionOf({ by: 'schedule', what: 'audit', on: null, reason: 'nightly' }, 25),
      ...{ flow: 'registrations', isRunning: false },
      report: {
        holds: true,
        sums: [
          { name: 'confirmed', count: 412_730 },
          { name: 'registered', count: 408_499 },
          { name: 'failed', count: 4_231 },
          { name: 'lost', count: 0 },
        ],
        findings: [],
      },
    },
  ]),
});

export const operationOf = (part: Partial<Operation>): Operation => ({
  ...actionOf(
    {
      what: 'failures redrive',
      on: 'rejected: nome ausente',
      reason: 'the contract is mended',
      result: null,
    },
    0,
  ),
  ...{ flow: 'registrations', state: 'running', isWorkerAlive: true, sent: 0, canaries: null },
  ...{
    unasked: null,
    isStoppedByCanaries: false,
    order: { class: 'rejected', group: 'nome ausente' },
  },
  ...part,
});

const eventOf = (part: Partial<ItemEvent>): ItemEvent => ({
  ...{ at: ago(60), generation: 0, kind: 'received', as: null, reason: null, by: null },
  ...{ requestId: null, tries: null, polls: null, workflowId: null, link: null },
  ...part,
});

/** One that the legacy system refused. */
export const timelineOf = (id: string): Sent<typeof schemas.item> => ({
  ...{
    flow: 'registrations',
    id,
    state: 'ended',
    run: null,
    document: { _id: id, status: 'FAILED' },
  },
  record: `${id}/rejected`,
  events: [
    eventOf({ at: ago(61) }),
    eventOf({
      kind: 'claimed',
      link: 'https://temporal.example/namespaces/default/workflows/9f3c',
    }),
    eventOf({ kind: 'submitted', tries: 1 }),
    eventOf({ kind: 'answered', as: 'unknown', reason: 'socket closed before an answer' }),
    eventOf({
      at: ago(40),
      kind: 'submitted',
      by: 'rui',
      reason: 'not there after the nightly run',
    }),
    eventOf({ at: ago(40), kind: 'answered', as: 'accepted', requestId: 'R-1007' }),
    eventOf({ at: ago(38), kind: 'outcome', as: 'rejected', reason: 'nome ausente', polls: 7 }),
    eventOf({ at: ago(38), kind: 'settled' }),
  ],
});
