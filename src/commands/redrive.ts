/** `failures redrive` begins a redrive and follows it; `redrive status` and `redrive stop` are about the one that runs. */
import { once } from 'node:events';
import type { Command } from 'commander';
import type { RedriveOrder, RedriveReport } from '../domain/redrive-order.ts';
import type { Opener } from '../mongo/own-database.ts';
import {
  beginRedrive,
  redriveState,
  stopRedrive,
  type RedriveNeeds,
} from '../operations/redrive.ts';
import { reachOfWorker } from '../operations/folder-state.ts';
import { surveyRedrive } from '../operations/failure-choice.ts';
import { withFailures } from '../operations/failure-queue.ts';
import { surveyTasks, taskFailures } from '../operations/task-failures.ts';
import { withStore, withTemporal } from '../registrations/neighbours.ts';
import { every } from '../runtime/every.ts';
import { silent } from '../runtime/log.ts';
import { addBecause } from './arguments.ts';
import { answer, load, tell } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { askFirst, tellDryRun } from './failure-choice.ts';
import {
  addFrom,
  becauseOf,
  choiceOf,
  notFound,
  requireMeant,
  saidOf,
  taskChoiceOf,
  type Asked,
  type Because,
} from './failure-selection.ts';
import { showProgress } from './progress.ts';
import { noWorker, ofWorker, stateText, tellRedrive } from './redrive-report.ts';
import { examples } from './examples.ts';

export interface AskedRedrive extends Asked {
  detach?: boolean;
  rate?: number;
  maxRedrives: number;
  canary?: number;
  canaryTimeout: number;
}

export function addRedrive(program: Command): void {
  const redrive = program
    .command('redrive')
    .addHelpText(
      'after',
      examples(
        ['How it goes', 'despachante redrive status'],
        ['End it', 'despachante redrive stop --because "it is too fast"'],
      ),
    );
  addFrom(redrive.command('status'))
    .description('the redrive that runs, or the last one')
    .addHelpText(
      'after',
      examples(
        ['Of registrations', 'despachante redrive status'],
        ['Of the tasks of a worker', 'despachante redrive status --from EmailWorker'],
      ),
    )
    .action(status);
  addFrom(addBecause(redrive.command('stop')))
    .description('end it: those that were sent stay sent, the others stay where they are')
    .addHelpText(
      'after',
      examples(
        [
          'Of registrations, with the reason',
          'despachante redrive stop --because "it is too fast"',
        ],
        ['Of the tasks of a worker', 'despachante redrive stop --from EmailWorker'],
      ),
    )
    .action(stop);
}

export async function redriveFailures(ids: string[], options: AskedRedrive, command: Command) {
  requireMeant(ids, options);
  const { config } = load(command);
  const { from } = options;
  const count = () =>
    from === undefined
      ? withStore(config, ({ claims }) =>
          withFailures(config, (queue) =>
            surveyRedrive(queue, choiceOf(ids, options, config), {
              ...{ claims, isNamed: ids.length > 0, config },
            }),
          ),
        )
      : withStore(config, ({ own }) =>
          surveyTasks(taskFailures(config, own, from), taskChoiceOf(ids, options)),
        );
  if (options.dryRun === true) return tellDryRun(command, count, 'redrive', ids, options);
  // Whoever names them has said which.
  const isMeant = ids.length > 0 || options.yes === true;
  const limit = isMeant ? (options.limit ?? Infinity) : await askFirst(count, 'redrive');
  const order = orderOf(ids, options, limit);
  const said = saidOf(ids, options, config);
  const report = await withNeeds(command, from, async (needs) => {
    const begun = await beginRedrive(needs, { order, said, carried: null });
    if (begun.kind === 'no-worker')
      throw new CommandError(`${noWorker(needs)}. Nothing was changed`);
    if (begun.kind === 'runs-already')
      throw new CommandError(
        `A redrive runs already: ${stateText(begun.state)}. Wait for its end, or "despachante redrive stop${ofWorker(from)}". Nothing was changed`,
      );
    if (options.detach !== true) return follow(needs, begun.report);
    begun.report.catch(() => {}); // its end is nothing to us
    const next = `Begun. "despachante redrive status${ofWorker(from)}" tells how it goes`;
    answer(command, { begun: true }, () => next, `despachante redrive status${ofWorker(from)}`);
    return null;
  });
  if (report === null) return;
  const { sent, failure, atCap, foreign, withheld, held, isStopped } = report;
  const isNothing =
    sent + atCap + foreign + withheld.count + held === 0 && failure === null && !isStopped;
  if (ids.length > 0 && isNothing) throw notFound(ids, from);
  tellRedrive(command, report, { ...options, config });
}

const orderOf = (ids: string[], options: AskedRedrive, limit: number): RedriveOrder => ({
  ids,
  class: options.class ?? null,
  reason: options.reason?.text ?? null,
  olderThan: options.olderThan ?? null,
  newerThan: options.newerThan ?? null,
  limit: limit === Infinity ? null : limit,
  maxRedrives: options.maxRedrives,
  foreign: options.foreign === true,
  perSecond: options.rate ?? null,
  canary:
    options.canary === undefined
      ? null
      : { count: options.canary, timeoutMs: options.canaryTimeout },
});

const LOOK_MS = 1_000;

/** @throws CommandError at a signal, which leaves it running, and when it was ended without a word */
async function follow(needs: RedriveNeeds, report: Promise<RedriveReport>): Promise<RedriveReport> {
  let text = 'Begun';
  let isAlone = false;
  const progress = showProgress(() => text);
  const look = async (): Promise<void> => {
    const state = await redriveState(needs);
    text = stateText(state);
    if (!state.isWorkerAlive && !isAlone) tell(`${noWorker(needs)}. The redrive goes on with it`);
    isAlone = !state.isWorkerAlive;
  };
  // A failed look is not told: the next one comes in a second.
  const looking = every(LOOK_MS, look, silent, {
    runbook: 'redrive-a-group',
    failed: '',
    again: '',
  });
  const leaving = new AbortController();
  const onSignal = (): void => leaving.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const left = once(leaving.signal, 'abort').then(() => {
    const of = ofWorker(needs.worker ?? undefined);
    throw new CommandError(
      `Left, and it goes on. To follow it: "despachante redrive status${of}"; to end it: "despachante redrive stop${of}"`,
    );
  });
  return Promise.race([report, left]).finally(() => {
    void looking.close();
    progress.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  });
}

async function status({ from }: { from?: string }, command: Command): Promise<void> {
  const [state, alive] = await withNeeds(command, from, async (needs) => [
    await redriveState(needs),
    noWorker(needs),
  ]);
  const { latest, isRunning, isWorkerAlive } = state;
  const alone = isRunning && !isWorkerAlive ? `\n${alive}. The redrive goes on with it` : '';
  answer(command, { isRunning, isWorkerAlive, latest }, () => stateText(state) + alone);
}

async function stop(because: Because & { from?: string }, command: Command): Promise<void> {
  const { from } = because;
  const stopIt = (needs: RedriveNeeds) => stopRedrive(needs, becauseOf(because));
  if (!(await withNeeds(command, from, stopIt, 'writer')))
    throw new CommandError('No redrive is running', EXIT.notFound);
  const next = `"despachante redrive status${ofWorker(from)}" tells when it has, and what it came to`;
  answer(command, { toldToStop: true }, () => `Told it to stop. ${next}`);
}

function withNeeds<T>(
  command: Command,
  worker: string | undefined,
  work: (needs: RedriveNeeds) => Promise<T>,
  as: Opener = 'reader',
): Promise<T> {
  const { config } = load(command);
  return withStore(
    config,
    async (store) => {
      const at = reachOfWorker(config, await store.control.read(), worker ?? null);
      return withTemporal(at, (client) =>
        work({ config: at, store, client, worker: worker ?? null }),
      );
    },
    as,
  );
}
