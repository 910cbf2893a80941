/** What the systems of the fault suite are given to do. */
import type { Flow } from '../helpers/flow.ts';
import { uniqueName } from '../helpers/servers.ts';
import type { World } from './scenario.ts';

/** Requests that may be on the wire at once: the most that one dying worker can leave in doubt. */
export const SLOTS = 8;

/** Small batches and few on the wire, so that each place is passed in mid-work and more than once. */
export const SMALL = {
  DESPACHANTE_INTAKE_BATCH_SIZE: '10',
  DESPACHANTE_LEGACY_MAX_CONCURRENT: String(SLOTS),
};

export const countIn = ({ isQuick }: Pick<World, 'isQuick'>): number => (isQuick ? 20 : 50);

/**
 * Publishes registrations of which one in five is refused and one in five fails in the end, one in ten comes twice, and one
 * message that is none. Returns their ids.
 */
export async function publishMixed(
  flow: Flow,
  count: number,
  simulate: object = {},
): Promise<string[]> {
  const prefix = uniqueName();
  const ids = Array.from({ length: count }, (_, n) => `${prefix}-${n}`);
  const bodies = ids.map((id, n) => ({ id, simulate: { ...simulate, ...fateOf(n) } }));
  await flow.publishBytes(Buffer.from(`no JSON, of ${prefix}`));
  await Promise.all(bodies.map((body) => flow.publish(body)));
  await Promise.all(bodies.filter((_, n) => n % 10 === 4).map((body) => flow.publish(body)));
  return ids;
}

function fateOf(n: number): object {
  if (n % 5 === 1) return { refuse: 'documento vencido' };
  if (n % 5 === 3) return { fail: 'documento ilegível' };
  return {};
}
