/** What each route answers. */
import type { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { foldedReason } from '../domain/failure-group.ts';
import { openHistory } from '../operations/history.ts';
import type { Reach } from '../operations/reach.ts';
import { reveal } from '../operations/reveal.ts';
import type { Log } from '../runtime/log.ts';
import { actions, audits, operation, operations } from './action-views.ts';
import { actionsOf, createActs } from './acts.ts';
import { doing, finding, getting, showing, type Answering } from './answering.ts';
import type { Collector } from './collector.ts';
import { actionOf, operationOf } from './deeds.ts';
import { countChosen, createFailurePages, workerOf } from './failure-answers.ts';
import type { Made } from './kinds.ts';
import { Problem } from './problem.ts';
import type { Readings } from './readings.ts';
import { seenRedrive } from './redrives.ts';
import type { RouteName, ViewName } from './routes.ts';
import * as ask from './schemas.ts';
import type { Who } from './sessions.ts';
import { itemsBy } from './timeline.ts';
import type { Special } from './app.ts';
import * as views from './views.ts';

interface Needs {
  config: Config;
  reach: Reach;
  readings: Readings;
  collector: Pick<Collector, 'read'>;
  changed: () => void;
  me: (who: Who) => Made<typeof ask.me>;
  log: Log;
}

const SHOWN_BYTES = 64 * 1024;
const VIEWS = { ...views, actions, audits, operations } satisfies Record<ViewName, z.ZodType>;

export function createAnswers(needs: Needs): Record<Exclude<RouteName, Special>, Answering> {
  const { config, reach, readings, collector, changed, me, log } = needs;
  const view = (name: ViewName): Answering => showing(VIEWS[name], () => collector.read(name));
  const older = finding(ask.actionsQuery, actions, (query) => olderActions(reach, query));
  const failurePage = createFailurePages(config);
  const workers = (): string[] => {
    const known = readings.workers.tile(0);
    return known.state === 'unknown' ? [] : known.value.map(({ worker }) => worker);
  };

  return {
    me: getting(ask.me, ({ who }) => me(who)),
    overview: view('overview'),
    flows: view('flows'),
    groups: view('groups'),
    doubts: view('doubts'),
    processes: view('processes'),
    limits: view('limits'),
    operations: view('operations'),
    audits: view('audits'),
    actions: {
      ...older,
      run: (asked) => (asked.query['cursor'] === undefined ? view('actions') : older).run(asked),
    },
    history: finding(ask.historyQuery, ask.history, ({ minutes }) =>
      reach.store(async ({ own, clock }) => ({
        minutes: await openHistory(own).last(minutes, clock.now()),
      })),
    ),
    operation: getting(operation, (asked) =>
      reach.store(async (store) => {
        const found = await store.actions.find(asked.param('id'));
        if (found === null) throw new Problem(404, 'No such operation is known');
        const seen = await seenRedrive({ config, reach, store }, found);
        return operationOf(seen, (await store.control.read()).processes);
      }),
    ),
    failures: finding(ask.failuresQuery, ask.failures, (query, { who }) =>
      reach.store((store) => failurePage(store, query, who)),
    ),
    item: getting(ask.items, ({ param, who }) =>
      reach.store(async (store) => {
        // A reading that lasts holds nobody up who looks for one.
        if (readings.workers.tile(LOOK_MS).state !== 'value')
          await readings.workers.refresh(LOOK_MS);
        const text = param('id');
        const items = await itemsBy(text, { config, reach, store, workers: workers() });
        return { items: who.role === 'operator' ? items : items.map(withoutWords) };
      }),
    ),
    count: doing(ask.countRequest, ask.counted, (chosen) =>
      reach.store((store) => countChosen(config, store, chosen)),
    ),
    ...createActs({ config, reach, changed, log }),
    reveal: doing(ask.revealRequest, ask.revealed, ({ flow, record, reason }, { who }) =>
      reach.store(async (store) => {
        const said = { by: who.name, reason, worker: workerOf(flow), record };
        const own = { own: store.own, actions: actionsOf(store.actions, who) };
        const found = await reveal(config, own, said).finally(changed);
        if (found === null) throw new Problem(404, 'No message of this failure is there any more');
        return shownMessage(found);
      }),
    ),
  };
}

const olderActions = (
  reach: Reach,
  { cursor = '', limit }: Made<typeof ask.actionsQuery>,
): Promise<Made<typeof actions>> =>
  reach.store(async (store) => {
    const last = await store.actions.find(cursor);
    if (last === null) throw new Problem(404, 'This cursor is none: begin the list anew');
    const found = await store.actions.after(last, limit);
    return {
      actions: { state: 'value', value: found.map(actionOf), at: new Date() },
      next: found.length < limit ? null : (found.at(-1)?._id ?? null),
    };
  });

const LOOK_MS = 10_000;

/** The words of a legacy system may name people. */
const withoutWords = (item: Made<typeof ask.item>): Made<typeof ask.item> => ({
  ...item,
  document: null,
  events: item.events.map((event) => ({
    ...event,
    reason: event.reason === null ? null : foldedReason(event.reason, [item.id]),
  })),
});

function shownMessage({
  body,
  ...facts
}: {
  body: Buffer;
  contentType: string | null;
  headers: string[];
}) {
  const some = body.subarray(0, SHOWN_BYTES);
  const text = some.toString('utf8');
  // A character may be cut at the end.
  const isText = !text.slice(0, -1).includes('\u{fffd}');
  const isCut = body.length > SHOWN_BYTES;
  return { ...facts, bytes: body.length, text: isText ? text : null, isCut };
}
