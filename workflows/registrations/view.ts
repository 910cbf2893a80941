/** A run in Temporal Web: a query, current details, and the search attribute of outcomes. */
import {
  defineQuery,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { Item } from '../../src/domain/registrations/item.ts';
import { countByPhase, type Run } from '../../src/domain/run.ts';
import { ATTRIBUTE_OUTCOMES, QUERY_REGISTRATIONS } from '../../src/domain/names.ts';
import type { RunView } from '../../src/domain/registrations/run-input.ts';

export const queryRegistrations = defineQuery<RunView>(QUERY_REGISTRATIONS);

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

export const viewOf = (run: Run<Item>): RunView => ({
  open: run.items.map((item) => ({
    id: item.label,
    state: item.phase,
    ...('polls' in item
      ? { requestId: item.requestId, acceptedAt: iso(item.acceptedAt), polls: item.polls }
      : { requestId: null, acceptedAt: null, polls: 0 }),
    nextStepAt: item.busy ? 'now' : iso(item.dueAt),
    outcome: item.phase === 'settle' ? item.outcome.kind : null,
  })),
  settled: run.settled,
});

const outcomes = defineSearchAttributeKey(ATTRIBUTE_OUTCOMES, 'KEYWORD_LIST');

/** Refreshes the details (no event) and, when it changed, the attribute (one event). */
export function describeRun(run: Run<Item>): void {
  setCurrentDetails(table(run));
  const notable = new Set(Object.keys(run.settled).filter((kind) => kind !== 'registered'));
  for (const item of run.items) {
    if (item.phase === 'doubt') notable.add('in-doubt');
    else if (item.phase === 'settle' && item.outcome.kind !== 'registered')
      notable.add(item.outcome.kind);
  }
  const wanted = [...notable].sort();
  const have = workflowInfo().typedSearchAttributes.get(outcomes) ?? [];
  if (wanted.join() === [...have].sort().join()) return;
  upsertSearchAttributes([{ key: outcomes, value: wanted }]);
}

function table(run: Run<Item>): string {
  const rows = [...Object.entries(countByPhase(run)), ...Object.entries(run.settled)];
  return [
    '| state | registrations |',
    '|---|---|',
    ...rows.map(([k, n]) => `| ${k} | ${n} |`),
  ].join('\n');
}
