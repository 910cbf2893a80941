// Things fetched or built once: made in a temporary sibling folder and renamed, so that an interrupted build
// is never taken for a good one.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';

/**
 * The path of `file` in the cache folder `name`; made by `build(folder, log)` when it is not there.
 * What is built must not care where it lies: the folder is renamed afterwards.
 */
export async function cached(ctx, name, { file, label, estimate, build }) {
  const folder = join(ctx.cache, name);
  const wanted = join(folder, file);
  if (existsSync(wanted)) return wanted;
  await withLock(ctx, join(ctx.cache, `${name}.lock`), async () => {
    if (existsSync(wanted)) return; // another process built it while we waited
    const fresh = join(ctx.cache, `${name}.building-${process.pid}`);
    const log = join(ctx.cache, `${name}.log`);
    rmSync(fresh, { recursive: true, force: true });
    rmSync(log, { force: true });
    mkdirSync(fresh, { recursive: true });
    try {
      await ctx.progress.step(label, `${estimate}, once`, () => build(fresh, log));
      if (!existsSync(join(fresh, file)))
        throw new Error(`${label}: it ended well, but ${file} is not there. Its output: ${log}`);
      rmSync(folder, { recursive: true, force: true });
      renameSync(fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  });
  return wanted;
}
