/** A run of registrations in Temporal Web: what its query answers, and what a search finds of it. */
import { defineQuery } from '@temporalio/workflow';
import { QUERY_REGISTRATIONS } from '../../src/domain/names.ts';
import type { Item } from '../../src/domain/registrations/item.ts';
import type { RunView } from '../../src/domain/registrations/run-input.ts';
import type { Run } from '../../src/domain/run.ts';
import { describeAs, iso } from '../describe.ts';

export const queryRegistrations = defineQuery<RunView>(QUERY_REGISTRATIONS);

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

export const describeRun = describeAs<Item>({
  noun: 'registrations',
  usual: 'registered',
  notable(item) {
    if (item.phase === 'doubt') return 'in-doubt';
    return item.phase === 'settle' && item.outcome.kind !== 'registered' ? item.outcome.kind : null;
  },
});
