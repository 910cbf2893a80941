/** What the workers of the scenarios are given to do, and how it is to end. */
import { uniqueName } from '../../helpers/servers.ts';
import type { World } from '../scenario.ts';
import { ENDS, type Deed, type End } from './deeds.ts';
import type { Transport } from './transport.ts';

/** By the id of a message: how it is to end. */
export type Expected = Map<string, End>;

export const countIn = ({ isQuick }: Pick<World, 'isQuick'>): number => (isQuick ? 60 : 200);

/** Of ten, six are done at once, two at their third attempt; one fails for good, one is refused. */
const MIX: Record<number, Deed> = { 1: 'fail-twice', 3: 'refuse', 6: 'fail', 8: 'fail-twice' };

export const mixed = (n: number): Deed => MIX[n % 10] ?? 'done';

export const bodyOf = (n: number, deed: Deed): Buffer =>
  Buffer.from(JSON.stringify({ type: 'work', n, deed }));

interface Publishing {
  deedOf?: (n: number) => Deed;
  /** One in so many comes twice; 0: none. */
  twice?: number;
  /** So many at once. */
  atOnce?: number;
  /** Whether one is no JSON. */
  hasNone?: boolean;
}

/** Publishes messages, confirmed, one in ten of them twice and one that is no JSON. Resolves with how each is to end. */
export async function publishLoad(
  transport: Transport,
  count: number,
  { deedOf = mixed, twice = 10, atOnce = 50, hasNone = true }: Publishing = {},
): Promise<Expected> {
  const prefix = uniqueName();
  const expected: Expected = new Map();
  if (hasNone) {
    expected.set(`${prefix}-none`, 'malformed');
    await transport.publish(`${prefix}-none`, Buffer.from(`no JSON, of ${prefix}`));
  }
  const publish = async (n: number): Promise<void> => {
    const deed = deedOf(n);
    const id = `${prefix}-${n}`;
    expected.set(id, ENDS[deed]);
    await transport.publish(id, bodyOf(n, deed));
    if (twice > 0 && n % twice === 0) await transport.publish(id, bodyOf(n, deed));
  };
  for (let n = 0; n < count; n += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, count - n) }, (_, at) => n + at);
    await Promise.all(some.map(publish));
  }
  return expected;
}
