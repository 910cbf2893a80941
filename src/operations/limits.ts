/** What is kept for the legacy system across all workers, and who uses it. */
import type { Config } from '../config/schema.ts';
import type { Control, LimitsDocument } from '../coordination/control.ts';
import { workersOf } from '../coordination/processes.ts';
import { LIMITS, limitsInForce, type LimitName } from '../domain/limits.ts';
import { LEGACY } from '../domain/names.ts';
import { countInFlight } from '../registrations/in-flight.ts';
import { OPEN } from '../registrations/open-claims.ts';
import type { Store } from '../registrations/store.ts';
import type { Said } from './said.ts';

export type LimitFacts = ReturnType<typeof limitFacts>;

export async function readLimits(config: Config, store: Store): Promise<LimitFacts> {
  const counting = countInFlight(store, config.legacy.timeout);
  const [control, inFlight] = await Promise.all([store.control.read(), counting]);
  return limitFacts(config, control, inFlight);
}

/** @param inFlight registrations the legacy system has and that are not settled; null when they were not counted */
export function limitFacts(config: Config, control: Control, inFlight: number | null) {
  const limits = control.limits[LEGACY] ?? {};
  const inForce = limitsInForce(config.legacy, limits);
  return {
    limits: LIMITS.map((limit) => ({
      limit,
      inForce: inForce[limit],
      configured: config.legacy[limit],
      set: limits[limit] !== undefined,
    })),
    workers: workersOf(control.processes, LEGACY).map(({ host, pid, use }) => {
      return { host, pid, share: use.share, onTheWire: use.onTheWire };
    }),
    inFlight,
  };
}

/** By their marks: cheap. Null without a limit: then none are made. */
export const countMarked = async (
  { legacy }: Config,
  { claims, control }: Pick<Store, 'claims' | 'control'>,
): Promise<number | null> => {
  const { values } = (await control.limitsOf(LEGACY)) ?? { values: {} };
  if (limitsInForce(legacy, values).maxInFlight === null) return null;
  return claims.collection.countDocuments({ ...OPEN, atLegacy: { $exists: true } });
};

type Needs = Pick<Store, 'control' | 'actions'>;

export const setLimits = (
  { control, actions }: Needs,
  values: LimitsDocument['values'],
  said: Said,
): Promise<void> =>
  actions.act(
    { ...said, what: 'limits set', on: settingsText(values) },
    () => control.setLimits(LEGACY, values, said.by),
    () => 'set',
  );

/** The configuration counts again for these. */
export const unsetLimits = (
  { control, actions }: Needs,
  names: readonly LimitName[],
  said: Said,
): Promise<void> =>
  actions.act(
    { ...said, what: 'limits unset', on: names.join(', ') },
    () => control.unsetLimits(LEGACY, names, said.by),
    () => 'unset',
  );

const settingsText = (values: LimitsDocument['values']): string =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value ?? 'none'}`)
    .join(' ');
