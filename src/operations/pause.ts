/** An operator's word to every process that takes from a source, or from any; kept until it is taken back. */
import { pauseOf, type PauseDocument } from '../coordination/control.ts';
import { listProcesses, runnersOf } from '../coordination/processes.ts';
import type { Store } from '../registrations/store.ts';
import type { Said } from './said.ts';

type Needs = Pick<Store, 'control' | 'actions' | 'own'>;

/** `worker`: null for everything. `isKnown`: a process that runs it was heard of within a day. */
export const pauseIntake = (
  { control, actions, own }: Needs,
  { by, reason, worker }: Said & { reason: string; worker: string | null },
): Promise<{ pause: PauseDocument | null; isKnown: boolean }> =>
  actions.act(
    { by, what: 'pause', on: worker, reason },
    async () => {
      await control.pause(reason, by, worker ?? undefined);
      const now = await control.read();
      return {
        pause: worker === null ? now.pause : (now.pauses[worker] ?? null),
        isKnown: worker === null || runnersOf(await listProcesses(own), worker).length > 0,
      };
    },
    () => 'paused',
  );

/** What was said before; null when nothing was paused in this way. `still`: by another word nothing is taken all the same. */
export const resumeIntake = (
  { control, actions }: Needs,
  { worker, ...said }: Said & { worker: string | null },
): Promise<{ was: PauseDocument | null; still: PauseDocument | null }> =>
  actions.act(
    { ...said, what: 'resume', on: worker },
    async () => {
      const before = await control.read();
      const was = worker === null ? before.pause : (before.pauses[worker] ?? null);
      const isOver = await control.resume(worker ?? undefined);
      const now = await control.read();
      return { was: isOver ? was : null, still: worker === null ? null : pauseOf(now, worker) };
    },
    ({ was }) => (was === null ? 'nothing was paused' : `resumed what ${was.by} had paused`),
  );
