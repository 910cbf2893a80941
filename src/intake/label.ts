import { createHmac } from 'node:crypto';
import type { Config } from '../config/schema.ts';

/** As logs, workflow ids, search attributes and Temporal Web may show it: with `registration.hashIds` a keyed hash of it. */
export function labelOf(id: string, { registration, registrationIdKey }: Config): string {
  if (!registration.hashIds) return id;
  return createHmac('sha256', registrationIdKey ?? '')
    .update(id)
    .digest('hex')
    .slice(0, 24);
}
