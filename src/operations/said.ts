import type { Config } from '../config/schema.ts';
import { labelOf } from '../intake/label.ts';

/** Who does something, and why, as far as he says. */
export interface Said {
  by: string;
  reason: string | null;
}

/** What the hash of an id looks like (intake/label.ts). */
const LABEL = /^[0-9a-f]{24}$/;
const MOST_IDS = 20;

/** Ids that an operator named, as they may be shown. */
export function shownIds(ids: readonly string[], config: Config): string {
  const some = ids.slice(0, MOST_IDS).map((id) => (LABEL.test(id) ? id : labelOf(id, config)));
  const more = ids.length - some.length;
  return [...some, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
