/** Each view, out of what was read last. */
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { limitFacts } from '../operations/limits.ts';
import { actions, audits, operations } from './action-views.ts';
import { part, STALE_MS, type Cell, type Tile } from './cell.ts';
import { actionOf, auditOf, operationOf } from './deeds.ts';
import type { Made } from './kinds.ts';
import { overviewOf } from './overview.ts';
import type { Readings } from './readings.ts';
import type { ViewName } from './routes.ts';
import { doubts, flows, groups, limits, overview, processes, type worker } from './views.ts';

const SHOWN_ACTIONS = 20;

/** As it is sent. */
export function createShow(config: Config, readings: Readings, environment: string | null) {
  const since = new Date();
  return (name: ViewName, everyMs: number): unknown => {
    const tileOf = <T>(cell: Cell<T>): Tile<T> => cell.tile(everyMs);
    switch (name) {
      case 'overview':
        return z.encode(overview, overviewOf(config, readings, everyMs, { environment, since }));
      case 'flows':
        return z.encode(flows, flowsOf(readings, everyMs));
      case 'groups':
        return z.encode(groups, { groups: groupsOf(tileOf(readings.groups)) });
      case 'doubts':
        return z.encode(doubts, { doubts: tileOf(readings.doubts) });
      case 'processes':
        return z.encode(processes, { processes: processesOf(readings, everyMs) });
      case 'limits':
        return z.encode(limits, { limits: limitsOf(config, readings, everyMs) });
      case 'operations': {
        const { processes = [] } = valueOf(tileOf(readings.control)) ?? {};
        const redrives = part(tileOf(readings.redrives), (found) =>
          found.map((each) => operationOf(each, processes)),
        );
        return z.encode(operations, { operations: redrives });
      }
      case 'audits':
        return z.encode(audits, {
          audits: part(tileOf(readings.audits), (found) => found.map(auditOf)),
        });
      case 'actions':
        return z.encode(actions, {
          actions: part(tileOf(readings.actions), (found) =>
            found.slice(0, SHOWN_ACTIONS).map(actionOf),
          ),
          next: valueOf(tileOf(readings.actions))?.[SHOWN_ACTIONS - 1]?._id ?? null,
        });
    }
  };
}

const valueOf = <T>(tile: Tile<T>): T | null => (tile.state === 'unknown' ? null : tile.value);

type GroupsTile = ReturnType<Readings['groups']['tile']>;

/** As old as the oldest failure that is not counted in it. */
function groupsOf(tile: GroupsTile): GroupsTile {
  if (tile.state === 'unknown') return tile;
  const { since } = tile.value;
  if (since === null || tile.at.getTime() - since.getTime() <= STALE_MS) return tile;
  const reason = 'Failures that were written since then are still being counted';
  return { ...tile, state: 'stale', at: since, reason };
}

function flowsOf(readings: Readings, everyMs: number): Made<typeof flows> {
  return {
    workers: part(readings.workers.tile(everyMs), (all) => all.map(workerOf)),
    folders: part(readings.folders.tile(everyMs), (all) =>
      all.map(({ seen, closedBy, paused, ...each }) => ({
        ...each,
        isPaused: paused !== null,
        closedBy: paused === null ? closedBy : `${paused.reason} (${paused.by})`,
        seen:
          seen === null
            ? null
            : {
                ...{ at: seen.at, waiting: seen.waiting.count, ready: seen.ready.count },
                underWay: seen.underWay,
                passed: Object.values(seen.passed).reduce((sum, { count }) => sum + count, 0),
              },
      })),
    ),
    etlRuns: part(readings.etlRuns.tile(everyMs), (all) =>
      all.map(({ _id, counts, ...run }) => ({
        ...run,
        run: _id,
        counts: { processed: counts.processed, ...counts.failed },
      })),
    ),
    schedules: readings.schedules.tile(everyMs),
  };
}

type WorkerFacts = Extract<
  ReturnType<Readings['workers']['tile']>,
  { value: unknown }
>['value'][number];

const workerOf = ({ waiting, ...each }: WorkerFacts): Made<typeof worker> => ({
  ...each,
  waiting:
    waiting === null
      ? null
      : waiting.ok
        ? { state: 'value', value: waiting.value, at: new Date() }
        : { state: 'unknown', reason: waiting.error },
});

function processesOf(readings: Readings, everyMs: number): Made<typeof processes>['processes'] {
  return part(readings.control.tile(everyMs), ({ processes: all }) =>
    all.map(({ _id, vitals, sources, endpoints = {}, ...each }) => ({
      ...each,
      id: _id,
      rssBytes: vitals?.rss ?? null,
      loopDelayMs: vitals?.loopDelayMs ?? null,
      sources: sources.map(({ name, deliveries, closedBy, worker: use }) => ({
        ...{ name, deliveries, closedBy },
        calls: use?.calls ?? null,
        concurrency: use?.concurrency ?? null,
      })),
      endpoints: Object.entries(endpoints).map(([name, use]) => ({ name, ...use })),
    })),
  );
}

function limitsOf(config: Config, readings: Readings, everyMs: number) {
  return part(readings.control.tile(everyMs), ({ control, limits: set, inFlight }) => {
    const facts = limitFacts(config, control, inFlight);
    return {
      version: versionOf(set),
      limits: facts.limits.map(({ set: isSet, ...each }) => ({ ...each, isSet })),
      set: set === null ? null : { by: set.by, at: new Date(set.at) },
      workers: facts.workers,
      inFlight: facts.inFlight,
    };
  });
}

/** Changes with each change of the limits. */
export const versionOf = (set: { at: number } | null): string => String(set?.at ?? 0);
