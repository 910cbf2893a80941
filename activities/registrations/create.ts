import { createClaim } from './claim.ts';
import { createLookUp } from './look-up.ts';
import { createPlannedPoll } from './poll.ts';
import { createRecheck } from './recheck.ts';
import { createSettle } from './settle.ts';
import { createSubmit } from './submit.ts';
import type { Dependencies } from './dependencies.ts';

export type Activities = ReturnType<typeof createActivities>;

export function createActivities(dependencies: Dependencies) {
  return {
    claim: createClaim(dependencies),
    submit: createSubmit(dependencies),
    ...createRecheck(dependencies),
    lookUp: createLookUp(dependencies),
    poll: createPlannedPoll(dependencies),
    ...createSettle(dependencies),
  };
}
