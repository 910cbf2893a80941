/** Where the failures of a flow are. */
import type { Config } from '../config/schema.ts';
import type { Store } from '../registrations/store.ts';
import { registrationFailures } from './registration-failures.ts';
import type { Failures } from './stored-failures.ts';
import { taskFailures } from './task-failures.ts';

/** @param from a worker; registrations unless it is given */
export const failuresOf = (config: Config, store: Store, from: string | undefined): Failures =>
  from === undefined ? registrationFailures(config, store) : taskFailures(config, store.own, from);
