/** How polling learns: figures of one stretch of registrations after the other, from when the legacy system became slower. */
import { lagOf, quantile, readyTimes, withoutMessages } from '../src/operations/measure.ts';
import type { Range } from '../src/commands/arguments.ts';
import type { Config } from '../src/config/schema.ts';
import type { Store } from '../src/registrations/store.ts';

export interface Stretch {
  /** The first of them, counted from 1 in the order of acceptance after the change. */
  from: number;
  lagP50Ms: number;
  getsPerRegistration: number;
}

/** @param since epoch ms; what was accepted before does not count */
export async function measureStretches(
  store: Pick<Store, 'claims'>,
  prefix: string,
  config: Config,
  { since, length }: { since: number; length: number },
): Promise<Stretch[]> {
  const ready = await readyTimes(config);
  const settled = (await withoutMessages(store, prefix)).flatMap((claim) => {
    const at = claim.outcome?.acceptedAt?.getTime() ?? 0;
    const polls = claim.outcome?.polls ?? 0;
    return at < since ? [] : lagOf(claim, ready).map((lag) => ({ at, polls, lag }));
  });
  settled.sort((a, b) => a.at - b.at);
  return Array.from({ length: Math.ceil(settled.length / length) }, (_, n) => {
    const stretch = settled.slice(n * length, (n + 1) * length);
    const lags = stretch.map(({ lag }) => lag).sort((a, b) => a - b);
    const gets = stretch.reduce((sum, { polls }) => sum + polls, 0);
    return {
      from: n * length + 1,
      lagP50Ms: Math.round(quantile(lags, 0.5) ?? 0),
      getsPerRegistration: Math.round((gets / stretch.length) * 100) / 100,
    };
  });
}

/** Has the simulator take another time from now on. Returns since when, epoch ms. */
export async function becomeSlower({ legacyUrl }: Config, latency: Range): Promise<number> {
  const body = JSON.stringify({ latency });
  const { ok } = await fetch(`${legacyUrl}/control`, { method: 'POST', body });
  if (!ok) throw new Error('The simulator does not take this latency');
  return Date.now();
}
