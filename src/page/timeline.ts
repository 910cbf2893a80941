/** What became of an item, event by event, in the order in which it happened. */
import type { Config } from '../config/schema.ts';
import { doneAs } from '../domain/folders.ts';
import { failureName, REGISTRATIONS } from '../domain/names.ts';
import { isFailure } from '../domain/registrations/outcome.ts';
import { labelOf } from '../intake/label.ts';
import { findTasks, idsMeant } from '../operations/find-items.ts';
import type { Reach } from '../operations/reach.ts';
import { readStatus, type RunFacts, type Status } from '../operations/status.ts';
import type { Store } from '../registrations/store.ts';
import type { TaskClaim } from '../tasks/claims.ts';
import { idOf } from '../tasks/call-of.ts';
import { runLink } from '../temporal/run-link.ts';
import type { Made } from './kinds.ts';
import { Problem } from './problem.ts';
import type { event, item } from './schemas.ts';

type Event = Made<typeof event>;
type Item = Made<typeof item>;
type Chapter = Status['chapters'][number];

interface Needs {
  config: Config;
  reach: Reach;
  store: Store;
  workers: readonly string[];
}

/** @throws Problem where nothing is known of it */
export async function itemsBy(text: string, needs: Needs): Promise<Item[]> {
  const { config, reach, store, workers } = needs;
  const meant = await idsMeant(text, store);
  const items: Item[] = [];
  for (const id of meant) {
    const [status, tasks] = await Promise.all([
      readStatus(id, config, reach),
      findTasks(id, workers, store),
    ]);
    if (status !== null && !items.some((each) => each.id === status.id))
      items.push(registrationOf(status));
    for (const [worker, claims] of tasks) items.push(taskOf(worker, claims, config));
  }
  if (items.length === 0)
    throw new Problem(
      404,
      'Nothing is known of it. It may wait in the queue still; what was no item has no id: look among the failures',
    );
  return items;
}

const NOTHING: Omit<Event, 'at' | 'generation' | 'kind'> = {
  ...{ as: null, reason: null, by: null, requestId: null, tries: null, polls: null },
  ...{ workflowId: null, link: null },
};

function registrationOf({ id, chapters, run, document }: Status): Item {
  const last = chapters.findLast(({ conflict }) => !conflict);
  const failed = chapters.findLast(
    ({ outcome, gone }) => outcome !== null && isFailure(outcome.kind) && gone === null,
  );
  const isOpen = last !== undefined && last.settledAt === null;
  const isInDoubt = isOpen && last.submissions.at(-1)?.state === 'unknown';
  return {
    ...{ flow: REGISTRATIONS, id },
    state: isInDoubt ? 'in-doubt' : isOpen ? 'open' : 'ended',
    events: inOrder(chapters.map(eventsOf)),
    run: run === null ? null : runOf(run),
    document:
      document === null
        ? null
        : Object.fromEntries(Object.entries(document).map(([name, value]) => [name, shown(value)])),
    record:
      failed?.outcome === undefined || failed.outcome === null
        ? null
        : failureName(`${id}~${failed.generation}`, failed.outcome.kind),
  };
}

const shown = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

/** None where it has no time: it has not happened. */
const eventsIn =
  (generation: number) =>
  (kind: Event['kind'], at: Date | null, more: Partial<Event> = {}): Event[] =>
    at === null ? [] : [{ ...NOTHING, generation, kind, at, ...more }];

function eventsOf(chapter: Chapter): Event[] {
  const { generation, outcome, workflowId, link, setAside, late, gone } = chapter;
  const of = eventsIn(generation);
  return [
    ...of(chapter.conflict ? 'conflict' : 'received', chapter.receivedAt),
    ...of('claimed', chapter.claimedAt, { workflowId, link }),
    ...chapter.submissions.flatMap(
      ({ at, answeredAt, tries, state, requestId, operator, reason }) => [
        ...of('submitted', at, { tries }),
        ...of('answered', answeredAt, { as: state, requestId, by: operator, reason }),
      ],
    ),
    ...(setAside === null ? [] : of('set-aside', setAside.at, { reason: setAside.reason })),
    ...(outcome === null
      ? []
      : of('outcome', outcome.at, {
          ...{ as: outcome.kind, reason: outcome.reason, polls: outcome.polls },
          requestId: outcome.requestId ?? null,
        })),
    ...of('settled', chapter.settledAt),
    ...(late === null ? [] : of('finished-later', late.at, { as: late.status })),
    ...(gone === null ? [] : of(gone.as, gone.at)),
  ];
}

function taskOf(worker: string, claims: Omit<TaskClaim, 'message'>[], config: Config): Item {
  const last = claims.findLast(({ conflict }) => !conflict) ?? claims[0];
  const failed = last?.gone === undefined && last?.outcome?.kind !== 'done' ? last?.outcome : null;
  const id = last === undefined ? '' : labelOf(idOf(last), config);
  const again = claims.filter(isDoneAnew).map(({ generation }) => generation + 1);
  return {
    ...{ flow: worker, id, run: null, document: null },
    state: last?.settledAt === null ? 'open' : 'ended',
    events: inOrder(
      claims.map((claim) => eventsOfTask(claim, again.includes(claim.generation), config)),
    ),
    record:
      failed === null || failed === undefined
        ? null
        : failureName(`${id}~${last?.generation ?? 0}`, failed.kind),
  };
}

type Ended = Pick<TaskClaim, 'origin' | 'outcome' | 'result' | 'gone'>;

/** It was not redriven: it had no effect, and has come again. */
const isDoneAnew = ({ outcome, gone }: Ended): boolean =>
  outcome?.kind === 'done' && gone !== undefined;

/** A file may be done, and not sent. */
const endOf = ({ origin, outcome, result }: Ended): string | null =>
  outcome?.kind === 'done' && origin.broker === 'folder'
    ? (doneAs(result) ?? 'done')
    : (outcome?.kind ?? null);

function eventsOfTask(
  claim: Omit<TaskClaim, 'message'>,
  hasComeAgain: boolean,
  config: Config,
): Event[] {
  const { generation, workflowId, attempts, error, outcome, gone } = claim;
  const of = eventsIn(generation);
  const link = runLink(config, workflowId);
  return [
    ...of(claim.conflict ? 'conflict' : hasComeAgain ? 'came-again' : 'received', claim.receivedAt),
    ...of('claimed', claim.claimedAt, { workflowId, link }),
    ...(error === null
      ? []
      : of('attempt-failed', error.at, { as: error.class, reason: error.reason, tries: attempts })),
    ...(outcome === null
      ? []
      : of('outcome', outcome.at, { as: endOf(claim), reason: outcome.reason, tries: attempts })),
    ...of('settled', claim.settledAt),
    ...(gone === undefined || isDoneAnew(claim) ? [] : of(gone.as, gone.at)),
  ];
}

function runOf(facts: RunFacts): NonNullable<Item['run']> {
  const open = facts.kind === 'open' ? facts.registration : null;
  const next = open?.nextStepAt ?? null;
  return {
    state: facts.kind,
    reason: 'reason' in facts ? facts.reason : facts.kind === 'closed' ? facts.status : null,
    phase: open?.state ?? null,
    nextStepAt: next === null ? null : String(next),
    polls: open?.polls ?? null,
  };
}

/** By time. Those of one claim come as they are caused: their times are of two clocks, some milliseconds apart. */
function inOrder(claims: Event[][]): Event[] {
  const timed = claims.flatMap((events) => {
    let latest = 0;
    return events.map((each) => ({
      each,
      time: (latest = Math.max(latest, each.at?.getTime() ?? 0)),
    }));
  });
  return timed.sort((a, b) => a.time - b.time).map(({ each }) => each);
}
