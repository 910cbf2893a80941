/** An operator's word to every intake, kept until it is taken back. */
import type { PauseDocument } from '../coordination/control.ts';
import type { Store } from '../registrations/store.ts';
import type { Said } from './said.ts';

type Needs = Pick<Store, 'control' | 'actions'>;

export const pauseIntake = (
  { control, actions }: Needs,
  { by, reason }: Said & { reason: string },
): Promise<PauseDocument | null> =>
  actions.act(
    { by, what: 'pause', on: null, reason },
    async () => {
      await control.pause(reason, by);
      return (await control.read()).pause;
    },
    () => 'paused',
  );

/** What was said before; null when nothing was paused. */
export const resumeIntake = (
  { control, actions }: Needs,
  said: Said,
): Promise<PauseDocument | null> =>
  actions.act(
    { ...said, what: 'resume', on: null },
    async () => {
      const { pause } = await control.read();
      return (await control.resume()) ? pause : null;
    },
    (was) => (was === null ? 'nothing was paused' : `resumed what ${was.by} had paused`),
  );
