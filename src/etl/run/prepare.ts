/** Gets the input of a run: fetched, unpacked and counted, or there from before. Until that is done, no output is touched. */
import { rm } from 'node:fs/promises';
import { CannotFetch } from '../../net/get.ts';
import { fetchTo } from '../fetch.ts';
import { countList, unpack, type ListShape } from '../spool.ts';
import { NoList } from '../framer.ts';
import { hashOf, newState, type EtlState, type StateFolder } from '../state.ts';
import { newSeed } from '../simulated.ts';
import type { EtlOptions, Watch } from './options.ts';

/** Somebody has to decide, or to correct something. */
export class EtlRefused extends Error {
  override readonly name = 'EtlRefused';
}

/** What makes other results of the same input. Not where it is processed, how fast and how often. */
const hashOfRun = ({ input, shape, strict, to, process, send }: EtlOptions): string =>
  hashOf(input, shape, strict, to, process, send);

/** Null where there is nothing to do, since the input is as it was. @throws CannotFetch, NoList, EtlRefused */
export async function prepare(
  options: EtlOptions,
  folder: StateFolder,
  watch: Watch,
  signal: AbortSignal,
): Promise<EtlState | null> {
  const of = hashOfRun(options);
  const { order } = options;
  const found = await folder.read();
  const isBegun = order !== null && found?.order === order;
  const before = options.fresh && !isBegun ? null : found;
  const open = before === null || before.phase === 'done' ? null : before;
  if (open !== null && open.of !== of && open.phase === 'process')
    throw new EtlRefused(
      `The run ${open.run} over another input, or with other options, is not finished. Start it as it was started to go on with it, or say --fresh to leave it`,
    );
  const isKnown = open !== null && open.of === of;
  if (isKnown && open.phase === 'process') return { ...open, order, resumed: open.resumed + 1 };
  if (!isKnown) await folder.clear();
  const last = before?.of !== of ? null : before.phase === 'done' ? before : before.last;
  const begun = isKnown
    ? open
    : newState(of, options.seed ?? newSeed(), last && { tag: last.tag, digest: last.digest });
  const state = { ...begun, order };
  await folder.write(state);
  const digest = await fetchTo({
    ...{ input: options.input, authorization: options.settings.authorization },
    ...{ file: folder.received, validator: state.validator, mostBytes: options.mostBytes, signal },
    last: options.ifChanged ? state.last : null,
    async keep(validator, tag) {
      Object.assign(state, { validator, tag });
      await folder.write(state);
    },
    progress: (bytes, total) => watch.progress({ phase: 'fetching', done: bytes, total }),
    troubled: (why, restMs) =>
      watch.tell(`${why}: it is tried again in ${Math.round(restMs / 1_000)} s`),
  }).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error;
  });
  if (options.ifChanged && state.last !== null && digest === state.last.digest) {
    const tag = state.tag ?? state.last.tag;
    await folder.write({ ...state, tag, digest, phase: 'done' });
    return null;
  }
  await unpack(folder.received, folder.input, options.mostBytes);
  const { strayCommas, ...counted } = await countIn(folder.input, options.shape, watch);
  for (const offset of strayCommas)
    watch.tell(`Nothing follows the comma at offset ${offset} of the input`);
  // A ledger is of one run: what earlier ones have published may be forgotten by those who took it.
  await rm(folder.ledger, { force: true });
  return { ...state, ...counted, digest };
}

async function countIn(input: string, shape: ListShape, watch: Watch) {
  try {
    return await countList(input, shape, (bytes) =>
      watch.progress({ phase: 'reading', done: bytes, total: null }),
    );
  } catch (error) {
    if (error instanceof NoList)
      throw new CannotFetch(`it is not what was expected: ${error.message}`, { cause: error });
    throw error;
  }
}
