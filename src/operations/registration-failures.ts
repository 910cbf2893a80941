/** Failures of registrations: in their claims, and in the notes on deliveries that were none. */
import { ofItem } from '../claims/claims.ts';
import { OF_NONE } from '../claims/malformed.ts';
import type { Config } from '../config/schema.ts';
import { claimOfFailure } from '../domain/names.ts';
import { plainId } from '../domain/registrations/id-type.ts';
import { FAILURE_CLASSES } from '../domain/registrations/outcome.ts';
import { labelOf } from '../intake/label.ts';
import { OWN } from '../mongo/collections.ts';
import { attemptsOf } from '../registrations/journal.ts';
import type { Store } from '../registrations/store.ts';
import type { Failures } from './stored-failures.ts';

export const registrationFailures = (
  config: Config,
  { own, claims, journal }: Pick<Store, 'own' | 'claims' | 'journal'>,
): Failures => ({
  kept: [
    { collection: own.collection(OWN.claims), sound: (some) => claims.sound(some) },
    { collection: own.collection(OWN.malformed), sound: (some) => some },
  ],
  scope: { ...OF_NONE, 'outcome.kind': { $in: [...FAILURE_CLASSES] }, settledAt: { $ne: null } },
  shown: (item) => labelOf(item, config),
  isHidden: config.registration.hashIds,
  meantBy(id) {
    const named = FAILURE_CLASSES.flatMap((kind) => claimOfFailure(id, kind) ?? []);
    return { $or: [{ _id: { $in: named } }, ofItem(plainId(id, config.mongodb.matchType))] };
  },
  async attemptsOf(found) {
    const entries = await journal.read(found.flatMap(({ outcome }) => outcome.entry ?? []));
    return found.map(({ outcome: { entry } }) =>
      entry === undefined ? 0 : attemptsOf(entry, entries.get(entry)),
    );
  },
});
