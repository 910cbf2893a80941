/** A run in Temporal Web: its current details, and the search attribute of outcomes. */
import { defineSearchAttributeKey } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { ATTRIBUTE_OUTCOMES } from '../src/domain/names.ts';
import { countByPhase, type Run, type RunItem } from '../src/domain/run.ts';

const outcomes = defineSearchAttributeKey(ATTRIBUTE_OUTCOMES, 'KEYWORD_LIST');

export interface Described<I extends RunItem> {
  noun: string;
  /** The outcome that is not worth a search. */
  usual: string;
  /** What a search is to find of an open item. */
  notable: (item: I) => string | null;
}

/** Refreshes the details (no event) and, when it changed, the attribute (one event). */
export const describeAs =
  <I extends RunItem & { phase: string }>({ noun, usual, notable }: Described<I>) =>
  (run: Run<I>): void => {
    const rows = [...Object.entries(countByPhase(run)), ...Object.entries(run.settled)];
    setCurrentDetails(
      [`| state | ${noun} |`, '|---|---|', ...rows.map(([k, n]) => `| ${k} | ${n} |`)].join('\n'),
    );
    const settled = Object.keys(run.settled).filter((kind) => kind !== usual);
    const wanted = [...new Set([...settled, ...run.items.flatMap((item) => notable(item) ?? [])])];
    wanted.sort();
    const have = workflowInfo().typedSearchAttributes.get(outcomes) ?? [];
    if (wanted.join() === [...have].sort().join()) return;
    upsertSearchAttributes([{ key: outcomes, value: wanted }]);
  };

/** A time as a query shows it. */
export const iso = (at: number | null): string | null =>
  at === null ? null : new Date(at).toISOString();
