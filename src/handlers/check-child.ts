/** A process that loads files of workers to see whether they can be, and ends. */
import { discover } from '../workers/discover.ts';
import type { Worker } from '../workers/worker.ts';
import type { Checked } from './check.ts';

const paths = process.argv.slice(2);
const told = await discover(paths).then(
  ({ found }): Checked => ({ ok: true, rules: JSON.stringify(found.map(rulesOf)) }),
  (error: unknown): Checked => ({
    ok: false,
    reason: error instanceof Error ? error.message : String(error),
  }),
);
process.send?.(told, undefined, undefined, () => process.exit());

/** What the parent goes by, and the handler process does not. */
function rulesOf({ file, worker }: { file: string; worker: Worker }) {
  const { work, hooks, ...rules } = worker;
  const own = ['idFrom', 'keyFrom'].map((name) => String(Reflect.get(hooks, name)));
  const told = ['onSuccess', 'onRetry', 'onError'].filter(
    (name) => Reflect.get(hooks, name) !== undefined,
  );
  const batch = work.kind === 'batch' ? [work.size, work.wait] : null;
  return { ...rules, file, own, told, batch };
}
