/** Redrives as everybody sees them: what is written down of them, and whether Temporal still has them. */
import type { Config } from '../config/schema.ts';
import type { ActionDocument } from '../coordination/actions.ts';
import { why } from '../doctor/diagnosis.ts';
import { reachOfWorker } from '../operations/folder-state.ts';
import type { Reach } from '../operations/reach.ts';
import { concluded, type RedriveNeeds, type SeenRedrive } from '../operations/redrive.ts';
import { workerOfRedrive } from '../operations/redrive-notes.ts';
import type { Store } from '../registrations/store.ts';
import { maskText } from '../runtime/mask.ts';

interface Needs {
  config: Config;
  reach: Pick<Reach, 'temporal'>;
  store: Store;
}

export async function withRedrive<T>(
  { config, reach, store }: Needs,
  worker: string | null,
  work: (needs: RedriveNeeds) => Promise<T>,
): Promise<T> {
  const at = reachOfWorker(config, await store.control.read(), worker);
  return reach.temporal((client) => work({ config: at, store, client, worker }));
}

/** Never throws for Temporal's sake. */
export async function seenRedrive(needs: Needs, document: ActionDocument): Promise<SeenRedrive> {
  if (document.result !== null) return { document, unasked: null };
  try {
    const worker = workerOfRedrive(document.what);
    return await withRedrive(needs, worker, (each) => concluded(each, document));
  } catch (error) {
    return { document, unasked: maskText(why(error)) };
  }
}
