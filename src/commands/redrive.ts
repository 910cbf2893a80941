/** `failures redrive`: back to the intake queue, and out of the failure queue once that is confirmed. */
import type { Command } from 'commander';
import type { Config } from '../config/schema.ts';
import { survey } from '../operations/failure-choice.ts';
import type { Choice } from '../operations/failure-choice.ts';
import { matcher, withFailures } from '../operations/failure-queue.ts';
import { redrive } from '../operations/redrive.ts';
import type { Redriven } from '../operations/redrive.ts';
import type { Said } from '../operations/said.ts';
import { withStore } from '../registrations/neighbours.ts';
import { load, globals } from './context.ts';
import { askFirst } from './failure-choice.ts';
import { meantText, notFound, requireSelection, saidIn } from './failure-selection.ts';
import type { Because, Selection } from './failure-selection.ts';
import { showProgress } from './progress.ts';
import { tellDryRun, tellRedrive } from './redrive-report.ts';
import { number } from './table.ts';

export interface AskedRedrive extends Selection, Because {
  yes?: boolean;
  dryRun?: boolean;
  rate?: number;
  maxRedrives: number;
  canary?: number;
  canaryTimeout: number;
}

export async function redriveFailures(
  ids: string[],
  options: AskedRedrive,
  command: Command,
): Promise<void> {
  requireSelection(ids, options);
  const { config } = load(command);
  const json = globals(command).json === true;
  const whole: Choice = {
    matches: matcher(ids, options, config),
    limit: options.limit ?? Infinity,
    maxRedrives: options.maxRedrives,
  };
  if (options.dryRun === true) {
    const found = await withFailures(config, (queue) => survey(queue, whole));
    if (ids.length > 0 && found.selected + found.atCap === 0) throw notFound(ids);
    return tellDryRun(found, options, json);
  }
  // Whoever names them, or says --all, has said which: no question then, as scripts have nobody to answer it.
  const isMeant = ids.length > 0 || options.all === true || options.yes === true;
  const choice = isMeant ? whole : await askFirst(config, whole, 'redrive');
  const said = { ...saidIn(options), on: meantText(ids, options, config) };
  const result = await sendAgain(config, choice, options, said);
  const { redriven, failed, atCap, withheld } = result;
  const isNothing = redriven.length + failed + atCap + withheld.length === 0;
  if (ids.length > 0 && isNothing && result.lost === null) throw notFound(ids);
  tellRedrive(result, options, { config, json });
}

/** Until it is done, or a signal ends it. */
async function sendAgain(
  config: Config,
  choice: Choice,
  { rate, canary, canaryTimeout: timeoutMs }: AskedRedrive,
  said: Said & { on: string },
): Promise<Redriven> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort();
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  let [most, waitedFor] = [choice.limit, ''];
  const progress = showProgress(({ done, seconds }) =>
    waitedFor === ''
      ? `${number(done)} of at most ${number(most)} sent again, ${number(Math.round(done / seconds))} a second`
      : `${waitedFor}, after ${seconds.toFixed(0)} s`,
  );
  const options = {
    perSecond: rate ?? null,
    canary: canary === undefined ? null : { count: canary, timeoutMs },
    signal: interrupt.signal,
    onSent() {
      waitedFor = '';
      progress.step();
    },
    onCanaries(settled: number, of: number) {
      waitedFor = `${settled} of ${of} canaries have an outcome`;
    },
  };
  return withFailures(config, (queue) => {
    most = Math.min(queue.depth, choice.limit);
    return withStore(
      config,
      (store) => redrive(queue, choice, options, { config, store }, said),
      'writer',
    );
  }).finally(() => {
    progress.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  });
}
