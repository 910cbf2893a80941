/** One run over a list, from its input to its summary. */
import { mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Client } from '@temporalio/client';
import { openDatabase } from '../../mongo/own-database.ts';
import { errorFacts } from '../../runtime/log.ts';
import { createEnds } from '../ends.ts';
import { lock } from '../lock.ts';
import { openStateFolder, type EtlState, type StateFolder } from '../state.ts';
import { ARRAY, LINES, openWholeFile } from '../whole-file.ts';
import { summarySchema, type EtlNeeds, type EtlOptions, type EtlSummary } from './options.ts';
import { prepare } from './prepare.ts';
import { forgetEnds, openEtlRuns, readEnds } from './records.ts';
import { shown, summaryOf } from './summary.ts';
import { work } from './work.ts';

/** Null where the input is as it was. What is done under an order is answered as it ended. @throws Locked, EtlRefused, CannotFetch; what a neighbour throws that cannot be reached */
export async function runEtl(given: EtlOptions, needs: EtlNeeds): Promise<EtlSummary | null> {
  const options = { ...given, output: await real(given.output), errors: await real(given.errors) };
  const folder = await openStateFolder(options.output);
  const held = await lock(folder.lockFile);
  try {
    const before = options.order === null ? null : await folder.read();
    if (before?.phase === 'done' && before.order === options.order) {
      const known = await folder.readSummary(summarySchema);
      return known?.run === before.run ? known : null;
    }
    const state = await prepare(options, folder, needs.watch, needs.signal);
    if (state === null) return null;
    const client = await needs.connect();
    try {
      return await process(options, state, folder, needs, client);
    } finally {
      await client.connection.close();
    }
  } finally {
    await held.release();
  }
}

/** What a link leads to is replaced, and not the link. */
async function real(path: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const known = await realpath(path).catch(() => null);
  return known ?? join(await realpath(dirname(path)), basename(path));
}

async function process(
  options: EtlOptions,
  state: EtlState,
  folder: StateFolder,
  needs: EtlNeeds,
  client: Client,
): Promise<EtlSummary> {
  const { config, log, watch, signal } = needs;
  const mongo = await openDatabase(config, 'writer');
  const output =
    options.to === null ? await openWholeFile(options.output, folder.output, ARRAY) : null;
  const errors = await openWholeFile(options.errors, folder.errors, LINES);
  const ends = createEnds(state.items, output, errors);
  const runs = openEtlRuns(mongo.own);
  const begun = performance.now();
  const workedBefore = state.workedMs;
  const tellUnnoted = (error: unknown): void =>
    log.warn(
      { runbook: 'mongodb-away', ...errorFacts(error) },
      'MongoDB cannot be told how far the run has come',
    );
  const note = async (as: 'processing' | 'stopped' | 'done'): Promise<void> => {
    state.workedMs = workedBefore + performance.now() - begun;
    const noting = runs.note({
      ...{ _id: state.run, input: shown(options.input), output: options.output, state: as },
      ...{ items: state.items, counts: ends.counts(), startedAt: new Date(state.startedAt) },
    });
    await (as === 'done' ? noting : noting.catch(tellUnnoted));
    if (as === 'done') await folder.writeSummary(summaryOf(options, state, folder, ends, true));
    // Last: a run that is done here is not gone on with, but begun again.
    await folder.write(state);
  };
  try {
    if (state.phase === 'process') await readEnds(mongo.own, state.run, ends);
    // The input is there: from now on the old output is worth nothing.
    await ends.show();
    state.phase = 'process';
    await note('processing');
    const isFinished =
      state.items === ends.all() ||
      (await work({ options, state, folder, needs, client, ends, note, own: mongo.own }));
    await ends.show();
    if (isFinished) state.phase = 'done';
    await note(isFinished ? 'done' : 'stopped');
    const summary = summaryOf(options, state, folder, ends, isFinished);
    if (isFinished) {
      if (!config.ops.taskPersist) await forgetEnds(mongo.own, state.run).catch(tellUnnoted);
      await folder.clear();
    }
    return summary;
  } finally {
    await ends.close();
    await mongo.close();
    log.debug({ run: state.run, stopped: signal.aborted }, 'A run has left its files');
    watch.progress({
      phase: 'processing',
      done: ends.all(),
      total: state.items,
      counts: ends.counts(),
    });
  }
}
