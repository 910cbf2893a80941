/** What a person sees of a run in Temporal Web: a query, current details, and the search attribute of outcomes. */
import {
  defineQuery,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import { countByPhase } from '../../src/domain/registrations/batch.ts';
import type { Batch } from '../../src/domain/registrations/batch.ts';
import { ATTRIBUTE_OUTCOMES, QUERY_REGISTRATIONS } from '../../src/domain/names.ts';
import type { RunView } from '../../src/domain/registrations/run-input.ts';

export const queryRegistrations = defineQuery<RunView>(QUERY_REGISTRATIONS);

const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());

export const viewOf = (batch: Batch): RunView => ({
  open: batch.items.map((item) => ({
    id: item.label,
    state: item.phase,
    requestId: item.requestId,
    acceptedAt: iso(item.acceptedAt),
    polls: item.polls,
    nextStepAt: item.busy ? 'now' : iso(item.dueAt),
    outcome: item.outcome?.kind ?? null,
  })),
  settled: batch.settled,
});

const outcomes = defineSearchAttributeKey(ATTRIBUTE_OUTCOMES, 'KEYWORD_LIST');

/** Refreshes the details (no event: Temporal Web asks for them) and, when it changed, the attribute (one event). */
export function describeRun(batch: Batch): void {
  setCurrentDetails(table(batch));
  const notable = new Set(Object.keys(batch.settled).filter((kind) => kind !== 'registered'));
  for (const item of batch.items) {
    if (item.phase === 'doubt') notable.add('in-doubt');
    else if (item.outcome !== null && item.outcome.kind !== 'registered')
      notable.add(item.outcome.kind);
  }
  const wanted = [...notable].sort();
  const have = workflowInfo().typedSearchAttributes.get(outcomes) ?? [];
  if (wanted.join() === [...have].sort().join()) return;
  upsertSearchAttributes([{ key: outcomes, value: wanted }]);
}

function table(batch: Batch): string {
  const rows = [...Object.entries(countByPhase(batch)), ...Object.entries(batch.settled)];
  return [
    '| state | registrations |',
    '|---|---|',
    ...rows.map(([k, n]) => `| ${k} | ${n} |`),
  ].join('\n');
}
