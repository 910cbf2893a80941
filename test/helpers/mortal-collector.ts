/** A process that collects folders, and dies where its failpoint says. */
import { readFolders } from '../../src/config/folders.ts';
import type { Config } from '../../src/config/schema.ts';
import { startCollect } from '../../src/door/start-collect.ts';
import { armFailpoint } from '../../src/runtime/failpoint.ts';
import { silent } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { connectTemporal } from '../../src/temporal/client.ts';

interface Given {
  config: Config;
  file: string;
  failpoint: string | null;
}
const isGiven = (value: unknown): value is Given =>
  typeof value === 'object' && value !== null && 'config' in value && 'file' in value;

const given: unknown = JSON.parse(process.argv[2] ?? '{}');
if (!isGiven(given)) throw new Error('it is told by an argument what to collect');
armFailpoint(given.failpoint, silent);
const folders = readFolders(given.file);
if (folders === null) throw new Error('there is no file of folders');
const running = await startCollect(
  {
    config: given.config,
    forOthers: {},
    client: await connectTemporal(given.config),
    metrics: createMetrics(),
    log: silent,
  },
  folders,
);
await running.ended;
