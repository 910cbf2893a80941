import { hostname } from 'node:os';
import type { Config } from '../config/schema.ts';
import type { SeenProcess } from '../coordination/processes.ts';
import { hostQueue } from '../domain/folders.ts';
import type { Running } from './rules.ts';

/** The settings for work that only this machine can do: what lies in its folders. */
export const onThisHost = (config: Config): Config => ({
  ...config,
  temporal: { ...config.temporal, taskQueue: hostQueue(config.temporal.taskQueue, hostname()) },
});

/** The failures of a folder are redriven by its name: of two machines that have it, one would be told of files of the other. @throws then */
export function refuseElsewhere(
  { name }: Pick<Running, 'name'>,
  processes: readonly SeenProcess[],
): void {
  const other = processes.find(
    ({ host, sources }) =>
      host !== hostname() &&
      sources.some((each) => each.name === name && each.worker?.from.broker === 'folder'),
  );
  if (other !== undefined)
    throw new Error(
      `A folder "${name}" is collected on ${other.host}, with the same database. Give one of the two another name in its folders.yaml; or, if it has moved here, stop "despachante collect" there first`,
    );
}
