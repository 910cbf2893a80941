/** What an operator does here. All of it is done, and written down, by src/operations. */
import { randomUUID } from 'node:crypto';
import type { Config } from '../config/schema.ts';
import type { Actions } from '../coordination/actions.ts';
import { pauseOf } from '../coordination/control.ts';
import { REGISTRATIONS, LEGACY } from '../domain/names.ts';
import type { RedriveOrder } from '../domain/redrive-order.ts';
import { why } from '../doctor/diagnosis.ts';
import { auditNow, AUDIT } from '../operations/audit-now.ts';
import { decide, type Decided } from '../operations/decide.ts';
import { dropChosen } from '../operations/drop.ts';
import { setLimits, unsetLimits } from '../operations/limits.ts';
import { pauseIntake, resumeIntake } from '../operations/pause.ts';
import type { Reach } from '../operations/reach.ts';
import { beginRedrive, stopRedrive, type RedriveNeeds } from '../operations/redrive.ts';
import type { Store } from '../registrations/store.ts';
import { errorFacts, type Log } from '../runtime/log.ts';
import { maskText } from '../runtime/mask.ts';
import { beginning, doing, type Asked } from './answering.ts';
import {
  filtersOf,
  requireExpected,
  requireMessages,
  workerOf,
  type Chosen,
} from './failure-answers.ts';
import type { Made } from './kinds.ts';
import { Problem } from './problem.ts';
import { withRedrive } from './redrives.ts';
import * as ask from './schemas.ts';
import { versionOf } from './show.ts';
import type { Who } from './sessions.ts';

interface Needs {
  config: Config;
  reach: Reach;
  /** Something has changed. */
  changed: () => void;
  log: Log;
}

const CANARY_MS = 10 * 60_000;

/** Writes down where it was said, and in which role. */
export function actionsOf(actions: Actions, { role }: Who): Actions {
  return {
    ...actions,
    act: (action, work, told, id) => actions.act({ ...action, via: 'page', role }, work, told, id),
  };
}

export function createActs({ config, reach, changed, log }: Needs) {
  const act = <T>({ who }: Asked, work: (store: Store) => Promise<T>): Promise<T> =>
    reach
      .store((store) => work({ ...store, actions: actionsOf(store.actions, who) }))
      .finally(changed);
  /** As the flow of a pause is called: everything, or one source. */
  const nameOf = (flow: string | null): string => flow ?? 'everything';
  let auditing: string | null = null;

  const ofRedrive = <T>(store: Store, flow: string, work: (needs: RedriveNeeds) => Promise<T>) =>
    withRedrive({ config, reach, store }, workerOf(flow), work);

  return {
    pause: doing(ask.pauseRequest, ask.done, ({ flow, reason }, asked) =>
      act(asked, async (store) => {
        const now = await store.control.read();
        const before = flow === null ? now.pause : (now.pauses[flow] ?? null);
        if (before !== null)
          throw new Problem(412, `${before.by} has paused it already: ${before.reason}`);
        await pauseIntake(store, { by: asked.who.name, reason, worker: flow });
        return { text: `${nameOf(flow)} is paused` };
      }),
    ),
    resume: doing(ask.resumeRequest, ask.done, ({ flow, reason }, asked) =>
      act(asked, async (store) => {
        const said = { by: asked.who.name, reason, worker: flow };
        const { was, still } = await resumeIntake(store, said);
        const other = still ?? (flow === null ? null : pauseOf(await store.control.read(), flow));
        if (was === null && other !== null)
          throw new Problem(412, `Everything is paused, by ${other.by}: resume everything`);
        if (was === null)
          throw new Problem(412, `${nameOf(flow)} is not paused: somebody else was faster`);
        return {
          text: `${nameOf(flow)} is resumed${other === null ? '' : `; still paused by ${other.by}: ${other.reason}`}`,
        };
      }),
    ),
    setLimits: doing(ask.limitsRequest, ask.done, ({ values, unset, reason }, asked) =>
      act(asked, async (store) => {
        if (Object.keys(values).length + unset.length === 0)
          throw new Problem(422, 'Name a limit that is to be changed');
        const set = await store.control.limitsOf(LEGACY);
        if (asked.version !== null && asked.version !== versionOf(set))
          throw new Problem(412, `${set?.by ?? 'Somebody'} has changed the limits: look again`);
        const said = { by: asked.who.name, reason };
        if (Object.keys(values).length > 0) await setLimits(store, values, said);
        if (unset.length > 0) await unsetLimits(store, unset, said);
        return { text: 'The limits are changed' };
      }),
    ),
    decide: doing(ask.decideRequest, ask.decided, async (word, asked) => {
      const { decision, doubts, requestId, reason } = word;
      if (doubts.length > 1 && decision !== 'abandon')
        throw new Problem(422, 'Several at once can only be abandoned');
      if ((decision === 'confirm') !== (requestId !== null))
        throw new Problem(422, 'A request id is given to confirm, and only then');
      const said = {
        operator: asked.who.name,
        reason,
        ...(requestId === null ? {} : { requestId }),
      };
      const needs = {
        config,
        temporal: reach.temporal,
        store: <T>(work: (store: Store) => Promise<T>) => act(asked, work),
      };
      const decided: Made<typeof ask.decided>['decided'] = [];
      try {
        for (const { id, ...looked } of doubts) {
          const came = await decide(decision, id, said, { ...needs, looked });
          const as = came.kind === 'done' ? came.became : came.kind;
          decided.push({ id, isDone: came.kind === 'done', as, text: decidedText(id, came) });
        }
      } catch (error) {
        // Those before it are decided, and that is told.
        const next = doubts[decided.length];
        if (decided.length === 0 || next === undefined) throw error;
        const { id } = next;
        const text = `${id}: ${maskText(why(error))}. Those after it were not tried`;
        decided.push({ id, isDone: false, as: 'failed', text });
      }
      return { decided };
    }),
    drop: doing(ask.dropRequest, ask.done, (request, asked) =>
      act(asked, async (store) => {
        await requireExpected(config, store, request);
        const { dropped, left } = await dropChosen(config, store, {
          ...{ worker: workerOf(request.flow), ...filtersOf(request), ids: request.ids },
          said: { by: asked.who.name, reason: request.reason, on: onOf(request) },
        });
        return { text: `${dropped} dropped, ${left} left` };
      }),
    ),
    redrive: beginning(ask.redriveRequest, '/api/v1/operations', (request, asked) =>
      act(asked, async (store) => {
        await requireExpected(config, store, request);
        await requireMessages(config, store, request);
        const said = { by: asked.who.name, reason: request.reason, on: onOf(request) };
        const role = asked.who.role;
        const begun = await ofRedrive(store, request.flow, (needs) =>
          beginRedrive(needs, {
            order: orderOf(request),
            said: { ...said, via: 'page', role },
            carried: null,
          }),
        );
        if (begun.kind === 'no-worker')
          throw new Problem(422, 'No worker runs that could do it: start one');
        if (begun.kind === 'runs-already')
          throw new Problem(409, 'A redrive of these failures runs already: wait, or stop it');
        begun.report.catch((error: unknown) =>
          log.warn(
            { runbook: 'temporal-away', ...errorFacts(error) },
            'The end of a redrive is not known here',
          ),
        );
        return { id: begun.id };
      }),
    ),
    stopRedrive: doing(ask.stopRedriveRequest, ask.done, ({ flow, reason }, asked) =>
      act(asked, async (store) => {
        const said = { by: asked.who.name, reason };
        const isTold = await ofRedrive(store, flow, (needs) => stopRedrive(needs, said));
        if (!isTold) throw new Problem(412, 'No redrive of these failures runs');
        return { text: 'It is told to stop: what was sent stays sent' };
      }),
    ),
    audit: beginning(ask.auditRequest, '/api/v1/operations', ({ flow, reason }, asked) =>
      reach.store(async (store) => {
        if (auditing !== null) throw new Problem(409, 'An audit runs already: wait for its end');
        const id = randomUUID();
        auditing = id;
        const actions = actionsOf(store.actions, asked.who);
        const said = { by: asked.who.name, reason, worker: workerOf(flow), id };
        auditNow(config, actions, said)
          .catch((error: unknown) =>
            log.warn(
              { runbook: 'mongodb-away', ...errorFacts(error) },
              `The ${AUDIT} that somebody began on the page has failed`,
            ),
          )
          .finally(() => {
            auditing = null;
            changed();
          });
        return Promise.resolve({ id });
      }),
    ),
  };
}

/** For whoever has said it. */
function decidedText(id: string, came: Decided): string {
  switch (came.kind) {
    case 'done':
      return `${id} became ${came.became}${came.asSaid ? '' : ': the journal knew better'}`;
    case 'refused':
      return `${id}: ${came.refusal}`;
    case 'gone':
      return `${id}: its run is closed or gone from Temporal. Nothing was changed: it stays in doubt`;
    case 'silent':
      return `${id}: no worker took it in time. It may count later: look at the doubts`;
    case 'ended':
      return `${id} is not in doubt any more: it ended${came.as === null ? '' : ` as ${came.as}`}`;
    case 'unknown':
      return `${id}: nothing is known of it`;
    case 'not-a-request-id':
      return 'This is no request id of the legacy system: legacy.requestIdPattern says what one looks like';
  }
}

/** In a line, as an action has it. */
function onOf({ flow, class: kind, group, ids }: Chosen): string {
  const parts = [
    flow === REGISTRATIONS ? '' : `tasks of ${flow}`,
    ids.length > 0 ? `${ids.length} named` : 'all',
    kind === null ? '' : `of class ${kind}`,
    group === null ? '' : `of the group "${group.slice(0, 80)}"`,
  ];
  return parts.filter((each) => each !== '').join(', ');
}

const orderOf = (request: {
  class: string | null;
  group: string | null;
  ids: string[];
  canary: number | null;
  perSecond: number | null;
}): RedriveOrder => ({
  ...{ ids: request.ids, class: request.class, group: request.group, reason: null },
  ...{ olderThan: null, newerThan: null, limit: null, maxRedrives: MOST_REDRIVES, foreign: false },
  perSecond: request.perSecond,
  canary: request.canary === null ? null : { count: request.canary, timeoutMs: CANARY_MS },
});
/** As the command has it by default. */
const MOST_REDRIVES = 3;
