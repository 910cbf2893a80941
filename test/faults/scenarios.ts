/** All fault scenarios, by area. */
import { legacyMisconduct } from './legacy.ts';
import type { Scenario } from './scenario.ts';

export const SCENARIOS: Scenario[] = [...legacyMisconduct];
